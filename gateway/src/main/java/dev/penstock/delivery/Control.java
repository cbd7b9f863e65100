package dev.penstock.delivery;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.shaping.control.AdaptiveControl;
import dev.penstock.shaping.control.AdaptiveControl.Mail;
import dev.penstock.shaping.control.AdaptiveControl.Suspension;
import dev.penstock.smtp.EnhancedStatus;
import dev.penstock.smtp.Reply;

/**
 * Between deliveries and what is decided about their pace: tells outcomes, and carries out what follows for a ready queue.
 * Thread-safe.
 */
final class Control {
    /** The reply to mail that a rule returns: RFC 3463 3.8, delivery not authorized. */
    private static final int RETURNED_CODE = 550;
    private static final String RETURNED_STATUS = "5.7.1";

    private final AdaptiveControl control;
    private final Dispatcher dispatcher;

    Control(AdaptiveControl control, Dispatcher dispatcher) {
        this.control = control;
        this.dispatcher = dispatcher;
    }

    /** Reports made here for a tenant aren't its mail, here as in the queue: nothing about a tenant concerns them. */
    private Mail mail(ReadyQueue ready, @Nullable DeliveryAttempt attempt) {
        QueueItem item = attempt == null ? null : attempt.item;
        boolean ofTenant = attempt != null && !attempt.envelope.isReport();
        return new Mail(ready.throttle().key(), dispatcher.provider(ready), item == null ? "" : item.domain(),
                item == null || !ofTenant ? "" : item.tenant(), item == null || !ofTenant ? "" : item.campaign());
    }

    /** The receiver has taken the message. */
    void taken(ReadyQueue ready, DeliveryAttempt attempt) {
        Mail mail = mail(ready, attempt);
        control.delivered(mail.path(), mail.provider(), mail.tenant(), mail.campaign(), sentNanos(attempt));
    }

    /** By the monotonic clock, when its first transaction began. */
    private long sentNanos(DeliveryAttempt attempt) {
        long ago = Math.max(0, dispatcher.millis() - attempt.begunMillis());
        return dispatcher.nanoTime() - (attempt.begunMillis() == 0 ? 0 : TimeUnit.MILLISECONDS.toNanos(ago));
    }

    /**
     * Something was refused, or failed here.
     *
     * @param attempt    null before there is a message
     * @param begunNanos when the session was begun
     * @param meaning    by the rules
     * @return by which it is to be decided about
     */
    Classification refused(ReadyQueue ready, @Nullable DeliveryAttempt attempt, long begunNanos, Cause cause,
            Classification meaning) {
        Mail mail = mail(ready, attempt);
        long sent = attempt == null ? begunNanos : sentNanos(attempt);
        boolean counts = attempt == null || attempt.isFirstRefusal();
        IntSupplier open = () -> dispatcher.sessionsOf(ready);
        AdaptiveControl.Verdict verdict = switch (cause) {
            case Cause.Replied(Reply reply) -> {
                EnhancedStatus status = reply.status();
                yield control.refused(mail, meaning, reply.code(), status == null ? "" : status.toString(),
                        reply.text(), false, sent, open, counts);
            }
            case Failure failure -> control.refused(mail, meaning, failure.kind().code(), failure.kind().enhanced(),
                    failure.text(), true, sent, open, counts);
            case Cause.Unroutable _ -> new AdaptiveControl.Verdict(meaning, List.of());
        };
        for (Suspension suspension : verdict.suspensions()) {
            suspend(ready, mail, suspension);
        }
        return verdict.meaning();
    }

    private void suspend(ReadyQueue ready, Mail mail, Suspension suspension) {
        Duration time = suspension.time();
        dispatcher.tell(ready, switch (suspension.whose()) {
            case ALL -> ready.suspend(time, suspension.why());
            case TENANT -> ready.suspendTenant(mail.tenant(), time, suspension.why());
            case CAMPAIGN -> ready.suspendCampaign(mail.tenant(), mail.campaign(), time, suspension.why());
        });
    }

    /** Whether the message waits by a rule, from before a restart or for its domain: its queue is told. */
    boolean waits(ReadyQueue ready, DeliveryAttempt attempt) {
        Mail mail = mail(ready, attempt);
        Suspension suspension = control.suspended(mail);
        if (suspension == null) {
            return false;
        }
        suspend(ready, mail, suspension);
        return true;
    }

    /** What becomes of a message that a rule returns; null when none does. */
    Outcome.@Nullable Bounced returned(ReadyQueue ready, DeliveryAttempt attempt) {
        String why = control.bounces(mail(ready, attempt));
        return why == null
                ? null
                : new Outcome.Bounced(new Reason(Phase.ROUTE, RETURNED_CODE, RETURNED_STATUS, why, false),
                        BlastRadius.MESSAGE);
    }
}
