package dev.penstock.delivery;

import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.classification.Classification;
import dev.penstock.delivery.DeliveryAttempt.Removal;
import dev.penstock.delivery.OutcomeCounts.AttemptCounts;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Recipient;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.RecentReply;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.Notify;
import dev.penstock.spool.AttemptState;
import dev.penstock.spool.Orders;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.StoredMessage;

/**
 * Makes the outcomes of an attempt lasting: spool, queue, delivery log, counters, report. Thread-safe.
 *
 * <p>Order: a report is durable and queued before the spool forgets its original, else the bounce could be lost; when it
 * can't be kept, the recipients stay deferred and are refused again later, or, delivered, wait for their report alone.
 * {@code done} is only sent on its way: until
 * the spool has synced it, a crash makes a duplicate (P3).
 */
final class Settlement {
    private static final Logger log = LoggerFactory.getLogger(Settlement.class);
    /** Longer replies are cut in the spool; the delivery log has them whole. */
    private static final int MAX_LAST_REPLY = 512;
    private static final CompletableFuture<Boolean> LEFT = CompletableFuture.completedFuture(false);
    private static final Content NOTHING = MemoryContent.of(new byte[0]);

    private final Spool spool;
    private final MailQueue queue;
    private final Reports reports;
    private final MessageEvent.Listener events;
    private final DeliveryStats stats;
    private final InstantSource clock;
    private final Executor executor = task -> Thread.ofVirtual().name("delivery-report").start(task);
    /** An age no message reaches; may be added to a time. */
    private static final long NEVER_MILLIS = Long.MAX_VALUE / 4;
    private volatile long delayWarningMillis;
    private final AtomicInteger pending = new AtomicInteger();
    /**
     * What attempts left of messages with several recipients, until the spool has it. It can't always record it: when it
     * can't read the record before, or has failed. Who has got the mail must not get it again in this run all the same.
     */
    private final Map<SpoolEntry, AttemptState> unrecorded = new ConcurrentHashMap<>();
    private final BiConsumer<Void, @Nullable Throwable> recorded = this::recorded;

    Settlement(Spool spool, MailQueue queue, Reports reports, MessageEvent.Listener events, DeliveryStats stats,
            InstantSource clock) {
        this.spool = spool;
        this.queue = queue;
        this.reports = reports;
        this.events = events;
        this.stats = stats;
        this.clock = clock;
    }

    /** Takes the item from the delivery session, with an outcome for every recipient. */
    void settle(DeliveryAttempt attempt, long maxAgeMillis) {
        var _ = settled(attempt, maxAgeMillis, true);
    }

    /**
     * Likewise, and tells when that is done.
     *
     * @param reports whether the sender is told; when not, what is owed to it is still owed
     * @return completes with whether nothing is left of the item, once the spool has that; exceptionally when it can't be
     *         recorded
     */
    CompletableFuture<Boolean> settled(DeliveryAttempt attempt, long maxAgeMillis, boolean reports) {
        if (attempt.isUntried()) {
            attempt.memory.close();
            giveBack(attempt.item);
            return LEFT;
        }
        List<Reports.ReportedRecipient> told = !reports || attempt.envelope.sender().isEmpty()
                ? List.of()
                : told(attempt);
        if (told.isEmpty()) {
            attempt.memory.close();
            return finish(attempt, maxAgeMillis);
        }
        CompletableFuture<Boolean> settled = new CompletableFuture<>();
        var sent = this.reports.send(attempt.envelope, attempt.content, told,
                attempt.item.receivedMillis() + maxAgeMillis);
        pending.incrementAndGet();
        var _ = sent.whenCompleteAsync((made, failure) -> {
            try {
                if (failure == null) {
                    stats.report(made);
                    remember(attempt);
                } else {
                    stats.reportsFailed.increment();
                    log.warn("event=report-failed id={} recipients={} why={}", attempt.envelope.id(), told.size(),
                            failure.getMessage());
                    keepOwed(attempt);
                }
                // Without its report a message must not come back before its next wait is over, however old it is.
                var _ = finish(attempt, failure == null || !isOwed(told) ? maxAgeMillis : NEVER_MILLIS)
                        .whenComplete((gone, unrecorded) -> {
                            if (unrecorded == null) {
                                settled.complete(gone);
                            } else {
                                settled.completeExceptionally(unrecorded);
                            }
                        });
            } catch (RuntimeException e) {
                log.error("event=settlement-failed id={} effect=\"its outcome will be decided again\"",
                        attempt.envelope.id(), e);
                postpone(attempt.item);
                settled.complete(false);
            } finally {
                attempt.memory.close();
                pending.decrementAndGet();
            }
        }, executor);
        return settled;
    }

    /** Reports on their way. */
    int pending() {
        return pending.get();
    }

    /** A delay that is asked for, and no time for it configured, is told after this; Postfix's usual setting. */
    private static final Duration DELAY_TOLD_AFTER = Duration.ofHours(4);

    /** From now on senders hear of mail deferred for so long; zero for only those that ask. */
    void delayWarning(Duration time) {
        delayWarningMillis = time.toMillis();
    }

    /** Whether a report of delay or success may be due, so that it must be known which have been sent. */
    boolean mayTell(Envelope envelope) {
        if (envelope.sender().isEmpty()) {
            return false;
        }
        return delayWarningMillis > 0 || envelope.options().deliverByMode() != null
                || envelope.recipients().stream().anyMatch(Settlement::asksForMore);
    }

    private static boolean asksForMore(Recipient recipient) {
        Notify notify = recipient.notifyOn();
        return notify != null && (notify.delay() || notify.success());
    }

    /** What the sender is to hear of this attempt (RFC 3461 5, RFC 2852 4.1). */
    private List<Reports.ReportedRecipient> told(DeliveryAttempt attempt) {
        List<Reports.ReportedRecipient> told = List.of();
        for (int place = 0; place < attempt.size(); place++) {
            Outcome outcome = attempt.outcome(place);
            boolean late = place < attempt.firstUndelivered();
            Reports.Action action = late ? attempt.due(place) : switch (outcome) {
                case Outcome.Bounced _,Outcome.Expired _ -> wants(attempt.recipient(place), true)
                        ? Reports.Action.FAILED
                        : null;
                case Outcome.Deferred _ -> isDelayDue(attempt, place) ? Reports.Action.DELAYED : null;
                case Outcome.Delivered _ -> success(attempt, place);
                case Outcome.Untried _ -> null;
                case null -> null;
            };
            if (action != null && outcome != null) {
                if (told.isEmpty()) {
                    told = new ArrayList<>();
                }
                MessageEvent.Peer peer = attempt.contact(place).peer();
                told.add(new Reports.ReportedRecipient(attempt.recipient(place), outcome, action,
                        peer == null ? null : peer.name(),
                        late));
                attempt.due(place, action);
            }
        }
        return told;
    }

    /** Without NOTIFY a sender hears of failures and of delays (RFC 3461 4.1). */
    private static boolean wants(Recipient recipient, boolean failure) {
        Notify notify = recipient.notifyOn();
        return notify == null || (failure ? notify.failure() : notify.delay() || notify.usualDelay());
    }

    private boolean isDelayDue(DeliveryAttempt attempt, int place) {
        Recipient recipient = attempt.recipient(place);
        if (attempt.isDelayTold(place) || !wants(recipient, false)) {
            return false;
        }
        long now = clock.millis();
        Options options = attempt.envelope.options();
        if (options.deliverByMode() == DeliverBy.Mode.NOTIFY && now >= options.deliverByMillis()) {
            return true;
        }
        long configured = delayWarningMillis;
        Notify notify = recipient.notifyOn();
        if (configured == 0 && (notify == null || !notify.delay())) {
            return false;
        }
        return now - attempt.item.receivedMillis() >= (configured > 0 ? configured : DELAY_TOLD_AFTER.toMillis());
    }

    /** Who takes the message with the wish to tell of its fate tells of it; for all others it is told here. */
    private static Reports.@Nullable Action success(DeliveryAttempt attempt, int place) {
        SessionDetails contact = attempt.contact(place);
        Notify notify = attempt.recipient(place).notifyOn();
        if (notify != null && notify.success() && !contact.offers().contains(Capabilities.DSN)) {
            return contact.relays() ? Reports.Action.RELAYED : Reports.Action.DELIVERED;
        }
        Options options = attempt.envelope.options();
        boolean timeUntold = options.deliverByMode() != null && contact.relays()
                && (options.deliverByTrace() || !contact.offers().contains(Capabilities.DELIVERBY));
        return timeUntold && (notify == null || !notify.never()) ? Reports.Action.RELAYED : null;
    }

    /** Whether it must be told at some time; of a delay nothing needs to be told when it is over. */
    private static boolean isOwed(List<Reports.ReportedRecipient> told) {
        return told.stream().anyMatch(one -> one.action() != Reports.Action.DELAYED);
    }

    /** The sender has been told. */
    private static void remember(DeliveryAttempt attempt) {
        for (int place = 0; place < attempt.size(); place++) {
            if (attempt.due(place) == Reports.Action.DELAYED) {
                attempt.delayTold(place);
            }
            attempt.due(place, null);
        }
    }

    /** The sender couldn't be told: what fails fails again later, what was delivered stays due. */
    private static void keepOwed(DeliveryAttempt attempt) {
        for (int place = 0; place < attempt.size(); place++) {
            Outcome outcome = attempt.outcome(place);
            if (outcome instanceof Outcome.Bounced || outcome instanceof Outcome.Expired) {
                attempt.replace(place, new Outcome.Deferred(outcome.reason(), outcome.radius()));
            }
            if (!(outcome instanceof Outcome.Delivered)) {
                attempt.due(place, null);
            }
        }
    }

    /** @return completes as {@link #settled} */
    private CompletableFuture<Boolean> finish(DeliveryAttempt attempt, long maxAgeMillis) {
        long now = clock.millis();
        count(attempt, now);
        log(attempt, now);
        boolean owed = false;
        for (int place = 0; place < attempt.size(); place++) {
            owed |= !status(attempt, place).isFinal();
        }
        QueueItem item = attempt.item;
        if (!owed) {
            return done(item).thenApply(_ -> true);
        }
        int attempts = item.attempts() + 1;
        long wait = Math.max(queue.nextRetry(attempts).toMillis(), retryAfterMillis(attempt));
        long due = dueBy(attempt, now, now + wait, maxAgeMillis);
        List<AttemptState.RecipientState> states = new ArrayList<>(attempt.size());
        for (int place = 0; place < attempt.size(); place++) {
            states.add(state(attempt, place));
        }
        track(record(item, new AttemptState(attempts, due, states, queue.orders(item)), attempt.isOneOfSeveral));
        if (states.stream().allMatch(state -> state.status().isFinal() || state.status().isReportOwed())) {
            queue.retryReport(item, due, attempts);
        } else {
            queue.retry(item, due, attempts);
        }
        return LEFT;
    }

    /** The last wait ends when the mail expires, so that its sender hears of it in time. */
    private static long dueBy(DeliveryAttempt attempt, long now, long next, long maxAgeMillis) {
        long due = Math.min(next, Math.max(now, attempt.item.receivedMillis() + maxAgeMillis));
        Options options = attempt.envelope.options();
        return options.deliverByMode() != null && options.deliverByMillis() > now
                ? Math.min(due, options.deliverByMillis())
                : due;
    }

    /** @param several whether the record may have to take something over from the one before */
    private CompletableFuture<Void> record(QueueItem item, AttemptState state, boolean several) {
        SpoolEntry entry = item.entry();
        if (!several) {
            return spool.recordAttempt(entry, state);
        }
        AttemptState whole = unrecorded.merge(entry, state, Settlement::merged);
        return spool.recordAttempt(entry, whole).thenRun(() -> unrecorded.remove(entry, whole));
    }

    /**
     * Records what is ordered for an item in the caller's hands, which no attempt was made at.
     *
     * @param nextMillis when it is due, milliseconds since 1970
     */
    CompletableFuture<Void> recordOrders(QueueItem item, Orders orders, long nextMillis) {
        // What attempts left of its recipients is carried over.
        return record(item, new AttemptState(item.attempts(), nextMillis, List.of(), orders), item.attempts() > 0);
    }

    private static AttemptState merged(AttemptState before, AttemptState now) {
        Map<Integer, AttemptState.RecipientState> recipients = new TreeMap<>();
        before.recipients().forEach(one -> recipients.put(one.recipient(), one));
        now.recipients().forEach(one -> recipients.put(one.recipient(), one));
        return new AttemptState(now.attempts(), now.nextMillis(), List.copyOf(recipients.values()), now.orders());
    }

    /** What the spool knows of attempts at an item, and what it hasn't or couldn't record in this run. Blocks. */
    AttemptState lastAttempt(QueueItem item) throws IOException {
        AttemptState recorded = spool.lastAttempt(item.entry());
        AttemptState mine = unrecorded.get(item.entry());
        return mine == null ? recorded : merged(recorded, mine);
    }

    /** @return completes when the spool has it, exceptionally when it can't be recorded */
    private CompletableFuture<Void> done(QueueItem item) {
        unrecorded.remove(item.entry());
        CompletableFuture<Void> durable = spool.done(item.entry());
        track(durable);
        queue.finished(item);
        return durable;
    }

    /** Nothing was attempted. */
    void giveBack(QueueItem item) {
        stats.requeued.increment();
        queue.requeue(item);
    }

    /** An earlier attempt has settled every recipient, and a crash came before that was recorded. */
    void alreadyDone(QueueItem item) {
        var _ = done(item);
    }

    /**
     * The message is damaged in the spool, which has set its octets aside for a person to look at. Its recipients that
     * aren't known to have it bounce; where not even the envelope is left, one event for the domain has to do.
     *
     * @param read the message, when only what earlier attempts left of it can't be read
     */
    void unreadable(QueueItem item, @Nullable StoredMessage read, String why, long maxAgeMillis) {
        lost(item, why);
        Reason reason = new Reason(Phase.CONTENT, Failure.Kind.CONTENT_LOST.code(),
                Failure.Kind.CONTENT_LOST.enhanced(), "the message can't be read from the spool: " + why, false);
        Envelope stored = read == null ? spool.envelope(item.entry()) : read.envelope();
        Envelope envelope = stored == null ? null : bound(item, stored);
        if (envelope == null) {
            stats.bounced.increment();
            stats.failed(reason.phase(), 1);
            events.on(new MessageEvent(MessageEvent.Type.BOUNCE, new MessageId(item.entry().messageId()), "",
                    List.of("@" + item.domain()), item.domain(), item.tenant(), item.campaign(), "", 0,
                    reason.response(), null, "", clock.millis(), item.receivedMillis(), item.attempts(), "", "")
                    .of(item.mailClass()));
            var _ = done(item);
            return;
        }
        DeliveryAttempt attempt = new DeliveryAttempt(item, envelope, read == null ? NOTHING : read.content(),
                known(item),
                DeliveryMemory.uncounted());
        if (attempt.nothingOwed()) {
            var _ = done(item);
            return;
        }
        attempt.decideRest(new Outcome.Bounced(reason, BlastRadius.SESSION), SessionDetails.none(""));
        settle(attempt, maxAgeMillis);
    }

    /** As operators have bound it. */
    Envelope bound(QueueItem item, Envelope envelope) {
        Orders.Binding to = queue.orders(item).binding();
        return to == null ? envelope : envelope.bound(to.tenant(), to.campaign(), to.pool());
    }

    /** As much of {@link #lastAttempt} as there is. */
    private AttemptState known(QueueItem item) {
        try {
            return lastAttempt(item);
        } catch (IOException _) {
            return unrecorded.getOrDefault(item.entry(), new AttemptState(item.attempts(), 0, List.of()));
        }
    }

    /** Says so of a message, or its content, that is damaged in the spool; what becomes of it is said elsewhere. */
    void lost(QueueItem item, String why) {
        stats.unreadable.increment();
        log.error("event=message-unreadable id={} domain={} attempts={} why={}",
                new MessageId(item.entry().messageId()),
                item.domain(), item.attempts(), why);
    }

    /** Something unforeseen: the item waits as after a deferral, so that it can neither get lost nor spin. */
    void postpone(QueueItem item) {
        int attempts = item.attempts() + 1;
        queue.retry(item, clock.millis() + queue.nextRetry(attempts).toMillis(), attempts);
    }

    /**
     * Nothing was attempted, for want of room in the account of deliveries: the item waits for the shortest time, and not
     * beyond the one at which its sender is to hear of it.
     */
    void awaitMemory(DeliveryAttempt attempt, long maxAgeMillis) {
        QueueItem item = attempt.item;
        long now = clock.millis();
        queue.retry(item, dueBy(attempt, now, now + queue.nextRetry(1).toMillis(), maxAgeMillis), item.attempts());
    }

    private void track(CompletableFuture<Void> future) {
        if (!future.isDone() || future.isCompletedExceptionally()) {
            var _ = future.whenComplete(recorded);
        }
    }

    private void recorded(Void nothing, @Nullable Throwable failure) {
        if (failure != null) {
            stats.spoolFailures.increment();
            log.warn("event=outcome-unrecorded why={} effect=\"it will be decided again after a restart\"",
                    failure.getMessage());
        }
    }

    private static AttemptState.RecipientState state(DeliveryAttempt attempt, int place) {
        Outcome outcome = attempt.outcome(place);
        Reports.Action due = attempt.due(place);
        if (due != null && outcome instanceof Outcome.Delivered delivered) {
            MessageEvent.Peer peer = attempt.contact(place).peer();
            return new OwedReport(due, delivered, peer == null ? null : peer.name())
                    .state(attempt.recipientIndex(place));
        }
        return new AttemptState.RecipientState(attempt.recipientIndex(place), status(attempt, place),
                outcome == null ? "" : cut(outcome.reason().oneLine()));
    }

    private static AttemptState.Status status(DeliveryAttempt attempt, int place) {
        AttemptState.Status deferred = attempt.isDelayTold(place)
                ? AttemptState.Status.DELAYED
                : AttemptState.Status.DEFERRED;
        return switch (attempt.outcome(place)) {
            case Outcome.Delivered _ when attempt.due(place) != null -> AttemptState.Status.DELIVERED_REPORT_OWED;
            case Outcome.Delivered _ -> AttemptState.Status.DELIVERED;
            case Outcome.Bounced _ -> AttemptState.Status.BOUNCED;
            case Outcome.Expired _ -> AttemptState.Status.EXPIRED;
            case Outcome.Deferred _,Outcome.Untried _ -> deferred;
            case null -> deferred;
        };
    }

    private void count(DeliveryAttempt attempt, long now) {
        QueueItem item = attempt.item;
        long accepted = item.receivedMillis();
        ProviderStats.Figures provider = stats.providers.of(item.provider());
        if (item.attempts() == 0 && attempt.begunMillis() != 0) {
            stats.firstAttempt(item.mailClass(), provider,
                    TimeUnit.MILLISECONDS.toNanos(attempt.begunMillis() - accepted));
        }
        if (attempt.removal() != Removal.NONE) { // no receiver has said so
            stats.removed.add(attempt.size() - attempt.firstUndelivered());
            return;
        }
        AttemptCounts counts = new AttemptCounts();
        for (int place = attempt.firstUndelivered(); place < attempt.size(); place++) {
            Outcome outcome = attempt.outcome(place);
            switch (outcome) {
                case Outcome.Delivered _ -> counts.delivered++;
                case Outcome.Bounced _ -> counts.bounced++;
                case Outcome.Expired _ -> counts.expired++;
                case Outcome.Deferred _,Outcome.Untried _ -> counts.deferred++;
                case null -> {
                }
            }
            if (outcome != null && !(outcome instanceof Outcome.Delivered)) {
                stats.failed(outcome.reason().phase(), 1);
                provider.failed(outcome.reason().meaning().category());
                String site = attempt.contact(place).site();
                Reason reason = outcome.reason();
                stats.replied(item.provider(), site.substring(site.indexOf('>') + 1), reason);
                queue.replied(item, new RecentReply(now, reason.code(), reason.enhanced(), reason.text(),
                        reason.meaning().bounceClass(), reason.remote()));
            }
        }
        queue.outcome(item, counts.delivered, counts.deferred, counts.bounced + counts.expired);
        stats.count(counts);
        provider.outcomes.add(counts);
        stats.senders.ofTenant(item.tenant()).add(counts);
        stats.senders.ofPool(queue.pool(item)).add(counts);
        if (!item.source().isEmpty()) { // else it waited for one
            stats.from(item.source()).add(counts);
        }
        if (counts.delivered > 0) {
            stats.transit(item.mailClass(), provider, TimeUnit.MILLISECONDS.toNanos(now - accepted), counts.delivered);
        }
    }

    /** One event for neighbouring recipients with the same outcome and session: all of a transaction when it went well. */
    private void log(DeliveryAttempt attempt, long now) {
        int from = attempt.firstUndelivered();
        while (from < attempt.size()) {
            Outcome outcome = attempt.outcome(from);
            SessionDetails contact = attempt.contact(from);
            int to = from + 1;
            while (to < attempt.size() && outcome != null && outcome.equals(attempt.outcome(to))
                    && contact.equals(attempt.contact(to))) {
                to++;
            }
            if (outcome != null) {
                events.on(event(attempt, from, to, outcome, contact, now));
            }
            from = to;
        }
    }

    private MessageEvent event(DeliveryAttempt attempt, int from, int to, Outcome outcome,
            SessionDetails contact, long now) {
        List<String> recipients;
        if (to - from == 1) {
            recipients = List.of(attempt.recipient(from).address());
        } else {
            recipients = new ArrayList<>(to - from);
            for (int place = from; place < to; place++) {
                recipients.add(attempt.recipient(place).address());
            }
        }
        MessageEvent.Type type = switch (outcome) {
            case Outcome.Delivered _ -> MessageEvent.Type.DELIVERY;
            case Outcome.Bounced _ -> attempt.removal() == Removal.DELETED
                    ? MessageEvent.Type.ADMIN_BOUNCE
                    : MessageEvent.Type.BOUNCE;
            case Outcome.Expired _ -> MessageEvent.Type.EXPIRATION;
            case Outcome.Deferred _,Outcome.Untried _ -> MessageEvent.Type.TRANSIENT_FAILURE;
        };
        var envelope = attempt.envelope;
        return new MessageEvent(type, envelope.id(), envelope.sender(), recipients,
                attempt.recipient(from).domain(),
                envelope.tenant(), envelope.campaign(), contact.site(), attempt.content.size(),
                outcome.reason().response(), contact.peer(), contact.sourceAddress(), now, envelope.receivedMillis(),
                attempt.item.attempts(), contact.protocol(), contact.sessionId(), contact.tls(),
                MessageEvent.Client.of(envelope.origin()), attempt.item.provider(),
                contact.site().isEmpty() ? "" : queue.pool(attempt.item), meaning(outcome), envelope.mailClass());
    }

    private static MessageEvent.Meaning meaning(Outcome outcome) {
        String action = switch (outcome) {
            case Outcome.Delivered _ -> "";
            case Outcome.Bounced _ -> "bounce";
            case Outcome.Expired _ -> "expire";
            case Outcome.Deferred _,Outcome.Untried _ -> "defer";
        };
        if (action.isEmpty()) {
            return MessageEvent.Meaning.NONE;
        }
        Classification meant = outcome.reason().meaning();
        String besides = meant.consequence();
        return new MessageEvent.Meaning(meant.bounceClass(), meant.category().word(), meant.scope().word(),
                besides.isEmpty() ? action : action + ", " + besides);
    }

    /** The longest that a reply asks to wait; zero when none does. */
    private static long retryAfterMillis(DeliveryAttempt attempt) {
        long longest = 0;
        for (int place = attempt.firstUndelivered(); place < attempt.size(); place++) {
            if (attempt.outcome(place) instanceof Outcome.Deferred deferred) {
                longest = Math.max(longest, deferred.reason().meaning().retryAfter().toMillis());
            }
        }
        return longest;
    }

    static String cut(String text) {
        return text.length() <= MAX_LAST_REPLY ? text : text.substring(0, MAX_LAST_REPLY);
    }
}
