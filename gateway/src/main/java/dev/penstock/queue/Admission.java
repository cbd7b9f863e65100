package dev.penstock.queue;

import java.util.ArrayDeque;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.ReadyQueue.Failed;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.queue.ReadyQueue.Suspension;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.routing.Route.Protocol;
import dev.penstock.shaping.Permit;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.SessionLimiter.Answer;
import dev.penstock.shaping.SessionLimiter.Grant;
import dev.penstock.shaping.SessionLimiter.Holder;
import dev.penstock.shaping.Throttle;

/**
 * Gets ready queues the permits for their sessions, and passes on those that come back. Thread-safe, without state of its
 * own but whether it is closed: what is under way is in the queues and in the limiters.
 *
 * <p>A session needs a permit of its key's limiter, then one of all sessions that aren't up yet, then one of all sessions,
 * then a slot of the connection rate, in this order. The second it gives back when it is up, so that hosts which never
 * greet can't keep all sessions; where the configuration names the hosts it needs none. Sessions to local stores have a
 * limiter of their own in the place of the third. Where there is none the queue gives back what it has and is registered there, holding nothing; when a permit is
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
    private static final int OWN = 0; // the place of a key's limiter among those a session needs
    private static final Holding NOTHING = new Holding(null, false);

    /** A permit that was passed to a queue. */
    private record Holding(@Nullable SessionLimiter limiter, boolean trial) {}

    private record Step(ReadyQueue queue, Holding holding) {}

    private final SessionLimiter total;
    private final SessionLimiter local;
    private final SessionLimiter opening;
    private final LongSupplier nanoTime;
    private final Opener opener;
    private volatile boolean closed;

    /**
     * @param total   of all sessions of the process but those to local stores
     * @param local   of these
     * @param opening of all sessions to hosts that DNS told which aren't up yet
     */
    public Admission(SessionLimiter total, SessionLimiter local, SessionLimiter opening, LongSupplier nanoTime,
            Opener opener) {
        this.total = total;
        this.local = local;
        this.opening = opening;
        this.nanoTime = nanoTime;
        this.opener = opener;
    }

    /** With one limiter of all sessions, and no other. */
    Admission(SessionLimiter total, LongSupplier nanoTime, Opener opener) {
        this(total, total, new SessionLimiter("opening", Integer.MAX_VALUE, 0), nanoTime, opener);
    }

    /** No more sessions are opened: permits that come back pass to nobody. */
    public void close() {
        closed = true;
    }

    /** A ready queue wants a session. */
    public void seek(ReadyQueue queue) {
        if (closed) {
            return;
        }
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

    /**
     * The session is up: others may open theirs.
     *
     * @return its first message; null when no mail is ready
     */
    public @Nullable QueueItem up(Session session) {
        QueueItem item = session.queue().up(session);
        SessionLimiter cameUpAt = session.permit().takeOpening();
        if (cameUpAt != null) {
            cameUpAt.release(false, nanoTime.getAsLong());
            mayGrant(cameUpAt);
        }
        return item;
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
        SessionLimiter all = permit.total();
        SessionLimiter cameUpAt = permit.takeOpening();
        own.release(permit.isTrial(), now);
        if (cameUpAt != null) {
            cameUpAt.release(false, now);
        }
        all.release(false, now);
        Suspension suspension = queue.ended(session);
        ArrayDeque<Step> steps = new ArrayDeque<>(2);
        SessionLimiter at = queue.waitingAt();
        if (at != null && isShared(queue, at) && queue.isWithoutSession()) {
            at.promote(queue);
            pass(at, steps); // what is kept for queues without a session is for it now
        }
        pass(own, steps);
        if (cameUpAt != null) {
            pass(cameUpAt, steps);
        }
        pass(all, steps);
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
        if (closed) {
            return;
        }
        long now = nanoTime.getAsLong();
        for (Grant grant = limiter.next(now); grant != null; grant = limiter.next(now)) {
            steps.add(new Step((ReadyQueue) grant.waiter(), new Holding(limiter, grant.trial())));
        }
        wake(limiter);
    }

    /** In the order in which their permits are acquired. */
    private SessionLimiter[] needed(ReadyQueue queue) {
        SessionLimiter own = queue.throttle().sessions();
        SessionLimiter all = isLocal(queue) ? local : total;
        return queue.key().configured()
                ? new SessionLimiter[]{own, all}
                : new SessionLimiter[]{own, opening, all};
    }

    /** Whether its mail goes to a store of ours. */
    private static boolean isLocal(ReadyQueue queue) {
        return queue.key().configured() && queue.key().protocol() != Protocol.SMTP;
    }

    private void acquire(ReadyQueue queue, Holding passed, ArrayDeque<Step> steps) {
        SessionLimiter[] needed = needed(queue);
        boolean[] held = new boolean[needed.length];
        boolean trial = false;
        for (int i = 0; i < needed.length; i++) {
            held[i] = needed[i] == passed.limiter;
            trial |= held[i] && passed.trial;
        }
        for (int i = missing(held); i >= 0; i = missing(held)) {
            SessionLimiter limiter = needed[i];
            Answer answer = limiter.tryAcquire(i != OWN && queue.isWithoutSession(), nanoTime.getAsLong());
            if (answer == Answer.NONE) {
                giveBack(needed, held, trial, steps);
                trial = false;
                answer = waitAt(queue, limiter, steps);
                if (answer == Answer.NONE) {
                    return;
                }
            }
            held[i] = true;
            trial |= answer == Answer.TRIAL;
        }
        open(queue, needed, trial, steps);
    }

    private static int missing(boolean[] held) {
        for (int i = 0; i < held.length; i++) {
            if (!held[i]) {
                return i;
            }
        }
        return -1;
    }

    /** Has all permits. */
    private void open(ReadyQueue queue, SessionLimiter[] held, boolean trial, ArrayDeque<Step> steps) {
        Throttle throttle = queue.throttle();
        long now = nanoTime.getAsLong();
        long slot = queue.takeSlot(NO_SLOT);
        if (slot == NO_SLOT) {
            long wait = throttle.reserveConnection(now);
            slot = now + wait;
            if (wait > 0) {
                giveBack(held, trial, steps);
                queue.waitsForSlot(slot);
                return;
            }
        }
        Session session = queue.open(
                new Permit(throttle, held.length > 2 ? opening : null, held[held.length - 1], trial));
        if (session == null) {
            throttle.refundConnection(slot, now);
            giveBack(held, trial, steps);
            return;
        }
        opener.open(session);
        if (queue.reconsiders()) {
            steps.add(new Step(queue, NOTHING));
        }
    }

    private void giveBack(SessionLimiter[] limiters, boolean trial, ArrayDeque<Step> steps) {
        for (int i = 0; i < limiters.length; i++) {
            limiters[i].unused(i == OWN && trial);
            pass(limiters[i], steps);
        }
    }

    private void giveBack(SessionLimiter[] limiters, boolean[] held, boolean trial, ArrayDeque<Step> steps) {
        for (int i = 0; i < limiters.length; i++) {
            if (held[i]) {
                held[i] = false;
                limiters[i].unused(i == OWN && trial);
                pass(limiters[i], steps);
            }
        }
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
        Answer answer = limiter.acquire(queue, isShared(queue, limiter) && queue.isWithoutSession(),
                nanoTime.getAsLong());
        if (answer != Answer.NONE) {
            queue.granted();
            return answer;
        }
        if (isShared(queue, limiter) && queue.isWithoutSession()) { // it may have lost its last one just before
            limiter.promote(queue);
            pass(limiter, steps);
        }
        wake(limiter);
        Holder idle = limiter.longestIdle(queue);
        if (idle instanceof Session session) {
            session.queue().dismiss(session);
        }
        return Answer.NONE;
    }

    /** Whether all sites draw from it: then those without a session come first. */
    private static boolean isShared(ReadyQueue queue, SessionLimiter limiter) {
        return limiter != queue.throttle().sessions();
    }

    /** The one whose turn it is comes back when the limiter's window may be tried upward. */
    private static void wake(SessionLimiter limiter) {
        long at = limiter.triesAgainAt();
        if (at != Long.MIN_VALUE && limiter.first() instanceof ReadyQueue queue) {
            queue.wakeAt(at);
        }
    }
}
