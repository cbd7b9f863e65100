package dev.penstock.delivery;

import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.config.BounceCategory;
import dev.penstock.config.BounceClass;
import dev.penstock.delivery.DeliveryAttempt.Removal;
import dev.penstock.message.Envelope;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.spool.Orders;
import dev.penstock.spool.Orders.Binding;

/**
 * What operators' verbs do to single destinations, which the caller has claimed ({@link MailQueue#claim}) and has no more when
 * a method returns or throws. Thread-safe; blocks for the spool, so call it on a virtual thread.
 *
 * <p>Each is done once it is recorded: the futures complete then, exceptionally when it can't be recorded. What was ordered
 * is in force all the same, until a restart.
 */
public final class Verbs {
    private final Dispatcher dispatcher;
    private final MailQueue queue;

    Verbs(Dispatcher dispatcher, MailQueue queue) {
        this.dispatcher = dispatcher;
        this.queue = queue;
    }

    /**
     * In whose words mail is given up.
     *
     * @param code        5xx
     * @param enhanced    5.x.x (RFC 3463)
     * @param text        for the sender
     * @param bounceClass KumoMTA's name of a class, or one's own
     */
    public record Words(int code, String enhanced, String text, String bounceClass) {
        public Words {
            if (code < 500 || code > 599) {
                throw new IllegalArgumentException("reply code " + code + ": expected 500 to 599");
            }
            if (!enhanced.matches("5\\.\\d{1,3}\\.\\d{1,3}")) { // RFC 3463 2
                throw new IllegalArgumentException("enhanced status \"" + enhanced + "\": expected 5.x.x");
            }
            if (!text.chars().allMatch(c -> c >= ' ' && c != 0x7f) || text.isBlank()) {
                throw new IllegalArgumentException("the reply's text must be one line, not blank");
            }
        }

        private Reason reason() {
            BounceClass known = BounceClass.of(bounceClass).orElse(null);
            Classification meaning = Classification.of(known == null ? BounceClass.UNCATEGORIZED : known);
            return new Reason(Phase.ROUTE, code, enhanced, text, false,
                    known == null ? named(meaning, bounceClass) : meaning);
        }

        private static Classification named(Classification as, String name) {
            return new Classification(name, BounceCategory.OTHER, as.scope(), as.action(), as.retryAfter(),
                    as.suspend(), as.reduce(), as.rule(), as.isPaced());
        }
    }

    /** What came of a removal. */
    public enum Removed {
        /** Nothing of it is left in the spool. */
        GONE,
        /**
         * It couldn't be read, and waits; or its sender couldn't be told, or is still owed a report: it is bounced again
         * with its next attempt.
         */
        LEFT
    }

    /**
     * As if each recipient that is left had been refused for good.
     *
     * @param report whether the sender hears of it as of any such refusal
     */
    public CompletableFuture<Removed> bounce(QueueItem item, Words words, boolean report) {
        return remove(item, Removal.BOUNCED, words, report);
    }

    /** Nobody is told; the delivery log has it as an AdminBounce. */
    public CompletableFuture<Removed> delete(QueueItem item, Words words) {
        return remove(item, Removal.DELETED, words, false);
    }

    private CompletableFuture<Removed> remove(QueueItem item, Removal how, Words words, boolean report) {
        DeliveryMemory.Share held = dispatcher.memory.share();
        try {
            // Only a report wants the content.
            DeliveryAttempt attempt = dispatcher.read(item, held, report ? held::takeForContent : _ -> false);
            if (attempt == null) {
                return CompletableFuture.completedFuture(queue.isGone(item) ? Removed.GONE : Removed.LEFT);
            }
            attempt.remove(how, words.reason());
            return dispatcher.settlement.settled(attempt, dispatcher.policy().maxAge().toMillis(), report)
                    .thenApply(gone -> gone ? Removed.GONE : Removed.LEFT);
        } catch (RuntimeException | Error e) {
            held.close();
            dispatcher.settlement.postpone(item);
            throw e;
        }
    }

    /**
     * Nothing is attempted until it is released, or until the hold ends; meanwhile it doesn't become too old.
     *
     * @param why         for people
     * @param untilMillis milliseconds since 1970; 0 for until it is released
     */
    public CompletableFuture<Void> hold(QueueItem item, long job, String why, long untilMillis) {
        return order(item, queue.orders(item).hold(why, untilMillis).by(job), queue.dueAt(item), false);
    }

    /** It is due now, whoever held it. */
    public CompletableFuture<Void> release(QueueItem item, long job) {
        return order(item, queue.orders(item).release().by(job), dispatcher.millis(), false);
    }

    /** Its next attempt is due now, and the one after that when it would have been after so many attempts. */
    public CompletableFuture<Void> retryNow(QueueItem item, long job, boolean reportAlone) {
        return order(item, queue.orders(item).notBefore(0).by(job), dispatcher.millis(), reportAlone);
    }

    /** No attempt before then, but for the one by which its sender hears in time that it has become too old. */
    public CompletableFuture<Void> delay(QueueItem item, long job, long untilMillis) {
        long expires = item.receivedMillis() + dispatcher.policy().maxAge().toMillis();
        long due = Math.min(untilMillis, Math.max(expires, dispatcher.millis()));
        return order(item, queue.orders(item).notBefore(due).by(job), due, false);
    }

    /**
     * What is said here is changed, what isn't stays.
     *
     * @param tenant        null for the one it has, as the next three
     * @param routingDomain empty for the recipients' own
     */
    public CompletableFuture<Void> rebind(QueueItem item, long job, boolean reportAlone, @Nullable String tenant,
            @Nullable String campaign, @Nullable String pool, @Nullable String routingDomain) {
        Orders before = queue.orders(item);
        Envelope envelope = dispatcher.envelope(item);
        if (envelope == null) { // it will be found to be unreadable by whoever sends it
            queue.order(item, before, dispatcher.millis(), reportAlone);
            return CompletableFuture.failedFuture(new IllegalStateException("the message can't be read"));
        }
        Binding had = before.binding() == null
                ? new Binding(envelope.tenant(), envelope.campaign(), envelope.pool(), "")
                : before.binding();
        Binding to = new Binding(tenant == null ? had.tenant() : tenant, campaign == null ? had.campaign() : campaign,
                pool == null ? had.pool() : pool, routingDomain == null ? had.routingDomain() : routingDomain);
        String recipients = envelope.destinations().get(item.entry().destination()).domain();
        queue.rebind(item, to, recipients);
        return order(item, before.bind(to).by(job), queue.dueAt(item), reportAlone);
    }

    private CompletableFuture<Void> order(QueueItem item, Orders orders, long dueMillis, boolean reportAlone) {
        CompletableFuture<Void> recorded;
        try {
            recorded = dispatcher.settlement.recordOrders(item, orders, dueMillis);
        } catch (RuntimeException e) {
            recorded = CompletableFuture.failedFuture(e);
        }
        queue.order(item, orders, dueMillis, reportAlone);
        return recorded;
    }
}
