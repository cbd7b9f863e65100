package dev.penstock.loadgen.twin;

import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * A receiver as a data file describes it. Immutable; made by {@link Twins}.
 *
 * @param name       of the file
 * @param about      what it is a twin of, for people
 * @param host       the name of its mail host, by which senders tell whose it is
 * @param domains    of its recipients
 * @param limits     asked in this order at each phase
 * @param escalation null where nothing leads to a block
 */
public record TwinProfile(String name, String about, String host, List<String> domains, Latency latency,
        Reputation reputation, List<TwinLimit> limits, @Nullable Escalation escalation) {
    /**
     * How long it takes to answer. Each is longer or shorter at random by up to {@code spread} of it.
     *
     * @param connect until the connection is there
     * @param command between a command and its reply
     * @param content between the end of data and its reply
     * @param spread  0 to 1
     * @param tarpit  longer by this at reputation 0, not at all at 1
     */
    public record Latency(Duration connect, Duration greeting, Duration command, Duration content, double spread,
            Duration tarpit) {}

    /**
     * What it thinks of a source, from 0 to 1, and how that changes.
     *
     * @param unknown    of who was never seen
     * @param perHour    what it rises by
     * @param excess     what it falls by with each refusal that counts as excess
     * @param complaints the share of what was taken that is complained of
     * @param complaint  what it falls by with each
     */
    public record Reputation(double unknown, double perHour, double excess, double complaints, double complaint) {}

    public TwinProfile {
        domains = List.copyOf(domains);
        limits = List.copyOf(limits);
    }

    /** The same receiver, {@code factor} times as large: more connections, rates and quotas, the same latency. */
    public TwinProfile scaled(double factor) {
        if (!(factor > 0) || factor > 1e6) {
            throw new IllegalArgumentException("a scale is more than 0 and a million at most, not " + factor);
        }
        Escalation larger = escalation == null
                ? null
                : new Escalation(Math.max(1, escalation.after() * factor), escalation.within(), escalation.block(),
                        escalation.phase(), escalation.replies());
        return new TwinProfile(name, about, host, domains, latency, reputation,
                limits.stream().map(limit -> limit.scaled(factor)).toList(), larger);
    }
}
