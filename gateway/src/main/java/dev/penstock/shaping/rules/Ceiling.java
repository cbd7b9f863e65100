package dev.penstock.shaping.rules;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ShapingLayers.Value;
import dev.penstock.config.TrafficLimits;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.units.Rate;

/**
 * How much one limit lets through at most. Immutable.
 *
 * @param name      of the limit, and with whom it is shared
 * @param value     what it is set to
 * @param place     who says so
 * @param perSecond messages; of a limit of sessions, infinite
 * @param sessions  open at one time; of a limit of messages, no limit
 */
public record Ceiling(String name, String value, String place, double perSecond, int sessions) {
    private static final String BUILT_IN = "built in";

    /** Of all limits of a path: what binds first comes first, those of messages before those of sessions. */
    public static List<Ceiling> of(PathLimits limits, List<SharedLimit> ofSender, Map<String, List<Value>> said) {
        List<Ceiling> ceilings = new ArrayList<>();
        TrafficLimits own = limits.own();
        ceilings.add(sessions(TrafficLimits.CONNECTION_LIMIT.name(), own.connectionLimit(),
                place(said, TrafficLimits.CONNECTION_LIMIT.name())));
        if (own.maxMessageRate() != null) {
            ceilings.add(messages(TrafficLimits.MAX_MESSAGE_RATE.name(), own.maxMessageRate(),
                    place(said, TrafficLimits.MAX_MESSAGE_RATE.name())));
        }
        int deliveries = own.maxDeliveriesPerConnection();
        if (own.maxConnectionRate() != null) {
            ceilings.add(opened(TrafficLimits.MAX_CONNECTION_RATE.name(), own.maxConnectionRate(), deliveries,
                    place(said, TrafficLimits.MAX_CONNECTION_RATE.name())));
        }
        List<SharedLimit> shared = new ArrayList<>(limits.shared());
        shared.addAll(ofSender);
        for (SharedLimit limit : shared) {
            Ceiling ceiling = of(limit, deliveries);
            if (ceiling != null) {
                ceilings.add(ceiling);
            }
        }
        ceilings.sort(Comparator.comparingDouble(Ceiling::perSecond).thenComparingInt(Ceiling::sessions));
        return ceilings;
    }

    private static String place(Map<String, List<Value>> said, String key) {
        List<Value> values = said.get(key);
        String place = values == null ? "" : values.getFirst().said().place();
        return place.isEmpty() ? BUILT_IN : place;
    }

    /** Null for one whose messages depend on what they are: octets, recipients. */
    private static @Nullable Ceiling of(SharedLimit limit, int deliveries) {
        String name = limit.id().toString();
        return switch (limit.bound()) {
            case Bound.Count(int most) -> sessions(name, most, limit.place());
            case Bound.Daily(long most, var zone) -> new Ceiling(name, most + "/day in " + zone, limit.place(),
                    (double) most / Duration.ofDays(1).toSeconds(), Integer.MAX_VALUE);
            case Bound.Spaced(Rate rate) -> switch (limit.id().measure()) {
                case Measure.CONNECTION_RATE -> opened(name, rate, deliveries, limit.place());
                case Measure.MESSAGE_RATE, Measure.SOURCE_SELECTION_RATE -> messages(name, rate, limit.place());
                case Measure.CONNECTIONS, Measure.RECIPIENT_RATE, Measure.OCTET_RATE -> null;
            };
        };
    }

    private static Ceiling sessions(String name, int most, String place) {
        return new Ceiling(name, String.valueOf(most), place, Double.POSITIVE_INFINITY, most);
    }

    private static Ceiling messages(String name, Rate rate, String place) {
        return new Ceiling(name, rate.toString(), place, speed(rate), Integer.MAX_VALUE);
    }

    private static Ceiling opened(String name, Rate rate, int deliveries, String place) {
        return new Ceiling(name, rate + " × max_deliveries_per_connection " + deliveries, place,
                speed(rate) * deliveries, Integer.MAX_VALUE);
    }

    private static double speed(Rate rate) {
        return rate.count() * (double) Duration.ofSeconds(1).toNanos() / rate.period().toNanos();
    }
}
