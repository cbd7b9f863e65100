package dev.penstock.simulation;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import dev.penstock.loadgen.twin.Twin;
import dev.penstock.loadgen.twin.TwinProfile;

/** What a sender meets in one run: time, receivers, and who keeps count. Confined to the run's thread. */
final class World {
    /** A Monday, noon in London: quotas by the day have half of it left there and a third in China. */
    static final Instant START = Instant.parse("2026-02-23T12:00:00Z");

    final VirtualTime time = new VirtualTime(START);
    final Figures figures;
    private final Map<String, Twin> byName = new TreeMap<>();
    private final Map<String, Twin> byDomain = new TreeMap<>();

    /** @param trusted sources that every receiver knows for long */
    World(Mix mix, long seed, List<String> trusted) {
        Map<String, Long> totals = new TreeMap<>();
        for (Map.Entry<String, TwinProfile> each : new TreeMap<>(mix.twins()).entrySet()) {
            TwinProfile profile = each.getValue();
            byDomain.put(each.getKey(), byName.computeIfAbsent(profile.name(),
                    name -> new Twin(profile, seed * 31 + name.hashCode())));
        }
        for (Twin twin : byName.values()) {
            trusted.forEach(source -> twin.trust(source, time.nanosSince1970()));
        }
        for (SimulatedMessage message : mix.messages()) {
            totals.merge(twin(message.domain()).profile().name(), 1L, Long::sum);
        }
        figures = new Figures(totals);
    }

    Twin twin(String domain) {
        Twin twin = byDomain.get(domain);
        if (twin == null) {
            throw new IllegalArgumentException("nobody takes mail for " + domain);
        }
        return twin;
    }

    /** Whether mail for {@code domain} goes there, or would if the mix had some. */
    boolean takes(Twin twin, String domain) {
        Twin of = byDomain.get(domain);
        return of == null ? twin.profile().domains().contains(domain) : of.equals(twin);
    }

    /** By name. */
    Map<String, Twin> twins() {
        return byName;
    }
}
