package dev.penstock.admin;

import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.delivery.DeliveryStats;
import dev.penstock.meters.HistogramSnapshot;

/** {@code GET /latencies}: how long deliveries have taken. Stateless but for what it asks. */
public final class LatencyRoutes {
    /** From acceptance to delivery, each recipient counted. */
    public static final String DELIVERY = "delivery";
    /** From acceptance to the first attempt, each destination counted. */
    public static final String FIRST_ATTEMPT = "first-attempt";
    /** From a session's first connection to the answer to EHLO, under TLS if any. */
    public static final String SESSION = "session";

    private final DeliveryStats stats;
    private final InstantSource clock;

    public LatencyRoutes(DeliveryStats stats, InstantSource clock) {
        this.stats = stats;
        this.clock = clock;
    }

    /**
     * Durations up to a bound, and above that of the bucket before.
     *
     * @param upTo  seconds, inclusive; null for any longer
     * @param count since the start
     */
    public record Bucket(@Nullable Double upTo, long count) {}

    /**
     * A histogram.
     *
     * @param what      {@link #DELIVERY}, {@link #FIRST_ATTEMPT} or {@link #SESSION}
     * @param mailClass {@code bulk} or {@code transactional}; empty where a session is counted
     * @param buckets   ascending
     */
    public record Latency(String what, String mailClass, List<Bucket> buckets) {}

    /**
     * Histograms at one moment.
     *
     * @param provider  whose; empty for all mail
     * @param latencies none when nothing is counted of that provider
     */
    public record Latencies(Instant at, String provider, List<Latency> latencies) {}

    public List<AdminRoute> routes() {
        return List.of(AdminRoute.get("/latencies", Role.READ, "How long deliveries, first attempts and the opening of "
                + "sessions took, counted in buckets since the start.")
                .query("provider", String.class, "Deliveries and first attempts of one provider, in coarser buckets")
                .answers(Latencies.class, request -> request.query("provider").map(this::of).orElseGet(this::all)));
    }

    private Latencies all() {
        List<Latency> all = new ArrayList<>();
        add(all, DELIVERY, stats.transits());
        add(all, FIRST_ATTEMPT, stats.firstAttempts());
        all.add(new Latency(SESSION, "", buckets(stats.sessionSetUps())));
        return new Latencies(clock.instant(), "", all);
    }

    private static void add(List<Latency> all, String what, Map<List<String>, HistogramSnapshot> byClass) {
        byClass.forEach((mailClass, counted) -> all.add(new Latency(what, mailClass.getLast(), buckets(counted))));
    }

    private Latencies of(String provider) {
        List<Latency> all = new ArrayList<>();
        add(all, DELIVERY, ofProvider(stats.providers().transits(), provider));
        add(all, FIRST_ATTEMPT, ofProvider(stats.providers().firstAttempts(), provider));
        return new Latencies(clock.instant(), provider, all);
    }

    private static Map<List<String>, HistogramSnapshot> ofProvider(Map<List<String>, HistogramSnapshot> all,
            String provider) {
        all.keySet().removeIf(key -> !key.getFirst().equals(provider));
        return all;
    }

    private static List<Bucket> buckets(HistogramSnapshot counted) {
        return counted.buckets().stream()
                .map(each -> new Bucket(Double.isInfinite(each.upTo()) ? null : each.upTo(), each.count())).toList();
    }
}
