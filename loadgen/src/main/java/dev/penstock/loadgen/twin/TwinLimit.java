package dev.penstock.loadgen.twin;

import java.time.Duration;
import java.time.ZoneId;
import java.util.List;

/** One rule of a receiver: what it is about, and what is said to who breaks it. Immutable. */
public sealed interface TwinLimit {
    /** For reports; of one twin no two have the same. */
    String name();

    /** Where it is looked at, and answered for. */
    TwinPhase phase();

    /** One of these, at random. Not empty. */
    List<TwinReply> replies();

    /** What each refusal by it counts as excess, for reputation and {@link Escalation}; 0 for nothing. */
    double excess();

    /** The same at a receiver that is {@code factor} times as large. */
    TwinLimit scaled(double factor);

    /** Whom a limit is one for each of. */
    enum Per {
        /** The client's address. */
        SOURCE,
        /** The domain of the sender: the one that is named when a DKIM, SPF or From domain is. */
        TENANT,
        RECIPIENT
    }

    /** So many connections of a source at one time. */
    record Connections(String name, TwinPhase phase, List<TwinReply> replies, double excess,
            int most) implements TwinLimit {
        @Override
        public TwinLimit scaled(double factor) {
            return new Connections(name, phase, replies, excess, scale(most, factor));
        }
    }

    /**
     * A token bucket: at GREETING of connections, at MAIL and CONTENT of messages, at RCPT of recipients. How fast it fills
     * depends on the source's reputation, from {@code floor} at 0 to {@code full} at 1.
     *
     * @param floor per second
     * @param full  per second
     * @param burst what it holds, in seconds at the rate of the moment; one token at least
     * @param pause for how long nothing passes when it was found empty; zero for no longer than it is
     */
    record Pace(String name, TwinPhase phase, List<TwinReply> replies, double excess, Per per, double floor,
            double full, Duration burst, Duration pause) implements TwinLimit {
        @Override
        public TwinLimit scaled(double factor) {
            return new Pace(name, phase, replies, excess, per, floor * factor, full * factor, burst, pause);
        }

        /** Per second, at this reputation. */
        double rate(double score) {
            return floor + (full - floor) * score;
        }
    }

    /** So many messages over one connection. */
    record SessionMessages(String name, TwinPhase phase, List<TwinReply> replies, double excess,
            int most) implements TwinLimit {
        @Override
        public TwinLimit scaled(double factor) {
            return this; // how much goes over one connection doesn't grow with the receiver
        }
    }

    /** So many messages of a source on each day of that zone. */
    record Daily(String name, TwinPhase phase, List<TwinReply> replies, double excess, int most,
            ZoneId zone) implements TwinLimit {
        @Override
        public TwinLimit scaled(double factor) {
            return new Daily(name, phase, replies, excess, scale(most, factor), zone);
        }
    }

    /** Who writes to a recipient for the first time comes again after {@code delay}, and is known then. */
    record Greylist(String name, TwinPhase phase, List<TwinReply> replies, double excess,
            Duration delay) implements TwinLimit {
        @Override
        public TwinLimit scaled(double factor) {
            return this;
        }
    }

    /** This share is refused, whoever asks: full mailboxes, unknown users, a busy server. */
    record Chance(String name, TwinPhase phase, List<TwinReply> replies, double excess,
            double share) implements TwinLimit {
        @Override
        public TwinLimit scaled(double factor) {
            return this;
        }
    }

    private static int scale(int count, double factor) {
        return (int) Math.max(1, Math.round(count * factor));
    }
}
