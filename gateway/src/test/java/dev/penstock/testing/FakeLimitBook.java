package dev.penstock.testing;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import dev.penstock.config.TrafficLimits;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.Prospect;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.units.Rate;

/** A book in which a test writes. Thread-safe; the test tells the shaper of what it has changed. */
public final class FakeLimitBook implements LimitBook {
    /** Writes the limits of paths. */
    @FunctionalInterface
    public interface Paths {
        PathLimits of(EgressPath path, String provider);
    }

    /** Writes the limits of senders. */
    @FunctionalInterface
    public interface Senders {
        List<SharedLimit> of(EgressPath path, Sender sender);
    }

    private final Map<EgressPath, PathLimits> byPath = new ConcurrentHashMap<>();
    private volatile Paths paths = (_, _) -> new PathLimits(TrafficLimits.DEFAULT, List.of());
    private volatile Senders senders = (_, _) -> List.of();
    private volatile boolean limitsSenders;
    private volatile Prospect prospect = Prospect.OPEN;

    public static SharedLimit connections(String scope, int most) {
        return new SharedLimit(new SharedLimit.Id(Measure.CONNECTIONS, "provider_connection_limit", scope),
                new Bound.Count(most), "shaping.toml:11");
    }

    public static SharedLimit messages(String scope, String rate) {
        return rate(Measure.MESSAGE_RATE, "provider_max_message_rate", scope, rate);
    }

    public static SharedLimit rate(Measure measure, String name, String scope, String rate) {
        return new SharedLimit(new SharedLimit.Id(measure, name, scope), new Bound.Spaced(Rate.parse(rate)),
                "shaping.toml:12");
    }

    public void put(EgressPath path, PathLimits limits) {
        byPath.put(path, limits);
    }

    /** Of all paths that none was put for. */
    public void others(Paths others) {
        paths = others;
    }

    public void senders(Senders bySender) {
        senders = bySender;
        limitsSenders = true;
    }

    @Override
    public PathLimits of(EgressPath path, String provider) {
        PathLimits limits = byPath.get(path);
        return limits == null ? paths.of(path, provider) : limits;
    }

    /** Of all paths. */
    public void prospect(Prospect expected) {
        prospect = expected;
    }

    @Override
    public Prospect prospect(EgressPath path, String provider) {
        return prospect;
    }

    @Override
    public boolean limitsSenders() {
        return limitsSenders;
    }

    @Override
    public List<SharedLimit> of(EgressPath path, String provider, Sender sender) {
        return senders.of(path, sender);
    }
}
