package dev.penstock.shaping;

import java.time.ZoneId;

import dev.penstock.units.Rate;

/**
 * A limit that any number of paths, or senders, share. Immutable.
 *
 * @param id    who shares it: what is equal in this is counted together
 * @param bound how much
 * @param place who says so: {@code shaping.toml:12} or the controller; for people
 */
public record SharedLimit(Id id, Bound bound, String place) {
    /** @throws IllegalArgumentException when what is counted is given a rate, or what is spaced a number */
    public SharedLimit {
        if (id.measure() == Measure.CONNECTIONS != bound instanceof Bound.Count) {
            throw new IllegalArgumentException(place + ": " + id + ": "
                    + (id.measure() == Measure.CONNECTIONS
                            ? "sessions open at one time are limited by a number"
                            : "what happens is limited by a rate, or by so many a day"));
        }
    }

    /** What is counted or spaced. */
    public enum Measure {
        /** Sessions open at one time; of a limit by sender, its messages in delivery at one time. */
        CONNECTIONS,
        /** Sessions opened. */
        CONNECTION_RATE,
        /** Messages sent. */
        MESSAGE_RATE,
        /** Recipients that were asked for. */
        RECIPIENT_RATE,
        /** Octets of content. */
        OCTET_RATE,
        /** Times that a source was chosen for a message. */
        SOURCE_SELECTION_RATE
    }

    /**
     * Who shares a limit. Immutable.
     *
     * @param name  the key or the name in the file: {@code provider_connection_limit}, {@code daily}
     * @param scope of which it has one each: {@code ip-17->google}; empty for one of all
     */
    public record Id(Measure measure, String name, String scope) {
        /** {@code provider_connection_limit of ip-17->google}. */
        @Override
        public String toString() {
            return scope.isEmpty() ? name : name + " of " + scope;
        }
    }

    /** How much. */
    public sealed interface Bound {
        /** So many at one time. */
        record Count(int most) implements Bound {}

        /** Spaced evenly, by GCRA. */
        record Spaced(Rate rate) implements Bound {}

        /** So many on each day of that zone. */
        record Daily(long most, ZoneId zone) implements Bound {}
    }
}
