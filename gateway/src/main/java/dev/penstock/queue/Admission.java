package dev.penstock.queue;

import java.util.ArrayDeque;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.ReadyQueue.Failed;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.queue.ReadyQueue.Suspension;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.shaping.Permit;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.SessionLimiter.Answer;
import dev.penstock.shaping.SessionLimiter.Grant;
import dev.penstock.shaping.SessionLimiter.Holder;
import dev.penstock.shaping.Throttle;

/**
 * Gets ready queues the permits for their sessions, and passes on those that come back. Thread-safe, without state of its
 * own: what is under way is in the queues and in the limiters.
 *
 * <p>A session needs a permit of its key's limiter, then one of all sessions, then a slot of the connection rate, in this
 * order. Where there is none the queue gives back what it has and is registered there, holding nothing; when a permit is
 * passed to it, it keeps that one and tries for the others.
 *
 * <p>Called with no lock held. What one event leads to (a permit that passes to another queue, which can't use it and
 * passes it on) is worked off in a loop, however long the chain.
 */
public final class Admission {
    /** Opens sessions; returns at once. */
    @FunctionalInterface
    public interface Opener {
        /** {@link #ended} must be called for it once, whatever becomes of it. */
        void open(Session session);
    }

    private static final long NO_SLOT = Long.MIN_VALUE;
    private static final Holding NOTHING = new Holding(null, false);

    /** A permit that was passed to a queue. */
    private record Holding(@Nullable SessionLimiter limiter, boolean trial) {}

    private record Step(ReadyQueue queue, Holding holding) {}

    private final SessionLimiter total;
    private final LongSupplier nanoTime;
    private final Opener opener;

    /** @param total of all sessions of the process */
    public Admission(SessionLimiter total, LongSupplier nanoTime, Opener opener) {
        this.total = total;
        this.nanoTime = nanoTime;
        this.opener = opener;
    }

    /** A ready queue wants a session. */
    public void seek(ReadyQueue queue) {
        ArrayDeque<Step> steps = new ArrayDeque<>(2);
        steps.add(new Step(queue, NOTHING));
        work(steps);
    }

    /** The limiter may have something to give by now to those who wait there. */
    public void mayGrant(SessionLimiter limiter) {
        ArrayDeque<Step> steps = new ArrayDeque<>(2);
        pass(limiter, steps);
        work(steps);
    }

    /**
     * The session couldn't be opened, or the receiver wants it no more.
     *
     * @param mayCharge whether a message is to be charged if no other session of its queue stands
     * @param reason    for people
     */
    public Failed failed(Session session, Trouble trouble, boolean mayCharge, String reason) {
        long now = nanoTime.getAsLong();
        Permit permit = session.permit();
        ReadyQueue queue = session.queue();
        Failed failed = queue.failed(session, trouble, permit.othersOpen(), mayCharge, reason);
        if (failed.narrows()) {
            permit.refused(now);
        } else if (failed.suspension() != null) {
            permit.throttle().sessions().collapsed(now);
        }
        wake(permit.throttle().sessions());
        return failed;
    }

    /** The session has delivered. @return whether that ends a suspension */
    public boolean proved(Session session) {
        boolean ends = session.queue().proved(session);
        Permit permit = session.permit();
        if (permit.proved(nanoTime.getAsLong())) {
            ArrayDeque<Step> steps = new ArrayDeque<>(2);
            pass(permit.throttle().sessions(), steps);
            work(steps);
        }
        return ends;
    }

    /** The session is over. @return a suspension that begins anew, because it was the try and showed nothing; else null */
    public @Nullable Suspension ended(Session session) {
        long now = nanoTime.getAsLong();
        Permit permit = session.permit();
        SessionLimiter own = permit.throttle().sessions();
        ReadyQueue queue = session.queue();
        own.release(permit.isTrial(), now);
        total.release(false, now);
        Suspension suspension = queue.ended(session);
        if (queue.waitingAt() == total && queue.isWithoutSession()) {
            total.promote(queue);
        }
        ArrayDeque<Step> steps = new ArrayDeque<>(2);
        pass(own, steps);
        pass(total, steps);
        work(steps);
        return suspension;
    }

    /** Limits of this queue may have changed. @return whether that ended a suspension */
    public boolean reconfigured(ReadyQueue queue) {
        ArrayDeque<Step> steps = new ArrayDeque<>(2);
        boolean ends = queue.reconfigured();
        pass(queue.throttle().sessions(), steps);
        work(steps);
        return ends;
    }

    private void work(ArrayDeque<Step> steps) {
        for (Step step = steps.poll(); step != null; step = steps.poll()) {
            ReadyQueue queue = step.queue;
            if (step.holding.limiter != null) {
                queue.granted();
            }
            acquire(queue, step.holding, steps);
        }
    }

    /** Permits that are free go to those who wait for them; who is the next then comes back when more may be tried. */
    private void pass(SessionLimiter limiter, ArrayDeque<Step> steps) {
        long now = nanoTime.getAsLong();
        for (Grant grant = limiter.next(now); grant != null; grant = limiter.next(now)) {
            steps.add(new Step((ReadyQueue) grant.waiter(), new Holding(limiter, grant.trial())));
        }
        wake(limiter);
    }

    private void acquire(ReadyQueue queue, Holding passed, ArrayDeque<Step> steps) {
        Throttle throttle = queue.throttle();
        SessionLimiter own = throttle.sessions();
        boolean hasOwn = passed.limiter == own;
        boolean hasTotal = passed.limiter == total;
        boolean trial = hasOwn && passed.trial;
        while (!hasOwn || !hasTotal) {
            if (!hasOwn) {
                Answer answer = own.tryAcquire(false, nanoTime.getAsLong());
                if (answer == Answer.NONE) {
                    if (hasTotal) {
                        giveBack(total, false, steps);
                        hasTotal = false;
                    }
                    answer = waitAt(queue, own, steps);
                    if (answer == Answer.NONE) {
                        return;
                    }
                }
                hasOwn = true;
                trial = answer == Answer.TRIAL;
            }
            if (!hasTotal) {
                if (total.tryAcquire(queue.isWithoutSession(), nanoTime.getAsLong()) == Answer.NONE) {
                    giveBack(own, trial, steps);
                    hasOwn = false;
                    if (waitAt(queue, total, steps) == Answer.NONE) {
                        return;
                    }
                }
                hasTotal = true;
            }
        }
        open(queue, trial, steps);
    }

    /** Has both permits. */
    private void open(ReadyQueue queue, boolean trial, ArrayDeque<Step> steps) {
        Throttle throttle = queue.throttle();
        long now = nanoTime.getAsLong();
        long slot = queue.takeSlot(NO_SLOT);
        if (slot == NO_SLOT) {
            long wait = throttle.reserveConnection(now);
            slot = now + wait;
            if (wait > 0) {
                giveBack(throttle.sessions(), trial, steps);
                giveBack(total, false, steps);
                queue.waitsForSlot(slot);
                return;
            }
        }
        Session session = queue.open(new Permit(throttle, total, trial));
        if (session == null) {
            throttle.refundConnection(slot, now);
            giveBack(throttle.sessions(), trial, steps);
            giveBack(total, false, steps);
            return;
        }
        opener.open(session);
        if (queue.reconsiders()) {
            steps.add(new Step(queue, NOTHING));
        }
    }

    private void giveBack(SessionLimiter limiter, boolean trial, ArrayDeque<Step> steps) {
        limiter.release(trial, nanoTime.getAsLong());
        pass(limiter, steps);
    }

    /**
     * Registers the queue, which holds nothing now, and asks a session of another queue to make room if one idles.
     *
     * @return whether a permit was free after all; else it is registered, or wants none any more
     */
    private Answer waitAt(ReadyQueue queue, SessionLimiter limiter, ArrayDeque<Step> steps) {
        long slot = queue.takeSlot(NO_SLOT);
        if (slot != NO_SLOT) {
            queue.throttle().refundConnection(slot, nanoTime.getAsLong());
        }
        if (!queue.waitsAt(limiter)) { // said before it is: a permit may be passed to it in the same moment
            return Answer.NONE;
        }
        Answer answer = limiter.acquire(queue, limiter == total && queue.isWithoutSession(), nanoTime.getAsLong());
        if (answer != Answer.NONE) {
            queue.granted();
            return answer;
        }
        if (limiter == total && queue.isWithoutSession()) { // it may have lost its last one just before
            total.promote(queue);
            pass(total, steps);
        }
        wake(limiter);
        Holder idle = limiter.longestIdle(queue);
        if (idle instanceof Session session) {
            session.queue().dismiss(session);
        }
        return Answer.NONE;
    }

    /** The one whose turn it is comes back when the limiter's window may be tried upward. */
    private static void wake(SessionLimiter limiter) {
        long at = limiter.triesAgainAt();
        if (at != Long.MIN_VALUE && limiter.first() instanceof ReadyQueue queue) {
            queue.wakeAt(at);
        }
    }
}
