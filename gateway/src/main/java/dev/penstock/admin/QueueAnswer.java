package dev.penstock.admin;

import java.time.Instant;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.MessageRow;
import dev.penstock.queue.QueueCounts;
import dev.penstock.queue.QueueTable;
import dev.penstock.queue.Rates;
import dev.penstock.queue.RecentReply;
import dev.penstock.queue.Selection;
import dev.penstock.queue.Traffic;
import dev.penstock.queue.Why;
import dev.penstock.queue.WhyMail;
import dev.penstock.shaping.LimitReached;

/** What the administration API answers about queued mail. The records are the answers' shapes; all of them are immutable. */
public final class QueueAnswer {
    private QueueAnswer() {}

    /** @return null for 0 */
    static @Nullable Instant time(long millis) {
        return millis == 0 ? null : Instant.ofEpochMilli(millis);
    }

    /**
     * How much is queued.
     *
     * @param queued    destinations, all of them
     * @param scheduled wait for their next attempt
     * @param held      are held
     * @param routing   wait for their domain's route
     * @param ready     wait for their turn
     * @param suspended wait for the end of a suspension, a curfew or their sender's limits, or for a source
     * @param active    are in sessions' hands
     * @param attempted of all, attempted before
     * @param octets    of content
     * @param ages      of all, by age: younger than 5, 10, 20, 40, 80, 160, 320, 640, 1280 minutes, and older
     * @param oldest    when the oldest was accepted; null for none
     */
    public record Counts(long queued, long scheduled, long held, long routing, long ready, long suspended, long active,
            long attempted, long octets, List<Long> ages, @Nullable Instant oldest) {
        static Counts of(QueueCounts counts) {
            return new Counts(counts.destinations(), counts.scheduled(), counts.held(), counts.routing(),
                    counts.ready(), counts.suspended(), counts.active(), counts.attempted(), counts.octets(),
                    counts.ages(), time(counts.oldestMillis()));
        }
    }

    /**
     * What has become of recipients lately.
     *
     * @param deferralShare of what was answered in the last hour, 0 to 1
     * @param bounceShare   likewise
     */
    public record Lately(long deliveredMinute, long deferredMinute, long bouncedMinute, long deliveredHour,
            long deferredHour, long bouncedHour, double deferralShare, double bounceShare) {
        private static final double PRECISION = 10_000;

        static Lately of(Rates rates) {
            return new Lately(rates.deliveredMinute(), rates.deferredMinute(), rates.bouncedMinute(),
                    rates.deliveredHour(), rates.deferredHour(), rates.bouncedHour(), rounded(rates.deferralShare()),
                    rounded(rates.bounceShare()));
        }

        private static double rounded(double share) {
            return Math.round(share * PRECISION) / PRECISION;
        }
    }

    /**
     * One domain, site, provider, source, pool, tenant or campaign.
     *
     * @param name       empty for mail that has none; {@code (other)} for all that has no rates of its own
     * @param domains    with mail queued, each once for each source
     * @param waitingFor what holds most of its mail that could go; empty for nothing
     * @param next       when that may go at the earliest; null when it isn't known, or at once
     */
    public record Row(String name, Counts counts, Lately lately, long domains, String waitingFor,
            @Nullable Instant next) {
        static Row of(QueueTable.Row row) {
            return new Row(row.name(), Counts.of(row.counts()), Lately.of(row.rates()), row.domains(),
                    row.waitingFor(), time(row.nextMillis()));
        }
    }

    /**
     * Queues, put together by something.
     *
     * @param by        by what
     * @param selection what is selected, as the command line has it
     * @param at        when it was counted
     * @param all       rows that there are
     * @param offset    rows before these
     * @param total     of all rows
     */
    public record Queues(String by, String selection, Instant at, int all, int offset, Counts total,
            List<Row> rows) {
        static Queues of(QueueTable.Page page, Selection selection, int offset) {
            return new Queues(page.by().word(), selection.toString(), Instant.ofEpochMilli(page.atMillis()), page.all(),
                    offset, Counts.of(page.total()), page.rows().stream().map(Row::of).toList());
        }
    }

    /** What a receiver said that wasn't yes. See {@link RecentReply}. */
    public record Reply(Instant at, int code, String enhanced, String text, String bounceClass, boolean remote) {
        static Reply of(RecentReply reply) {
            return new Reply(Instant.ofEpochMilli(reply.atMillis()), reply.code(), reply.enhanced(), reply.text(),
                    reply.className(), reply.remote());
        }
    }

    /** What holds some mail back. See {@link WhyMail.Hold}. */
    public record Hold(String what, String queue, String state, long destinations, @Nullable Instant until) {
        static Hold of(WhyMail.Hold hold) {
            return new Hold(hold.what(), hold.queue(), Selection.word(hold.state()), hold.destinations(),
                    time(hold.untilMillis()));
        }
    }

    /** A limit and how much of it is used. See {@link WhyMail.LimitStanding}. */
    public record Limit(String limiter, String value, String scope, String place, @Nullable Integer used,
            boolean binds) {
        static Limit of(WhyMail.LimitStanding limit) {
            return new Limit(limit.limiter(), limit.value(), limit.scope(), limit.place(), limit.used(),
                    limit.binds());
        }
    }

    /**
     * A ready queue: mail that may go through the same sessions.
     *
     * @param name           {@code source->site}
     * @param provider       who runs its hosts; empty when nobody known does
     * @param ready          messages that wait for their turn
     * @param withheld       messages whose sender's mail waits
     * @param active         in sessions' hands
     * @param opening        sessions that come up
     * @param up             sessions that are up
     * @param idle           of these, waiting for mail
     * @param domains        whose mail goes through it
     * @param suspendedUntil null when it isn't suspended, or nobody knows
     * @param suspendedWhy   empty when it isn't suspended
     * @param waitingFor     what the ready messages wait for; empty when none do
     * @param lastGoes       when all that is ready will probably have gone; null when that can't be told
     * @param error          nine of ten such times were told with at most this error, as a part of the wait; null for none yet
     * @param limits         that bind it
     * @param strip          the last 50 outcomes: {@code d} delivered, {@code t} tried again, {@code b} bounced, the latest last
     * @param replies        the last that weren't yes, the latest first
     */
    public record ReadyQueue(String name, String provider, int ready, int withheld, int active, int opening, int up,
            int idle, int domains, @Nullable Instant suspendedUntil, String suspendedWhy, String waitingFor,
            @Nullable Instant lastGoes, @Nullable Double error, List<Limit> limits, String strip,
            List<Reply> replies) {
        static ReadyQueue of(WhyMail.QueueStanding standing) {
            var state = standing.state();
            return new ReadyQueue(standing.name(), standing.provider(), state.ready(), state.withheld(),
                    state.active(), state.opening(), state.up(), state.idle(), state.domains(),
                    time(state.suspendedUntilMillis()), state.suspendedWhy(), state.waitingFor(),
                    time(state.lastGoesMillis()), state.error() < 0 ? null : state.error(),
                    standing.limits().stream().map(Limit::of).toList(), standing.strip(),
                    standing.replies().stream().map(Reply::of).toList());
        }
    }

    /**
     * Why selected mail hasn't gone yet.
     *
     * @param selection as the command line has it
     * @param holds     what holds it, what holds most first
     * @param otherwise destinations held by what isn't among these
     * @param next      when the first of what is scheduled or held is looked at; null for none
     * @param lastGoes  when all that is ready will probably have gone; null when that can't be told
     * @param queues    it goes through, the fullest first
     * @param replies   the last that weren't yes, the latest first
     */
    public record WhyOf(String selection, Counts counts, List<Hold> holds, long otherwise, @Nullable Instant next,
            @Nullable Instant lastGoes, List<ReadyQueue> queues, List<Reply> replies) {
        static WhyOf of(Selection selection, WhyMail why) {
            return new WhyOf(selection.toString(), Counts.of(why.counts()), why.holds().stream().map(Hold::of).toList(),
                    why.otherHolds(), time(why.nextMillis()), time(why.lastGoesMillis()),
                    why.queues().stream().map(ReadyQueue::of).toList(),
                    why.replies().stream().map(Reply::of).toList());
        }
    }

    /**
     * A queued destination of a message.
     *
     * @param destination its place among the message's destinations, from 0
     * @param next        the earliest time of its next attempt; null for as soon as what it waits for allows
     * @param waitingFor  what for, for people
     */
    public record Message(String id, int destination, String domain, String site, String provider, String source,
            String pool, String tenant, String campaign, String mailClass, String state, int attempts,
            Instant received, long octets, @Nullable Instant next, String waitingFor) {
        static Message of(MessageRow row) {
            Selection.Place place = row.place();
            return new Message(row.id().toString(), row.entry().destination(), place.domain(), place.site(),
                    place.provider(), place.source(), place.pool(), place.tenant(), place.campaign(),
                    place.mailClass().word(), Selection.word(row.state()), row.attempts(),
                    Instant.ofEpochMilli(row.receivedMillis()), row.octets(), time(row.nextMillis()),
                    row.waitingFor());
        }
    }

    /**
     * Queued messages, the oldest first.
     *
     * @param selected destinations that are selected by what the queue knows, on all pages
     * @param looked   of these, whose envelope was read for this page
     * @param next     the cursor of the next page; null when there is none
     */
    public record Messages(String selection, long selected, int looked, @Nullable String next,
            List<Message> messages) {}

    /**
     * A recipient of a queued message.
     *
     * @param status    {@code untried}, {@code deferred}, {@code delivered}, …
     * @param lastReply that decided it, on one line; empty for none
     */
    public record RecipientState(String address, String status, String lastReply) {}

    /**
     * A queued destination with what the spool knows.
     *
     * @param expected   when it will probably go; null when that can't be told
     * @param error      nine of ten such times were told with at most this error, as a part of the wait; null for none yet
     * @param limiter    the rate whose slot it waits for; empty when it waits for something else
     * @param then       the rate that would hold it back if that didn't; empty for none
     * @param recipients of this destination
     */
    public record DestinationDetail(Message message, @Nullable Instant expected, @Nullable Double error,
            String limiter, String then, List<RecipientState> recipients) {
        static DestinationDetail of(MessageRow row, @Nullable Why why, List<RecipientState> recipients) {
            return new DestinationDetail(Message.of(row), why == null ? null : time(why.expectedMillis()),
                    why == null || why.error() < 0 ? null : why.error(), text(why == null ? null : why.limiter()),
                    text(why == null ? null : why.next()), recipients);
        }

        private static String text(@Nullable LimitReached limit) {
            return limit == null ? "" : limit.toString();
        }
    }

    /**
     * A queued message.
     *
     * @param sender       the reverse path, empty for the null one; null when the spool can't read it
     * @param origin       who brought it, and how
     * @param destinations that are queued still
     */
    public record MessageDetail(String id, @Nullable String sender, String origin, @Nullable Instant received,
            List<DestinationDetail> destinations) {}

    /** How much came or went. See {@link Traffic.Flow}. */
    public record Flow(double perSecond, long lastMinute, long lastHour, long topMinute, long topHour) {
        static Flow of(Traffic.Flow flow) {
            return new Flow(flow.lastSecond(), flow.lastMinute(), flow.lastHour(), flow.topMinute(), flow.topHour());
        }
    }
}
