package dev.penstock.queue;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.ReadyQueue.Failed;
import dev.penstock.queue.ReadyQueue.Kept;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.queue.ReadyQueue.Suspension;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route.Protocol;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.OpeningLimiter;
import dev.penstock.shaping.OpeningLimiter.Party;
import dev.penstock.shaping.OpeningLimiter.Place;
import dev.penstock.shaping.Permit;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.SessionLimiter.Answer;
import dev.penstock.shaping.SessionLimiter.Grant;
import dev.penstock.shaping.SessionLimiter.Holder;
import dev.penstock.shaping.SharedSessions;
import dev.penstock.shaping.SharedSessions.Held;

/**
 * Gets ready queues the permits for their sessions, and passes on those that come back. Thread-safe, without state of its
 * own but whether it is closed: what is under way is in the queues and in the limiters.
 *
 * <p>A session needs a permit of its key's limiter, one of each limit that its key shares with others, a permit of all
 * sessions, a place among those that come up, and a slot of each connection rate. The place it leaves when it has delivered, so that hosts which stall before that can't keep all
 * sessions; where the configuration names the hosts it needs none. Sessions to local stores have a limiter of their own in
 * the place of that of all.
 *
 * <p>Where there is none the queue is registered there. It keeps its key's permit meanwhile, those of what is shared, which
 * it takes all at once, and a place if it has one, but never a permit of all sessions. So each that waits goes one way: at
 * its key's limiter, having nothing; at what is shared, with its key's; at that of all,
 * for most find a place then; at the places, if it found none; at that of all again, with its place. However many permits
 * come back in one moment, and to whomever they pass, each is used or passes on a bounded number of times. A queue that
 * has no use for what it keeps gives it back, and keeps only where it is in the order.
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

    /**
     * A queue goes on to acquire what its session needs.
     *
     * @param limiter whose permit was passed to it; null for none
     * @param trial   whether that goes beyond the window
     * @param shared  that was passed to it, of what its key shares with others; null for none
     * @param place   that was passed to it; null for none
     */
    private record Step(ReadyQueue queue, @Nullable SessionLimiter limiter, boolean trial, @Nullable Held shared,
            @Nullable Place place) {
        /** With nothing. */
        Step(ReadyQueue queue) {
            this(queue, null, false, null, null);
        }

        boolean hasNothing() {
            return limiter == null && shared == null && place == null;
        }
    }

    /** What a queue has of what its session needs. */
    private final class Holding {
        final SessionLimiter own;
        final SharedSessions allShared;
        final SessionLimiter all;
        boolean hasOwn;
        /** Whether its own goes beyond the window. */
        boolean trial;
        @Nullable
        Held shared;
        @Nullable
        Place place;
        boolean hasOfAll;

        Holding(ReadyQueue queue) {
            this.own = queue.throttle().sessions();
            this.allShared = queue.throttle().shared();
            this.all = isLocal(queue) ? local : total;
        }

        /** It is about to wait. @return what it keeps then, null for nothing */
        @Nullable
        Kept keep() {
            if (!hasOwn) {
                return null;
            }
            own.keep();
            return new Kept(trial, shared, place);
        }

        /** It waits no more, and has that, unless it was given up meanwhile. */
        void keptUntilNow(@Nullable Kept kept) {
            hasOwn = kept != null;
            trial = kept != null && kept.trial();
            shared = kept == null ? null : kept.shared();
            place = kept == null ? null : kept.place();
            if (kept != null) {
                own.keepNoMore();
            }
        }
    }

    private final SessionLimiter total;
    private final SessionLimiter local;
    private final OpeningLimiter opening;
    private final TriedHosts tried;
    private final LongSupplier nanoTime;
    private final Opener opener;
    private volatile boolean closed;

    /**
     * @param total   of all sessions of the process but those to local stores
     * @param local   of these
     * @param opening of those to hosts that DNS told which come up
     * @param tried   which hosts of a route a session tries, in order
     */
    public Admission(SessionLimiter total, SessionLimiter local, OpeningLimiter opening,
            TriedHosts tried, LongSupplier nanoTime, Opener opener) {
        this.total = total;
        this.local = local;
        this.opening = opening;
        this.tried = tried;
        this.nanoTime = nanoTime;
        this.opener = opener;
    }

    /** With one limiter of all sessions, and no other. */
    Admission(SessionLimiter total, LongSupplier nanoTime, Opener opener) {
        this(total, total, new OpeningLimiter("opening", Integer.MAX_VALUE, 0), (_, hosts, _) -> hosts, nanoTime,
                opener);
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
        steps.add(new Step(queue));
        work(steps);
    }

    /**
     * The limiter, where this queue waits, may have something to give by now to those who wait there, or the queue has no
     * use for what it keeps.
     */
    public void mayGrant(ReadyQueue queue, Limiter limiter) {
        if (limiter == opening) {
            opening.update(queue, queue.claimAnew(), queue.networks(tried).getFirst());
        }
        ArrayDeque<Step> steps = new ArrayDeque<>(2);
        Kept inVain = queue.keepsInVain();
        if (inVain != null) {
            Holding had = new Holding(queue);
            had.keptUntilNow(inVain);
            giveBack(had, steps);
        }
        pass(limiter, steps);
        work(steps);
    }

    private void passOn(Limiter limiter) {
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
        return failed(session, trouble, mayCharge, reason, Duration.ZERO);
    }

    /** @param told for how long all mail of the queue is to wait; zero when that is ours to find out */
    public Failed failed(Session session, Trouble trouble, boolean mayCharge, String reason, Duration told) {
        long now = nanoTime.getAsLong();
        Permit permit = session.permit();
        ReadyQueue queue = session.queue();
        permit.failed();
        Failed failed = queue.failed(session, trouble, permit.othersOpen(), mayCharge, reason, told.toNanos());
        if (failed.narrows()) {
            permit.refused(now);
        } else if (failed.suspension() != null) {
            permit.throttle().sessions().collapsed(now);
        }
        wake(permit.throttle().sessions());
        return failed;
    }

    /**
     * The session is about to ask something of a host of this network that hasn't delivered over it yet: to connect to it,
     * be it the first host or another, or to take mail after it had none to do. It needs a place for that among those that
     * come up; nothing is waited for.
     *
     * @return whether it may; else it has to end, and its queue waits for a place
     */
    public boolean comesUp(Session session, String network) {
        Place place = session.permit().place();
        if (place == null) {
            return true;
        }
        boolean entered = place.enter(network);
        session.queue().comesUp(session, network, entered);
        passOn(opening); // there may be room where it was
        return entered;
    }

    /** There is no memory for the session: it has to end, which says nothing about its receiver, and its queue waits a little. */
    public void lacksMemory(Session session) {
        session.queue().lacksMemory(session);
    }

    /** The session is up. @return its first message; null when no mail is ready */
    public @Nullable QueueItem up(Session session) {
        return session.queue().up(session);
    }

    /** The session has delivered, or nothing is asked of its host: it doesn't count among those that come up. */
    public void cameUp(Session session) {
        Place place = session.permit().place();
        if (place != null) {
            place.leave();
            passOn(opening);
        }
    }

    /** The session has delivered. @return whether that ends a suspension */
    public boolean proved(Session session) {
        boolean ends = session.queue().proved(session);
        Permit permit = session.permit();
        cameUp(session);
        if (permit.proved(nanoTime.getAsLong())) {
            passOn(permit.throttle().sessions());
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
        Place place = permit.place();
        queue.giveBackUnusedSlot(session, now);
        permit.ended(now);
        Held held = permit.shared();
        if (held != null) {
            permit.throttle().shared().release(held);
        }
        if (place != null) {
            place.leave();
        }
        all.release(false, now);
        Suspension suspension = queue.ended(session);
        ArrayDeque<Step> steps = new ArrayDeque<>(2);
        Limiter at = queue.waitingAt();
        if (at != null && isShared(queue, at) && queue.isWithoutSession()) {
            at.promote(queue); // what is kept for queues without a session is for it now: both are passed on below
        }
        pass(own, steps);
        pass(permit.throttle().shared(), steps);
        if (place != null) {
            pass(opening, steps);
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
        pass(queue.throttle().shared(), steps);
        work(steps);
        return ends;
    }

    private void work(ArrayDeque<Step> steps) {
        for (Step step = steps.poll(); step != null; step = steps.poll()) {
            acquire(step, steps);
        }
    }

    /** Permits that are free go to those who wait for them; who is the next then comes back when more may be tried. */
    private void pass(Limiter limiter, ArrayDeque<Step> steps) {
        if (closed) {
            return;
        }
        long now = nanoTime.getAsLong();
        switch (limiter) {
            case SessionLimiter sessions -> {
                for (Grant grant = sessions.next(now); grant != null; grant = sessions.next(now)) {
                    steps.add(new Step((ReadyQueue) grant.waiter(), sessions, grant.trial(), null, null));
                }
                wake(sessions);
            }
            case SharedSessions shared -> {
                for (SharedSessions.Grant grant = shared.next(); grant != null; grant = shared.next()) {
                    steps.add(new Step((ReadyQueue) grant.waiter(), null, false, grant.held(), null));
                }
            }
            case OpeningLimiter places -> {
                for (OpeningLimiter.Grant grant = places.next(); grant != null; grant = places.next()) {
                    steps.add(new Step((ReadyQueue) grant.waiter(), null, false, null, grant.place()));
                }
            }
        }
    }

    /** Whether its mail goes to a store of ours. */
    private static boolean isLocal(ReadyQueue queue) {
        return queue.key().configured() && queue.key().protocol() != Protocol.SMTP;
    }

    private void acquire(Step step, ArrayDeque<Step> steps) {
        ReadyQueue queue = step.queue;
        boolean comesUp = !queue.key().configured();
        Holding has = new Holding(queue);
        if (!step.hasNothing()) {
            has.keptUntilNow(queue.granted());
        }
        if (step.limiter == has.own) {
            has.hasOwn = true;
            has.trial = step.trial;
        }
        has.hasOfAll = step.limiter == has.all;
        if (step.shared != null) {
            has.shared = step.shared;
        }
        if (step.place != null) {
            has.place = step.place;
        }
        if (has.place != null && !queue.parties().contains(has.place.party())) { // that one's mail has gone meanwhile
            giveBackPlace(has, steps);
        }
        while (true) { // goes on where something was free after all
            if (!has.hasOwn) {
                Answer answer = has.own.tryAcquire(false, nanoTime.getAsLong());
                if (answer == Answer.NONE) {
                    giveBack(has, steps);
                    answer = waitAt(queue, has, has.own, steps);
                    if (answer == Answer.NONE) {
                        return;
                    }
                }
                has.hasOwn = true;
                has.trial = answer == Answer.TRIAL;
            } else if (has.shared == null) {
                Held held = queue.throttle().tryShared(queue, queue.isWithoutSession());
                if (held == null) {
                    giveBackPlace(has, steps);
                    giveBackOfAll(has, steps);
                    held = waitForShared(queue, has, steps);
                    if (held == null) {
                        return;
                    }
                }
                has.shared = held;
            } else if (!has.hasOfAll) {
                Answer answer = has.all.tryAcquire(queue.isWithoutSession(), nanoTime.getAsLong());
                if (answer == Answer.NONE && waitAt(queue, has, has.all, steps) == Answer.NONE) {
                    return;
                }
                has.hasOfAll = true;
            } else if (comesUp && has.place == null) {
                Place place = place(queue);
                if (place == null) {
                    giveBackOfAll(has, steps);
                    place = waitForPlace(queue, has, steps);
                    if (place == null) {
                        return;
                    }
                }
                has.place = place;
            } else {
                open(queue, has, steps);
                return;
            }
        }
    }

    /** In whichever network has room, of those that would do. */
    private @Nullable Place place(ReadyQueue queue) {
        List<Party> parties = queue.parties();
        boolean first = queue.isWithoutSession();
        for (String network : queue.networks(tried)) {
            Place place = opening.tryAcquire(parties, network, first);
            if (place != null) {
                return place;
            }
        }
        return null;
    }

    /** Has all permits. */
    private void open(ReadyQueue queue, Holding has, ArrayDeque<Step> steps) {
        if (!queue.takeSlot(nanoTime.getAsLong())) {
            giveBack(has, steps);
            if (queue.waitsForSlot(nanoTime.getAsLong())) {
                steps.add(new Step(queue));
            }
            return;
        }
        Session session = queue.open(new Permit(queue.throttle(), has.shared, has.place, has.all, has.trial));
        if (session == null) {
            giveBack(has, steps);
            return;
        }
        opener.open(session);
        if (queue.reconsiders()) {
            steps.add(new Step(queue));
        }
    }

    private void giveBack(Holding has, ArrayDeque<Step> steps) {
        if (has.hasOwn) {
            has.hasOwn = false;
            has.own.unused(has.trial);
            has.trial = false;
            pass(has.own, steps);
        }
        Held shared = has.shared;
        if (shared != null) {
            has.shared = null;
            has.allShared.release(shared);
            pass(has.allShared, steps);
        }
        giveBackPlace(has, steps);
        giveBackOfAll(has, steps);
    }

    private void giveBackPlace(Holding has, ArrayDeque<Step> steps) {
        Place place = has.place;
        if (place != null) {
            has.place = null;
            place.leave();
            pass(opening, steps);
        }
    }

    private void giveBackOfAll(Holding has, ArrayDeque<Step> steps) {
        if (has.hasOfAll) {
            has.hasOfAll = false;
            has.all.unused(false);
            pass(has.all, steps);
        }
    }

    /**
     * Registers the queue, which keeps what it has, and asks a session of another queue to make room if one idles.
     *
     * @return whether a permit was free after all; else it is registered, or wants none any more
     */
    private Answer waitAt(ReadyQueue queue, Holding has, SessionLimiter limiter, ArrayDeque<Step> steps) {
        if (!prepareToWait(queue, has, limiter, steps)) {
            return Answer.NONE;
        }
        Answer answer = limiter.acquire(queue, isShared(queue, limiter) && queue.isWithoutSession(),
                nanoTime.getAsLong());
        if (answer != Answer.NONE) {
            has.keptUntilNow(queue.granted());
            return answer;
        }
        promoteIfWithoutSession(queue, limiter, steps);
        wake(limiter);
        dismiss(limiter.longestIdle(queue));
        return Answer.NONE;
    }

    /** As {@link #waitAt}, for what its key shares with others. @return null when it is registered, or wants none any more */
    private @Nullable Held waitForShared(ReadyQueue queue, Holding has, ArrayDeque<Step> steps) {
        SharedSessions limiter = has.allShared;
        if (!prepareToWait(queue, has, limiter, steps)) {
            return null;
        }
        Held held = queue.throttle().acquireShared(queue, queue.isWithoutSession());
        if (held != null) {
            has.keptUntilNow(queue.granted());
            return held;
        }
        promoteIfWithoutSession(queue, limiter, steps);
        pass(limiter, steps);
        dismiss(limiter.longestIdle(queue));
        return null;
    }

    private static void dismiss(@Nullable Holder idle) {
        if (idle instanceof Session session) {
            session.queue().dismiss(session);
        }
    }

    /** As {@link #waitAt}, among those that come up, where none idles. @return null when it is registered, or wants none any more */
    private @Nullable Place waitForPlace(ReadyQueue queue, Holding has, ArrayDeque<Step> steps) {
        if (!prepareToWait(queue, has, opening, steps)) {
            return null;
        }
        List<Party> claimed = queue.claimed();
        String network = queue.networks(tried).getFirst();
        Place place = opening.acquire(queue, claimed, network, queue.isWithoutSession());
        if (place != null) {
            has.keptUntilNow(queue.granted());
            return place;
        }
        List<Party> more = queue.claimAnew();
        if (!more.equals(claimed)) { // mail came before it was registered
            opening.update(queue, more, network);
            pass(opening, steps);
        }
        promoteIfWithoutSession(queue, opening, steps);
        return null;
    }

    /**
     * Says where it waits before it does: a permit may be passed to it in the same moment, and what it keeps is the queue's
     * from here on.
     *
     * @return false when it wants none: what it had is given back
     */
    private boolean prepareToWait(ReadyQueue queue, Holding has, Limiter limiter, ArrayDeque<Step> steps) {
        queue.giveBackSlot(nanoTime.getAsLong());
        Kept keeps = has.keep();
        if (queue.waitsAt(limiter, keeps)) {
            return true;
        }
        has.keptUntilNow(keeps);
        giveBack(has, steps);
        return false;
    }

    /** It may have lost its last one just before it was registered. */
    private void promoteIfWithoutSession(ReadyQueue queue, Limiter limiter, ArrayDeque<Step> steps) {
        if (isShared(queue, limiter) && queue.isWithoutSession()) {
            limiter.promote(queue);
            pass(limiter, steps);
        }
    }

    /** Whether all sites draw from it: then those without a session come first. */
    private static boolean isShared(ReadyQueue queue, Limiter limiter) {
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
