package dev.penstock.queue;

import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Why the mail that is selected hasn't gone yet: the one view for a queue, a domain, a provider, a source, a tenant, a campaign
 * or any of these together. Immutable, of one moment.
 *
 * @param counts          what there is of it
 * @param holds           what holds it, what holds most first; at most {@value #MOST_HOLDS}
 * @param otherHolds      destinations held by what isn't among them
 * @param nextMillis      when the first of what is scheduled or held is looked at, milliseconds since 1970; 0 when there is
 *                        none
 * @param lastGoesMillis  when all that is ready will probably have gone, milliseconds since 1970; 0 when that can't be told
 * @param queues          the ready queues it goes through, the fullest first; at most {@value #MOST_HOLDS}
 * @param replies         what receivers said last that wasn't yes, also where none of it is queued any more since some minutes;
 *                        the latest first
 */
public record WhyMail(QueueCounts counts, List<Hold> holds, long otherHolds, long nextMillis, long lastGoesMillis,
        List<QueueStanding> queues, List<RecentReply> replies) {
    /** What a person looks at. */
    public static final int MOST_HOLDS = 20;

    /**
     * What holds some mail back.
     *
     * @param what         the limiter with its value and place, a suspension and its reason, a curfew, … for people
     * @param queue        the ready queue where; empty for mail that is in none
     * @param state        of the mail
     * @param destinations that it holds
     * @param untilMillis  when they may go at the earliest, milliseconds since 1970; 0 when it isn't known, or at once
     */
    public record Hold(String what, String queue, QueueItem.State state, long destinations, long untilMillis) {}

    /**
     * A ready queue with its limits.
     *
     * @param name     {@code source->site}
     * @param provider who runs its hosts, empty when nobody known does
     * @param state    how it stands
     * @param limits   what binds its mail
     * @param strip    what became of the last 50 recipients: {@code d} delivered, {@code t} tried again, {@code b} bounced, the
     *                 latest last
     * @param replies  what the receiver said last that wasn't yes, the latest first
     */
    public record QueueStanding(String name, String provider, ReadyQueueState state, List<LimitStanding> limits,
            String strip, List<RecentReply> replies) {}

    /**
     * A limit and how much of it is used.
     *
     * @param limiter the configuration key: {@code connection_limit}, {@code max_message_rate}; {@code window}
     * @param value   what it is set to
     * @param scope   who shares it: {@code ip-1->google}; empty when it is the queue's alone
     * @param place   who says so: {@code shaping.toml:12}; empty when that isn't known
     * @param used    of a number of sessions, how many there are; null of a rate
     * @param binds   whether it is what holds mail back now
     */
    public record LimitStanding(String limiter, String value, String scope, String place, @Nullable Integer used,
            boolean binds) {}
}
