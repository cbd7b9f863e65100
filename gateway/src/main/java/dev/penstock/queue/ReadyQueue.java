package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Providers;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.LimitReached;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.OpeningLimiter;
import dev.penstock.shaping.OpeningLimiter.Party;
import dev.penstock.shaping.OpeningLimiter.Place;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Flow;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.Permit;
import dev.penstock.shaping.Prospect;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.SharedSessions.Held;
import dev.penstock.shaping.Throttle;
import dev.penstock.units.MailClass;

/**
 * Mail that may go through the same sessions, whose turn it is, and what it needs to get one. Thread-safe: one state
 * machine behind one lock, one method per event, no I/O; its lock is held for nanoseconds and never over a call to the
 * outside.
 *
 * <p>Invariant, after every event: mail is ready ⇒ the queue is suspended until a known time, or waits at exactly one
 * limiter (a {@link Limiter}, the slot of a rate, the spool that can't record), or has a session that will take
 * it, or one that is coming up, or is just acquiring the permits for one, or is barred: its source can't be used, it gives
 * out nothing, and whoever barred it places its mail anew. Mail that is withheld ({@link Withheld}) isn't ready; it is
 * when its owner's suspension is over, for which {@link #timeCame} is asked for. While the queue is suspended no session
 * gets mail that stood when that began.
 *
 * <p>A session is connected first and takes mail when it is up. Sessions grow as in a slow start: no more may be on
 * their way up than have come up, so that a site that doesn't answer costs one connection at a time, and a busy one that
 * does reaches its limit in a few round trips. How many there may be is the limiters' business.
 *
 * <p>The mail whose route is being looked up is in a ready queue too, one without hosts.
 */
public final class ReadyQueue implements SessionLimiter.Waiter {
    /** Ready messages per session that make another one worth its connection. */
    static final int BACKLOG_PER_SESSION = 4;
    /** But a message doesn't wait longer than this for a session that is slow. */
    static final Duration PATIENCE = Duration.ofSeconds(1);
    /** And a transactional one no longer than this: its sender may look at a screen. */
    static final Duration HASTE = Duration.ofMillis(100);
    /** After which a session is tried again that there was no memory for: long against what trying costs. */
    static final Duration MEMORY_WAIT = Duration.ofSeconds(1);
    private static final int ROUTE_TRIES = 4;
    /** One of so many messages that come may be a probe of the forecast, less one: what that costs is shared by as many. */
    private static final int PROBE_MASK = 15;
    /** What its source may not send for longer than this is placed anew instead of waiting; also how often that is asked. */
    static final Duration QUOTA_WAIT = Duration.ofSeconds(1);

    /** What the state machine can't know by itself. The first seven are called under the lock, the others without it. */
    interface Surroundings {
        /** As {@link System#nanoTime()}. */
        long nanos();

        /** Milliseconds since 1970 by the wall clock at {@code atNanos}. */
        long wallAt(long atNanos);

        /** Whether mail may be given out at all. */
        boolean handsOut();

        /** How long the first suspension is and how long the longest, in nanoseconds. */
        Suspensions suspensions();

        /**
         * A session is about to take the item: what limits how much its source sends counts it.
         *
         * @return 0 when it may be sent, else nanoseconds until it is worth asking again
         */
        long counts(QueueItem item);

        /**
         * A session is about to take the item: what limits its sender counts it.
         *
         * @return null when it may be sent, else until when nothing of its sub-queue may
         */
        default Withheld.@Nullable Until bySender(QueueItem item) {
            return null;
        }

        /** Whether an operator has let the item go: it has its attempt, however old it is. */
        default boolean isReleased(QueueItem item) {
            return false;
        }

        /** What is to be expected of the pace that a receiver is found to take mail at. */
        default Prospect prospect(Throttle throttle) {
            return Prospect.OPEN;
        }

        /** How those who have mail here share its sessions. */
        Shares shares();

        /** So many octets more, or fewer, are kept of what was said. Called under no lock of the queue's, or any. */
        default void keeps(int octets) {}

        /** What is ready of the sub-queue is to be placed anew. */
        void strays(SubQueue subQueue);

        /** Has {@link #timeCame()} called then; sooner does no harm. */
        void wakeAt(ReadyQueue queue, long atNanos);

        /** The queue wants a session: get it the permits. */
        void wantsSession(ReadyQueue queue);

        /**
         * The limiter, where the queue waits, may have something to give by now to those who wait there, or the queue has
         * no use for what it keeps.
         */
        void mayGrant(ReadyQueue queue, Limiter limiter);

        /** Asks for the domain's route. @return whether the answer was there at once, and now applies */
        boolean askNow(DomainQueue domain);

        /** A session gives back what it was handed. */
        void requeue(QueueItem item);
    }

    /** Nanoseconds. */
    record Suspensions(long first, long longest) {}

    /**
     * Its source can't be used.
     *
     * @param why         for people
     * @param untilMillis milliseconds since 1970; 0 when nobody knows
     */
    record Bar(String why, long untilMillis) {}

    /** Why a session failed. */
    public enum Trouble {
        /** No host could be spoken to. */
        UNREACHABLE,
        /** The host takes no more sessions. */
        CROWDED,
        /** The receiver refuses us, whichever host is asked. */
        REFUSED,
        /** The hosts can't be spoken to as safely as this queue's mail wants: other queues of the site can. */
        INSECURE
    }

    /**
     * All mail of the queue waits, untouched.
     *
     * @param untilMillis milliseconds since 1970, then one session is tried
     * @param length      from its beginning
     * @param tries       sessions tried since the first suspension
     * @param why         for people
     */
    public record Suspension(long untilMillis, Duration length, int tries, String why) {}

    /**
     * What a failed session leads to.
     *
     * @param charged    the message that the failure counts as an attempt for, to be settled; null for none
     * @param suspension that begins, or begins anew; null for none
     * @param narrows    whether the receiver is to be offered no more sessions than stand
     */
    public record Failed(@Nullable QueueItem charged, @Nullable Suspension suspension, boolean narrows) {}

    /** One session of the queue, from the moment its permits are there. Guarded by the queue's lock. */
    public static final class Session implements SessionLimiter.Holder {
        private final ReadyQueue queue;
        private final Permit permit;
        /** Of the connection rates; null when nothing bounds them. */
        private final @Nullable Slot slot;
        private boolean askedHost;
        private boolean up;
        private boolean gone;
        private boolean idle;
        private boolean tookMail;
        private boolean proved;
        private boolean crowdedOut;
        /** Of the queue's suspensions, how many had begun when it was opened. */
        private final int epoch;
        private @Nullable QueueItem handed;
        private volatile @Nullable Thread thread;
        /** Instead of a thread that waits; null where one does. */
        private volatile @Nullable Runnable onWake;

        private Session(ReadyQueue queue, Permit permit, @Nullable Slot slot) {
            this.queue = queue;
            this.permit = permit;
            this.slot = slot;
            this.epoch = queue.epoch;
        }

        /** Whether a suspension began after it was opened: it gets no more mail, and says no more about the receiver. */
        private boolean isLeftOver() {
            return epoch != queue.epoch;
        }

        /** Is told when it was handed mail or is to end, as a thread in {@link ReadyQueue#await} is. */
        void onWake(Runnable action) {
            onWake = action;
        }

        private void wake() {
            Runnable action = onWake;
            if (action == null) {
                LockSupport.unpark(thread);
            } else {
                action.run();
            }
        }

        public ReadyQueue queue() {
            return queue;
        }

        public Permit permit() {
            return permit;
        }

        @Override
        public SessionLimiter.Waiter owner() {
            return queue;
        }
    }

    /**
     * What the queue keeps while it waits for the rest of what its session needs: a permit of its key's limiter.
     *
     * @param trial  whether that goes beyond the window
     * @param shared of what its key shares with others, null for none
     * @param place  among the sessions that come up, null for none
     */
    record Kept(boolean trial, @Nullable Held shared, @Nullable Place place) {}

    private record Whose(Providers known, Site site, String provider) {}

    /** How far the queue is with getting a session the permits. */
    private enum Seeking {
        NO,
        /** Somebody is at it, and will come to the end of it. */
        ACQUIRING,
        /** Registered there; {@link #granted} will be called. */
        AT_LIMITER,
        /** Waits for a slot of the connection rates; {@link #slotCame} goes on then. */
        AT_SLOT
    }

    private final Surroundings around;
    private final QueueKey key;
    private final @Nullable Throttle throttle;
    /** Two ready queues are locked in the order of their numbers. */
    final long number;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile Route.@Nullable Open route;
    /** As it was found last. */
    private volatile @Nullable Whose whose;

    private final Turns turns;
    /** Written under the lock. */
    private volatile boolean transactional;
    private int ready;
    private int active;
    private int domains;
    private @Nullable DomainQueue lastDomain;
    private boolean closed;
    private int idleSweeps;

    private int opening;
    private int up;
    private int pacing;
    private final ArrayDeque<Session> idle = new ArrayDeque<>(2);
    private Seeking seeking = Seeking.NO;
    /** Written under the lock. */
    private volatile @Nullable Limiter waitingAt;
    /** Whose mail it waits there for a place for, among the sessions that come up. */
    private List<Party> claimed = List.of();
    /** While it waits at a limiter. */
    private @Nullable Kept kept;
    /** Where its last session found no place; null when it found one. */
    private volatile @Nullable String crowdedNetwork;
    private final @Nullable Flow openings;
    private final @Nullable Flow messages;
    /** For opening the next connection: taken, waited for, or null. */
    private @Nullable Slot slot;
    private boolean impatient;
    private long impatientNanos;
    /** No session is worth having before the next message slot: {@link #messages} sleeps, and {@link #wakes} comes. */
    private boolean held;
    private boolean lacksMemory;
    private long memoryNanos;
    private int failures;
    private boolean suspended;
    private long suspendedUntilNanos;
    private long suspensionNanos;
    private int tries;
    private String why = "";
    /** Suspensions that began while sessions stood. */
    private int epoch;
    /** Sessions that stand from before such a suspension. */
    private int leftOver;
    private final Withheld withheld = new Withheld();
    private final Departures departures = new Departures();
    private final Forecast forecast = new Forecast();
    final RecentOutcomes recent;
    /** Mail is ready and may go, as of the last event: what it takes now counts for how fast it goes. */
    private boolean flows;
    /** Mail is there and none may go, as of the last event. */
    private boolean stands;
    /** All there is waits for its senders' limits, as of the last event. */
    private boolean waits;
    private int appended;
    private @Nullable TrafficLimits shapedBy;
    /** Written under the lock. */
    private volatile @Nullable Bar bar;

    /** Sessions that were given mail, or asked to end, in the event under way: woken when the lock is free. */
    private final List<Session> woken = new ArrayList<>(2);
    private boolean armed;
    private long armedNanos;
    /** Whether {@link #timeCame} is to be called at {@link #askedNanos}. */
    private boolean asked;
    private long askedNanos;

    // Guarded by the scheduler's lock.
    boolean wakePending;
    long wakeNanos;

    /** @param throttle null for the mail whose route isn't known */
    ReadyQueue(Surroundings around, QueueKey key, long number, @Nullable Throttle throttle,
            Route.@Nullable Open route) {
        this.around = around;
        this.recent = new RecentOutcomes(around::keeps);
        this.turns = new Turns(around::shares);
        this.key = key;
        this.number = number;
        this.throttle = throttle;
        this.route = route;
        this.shapedBy = throttle == null ? null : throttle.limits();
        this.openings = throttle == null ? null : throttle.connections();
        this.messages = throttle == null ? null : throttle.messages(this::wakes);
    }

    public QueueKey key() {
        return key;
    }

    /** Of its messages, which take turns with those of other queues at the limits that they share. */
    public Flow messages() {
        return requireNonNull(messages, "mail without a route isn't shaped");
    }

    /** What it is shaped by. */
    public Throttle throttle() {
        return requireNonNull(throttle, "mail without a route isn't shaped");
    }

    @Nullable
    Throttle throttleOrNull() {
        return throttle;
    }

    // Events of sessions. They lock, and tell the outside when they have let go.

    /** See {@link Admission#up}. */
    @Nullable
    QueueItem up(Session session) {
        QueueItem item;
        boolean wants;
        lock();
        try {
            if (!session.up && !session.gone) {
                session.up = true;
                opening--;
                up++;
            }
            item = take(session);
            wants = evaluate();
        } finally {
            unlock();
        }
        tell(wants);
        return item;
    }

    /**
     * The next message, to be delivered and then given to {@link MailQueue#finished}, {@link MailQueue#retry} or
     * {@link MailQueue#requeue}.
     *
     * @return null when there is none now, or none is given out
     */
    public @Nullable QueueItem next(Session session) {
        lock();
        try {
            return take(session);
        } finally {
            unlock();
        }
    }

    /**
     * As {@link #next}, but waits for mail, in the session's own thread. Whoever comes gets it: a session that is handed
     * a message in the moment in which it gives up has it all the same.
     *
     * @return null when none came within {@code nanos}, others want what the session holds, or none is given out
     * @throws InterruptedException and nothing was taken
     */
    public @Nullable QueueItem await(Session session, long nanos) throws InterruptedException {
        session.thread = Thread.currentThread();
        QueueItem item = idles(session);
        if (item != null) {
            return item;
        }
        session.permit.idle(session);
        if (session.permit.isWanted(waitingAt)) { // who came to wait before this one was known as idle has not asked it
            dismiss(session);
        }
        long until = System.nanoTime() + nanos;
        try {
            while (isIdle(session)) {
                long left = until - System.nanoTime();
                boolean interrupted = Thread.interrupted();
                if (interrupted || left <= 0) {
                    dismiss(session);
                }
                if (interrupted) {
                    QueueItem handed = handed(session);
                    if (handed != null) {
                        around.requeue(handed);
                    }
                    throw new InterruptedException();
                }
                if (left > 0) {
                    LockSupport.parkNanos(this, left);
                }
            }
            return handed(session);
        } finally {
            session.permit.busy(session);
        }
    }

    /** The session has nothing to do: it is handed what comes next. @return mail that is there already, and it doesn't idle */
    @Nullable
    QueueItem idles(Session session) {
        lock();
        try {
            QueueItem item = take(session);
            if (item == null && !closed && bar == null && around.handsOut() && !session.isLeftOver()) {
                session.idle = true;
                idle.addLast(session);
            }
            return item;
        } finally {
            unlock();
        }
    }

    boolean isIdle(Session session) {
        lock();
        try {
            return session.idle;
        } finally {
            unlock();
        }
    }

    /** What a session was handed when it idled; null when it was dismissed instead. */
    @Nullable
    QueueItem handed(Session session) {
        lock();
        try {
            QueueItem item = session.handed;
            session.handed = null;
            return item;
        } finally {
            unlock();
        }
    }

    /** Others want what this session holds: it ends, unless it has got mail meanwhile. */
    void dismiss(Session session) {
        lock();
        try {
            if (session.idle) {
                idle.remove(session);
                release(session);
            }
        } finally {
            unlock();
        }
    }

    private void release(Session session) {
        session.idle = false;
        woken.add(session);
    }

    /** The session waits for its message slot, or has stopped to: while one does, more sessions would send no sooner. */
    public void pacing(boolean begins) {
        lock();
        try {
            pacing += begins ? 1 : -1;
            if (pacing == 0 && ready > 0 && !impatient) { // more sessions only if this one turns out to be slow
                impatient = true;
                impatientNanos = patientUntil(around.nanos());
                arm(impatientNanos);
            }
        } finally {
            unlock();
        }
    }

    /** The next message slot is so far away that no session is worth opening before it. */
    public void hold() {
        lock();
        try {
            if (!held) {
                held = true;
                messages().sleep(throttle().limits().idleTimeout().toNanos(), around.nanos());
            }
        } finally {
            unlock();
        }
    }

    /** The next message slot is near. */
    private void wakes() {
        boolean wants;
        lock();
        try {
            held = false;
            wants = evaluate();
        } finally {
            unlock();
        }
        tell(wants);
    }

    /**
     * The session has delivered for the first time: nothing is wrong with the receiver.
     *
     * @return whether that ends a suspension
     */
    boolean proved(Session session) {
        boolean ends;
        boolean wants;
        lock();
        try {
            if (session.proved) {
                return false;
            }
            session.proved = true;
            ends = !session.isLeftOver() && resumeLocked();
            wants = evaluate();
        } finally {
            unlock();
        }
        tell(wants);
        return ends;
    }

    /** As the other, when the receiver hasn't said for how long. */
    Failed failed(Session session, Trouble trouble, boolean othersAtSite, boolean mayCharge, String reason) {
        return failed(session, trouble, othersAtSite, mayCharge, reason, 0);
    }

    /**
     * The session couldn't be opened, or the receiver wants it no more. It counts no more from now on; {@link #ended}
     * still has to come.
     *
     * @param othersAtSite whether sessions of any queue stand with the same site or are coming up
     * @param mayCharge    whether a message is to be charged when no session of the queue stands or is coming up; false
     *                     when the session had one
     * @param reason       for people
     * @param toldNanos    for how long all mail is to wait, whatever else stands; 0 when that is ours to find out
     */
    Failed failed(Session session, Trouble trouble, boolean othersAtSite, boolean mayCharge, String reason,
            long toldNanos) {
        lock();
        try {
            boolean wasUp = session.up;
            boolean wasGone = session.gone;
            boolean wasLeftOver = session.isLeftOver() && !wasGone;
            forget(session);
            if (wasGone && toldNanos == 0) { // it has told of its failure already
                return new Failed(null, null, false);
            }
            if (bar != null) { // it has lost its source: that says nothing about the receiver
                return new Failed(null, null, false);
            }
            if (toldNanos > 0) {
                QueueItem charged = mayCharge && opening + up == 0 ? takeAny() : null;
                return new Failed(charged, suspendAsTold(toldNanos, reason), false);
            }
            if (wasLeftOver) {
                return new Failed(mayCharge && opening + up == 0 ? takeAny() : null, null, false);
            }
            if (serving() > 0) {
                // A session that broke off under one message says nothing about how many there may be.
                return new Failed(null, null, !wasUp || trouble == Trouble.CROWDED || trouble == Trouble.REFUSED);
            }
            failures++;
            boolean roomElsewhere = othersAtSite && (trouble == Trouble.CROWDED || trouble == Trouble.UNREACHABLE);
            if (roomElsewhere && !suspended
                    && failures < throttle().limits().consecutiveConnectionFailuresBeforeDelay()) {
                return new Failed(null, null, true); // other queues have what the receiver takes; this one's turn may come
            }
            Suspension suspension = null;
            if (suspended) {
                suspension = suspend(Math.min(2 * suspensionNanos, around.suspensions().longest), reason);
            } else if (trouble == Trouble.REFUSED || trouble == Trouble.CROWDED
                    || failures >= throttle().limits().consecutiveConnectionFailuresBeforeDelay()) {
                tries = 0;
                suspension = suspend(around.suspensions().first,
                        failures > 1 ? failures + " connection failures in a row, the last: " + reason : reason);
            }
            return new Failed(mayCharge ? takeAny() : null, suspension, false);
        } finally {
            unlock();
        }
    }

    /** Sessions that get mail, or may when they are up. */
    private int serving() {
        return opening + up - leftOver;
    }

    /** Suspends the queue for so long, whatever stands. @return null when it waits for about as long already */
    public @Nullable Suspension suspend(Duration time, String reason) {
        lock();
        try {
            return suspendAsTold(time.toNanos(), reason);
        } finally {
            unlock();
        }
    }

    private @Nullable Suspension suspendAsTold(long nanos, String reason) {
        long left = suspended ? suspendedUntilNanos - around.nanos() : 0;
        if (left > nanos / 2) { // another session was told the same
            return null;
        }
        if (!suspended) {
            tries = 0;
        }
        epoch++;
        leftOver = opening + up;
        while (!idle.isEmpty()) {
            release(idle.removeLast());
        }
        return suspend(nanos, reason);
    }

    /** As {@link #suspend(Duration, String)}, for the mail of one tenant; others' goes on. */
    public @Nullable Suspension suspendTenant(String tenant, Duration time, String reason) {
        lock();
        try {
            long now = around.nanos();
            Withheld.Until until = Withheld.Until.endOfSuspension(now + time.toNanos(),
                    "tenant " + tenant + ": " + reason);
            return withheld.suspend(tenant, until, now) ? withhold(until, time) : null;
        } finally {
            unlock();
        }
    }

    /** As {@link #suspend(Duration, String)}, for the mail of one campaign of a tenant; others' goes on. */
    public @Nullable Suspension suspendCampaign(String tenant, String campaign, Duration time, String reason) {
        lock();
        try {
            long now = around.nanos();
            Withheld.Until until = Withheld.Until.endOfSuspension(now + time.toNanos(),
                    "campaign " + campaign + " of tenant " + tenant + ": " + reason);
            return withheld.suspend(new TenantCampaign(tenant, campaign), until, now) ? withhold(until, time) : null;
        } finally {
            unlock();
        }
    }

    private Suspension withhold(Withheld.Until until, Duration time) {
        withhold(until);
        return new Suspension(around.wallAt(until.nanos()), time, 1, until.why());
    }

    /** @return whose mail waits until then though it did not before */
    private List<SubQueue> withhold(Withheld.Until until) {
        List<SubQueue> withdrawn = withdraw();
        arm(until.nanos());
        return withdrawn;
    }

    private List<SubQueue> withdraw() {
        List<SubQueue> withdrawn = new ArrayList<>();
        for (SubQueue subQueue : turns.subQueues()) {
            if (withheld.of(subQueue) != null) {
                turns.leave(subQueue);
                ready -= subQueue.ready.size();
                withheld.add(subQueue, subQueue.ready.size());
                withdrawn.add(subQueue);
            }
        }
        if (ready == 0) {
            impatient = false;
        }
        return withdrawn;
    }

    /** Its sender may send no more for a while. */
    private void withhold(SubQueue subQueue, Withheld.Until until) {
        withheld.spent(subQueue, until);
        turns.leave(subQueue);
        ready -= subQueue.ready.size();
        withheld.add(subQueue, subQueue.ready.size());
        if (ready == 0) {
            impatient = false;
        }
        arm(until.nanos());
    }

    /** Locked. The sub-queue's sender may send again. @return whether a session is wanted */
    boolean mayGoOn(SubQueue subQueue) {
        return withheld.isFree(subQueue) && release(List.of(subQueue));
    }

    /** What binds senders may be something else: whoever waits for that is asked about anew. */
    void sendersChanged() {
        boolean wants = false;
        lock();
        try {
            for (SubQueue subQueue : withheld.spentSenders()) {
                wants |= mayGoOn(subQueue);
            }
        } finally {
            unlock();
        }
        tell(wants);
    }

    /** The source may send no more to that provider before so many nanoseconds have passed. */
    private void spent(String provider, long nanos) {
        long wait = Math.min(nanos, QUOTA_WAIT.toNanos());
        String what = "the time at which source " + key.source() + " may send more"
                + (provider.isEmpty() ? "" : " to " + provider);
        Withheld.Until until = new Withheld.Until(around.nanos() + wait, what, () -> what);
        withheld.spent(provider, until);
        List<SubQueue> spent = withhold(until);
        if (nanos > wait) {
            spent.forEach(around::strays);
        }
    }

    /** @return whether a session is wanted */
    private boolean release(List<SubQueue> released) {
        boolean wants = false;
        for (SubQueue subQueue : released) {
            ready += subQueue.ready.size();
            turns.join(subQueue);
        }
        for (SubQueue subQueue : released) {
            wants |= mailCame(subQueue);
        }
        return wants;
    }

    private Suspension suspend(long nanos, String reason) {
        suspended = true;
        suspensionNanos = nanos;
        suspendedUntilNanos = around.nanos() + nanos;
        tries++;
        why = reason;
        arm(suspendedUntilNanos);
        return new Suspension(around.wallAt(suspendedUntilNanos), Duration.ofNanos(nanos), tries, reason);
    }

    /** The session is over, its permits are back. @return a suspension that begins anew; null for none */
    @Nullable
    Suspension ended(Session session) {
        Suspension suspension = null;
        boolean wants;
        lock();
        try {
            if (!session.gone) {
                boolean wasLeftOver = session.isLeftOver();
                forget(session);
                if (suspended && serving() == 0 && !session.crowdedOut && !wasLeftOver) { // it was the try
                    if (session.tookMail && !session.proved) { // nor has it shown anything: as long again
                        suspension = suspend(suspensionNanos, why);
                    } else {
                        resumeLocked();
                    }
                }
            }
            wants = evaluate();
        } finally {
            unlock();
        }
        tell(wants);
        return suspension;
    }

    private void forget(Session session) {
        if (!session.gone) {
            session.gone = true;
            if (session.isLeftOver()) {
                leftOver--;
            }
            if (session.up) {
                up--;
            } else {
                opening--;
            }
        }
    }

    // Events of the limiters

    /**
     * About to be registered there, keeping this.
     *
     * @return false when no session is wanted any more: then it must not be, and keeps nothing
     */
    boolean waitsAt(Limiter limiter, @Nullable Kept keeps) {
        lock();
        try {
            if (!mayOpen()) {
                seeking = Seeking.NO;
                return false;
            }
            seeking = Seeking.AT_LIMITER;
            waitingAt = limiter;
            kept = keeps;
            claimed = limiter instanceof OpeningLimiter ? turns.parties() : List.of();
            return true;
        } finally {
            unlock();
        }
    }

    /**
     * A permit of the limiter it waited at is its own now; it goes on to acquire the others.
     *
     * @return what it kept, null for nothing
     */
    @Nullable
    Kept granted() {
        lock();
        try {
            Kept was = kept;
            kept = null;
            seeking = Seeking.ACQUIRING;
            waitingAt = null;
            claimed = List.of();
            return was;
        } finally {
            unlock();
        }
    }

    /** It stays where it waits. @return what it kept without a use for it, for others to have; null for nothing */
    @Nullable
    Kept keepsInVain() {
        lock();
        try {
            Kept was = kept;
            if (was == null || isOfUse(was)) {
                return null;
            }
            kept = null;
            return was;
        } finally {
            unlock();
        }
    }

    private boolean isOfUse(Kept keeps) {
        return mayOpen() && (keeps.place == null || turns.has(keeps.place.party()));
    }

    /** What it keeps while it waits, null for nothing. For tests. */
    @Nullable
    Kept kept() {
        lock();
        try {
            return kept;
        } finally {
            unlock();
        }
    }

    /** Whose mail it waits for a place for, as of {@link #waitsAt}. */
    List<Party> claimed() {
        lock();
        try {
            return claimed;
        } finally {
            unlock();
        }
    }

    /** As {@link #claimed()}, brought up to date while it waits. */
    List<Party> claimAnew() {
        lock();
        try {
            if (waitingAt instanceof OpeningLimiter) {
                claimed = turns.parties();
            }
            return claimed;
        } finally {
            unlock();
        }
    }

    /** Whose mail a session would be for: those whose mail is ready, whose turn it is first. */
    List<Party> parties() {
        lock();
        try {
            return turns.parties();
        } finally {
            unlock();
        }
    }

    /**
     * The networks that its next session may connect to first, {@link OpeningLimiter#NO_NETWORK} when that isn't known.
     *
     * @param tried which hosts of its route a session tries, in order
     * @return not empty
     */
    List<String> networks(TriedHosts tried) {
        String crowded = crowdedNetwork;
        if (crowded != null) {
            return List.of(crowded);
        }
        return switch (route) {
            case Route.Hosts known -> {
                List<MailHost> hosts = tried.of(key, known.hosts(), throttle().limits());
                int preference = hosts.getFirst().preference();
                yield hosts.stream().takeWhile(host -> host.preference() == preference).map(MailHost::network)
                        .distinct().toList();
            }
            case Route.Store _ -> List.of(OpeningLimiter.NO_NETWORK);
            case null -> List.of(OpeningLimiter.NO_NETWORK);
        };
    }

    /**
     * A session comes up, or is to be asked something though it never delivered. See {@link Admission#comesUp}.
     *
     * @param place whether it has a place for that; else it ends, and the queue waits for one
     */
    void comesUp(Session session, String network, boolean place) {
        lock();
        try {
            if (place) {
                crowdedNetwork = null;
                session.askedHost = true;
            } else if (!session.crowdedOut) { // of several hosts in a row the first counts
                crowdedNetwork = network;
            }
            session.crowdedOut = !place;
        } finally {
            unlock();
        }
    }

    /** There is no memory for the session, of which its receiver knows nothing: it ends, and others are tried later. */
    void lacksMemory(Session session) {
        lock();
        try {
            session.crowdedOut = true;
            lacksMemory = true;
            memoryNanos = around.nanos() + MEMORY_WAIT.toNanos();
            arm(memoryNanos);
        } finally {
            unlock();
        }
    }

    /** Takes a slot of the connection rates if it is now, or has come. */
    boolean takeSlot(long nowNanos) {
        lock();
        try {
            if (slot == null && openings().isUnbound()) {
                return true;
            }
            slot().take(Cost.ONE, -1, nowNanos);
            return slot().isTaken();
        } finally {
            unlock();
        }
    }

    /** Of its sessions opened. */
    Flow openings() {
        return requireNonNull(openings, "mail without a route isn't shaped");
    }

    private Slot slot() {
        Slot known = slot;
        if (known == null) {
            known = openings().slot(this::slotCame);
            slot = known;
        }
        return known;
    }

    /** Waits for a slot of the connection rates, holding nothing else. @return whether it is taken after all, and to be gone on with */
    boolean waitsForSlot(long nowNanos) {
        lock();
        try {
            slot().take(Cost.ONE, Long.MAX_VALUE, nowNanos);
            boolean taken = slot().isTaken();
            seeking = taken ? Seeking.ACQUIRING : Seeking.AT_SLOT;
            return taken;
        } finally {
            unlock();
        }
    }

    /** A slot that was waited for is there: it goes on to acquire the permits. */
    private void slotCame() {
        boolean goesOn;
        lock();
        try {
            goesOn = seeking == Seeking.AT_SLOT && slot().isTaken();
            if (goesOn) {
                seeking = Seeking.ACQUIRING;
            }
        } finally {
            unlock();
        }
        tell(goesOn);
    }

    /** Others may have the slot for opening a connection, if there is one. */
    void giveBackSlot(long nowNanos) {
        lock();
        try {
            if (slot != null) {
                slot.giveBack(nowNanos);
            }
        } finally {
            unlock();
        }
    }

    /** Others may have the slot of a session that came to no host, for whose network it had a place. */
    void giveBackUnusedSlot(Session session, long nowNanos) {
        lock();
        try {
            if (session.slot != null && session.permit.place() != null && !session.askedHost) {
                session.slot.giveBack(nowNanos);
            }
        } finally {
            unlock();
        }
    }

    /**
     * The permits are there, and the slot for opening a connection.
     *
     * @return null when no session is wanted any more: the slot is given back
     */
    @Nullable
    Session open(Permit permit) {
        lock();
        try {
            seeking = Seeking.NO;
            if (!mayOpen()) {
                if (slot != null) {
                    slot.giveBack(around.nanos()); // under the lock: it is soon what a next session waits for
                }
                return null;
            }
            impatient = false;
            opening++;
            Slot used = slot;
            slot = null;
            return new Session(this, permit, used);
        } finally {
            unlock();
        }
    }

    /** The permits couldn't be acquired, or weren't wanted: what is ready is looked at anew. @return whether to begin again */
    boolean reconsiders() {
        lock();
        try {
            return evaluate();
        } finally {
            unlock();
        }
    }

    /** Where it is registered, null for nowhere. */
    public @Nullable Limiter waitingAt() {
        return waitingAt;
    }

    boolean isAcquiring() {
        lock();
        try {
            return seeking == Seeking.ACQUIRING;
        } finally {
            unlock();
        }
    }

    /** Whether it has no session, not even one coming up. */
    boolean isWithoutSession() {
        lock();
        try {
            return opening + up == 0;
        } finally {
            unlock();
        }
    }

    /** Has {@link #timeCame} called then. */
    void wakeAt(long atNanos) {
        lock();
        try {
            arm(atNanos);
        } finally {
            unlock();
        }
    }

    // Events of time and of the operator

    /** A time that was asked for has come, or another one. */
    void timeCame() {
        boolean wants;
        Limiter limiter;
        lock();
        try {
            asked = false;
            limiter = waitingAt;
            boolean released = !withheld.isEmpty() && release(withheld.release(around.nanos()));
            if (!withheld.isEmpty()) {
                arm(withheld.nextEnd(around.nanos()));
            }
            wants = released || switch (seeking) {
                case NO -> evaluate();
                case ACQUIRING, AT_LIMITER, AT_SLOT -> false;
            };
        } finally {
            unlock();
        }
        tell(wants);
        if (limiter != null) {
            around.mayGrant(this, limiter);
        }
    }

    /** Ends a suspension. @return whether there was one */
    public boolean resume() {
        boolean ends;
        boolean wants;
        lock();
        try {
            boolean some = withheld.hasSuspensions();
            ends = resumeLocked() || some;
            wants = release(withheld.releaseAll());
            wants |= evaluate();
        } finally {
            unlock();
        }
        tell(wants);
        return ends;
    }

    private boolean resumeLocked() {
        boolean was = suspended;
        suspended = false;
        suspensionNanos = 0;
        failures = 0;
        tries = 0;
        why = "";
        return was;
    }

    /**
     * Other curfews or operators' suspensions may be in force, or may bind other mail.
     *
     * @param inForce asked under the lock, so that whoever comes last has the last word
     */
    void standing(Supplier<List<Withheld.Standing>> inForce) {
        boolean wants;
        lock();
        try {
            List<SubQueue> released = withheld.standing(inForce.get());
            withdraw();
            wants = release(released);
            if (!withheld.isEmpty()) {
                arm(withheld.nextEnd(around.nanos()));
            }
            wants |= evaluate();
        } finally {
            unlock();
        }
        tell(wants);
    }

    /** Limits may be others: a suspension that came of the old ones ends. @return whether it did */
    boolean reconfigured() {
        boolean ends = false;
        boolean wants;
        lock();
        try {
            TrafficLimits now = throttle == null ? null : throttle.limits();
            if (now != null && !now.equals(shapedBy)) {
                shapedBy = now;
                ends = resumeLocked();
            }
            wants = evaluate();
        } finally {
            unlock();
        }
        tell(wants);
        return ends;
    }

    /** Whether nothing is given out because its source can't be used. */
    boolean isBarred() {
        return bar != null;
    }

    /**
     * Whether its source can be used may have changed. Sessions that idle end when it can't.
     *
     * @param now asked under the lock, so that whoever comes last has the last word; null when it can
     */
    void bar(Supplier<@Nullable Bar> now) {
        boolean wants = false;
        lock();
        try {
            Bar before = bar;
            bar = now.get();
            if (bar != null) {
                while (!idle.isEmpty()) {
                    release(idle.removeLast());
                }
            } else if (before != null) {
                wants = evaluate();
            }
        } finally {
            unlock();
        }
        tell(wants);
    }

    /** Mail is given out again. */
    void handsOutAgain() {
        boolean wants;
        lock();
        try {
            handOut();
            wants = evaluate();
        } finally {
            unlock();
        }
        tell(wants);
    }

    private void tell(boolean wants) {
        if (wants) {
            around.wantsSession(this);
        }
    }

    // The state machine's heart. Locked.

    /** Whether a session is wanted and nobody is at it yet. Then somebody must be: the caller calls for it. */
    private boolean evaluate() {
        if (seeking != Seeking.NO || !wants()) {
            return false;
        }
        seeking = Seeking.ACQUIRING;
        return true;
    }

    private boolean wants() {
        if (!mayOpen()) {
            return false;
        }
        int sessions = serving();
        if (sessions == 0 || ready > BACKLOG_PER_SESSION * sessions) {
            return true;
        }
        long now = around.nanos();
        long patientUntil = patientUntil(now);
        if (!impatient || impatientNanos - patientUntil > 0) {
            impatient = true;
            impatientNanos = patientUntil;
        } else if (now - impatientNanos >= 0) {
            return true;
        }
        arm(impatientNanos);
        return false;
    }

    private long patientUntil(long nowNanos) {
        return nowNanos + (turns.hasTransactional() ? HASTE : PATIENCE).toNanos();
    }

    /** Whether another session could be of use now, or else the time of which it depends is armed. */
    private boolean mayOpen() {
        if (ready == 0 || closed || bar != null || !around.handsOut()) {
            return false;
        }
        long now = around.nanos();
        if (lacksMemory) {
            if (now - memoryNanos < 0) {
                arm(memoryNanos);
                return false;
            }
            lacksMemory = false;
        }
        if (suspended) {
            if (now - suspendedUntilNanos < 0) {
                arm(suspendedUntilNanos);
                return false;
            }
            return serving() == 0; // one is tried
        }
        if (held) {
            return false;
        }
        // Somebody waits for its slot, or comes up; nobody idles while mail is ready.
        return pacing == 0 && opening < Math.max(1, up);
    }

    private void arm(long atNanos) {
        if (asked && askedNanos - atNanos <= 0) {
            return; // timeCame will come before, and asks for what is needed then
        }
        if (!armed || atNanos - armedNanos < 0) {
            armed = true;
            armedNanos = atNanos;
        }
    }

    /** Gives what is ready to the sessions that idle, the one that was busy last first: those too many may end. */
    private void handOut() {
        while (ready > 0 && !idle.isEmpty()) {
            QueueItem item = take(idle.peekLast());
            if (item == null) {
                return;
            }
            Session session = idle.removeLast();
            session.idle = false;
            session.handed = item;
            woken.add(session);
        }
    }

    private @Nullable QueueItem take(Session session) {
        if (closed || session.gone || !around.handsOut() || session.isLeftOver()) {
            return null;
        }
        QueueItem item = bar == null ? takeCounted() : null;
        if (item != null) {
            session.tookMail = true;
        }
        return item;
    }

    /** The next that its source may send. */
    private @Nullable QueueItem takeCounted() {
        for (QueueItem item = turns.take(); item != null; item = turns.take()) {
            Withheld.Until until = around.bySender(item);
            if (until != null) {
                turns.putBack(item);
                withhold(item.home, until);
                continue;
            }
            long wait = around.counts(item);
            if (wait <= 0) {
                lastDomain = item.home.domain;
                activate(item);
                if (flows) {
                    departures.left(around.nanos());
                }
                return item;
            }
            turns.putBack(item);
            spent(item.home.domain.provider, wait);
        }
        return null;
    }

    /** To be settled without anything being sent. */
    private @Nullable QueueItem takeAny() {
        QueueItem item = bar == null ? turns.take() : null;
        if (item != null) {
            lastDomain = item.home.domain;
            activate(item);
        }
        return item;
    }

    private void activate(QueueItem item) {
        item.state(QueueItem.ACTIVE);
        item.home.active.addLast(item);
        active++;
        if (--ready == 0) {
            impatient = false;
        }
    }

    // What follows is the queue's. "Locked" methods need the lock; those that answer whether a session is wanted leave
    // it to the caller to say so when he has let go of it.

    void lock() {
        lock.lock();
    }

    /** Wakes whoever the event concerns, when the lock is free. */
    void unlock() {
        boolean now = turns.hasTransactional();
        if (transactional != now) {
            transactional = now;
            tellLimiters(now);
        }
        follow();
        if (kept != null && lock.getHoldCount() == 1 && !isOfUse(kept)) {
            arm(around.nanos()); // it is given back where the queue waits
        }
        if (lock.getHoldCount() > 1 || woken.isEmpty() && !armed) {
            lock.unlock();
            return;
        }
        List<Session> sessions = woken.isEmpty() ? List.of() : List.copyOf(woken);
        woken.clear();
        boolean arms = armed;
        long at = armedNanos;
        if (arms) {
            armed = false;
            asked = true;
            askedNanos = at;
        }
        lock.unlock();
        for (Session session : sessions) {
            session.wake();
        }
        if (arms) {
            around.wakeAt(this, at);
        }
    }

    /** Whether transactional mail is ready is told where the queue takes turns with others. */
    private void tellLimiters(boolean hasTransactional) {
        if (throttle == null) {
            return;
        }
        long at = around.nanos();
        messages().hasTransactional(hasTransactional, at);
        openings().hasTransactional(hasTransactional, at);
        Limiter limiter = waitingAt;
        if (limiter != null) {
            limiter.classChanged(this);
        }
    }

    /** How fast mail goes is measured while some may: not while all there is waits for its senders' limits alone. */
    private void follow() {
        boolean mayGo = !suspended && !held && bar == null && (throttle == null || !throttle.probesOnly());
        boolean flowsNow = ready > 0 && mayGo;
        boolean waitsNow = ready == 0 && withheld.messages() > 0 && mayGo && withheld.hasSenders();
        boolean standsNow = !flowsNow && !waitsNow && (ready > 0 || withheld.messages() > 0);
        if (flows == flowsNow && stands == standsNow && waits == waitsNow) {
            return;
        }
        flows = flowsNow;
        stands = standsNow;
        waits = waitsNow;
        long now = around.nanos();
        if (flows) {
            departures.begins(now);
        } else if (stands) {
            departures.stands(now);
        } else if (waits) {
            departures.waits(now);
        } else {
            departures.ends(now);
        }
    }

    /** Locked. @return whether a session is wanted */
    boolean append(QueueItem item) {
        SubQueue subQueue = item.home;
        item.state(QueueItem.QUEUED);
        subQueue.ready.addLast(item);
        if (isWithheld(subQueue)) {
            withheld.add(subQueue, 1);
            return false;
        }
        if (subQueue.turn == null) {
            turns.join(subQueue);
        } else {
            turns.came(subQueue, 1);
        }
        ready++;
        boolean wants = mailCame(subQueue);
        if ((++appended & PROBE_MASK) == 0 && throttle != null && !forecast.hasProbe()
                && item.state() == QueueItem.QUEUED) {
            probe(item);
        }
        return wants;
    }

    private void probe(QueueItem item) {
        long now = around.nanos();
        double wait = waitNanos(item.home, item.home.ready.size() - 1, now);
        if (wait > 0) {
            forecast.probe(item, now, now + (long) wait);
        }
    }

    /**
     * How long a message will probably wait.
     *
     * @param place of it in its sub-queue, from 0
     * @return nanoseconds; negative when too little has gone to tell, or nobody knows when some may
     */
    private double waitNanos(SubQueue subQueue, long place, long nowNanos) {
        Prospect prospect = prospect();
        double interval = intervalNanos(prospect, nowNanos);
        long standing = standsNanos(subQueue, prospect, nowNanos);
        if (interval < 0 || standing < 0) {
            return -1;
        }
        double before = subQueue.turn == null
                ? beforeWithheld(subQueue, place, standing / Math.max(1, interval))
                : turns.before(subQueue, place);
        return standing + Math.max((before + 1) * interval, place * subQueue.senderIntervalNanos());
    }

    /** As {@link Turns#before}, roughly, of mail that has no turn yet: beside what is ready then, and all that is withheld. */
    private double beforeWithheld(SubQueue subQueue, long place, double gone) {
        double others = Math.max(0, ready - gone) + withheld.messages() - subQueue.ready.size();
        int alike = Math.max(1, turns.size() + withheld.size() - 1);
        return Forecast.before((double) place, 1, List.of(new Forecast.Other((long) others, alike)));
    }

    private Prospect prospect() {
        return throttle == null ? Prospect.OPEN : around.prospect(throttle);
    }

    /** From one message to the next, pauses of their receiver's included; negative when too little has gone to tell. */
    private double intervalNanos(Prospect prospect, long nowNanos) {
        if (prospect.state() == Prospect.State.OPEN) {
            return departures.intervalNanos(nowNanos);
        }
        return departures.flowingNanos(nowNanos) / prospect.pace() / (1 - prospect.pauses());
    }

    /** For how long nothing of the sub-queue goes, as far as that is known; negative when something must change first. */
    private long standsNanos(SubQueue subQueue, Prospect prospect, long nowNanos) {
        Bar barred = bar;
        if (!around.handsOut() || closed || throttle == null || barred != null && barred.untilMillis == 0
                || prospect.state() == Prospect.State.UNKNOWN) {
            return -1;
        }
        long longest = barred == null
                ? 0
                : TimeUnit.MILLISECONDS.toNanos(Math.max(0, barred.untilMillis - around.wallAt(nowNanos)));
        if (suspended) {
            longest = Math.max(longest, suspendedUntilNanos - nowNanos);
        }
        if (lacksMemory) {
            longest = Math.max(longest, memoryNanos - nowNanos);
        }
        longest = Math.max(longest, prospect.pausedNanos(nowNanos));
        Withheld.Until until = subQueue.turn == null ? withheld.of(subQueue) : null;
        if (until != null && until.open()) {
            return -1;
        }
        if (until != null) {
            longest = Math.max(longest, until.nanos() - nowNanos);
        }
        LimitReached slotOf = slotOf(nowNanos);
        return slotOf == null ? longest : Math.max(longest, slotOf.retryNanos());
    }

    /** The limiter of whose slot the queue waits with all its mail; null for none. */
    private @Nullable LimitReached slotOf(long nowNanos) {
        if (held) {
            return messages().waitingFor(nowNanos);
        }
        return seeking == Seeking.AT_SLOT && opening + up == 0 ? openings().waitingFor(nowNanos) : null;
    }

    /** Locked. Of a sub-queue that has mail ready, where that is; else where it is to be. */
    boolean isWithheld(SubQueue subQueue) {
        return subQueue.turn == null
                && (withheld.has(subQueue) || !withheld.isEmpty() && withheld.of(subQueue) != null);
    }

    /** Of mail that waits for a source: the next whose turn it is, in nobody's hands but the caller's; null for none. */
    @Nullable
    QueueItem takeTurn() {
        lock();
        try {
            QueueItem item = turns.take();
            if (item != null) {
                item.state(QueueItem.SCHEDULED);
                ready--;
            }
            return item;
        } finally {
            unlock();
        }
    }

    /**
     * What {@link #takeTurn} gave has found no source.
     *
     * @param next whether it is the next again; else its sender's turn is over
     */
    void takeBack(QueueItem item, boolean next) {
        lock();
        try {
            item.state(QueueItem.QUEUED);
            if (next) {
                turns.putBack(item);
            } else {
                turns.passOver(item);
            }
            ready++;
        } finally {
            unlock();
        }
    }

    /** Sub-queues that wait for their turn. */
    int turns() {
        lock();
        try {
            return turns.size();
        } finally {
            unlock();
        }
    }

    /** Locked. An item that isn't to be delivered is taken by whoever settles it. */
    void activateAlone(QueueItem item) {
        item.home.held -= item.state() == QueueItem.HELD ? 1 : 0;
        item.state(QueueItem.ACTIVE);
        item.home.active.addLast(item);
        active++;
    }

    /** Locked. @return whether a session is wanted */
    boolean putBack(QueueItem item) {
        takeActive(item);
        if (flows) {
            departures.cameBack();
        }
        item.state(QueueItem.QUEUED);
        if (isWithheld(item.home)) {
            item.home.ready.addFirst(item);
            withheld.add(item.home, 1);
            return false;
        }
        turns.putBack(item);
        ready++;
        return mailCame(item.home);
    }

    private boolean mailCame(SubQueue subQueue) {
        if (throttle == null) {
            return false;
        }
        handOut();
        if (waitingAt instanceof OpeningLimiter && !claimed.contains(subQueue.owner.party())) {
            arm(around.nanos()); // another's share may have room: it is told there
        }
        return evaluate();
    }

    /** Locked. Something has come of an item, and it is no more here. */
    void endActive(QueueItem item) {
        takeActive(item);
        if (forecast.isProbe(item)) {
            forecast.went(item, around.nanos());
        }
    }

    /** Locked. An attempt is over, and whoever waited for the item has it. */
    void attempted(QueueItem item) {
        if (forecast.isProbe(item)) {
            forecast.went(item, around.nanos());
        }
    }

    /** Locked. An item that is in somebody's hands goes elsewhere with him. */
    void leave(QueueItem item) {
        takeActive(item);
        forecast.forget(item);
        item.home.leave(item);
    }

    private void takeActive(QueueItem item) {
        if (item.state() != QueueItem.ACTIVE) {
            throw new IllegalStateException("not taken by anyone: " + item);
        }
        item.home.active.remove(item);
        active--;
    }

    /** Locked. Takes up to {@code limit} ready items of one domain out of turn, suspended or not. */
    void takeAll(DomainQueue domain, int limit, List<QueueItem> into) {
        for (SubQueue subQueue : domain.subQueues.values()) {
            while (!subQueue.ready.isEmpty()) {
                if (into.size() == limit) {
                    return;
                }
                into.add(takeFirst(subQueue));
            }
        }
    }

    private QueueItem takeFirst(SubQueue subQueue) {
        QueueItem item = requireNonNull(subQueue.ready.first());
        takeAlone(item);
        return item;
    }

    /** Locked. A ready item is taken out of turn, suspended or not, by whoever settles it. */
    void takeAlone(QueueItem item) {
        SubQueue subQueue = item.home;
        subQueue.ready.remove(item);
        forecast.forget(item);
        if (withheld.has(subQueue)) {
            withheld.took(subQueue);
            activateAlone(item);
            return;
        }
        turns.came(subQueue, -1);
        if (subQueue.ready.isEmpty()) {
            turns.leave(subQueue);
        }
        activate(item);
    }

    /** Ready items that were received before {@code millis}, to be taken. */
    public OldMail oldMail(long millis) {
        long minute = TimeUnit.MILLISECONDS.toMinutes(millis);
        List<SubQueue> some = new ArrayList<>();
        lock();
        try {
            some.addAll(turns.subQueues());
            some.addAll(withheld.subQueues());
            some.removeIf(subQueue -> subQueue.ages.oldestMinute() > minute);
        } finally {
            unlock();
        }
        return new OldMail(some, millis);
    }

    /** Locked. Whether an operator wants the item tried, whatever its age. */
    boolean isReleased(QueueItem item) {
        return around.isReleased(item);
    }

    /** Locked. Whether a curfew binds its mail, alone or besides. */
    boolean isUnderCurfew(SubQueue subQueue) {
        return withheld.isUnderCurfew(subQueue);
    }

    /**
     * Locked. Ready mail of the domain that is to be placed anew is taken out of it.
     *
     * @param limit of items in {@code into}
     * @return whether there is more
     */
    boolean withdraw(DomainQueue domain, int limit, ItemList into) {
        boolean more = false;
        for (SubQueue subQueue : domain.subQueues.values()) {
            if (subQueue.astray == 0) {
                continue;
            }
            boolean hasTurn = subQueue.turn != null;
            while (subQueue.astray > 0 && !subQueue.ready.isEmpty() && into.size() < limit) {
                QueueItem item = requireNonNull(subQueue.ready.pollFirst());
                subQueue.astray--;
                item.state(QueueItem.SCHEDULED);
                forecast.forget(item);
                into.addLast(item);
                if (hasTurn) {
                    ready--;
                    turns.came(subQueue, -1);
                } else {
                    withheld.took(subQueue);
                }
            }
            if (subQueue.ready.isEmpty()) {
                subQueue.astray = 0;
                if (hasTurn) {
                    turns.leave(subQueue);
                }
            }
            more |= subQueue.astray > 0;
        }
        if (ready == 0) {
            impatient = false;
        }
        return more;
    }

    /** Locked. A domain comes with all its mail. @return whether a session is wanted */
    boolean admit(DomainQueue domain) {
        domains++;
        lastDomain = domain;
        idleSweeps = 0;
        for (SubQueue subQueue : domain.subQueues.values()) {
            active += subQueue.active.size();
            if (subQueue.ready.isEmpty()) {
                continue;
            }
            if (isWithheld(subQueue)) {
                withheld.add(subQueue, subQueue.ready.size());
            } else {
                ready += subQueue.ready.size();
                turns.join(subQueue);
            }
        }
        boolean wants = false;
        for (SubQueue subQueue : domain.subQueues.values()) {
            wants |= mailCame(subQueue);
        }
        return wants;
    }

    /** Locked. A domain goes with all its mail. */
    void dismiss(DomainQueue domain) {
        domains--;
        if (lastDomain == domain) {
            lastDomain = null;
        }
        if (forecast.probe() instanceof QueueItem item && item.home.domain == domain) {
            forecast.forget(item);
        }
        for (SubQueue subQueue : domain.subQueues.values()) {
            active -= subQueue.active.size();
            if (subQueue.turn != null) {
                ready -= subQueue.ready.size();
                turns.leave(subQueue);
            } else {
                withheld.remove(subQueue);
            }
        }
        if (ready == 0) {
            impatient = false;
        }
    }

    /**
     * Where to take its mail now, hosts in the order to try. Asks the router for the domain that is next, so that a
     * changed or newly shuffled answer takes effect with the next session; while the router looks it up, the last answer
     * holds.
     */
    public Route.Open route() {
        for (int i = 0; i < ROUTE_TRIES; i++) {
            DomainQueue domain = nextDomain();
            if (domain == null || !around.askNow(domain) || domain.readyQueue == this) {
                break;
            }
            // That domain belongs elsewhere now; the next one may still belong here.
        }
        return requireNonNull(route, "mail without a route has no hosts");
    }

    /** Whose hosts its mail goes to, whichever section shapes it; empty for nobody known. */
    String provider(Providers known) {
        Route.Open to = route;
        Site site = to == null ? key.site() : to.site();
        Whose found = whose;
        if (found == null || found.known != known || !found.site.equals(site)) {
            found = new Whose(known, site, known.ofKey(key.site(), site));
            whose = found;
        }
        return found.provider;
    }

    /** Locked. */
    void route(Route.Open now) {
        route = now;
        if (crowdedNetwork != null && !(now instanceof Route.Hosts hosts
                && hosts.hosts().stream().anyMatch(host -> host.network().equals(crowdedNetwork)))) {
            crowdedNetwork = null;
        }
        if (waitingAt instanceof OpeningLimiter) {
            arm(around.nanos()); // it is told there which network
        }
    }

    /** Locked. */
    boolean isClosed() {
        return closed;
    }

    private @Nullable DomainQueue nextDomain() {
        lock();
        try {
            SubQueue next = turns.peek();
            return next == null ? lastDomain : next.domain;
        } finally {
            unlock();
        }
    }

    /** @return whether it has been of no use for more than {@code idleLimit} sweeps and is closed now */
    boolean sweep(int idleLimit) {
        lock();
        try {
            if (domains > 0 || active > 0 || opening + up > 0 || seeking != Seeking.NO || closed) {
                idleSweeps = 0;
                return false;
            }
            closed = ++idleSweeps > idleLimit;
            if (closed && messages != null) {
                messages.end();
                openings().end();
            }
            return closed;
        } finally {
            unlock();
        }
    }

    void close() {
        lock();
        try {
            closed = true;
            while (!idle.isEmpty()) {
                release(idle.removeLast());
            }
        } finally {
            unlock();
        }
    }

    // What others want to know

    /** Messages waiting for their turn, also while the queue is suspended; those that are withheld not counted. */
    public int ready() {
        lock();
        try {
            return ready;
        } finally {
            unlock();
        }
    }

    /** Sessions that stand or come up. */
    public int sessions() {
        lock();
        try {
            return opening + up;
        } finally {
            unlock();
        }
    }

    /** Whether a session idles that would take what comes next. */
    public boolean hasIdle() {
        lock();
        try {
            return !idle.isEmpty();
        } finally {
            unlock();
        }
    }

    @Override
    public MailClass mailClass() {
        return transactional ? MailClass.TRANSACTIONAL : MailClass.BULK;
    }

    @Override
    public int bulkPercent() {
        return around.shares().bulkPercent();
    }

    /**
     * Whether transactional mail is ready, which whoever shares something out among queues lets go before others' bulk;
     * known without the lock.
     */
    public boolean hasTransactional() {
        return transactional;
    }

    /**
     * Whether a session that has done nothing with it yet should put it back and take another: it is bulk, and transactional
     * mail has become ready since. What goes in bulk's own share isn't overtaken.
     */
    public boolean isOvertaken(QueueItem item) {
        return transactional && item.mailClass() == MailClass.BULK && !item.isContested();
    }

    /** Messages that wait for the end of a curfew. */
    int underCurfew() {
        lock();
        try {
            return withheld.underCurfew();
        } finally {
            unlock();
        }
    }

    /** Messages whose tenant's or campaign's mail is suspended. */
    public int withheld() {
        lock();
        try {
            return withheld.messages();
        } finally {
            unlock();
        }
    }

    /** Ready, suspended or withheld, and active at one instant. */
    record Counts(int ready, int suspended, int active) {}

    Counts counts() {
        lock();
        try {
            boolean waits = suspended || bar != null;
            return new Counts(waits ? 0 : ready, (waits ? ready : 0) + withheld.messages(), active);
        } finally {
            unlock();
        }
    }

    /** Locked. Why that mail is withheld, for people; null when it isn't. */
    @Nullable
    String withheldWhy(SubQueue subQueue) {
        Withheld.Until until = withheld.of(subQueue);
        return until == null ? null : until.what().get();
    }

    /** Locked. By the wall clock, of mail that is withheld; 0 when that is when somebody says so. */
    long withheldUntilMillis(SubQueue subQueue) {
        Withheld.Until until = requireNonNull(withheld.of(subQueue));
        return until.open() ? 0 : around.wallAt(until.nanos());
    }

    /** Locked. Null when it is neither suspended nor barred. */
    @Nullable
    String suspendedWhy() {
        Bar barred = bar;
        return barred != null ? barred.why() : suspended ? why : null;
    }

    /** Locked. By the wall clock; 0 when it isn't suspended, or nobody knows. */
    long suspendedUntilMillis() {
        Bar barred = bar;
        return barred != null
                ? barred.untilMillis()
                : suspended ? around.wallAt(suspendedUntilNanos) : 0;
    }

    /** Locked. */
    int readyNow() {
        return ready;
    }

    /** Locked. What its mail waits for, for people. */
    String waitingFor() {
        long now = around.nanos();
        Limiter limiter = waitingAt;
        if (!around.handsOut()) {
            return "the spool, which can't record what becomes of mail";
        }
        Bar barred = bar;
        if (barred != null) {
            return "a source: " + barred.why();
        }
        if (suspended && now - suspendedUntilNanos < 0) {
            return "the end of the queue's suspension: " + why;
        }
        if (lacksMemory && now - memoryNanos < 0) {
            return "delivery.memory-limit (tried again in " + inMillis(memoryNanos - now) + ")";
        }
        if (held || pacing > 0) {
            LimitReached message = messages().waitingFor(now);
            return message == null ? "its turn at a message rate" : message.toString();
        }
        if (limiter != null) {
            return limiter.describe(this, now);
        }
        if (seeking == Seeking.AT_SLOT) {
            LimitReached connection = openings().waitingFor(now);
            return connection == null ? "its turn at a connection rate" : connection.toString();
        }
        return up == 0 ? "the session that is coming up" : "its turn";
    }

    private static String inMillis(long nanos) {
        return Math.ceilDiv(nanos, 1_000_000) + "ms";
    }

    /** Locked. When all that is ready will probably have gone, by the wall clock; 0 when that can't be told. */
    private long lastGoesMillis() {
        SubQueue next = turns.peek();
        long now = around.nanos();
        Prospect prospect = prospect();
        double interval = intervalNanos(prospect, now);
        long standing = next == null ? -1 : standsNanos(next, prospect, now);
        return standing < 0 || interval < 0 ? 0 : around.wallAt(now + (long) (standing + ready * interval));
    }

    /**
     * Locked. What an item of it waits for.
     *
     * @param state      as it is seen by who asks
     * @param place      in its sub-queue, from 0
     * @param nextMillis the earliest time of its next attempt, milliseconds since 1970; 0 when it may go
     * @param what       it waits for, for people
     */
    Why why(QueueItem item, QueueItem.State state, long place, long nextMillis, String what) {
        long now = around.nanos();
        double wait = waitNanos(item.home, place, now);
        LimitReached binds = null;
        LimitReached then = null;
        if (throttle != null) {
            LimitReached message = messages().waitingFor(now);
            LimitReached connection = openings().waitingFor(now);
            boolean atConnection = seeking == Seeking.AT_SLOT;
            boolean atMessage = held || pacing > 0;
            binds = atMessage ? message : atConnection ? connection : null;
            then = atMessage ? connection : message;
        }
        Prospect prospect = prospect();
        return new Why(state, what, binds, then, nextMillis,
                wait < 0 ? 0 : around.wallAt(now + (long) wait), forecast.errorOfNineInTen(), forecast.probes(),
                prospect.state() == Prospect.State.PAUSED ? around.wallAt(now + prospect.pausedNanos(now)) : 0,
                prospect.pauses());
    }

    /** Locked. Whether all of its mail waits for the end of a suspension, or for a source. */
    boolean stands() {
        return suspended || bar != null;
    }

    /** Locked. Null when that mail isn't withheld. */
    Withheld.@Nullable Until withheldUntil(SubQueue subQueue) {
        return subQueue.turn == null ? withheld.of(subQueue) : null;
    }

    /** As it stands, in constant time. */
    ReadyQueueState state() {
        lock();
        try {
            Bar barred = bar;
            return new ReadyQueueState(key, ready, withheld.messages(), active, opening, up, idle.size(), domains,
                    suspendedUntilMillis(), suspended ? tries : 0, barred == null ? why : barred.why(),
                    ready == 0 ? "" : waitingFor(), lastGoesMillis(), forecast.errorOfNineInTen(),
                    forecast.probes());
        } finally {
            unlock();
        }
    }

    ReadyQueueSnapshot snapshot() {
        lock();
        try {
            Bar barred = bar;
            long oldest = Math.min(turns.isEmpty() ? Long.MAX_VALUE : turns.oldestReceivedMillis(),
                    withheld.oldestReceivedMillis());
            return new ReadyQueueSnapshot(key, ready, withheld.messages(), active, opening, up, idle.size(), domains,
                    turns.readyByTenant(), oldest == Long.MAX_VALUE ? 0 : oldest, suspendedUntilMillis(),
                    barred == null ? why : barred.why(), ready == 0 ? "" : waitingFor(), lastGoesMillis(),
                    forecast.errorOfNineInTen(), forecast.probes());
        } finally {
            unlock();
        }
    }

    /**
     * What the invariant says, for tests.
     *
     * @return null when it holds, else what is wrong
     */
    @Nullable
    String violation() {
        lock();
        try {
            if (opening < 0 || up < 0 || pacing < 0 || ready < 0 || active < 0) {
                return "a count is negative: " + this;
            }
            if ((ready > 0 || bar != null) && !idle.isEmpty() && around.handsOut() && !closed) {
                return "a session idles while mail is ready: " + this;
            }
            if ((seeking == Seeking.AT_LIMITER) != (waitingAt != null)) {
                return "waits at " + waitingAt + " but " + this;
            }
            if (seeking == Seeking.AT_SLOT && !slot().isWaiting() && !slot().isTaken()) {
                return "waits for a slot that nobody gives it: " + this;
            }
            if (suspended && serving() > 1) {
                return "suspended with more than one session: " + this;
            }
            if (leftOver < 0 || leftOver > up + opening) {
                return "sessions from before the suspension: " + this;
            }
            if (!withheld.isEmpty() && (!asked || askedNanos - withheld.nextEnd(askedNanos) > 0)) {
                return "nobody comes when a suspension of some mail is over: " + this;
            }
            for (SubQueue subQueue : turns.subQueues()) {
                if (withheld.of(subQueue) != null) {
                    return subQueue.owner + " has its turn though its mail is suspended: " + this;
                }
            }
            String wrong = withheld.violation();
            wrong = wrong == null ? turns.violation() : wrong;
            if (wrong != null) {
                return wrong + ": " + this;
            }
            if (forecast.probe() instanceof QueueItem item && (item.home.domain.readyQueue != this
                    || item.state() != QueueItem.QUEUED && item.state() != QueueItem.ACTIVE)) {
                return "the probe isn't here: " + item + " in " + item.home.domain.readyQueue + ", not " + this;
            }
            boolean cared = ready == 0 || closed || throttle == null || !around.handsOut() || suspended
                    || held || lacksMemory || bar != null || seeking != Seeking.NO || serving() > 0 || leftOver > 0;
            return cared ? null : "mail is ready and nobody comes for it: " + this;
        } finally {
            unlock();
        }
    }

    /** When it wants to be woken whatever else comes, {@link Long#MAX_VALUE} for never. For tests. */
    long knownTime() {
        lock();
        try {
            if (lacksMemory) {
                return memoryNanos;
            }
            return suspended && opening + up == 0 ? suspendedUntilNanos : Long.MAX_VALUE;
        } finally {
            unlock();
        }
    }

    /** Whether it waits for a slot of a rate: then its flow there does. For tests. */
    boolean waitsForASlot() {
        lock();
        try {
            return held || seeking == Seeking.AT_SLOT && slot().isWaiting();
        } finally {
            unlock();
        }
    }

    /** Everything, for a test that has failed. */
    String describe() {
        return key + " ready=" + ready + " opening=" + opening + " up=" + up + " idle=" + idle.size() + " pacing="
                + pacing
                + " seeking=" + seeking + " at=" + waitingAt + " suspended=" + suspended + " held=" + held
                + " lacksMemory=" + lacksMemory + " leftOver=" + leftOver + " withheld=" + withheld.messages();
    }

    @Override
    public void mayGrant(Limiter limiter) {
        around.mayGrant(this, limiter);
    }

    @Override
    public String toString() {
        return key.toString();
    }
}
