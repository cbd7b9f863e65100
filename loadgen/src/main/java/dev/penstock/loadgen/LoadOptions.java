package dev.penstock.loadgen;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * What a run of the generator does. Immutable; made by {@link #to}.
 *
 * @param targets            sessions are spread over these
 * @param messages           messages of the counted part, 0 for no bound
 * @param duration           length of the counted part, zero for no bound
 * @param rate               messages per second (open loop); 0 sends as fast as replies allow (closed loop)
 * @param recipients         per message
 * @param pipelining         whether PIPELINING (RFC 2920) is used where offered, the next envelope behind the final dot
 *                           included
 * @param messagesPerSession after which a session ends and a new one is opened, 0 for no bound
 * @param warmup             sent before, and left out of, the counted part
 * @param reconnect          whether a broken session is opened again, with a back-off
 * @param dots               share of body lines that start with a dot
 * @param eightBit           share of body lines with octets above 127
 * @param acks               file that acknowledged deliveries are appended to
 * @param drain              how long replies are waited for at the end
 */
public record LoadOptions(List<InetSocketAddress> targets, int sessions, long messages, Duration duration, double rate,
        SizeMix sizes, DomainMix domains, int recipients, boolean pipelining, int messagesPerSession, Duration warmup,
        boolean reconnect, String sender, long seed, int threads, double dots, double eightBit, @Nullable Path acks,
        Duration drain) {
    private static final int MOST_RECIPIENTS = 1000; // more than any server takes in one transaction

    public LoadOptions {
        targets = List.copyOf(targets);
        require(!targets.isEmpty(), "a target is needed");
        require(sessions >= 1, "at least one session");
        require(threads >= 1 && threads <= sessions, "at least one thread, and a session for each");
        require(messages > 0 || duration.isPositive(), "the run must be bounded by messages or by time");
        require(rate >= 0, "the rate can't be negative");
        require(recipients >= 1 && recipients <= MOST_RECIPIENTS, "1 to " + MOST_RECIPIENTS + " recipients");
        require(messages >= 0 && messagesPerSession >= 0, "bounds can't be negative");
        require(dots >= 0 && dots <= 1 && eightBit >= 0 && eightBit <= 1, "a share lies between 0 and 1");
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    public static Builder to(InetSocketAddress... targets) {
        return new Builder(List.of(targets));
    }

    /** Starts from 20 sessions, one recipient of {@code example.test} per message, 4 KB bodies and no bound. */
    public static final class Builder {
        private static final Duration DRAIN = Duration.ofSeconds(30);
        private static final double DOTS = 0.05;

        private final List<InetSocketAddress> targets;
        private int sessions = 20;
        private long messages;
        private Duration duration = Duration.ZERO;
        private double rate;
        private SizeMix sizes = SizeMix.parse("4KB");
        private DomainMix domains = DomainMix.parse("example.test");
        private int recipients = 1;
        private boolean pipelining = true;
        private int messagesPerSession;
        private Duration warmup = Duration.ZERO;
        private boolean reconnect;
        private String sender = "load@penstock.test";
        private long seed = 1;
        private int threads = 1;
        private double dots = DOTS;
        private double eightBit;
        private @Nullable Path acks;
        private Duration drain = DRAIN;

        private Builder(List<InetSocketAddress> targets) {
            this.targets = targets;
        }

        public Builder sessions(int value) {
            sessions = value;
            return this;
        }

        public Builder messages(long value) {
            messages = value;
            return this;
        }

        public Builder duration(Duration value) {
            duration = value;
            return this;
        }

        public Builder rate(double value) {
            rate = value;
            return this;
        }

        public Builder sizes(String value) {
            sizes = SizeMix.parse(value);
            return this;
        }

        public Builder domains(String value) {
            domains = DomainMix.parse(value);
            return this;
        }

        public Builder recipients(int value) {
            recipients = value;
            return this;
        }

        public Builder pipelining(boolean value) {
            pipelining = value;
            return this;
        }

        public Builder messagesPerSession(int value) {
            messagesPerSession = value;
            return this;
        }

        public Builder warmup(Duration value) {
            warmup = value;
            return this;
        }

        public Builder reconnect(boolean value) {
            reconnect = value;
            return this;
        }

        public Builder sender(String value) {
            sender = value;
            return this;
        }

        public Builder seed(long value) {
            seed = value;
            return this;
        }

        public Builder threads(int value) {
            threads = value;
            return this;
        }

        public Builder dots(double value) {
            dots = value;
            return this;
        }

        public Builder eightBit(double value) {
            eightBit = value;
            return this;
        }

        public Builder acks(@Nullable Path value) {
            acks = value;
            return this;
        }

        public Builder drain(Duration value) {
            drain = value;
            return this;
        }

        /** @throws IllegalArgumentException when a value is out of range or the run isn't bounded */
        public LoadOptions build() {
            return new LoadOptions(targets, sessions, messages, duration, rate, sizes, domains, recipients, pipelining,
                    messagesPerSession, warmup, reconnect, sender, seed, threads, dots, eightBit, acks, drain);
        }
    }
}
