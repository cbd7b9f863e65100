package dev.penstock.shaping;

import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.QueueConfig;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.units.MailClass;
import dev.penstock.units.Rate;

/**
 * Gives out the slots of all rates. Thread-safe: one state machine behind one lock, which is held for nanoseconds and never
 * over a call to the outside; one thread, {@code limiter-slots}, comes when a limiter's next slot does.
 *
 * <p>An event takes a slot of every rate that binds it, at one moment, or none. Who can't waits at exactly one limiter, the
 * one whose slot is furthest away; when that comes and another's is further away by then, it goes on to that. Nobody polls,
 * and nobody is told of a slot before it is his.
 *
 * <p>Those who wait at a limiter take turns by <em>flow</em>, which is a ready queue: start-time fair queueing (Goyal, Vin,
 * Cheng 1996), which is deficit round robin with the order of arrival kept. One that had no use for its turns, because
 * another limiter held it, comes first when it has.
 *
 * <p>A flow is of the class of its next event: transactional while such mail is ready in its queue, or waits in a session's
 * hands, and else bulk. Where flows of both wait, those that are transactional come first, save that bulk keeps its share
 * ({@link ClassTurns}). Within a class turns are as said; a flow has turns of its own in each.
 *
 * <p>A flow whose next slot is further away than a session may idle <em>sleeps</em>: it keeps its turn without a session and
 * is woken {@link #LEAD_NANOS} before it, or as long before as its session may idle. Slots don't wait for one that was
 * woken; its turn does, for {@link #CLAIM_NANOS}.
 *
 * <p>A slot that somebody waited for counts from when he could have had it, but {@link #CATCH_UP_NANOS} at most: so threads
 * that wake late cost no rate. By these times no more than the burst goes in any window.
 *
 * <p>Invariant, between any two calls: a flow that waits or sleeps is at exactly one limiter that binds it; a limiter where
 * one is has its time armed, no later than its next slot, or than the time to wake the first that sleeps. The flow is there
 * among those of its class, or whoever has changed that is about to say so; and of neither class the first could go now.
 */
public final class Pacer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Pacer.class);
    /** By so much a slot counts earlier than it was used: above what a timer and a thread are late by, far below a second. */
    static final long CATCH_UP_NANOS = 20_000_000;
    /** A queue that sleeps is woken so long before its slot: to connect, greet and start TLS. */
    static final long LEAD_NANOS = 1_000_000_000;
    /** A turn is kept for so long after that, for hosts that are slow. */
    static final long CLAIM_NANOS = 5_000_000_000L;
    /** Sleepers that are looked at in one go, and how often where the slots are near each other. */
    private static final int WAKE_BATCH = 1_000;
    private static final long WAKE_NANOS = 50_000_000;
    /** A line is no longer: who stands in it may have gone, and his slot waits for nobody. */
    private static final long LINE_NANOS = 60_000_000_000L;
    /** Of a limit by the day, the wall clock is looked at so often: it may be set. */
    private static final long WALL_CLOCK_NANOS = 60_000_000_000L;
    /** Limiters that are due and served in one hold of the lock. */
    private static final int BATCH = 64;
    private static final long NEVER = Long.MAX_VALUE / 4; // from now; sums with times don't overflow
    private static final RateLimiter[] UNBOUND = {};
    private static final long[] NO_TAGS = {};
    private static final long[] NO_STAMPS = {};
    /** Nobody's ever. */
    private static final Waiters NOBODY = new Waiters();

    /** What one event takes up. */
    public record Cost(long recipients, long octets) {
        /** Of what is no message, or one whose recipients and octets nobody counts. */
        public static final Cost ONE = new Cost(1, 1);

        public Cost {
            if (recipients < 1 || octets < 0) {
                throw new IllegalArgumentException(recipients + " recipients of " + octets + " octets");
            }
        }

        private long of(Measure measure) {
            return switch (measure) {
                case RECIPIENT_RATE -> recipients;
                case OCTET_RATE -> Math.max(1, octets);
                case CONNECTIONS, CONNECTION_RATE, MESSAGE_RATE, SOURCE_SELECTION_RATE -> 1;
            };
        }
    }

    /** One limit and those who wait there. Guarded by the pacer's lock, but for what it is called. */
    static final class RateLimiter {
        private final long number;
        private final Measure measure;
        private volatile SharedLimit says;
        private Meter meter;
        private final Waiters bulk = new Waiters();
        /** {@link #NOBODY} until one comes. */
        private Waiters transactional = NOBODY;
        private final ClassTurns classes = new ClassTurns();
        private boolean armed;
        private long armedNanos;
        /** Until when those have their turns who wait elsewhere, in a line of their own; and which line that is. */
        private long lineNanos;
        private int line = -1;

        private RateLimiter(long number, SharedLimit says, Meter meter) {
            this.number = number;
            this.measure = says.id().measure();
            this.says = says;
            this.meter = meter;
        }

        SharedLimit says() {
            return says;
        }

        /** To look at. */
        private Waiters of(MailClass mailClass) {
            return mailClass == MailClass.BULK ? bulk : transactional;
        }

        /** To be changed. */
        private Waiters made(MailClass mailClass) {
            if (mailClass == MailClass.TRANSACTIONAL && transactional == NOBODY) {
                transactional = new Waiters();
            }
            return of(mailClass);
        }

        private boolean hasPresent() {
            return !bulk.present.isEmpty() || !transactional.present.isEmpty();
        }

        private boolean hasAsleep() {
            return !bulk.asleep.isEmpty() || !transactional.asleep.isEmpty();
        }

        /** Who sleeps is to be looked at. */
        private void wakes(long nowNanos) {
            bulk.nextWakeNanos = nowNanos;
            if (transactional != NOBODY) {
                transactional.nextWakeNanos = nowNanos;
            }
        }

        @Override
        public String toString() {
            return says.id() + " waiting " + bulk.present.size() + "+" + transactional.present.size() + " asleep "
                    + bulk.asleep.size() + "+" + transactional.asleep.size();
        }
    }

    /** Those of one class at one limiter. Guarded by the pacer's lock. */
    private static final class Waiters {
        private final TreeSet<Flow> present = new TreeSet<>(Flow.IN_TURN);
        private final TreeSet<Flow> asleep = new TreeSet<>(Flow.IN_TURN);
        /** Where the turns are. */
        private long turn;
        private long nextWakeNanos;
    }

    /** What events of one kind are bound by: those of one path. Replaced as a whole under the pacer's lock. */
    static final class Binding {
        private volatile RateLimiter[] limiters = UNBOUND;
        private final List<Flow> flows = new ArrayList<>(1);
        /** Whether recipients or octets count. */
        private volatile boolean weighs;

        RateLimiter[] limiters() {
            return limiters;
        }

        boolean isUnbound() {
            return limiters.length == 0;
        }
    }

    /** Events of one kind of one ready queue, which take turns with those of others. Guarded by the pacer's lock. */
    public static final class Flow {
        private static final Comparator<Flow> IN_TURN = (a, b) -> {
            int byTag = Long.signum(a.tag - b.tag);
            return byTag != 0 ? byTag : Long.compare(a.number, b.number);
        };

        private final Pacer pacer;
        private final Binding binding;
        private final Runnable wakes;
        /** When it came to wait where it does, or before all who came: breaks ties. */
        private long number;
        private long tag;
        private @Nullable RateLimiter at;
        /** Of which class it is there. */
        private MailClass as = MailClass.BULK;
        /** Those for transactional mail in somebody's hands first. */
        private final List<Slot> waiting = new ArrayList<>(1);
        private int transactionalSlots;
        /** Written by who has the queue. */
        private volatile boolean hasTransactional;
        private boolean sleeps;
        private boolean woken;
        private long wokenNanos;
        private long leadNanos;
        /** Where its turn after the last is, by limiter as in the binding; of each class. */
        private long[] nextOfBulk = NO_TAGS;
        private long[] nextOfTransactional = NO_TAGS;

        private Flow(Pacer pacer, Binding binding, Runnable wakes) {
            this.pacer = pacer;
            this.binding = binding;
            this.wakes = wakes;
        }

        /** Whether nothing bounds it. */
        public boolean isUnbound() {
            return binding.isUnbound();
        }

        /** Whether what recipients and octets an event has matters: it has to be known before its slot is taken. */
        public boolean weighs() {
            return binding.weighs;
        }

        /** Of its next event. */
        private MailClass mailClass() {
            return hasTransactional || transactionalSlots > 0 ? MailClass.TRANSACTIONAL : MailClass.BULK;
        }

        private long[] next(MailClass mailClass) {
            return mailClass == MailClass.BULK ? nextOfBulk : nextOfTransactional;
        }

        private void next(MailClass mailClass, long[] turns) {
            if (mailClass == MailClass.BULK) {
                nextOfBulk = turns;
            } else {
                nextOfTransactional = turns;
            }
        }

        private void add(Slot slot) {
            boolean first = slot.mailClass == MailClass.TRANSACTIONAL;
            waiting.add(first ? transactionalSlots : waiting.size(), slot);
            transactionalSlots += first ? 1 : 0;
        }

        private void remove(Slot slot) {
            if (waiting.remove(slot)) {
                transactionalSlots -= slot.mailClass == MailClass.TRANSACTIONAL ? 1 : 0;
            }
        }

        /** Whether transactional mail is ready in its queue: whichever of its slots comes is for that. Called by one at a time. */
        public void hasTransactional(boolean now, long nowNanos) {
            hasTransactional = now;
            if (!binding.isUnbound()) { // else it waits nowhere, and where it comes to wait this is looked at
                pacer.classChanged(this, nowNanos);
            }
        }

        /** A slot for one event; who waits for it {@link Slot#await awaits} it. */
        public Slot slot() {
            return new Slot(this, null);
        }

        /**
         * A slot for one event.
         *
         * @param granted called, on the pacer's thread, when a slot that was waited for is its own
         */
        public Slot slot(Runnable granted) {
            return new Slot(this, granted);
        }

        /**
         * No session is worth having before the next slot: its turn is kept, and it is woken when that is near.
         *
         * @param leadNanos before the slot, at most
         * @return nanoseconds until then, about
         */
        public long sleep(long leadNanos, long nowNanos) {
            return pacer.sleep(this, Math.min(leadNanos, LEAD_NANOS), nowNanos);
        }

        /** It is over: nothing of it waits or sleeps any more. */
        public void end() {
            pacer.end(this);
        }

        /**
         * What the invariant says of it, for tests. To be asked when all that is due has been done.
         *
         * @return null when it holds, else what is wrong
         */
        public @Nullable String violation(long nowNanos) {
            return pacer.violation(this, nowNanos);
        }

        /** What holds an event back now: the limiter whose slot is furthest away; null when nothing does. */
        public @Nullable LimitReached waitingFor(long nowNanos) {
            return pacer.waitingFor(binding, nowNanos);
        }
    }

    /** One event's slot of every rate that binds it. Guarded by the pacer's lock. */
    public static final class Slot {
        private enum State {
            NONE,
            WAITING,
            TAKEN
        }

        private final Flow flow;
        private final @Nullable Runnable granted;
        private volatile State state = State.NONE;
        private volatile @Nullable Thread thread;
        private Cost cost = Cost.ONE;
        private MailClass mailClass = MailClass.BULK;
        private long askedNanos;
        /** What it was taken of. */
        private RateLimiter[] limiters = UNBOUND;
        private MailClass takenAs = MailClass.BULK;
        private long[] stamps = NO_STAMPS;
        /** What it cost its class at each, empty where it cost nothing anywhere. */
        private long[] shares = NO_STAMPS;
        private @Nullable SharedLimit refusedBy;
        private boolean hasTurn;

        private Slot(Flow flow, @Nullable Runnable granted) {
            this.flow = flow;
            this.granted = granted;
        }

        public boolean isTaken() {
            return state == State.TAKEN;
        }

        public boolean isWaiting() {
            return state == State.WAITING;
        }

        /** As the other, for whatever its queue has then. */
        public long take(Cost takes, long longestNanos, long nowNanos) {
            return take(takes, MailClass.BULK, longestNanos, nowNanos);
        }

        /**
         * Takes the slot if it is now, and else waits for it if it isn't too far away. Once it is taken, or waits, nothing
         * changes that but its grant and what follows here; and the class of one that waits is what was said last.
         *
         * @param of the message that it is for; bulk, too, if that is back in its queue, which tells of it by itself
         * @return 0 when it is taken; else about how many nanoseconds it takes: it waits if these are {@code longestNanos}
         *         at most
         */
        public long take(Cost takes, MailClass of, long longestNanos, long nowNanos) {
            return flow.pacer.take(this, takes, of, longestNanos, nowNanos);
        }

        /**
         * As {@link #take}, of who waits elsewhere: in a line, in which each has a slot's time to itself.
         *
         * @param sinceNanos when its turn was, or now: it counts from then, a little
         * @param line       to go to the end of which; one that is greater begins anew. Negative for who has had its turn
         *                   and found no slot: it waits for the next.
         * @param comesAgain whether the line was too long when it came before: there is room for it that others haven't
         * @return 0 when it is taken; else nanoseconds until its turn, or until it is to come again
         */
        long takeInLine(Cost takes, long sinceNanos, int line, boolean comesAgain, long nowNanos) {
            return flow.pacer.takeInLine(this, takes, sinceNanos, line, comesAgain, nowNanos);
        }

        /** Whose slot was too far away when it was asked for last. */
        @Nullable
        SharedLimit refusedBy() {
            return refusedBy;
        }

        /** Whether it was in the line then; else that was too long, and it is to come again. */
        boolean hasTurn() {
            return hasTurn;
        }

        /**
         * Waits for it, in the caller's thread.
         *
         * @return whether it is taken; else it waits no more
         * @throws InterruptedException and it waits no more, and isn't taken
         */
        public boolean await(long longestNanos) throws InterruptedException {
            thread = Thread.currentThread();
            long until = System.nanoTime() + longestNanos;
            while (state == State.WAITING) {
                long left = until - System.nanoTime();
                if (Thread.interrupted()) {
                    giveBack(System.nanoTime());
                    throw new InterruptedException();
                }
                if (left <= 0) {
                    return flow.pacer.waitsNoMore(this);
                }
                LockSupport.parkNanos(this, left);
            }
            return state == State.TAKEN;
        }

        /** A slot that is taken is for so many recipients more than was said: those that come after wait for them. */
        void alsoTakes(int recipients) {
            flow.pacer.alsoTakes(this, recipients);
        }

        /** The event has happened: another may be asked for. */
        public void used() {
            state = State.NONE;
        }

        /** The event doesn't happen: others may have its slot. Does nothing when it neither waits nor is taken. */
        public void giveBack(long nowNanos) {
            if (state != State.NONE) {
                flow.pacer.giveBack(this, nowNanos);
            }
        }
    }

    private static final Comparator<RateLimiter> BY_TIME = (a, b) -> {
        int byTime = Long.signum(a.armedNanos - b.armedNanos); // nanoTime may wrap
        return byTime != 0 ? byTime : Long.compare(a.number, b.number);
    };

    private final ReentrantLock lock = new ReentrantLock();
    private final LongSupplier nanoTime;
    private final InstantSource clock;
    private final TreeSet<RateLimiter> armed = new TreeSet<>(BY_TIME);
    private long numbers;
    /** To be unparked when the lock is free. */
    private List<Thread> woken = new ArrayList<>(2);
    /** To be told by the pacer's thread, because whoever comes here may hold a lock of those who are told. */
    private List<Runnable> told = new ArrayList<>(2);
    private long lost;
    private volatile int bulkPercent = QueueConfig.DEFAULT.bulkSharePercent();
    private boolean parked;
    private long parkedUntilNanos;
    private volatile @Nullable Thread thread;
    private volatile boolean closed;

    Pacer(LongSupplier nanoTime, InstantSource clock) {
        this.nanoTime = nanoTime;
        this.clock = clock;
    }

    Flow flow(Binding binding, Runnable wake) {
        Flow flow = new Flow(this, binding, wake);
        lock.lock();
        try {
            binding.flows.add(flow);
            return flow;
        } finally {
            lock.unlock();
        }
    }

    /** Of events that never wait: bound by these, of which there are others' too. */
    Flow unshared(List<RateLimiter> limiters) {
        Binding binding = new Binding();
        binding.limiters = limiters.toArray(RateLimiter[]::new);
        return new Flow(this, binding, () -> {});
    }

    /** Has the pacer's thread run it, with no lock held. */
    void later(Runnable event) {
        lock.lock();
        try {
            told.add(event);
        } finally {
            unlock();
        }
    }

    /** Bulk keeps so much, in percent, of the slots for which transactional mail waits, too. */
    void bulkShare(int percent) {
        bulkPercent = percent;
    }

    /** Slots that were given back and that nobody else could use. */
    long lost() {
        lock.lock();
        try {
            return lost;
        } finally {
            lock.unlock();
        }
    }

    // Limits

    /** A limiter of so much. */
    RateLimiter limiter(SharedLimit limit, long nowNanos) {
        lock.lock();
        try {
            return new RateLimiter(numbers++, limit, meter(limit, nowNanos));
        } finally {
            lock.unlock();
        }
    }

    /** A limiter whose slots are leased. */
    RateLimiter leased(SharedLimit says, Gcra slots) {
        lock.lock();
        try {
            return new RateLimiter(numbers++, says, new Meter.Leased(slots));
        } finally {
            lock.unlock();
        }
    }

    private Meter meter(SharedLimit limit, long nowNanos) {
        return switch (limit.bound()) {
            case SharedLimit.Bound.Spaced(Rate rate) -> new Meter.Spaced(rate, nowNanos);
            case SharedLimit.Bound.Daily daily -> new Meter.Daily(daily, clock);
            case SharedLimit.Bound.Count _ -> throw new IllegalArgumentException(
                    limit.id() + " of " + limit.place() + " counts what is open at one time, and is no rate");
        };
    }

    /** From now on so much, for those who wait, too. What was used counts on. */
    void limit(RateLimiter limiter, SharedLimit next, long nowNanos) {
        lock.lock();
        try {
            limiter.says = next;
            switch (limiter.meter) {
                case Meter.Spaced spaced when next.bound() instanceof SharedLimit.Bound.Spaced(Rate rate) -> spaced
                        .rate(rate, nowNanos);
                case Meter.Daily daily when next.bound() instanceof SharedLimit.Bound.Daily bound -> daily.bound(bound);
                case Meter.Leased leased when next.bound() instanceof SharedLimit.Bound.Spaced(Rate rate) -> leased
                        .rate(rate, nowNanos);
                case Meter.Spaced _,Meter.Daily _,Meter.Leased _ -> limiter.meter = meter(next, nowNanos);
            }
            limiter.wakes(nowNanos);
            pump(limiter, nowNanos);
        } finally {
            unlock();
        }
    }

    /** From now on these bind what the binding does; those that wait go on to wait at one of these. */
    void bind(Binding binding, RateLimiter[] next, long nowNanos) {
        lock.lock();
        try {
            RateLimiter[] before = binding.limiters;
            binding.limiters = next.length == 0 ? UNBOUND : next;
            boolean weighs = false;
            for (RateLimiter limiter : next) {
                weighs |= limiter.measure == Measure.RECIPIENT_RATE || limiter.measure == Measure.OCTET_RATE;
            }
            binding.weighs = weighs;
            for (Flow flow : binding.flows) {
                flow.nextOfBulk = turnsAt(flow.nextOfBulk, before, next, MailClass.BULK);
                flow.nextOfTransactional = turnsAt(flow.nextOfTransactional, before, next, MailClass.TRANSACTIONAL);
            }
            for (Flow flow : binding.flows) {
                if (flow.at != null) {
                    RateLimiter was = leave(flow);
                    goOn(flow, nowNanos);
                    pump(was, nowNanos);
                }
            }
        } finally {
            unlock();
        }
    }

    private static long[] turnsAt(long[] known, RateLimiter[] before, RateLimiter[] next, MailClass of) {
        if (known.length == 0) {
            return NO_TAGS;
        }
        long[] turns = new long[next.length];
        for (int i = 0; i < next.length; i++) {
            turns[i] = next[i].of(of).turn;
            for (int j = 0; j < before.length; j++) {
                turns[i] = before[j] == next[i] ? known[j] : turns[i];
            }
        }
        return turns;
    }

    /** Whether nobody is there and forgetting it gives nobody a slot that is spent. */
    boolean isIdle(RateLimiter limiter, long nowNanos) {
        lock.lock();
        try {
            return !limiter.hasPresent() && !limiter.hasAsleep() && limiter.meter.isIdle(nowNanos);
        } finally {
            lock.unlock();
        }
    }

    @Nullable
    LimitReached waitingFor(Binding binding, long nowNanos) {
        lock.lock();
        try {
            RateLimiter latest = latest(binding.limiters, Cost.ONE, nowNanos);
            return latest == null ? null : reached(latest.says, latest.meter.waitNanos(nowNanos, 1));
        } finally {
            lock.unlock();
        }
    }

    static LimitReached reached(SharedLimit says, long waitNanos) {
        String value = switch (says.bound()) {
            case SharedLimit.Bound.Count(int most) -> Integer.toString(most);
            case SharedLimit.Bound.Spaced(Rate rate) -> rate.toString();
            case SharedLimit.Bound.Daily(long most, var zone) -> most + "/d (" + zone + ")";
        };
        return new LimitReached(says.id().name(), value, says.id().scope(), says.place(), waitNanos);
    }

    // Events

    private long take(Slot slot, Cost cost, MailClass of, long longestNanos, long nowNanos) {
        Flow flow = slot.flow;
        if (slot.state == Slot.State.TAKEN) {
            return 0;
        }
        if (slot.state == Slot.State.NONE && flow.binding.limiters.length == 0) {
            slot.limiters = UNBOUND;
            slot.state = Slot.State.TAKEN;
            return 0;
        }
        lock.lock();
        try {
            if (slot.state != Slot.State.NONE) {
                if (slot.state == Slot.State.WAITING && slot.mailClass != of) {
                    flow.remove(slot);
                    slot.mailClass = of;
                    flow.add(slot);
                    settleClass(flow, nowNanos);
                    pump(flow.at, nowNanos);
                }
                return slot.state == Slot.State.TAKEN ? 0 : longestNanos;
            }
            slot.cost = cost;
            slot.mailClass = of;
            slot.askedNanos = nowNanos;
            MailClass as = of == MailClass.TRANSACTIONAL ? of : flow.mailClass();
            RateLimiter[] limiters = flow.binding.limiters;
            RateLimiter latest = flow.waiting.isEmpty() ? latest(limiters, cost, nowNanos) : flow.at;
            if (latest == null) {
                RateLimiter crowded = flow.waiting.isEmpty() ? crowded(flow, as, limiters) : null;
                if (crowded == null) {
                    RateLimiter slept = flow.sleeps ? leave(flow) : null;
                    isUp(flow);
                    grant(slot, as, nowNanos);
                    pump(slept, nowNanos);
                    return 0;
                }
                latest = crowded;
            }
            long wait = waitOf(flow, latest, as, cost, nowNanos);
            if (wait > longestNanos) {
                return wait;
            }
            slot.state = Slot.State.WAITING;
            boolean first = flow.waiting.isEmpty();
            boolean hasTurn = first && flow.at == latest && flow.as == as; // it slept there
            RateLimiter slept = first ? leave(flow) : null;
            flow.add(slot);
            if (first) {
                isUp(flow);
                if (hasTurn) {
                    flow.at = latest;
                    latest.made(as).present.add(flow);
                } else {
                    join(flow, latest);
                }
            } else {
                settleClass(flow, nowNanos);
            }
            pump(latest, nowNanos);
            if (slept != latest) {
                pump(slept, nowNanos);
            }
            return slot.state == Slot.State.TAKEN ? 0 : Math.max(1, wait);
        } finally {
            unlock();
        }
    }

    private long takeInLine(Slot slot, Cost cost, long sinceNanos, int line, boolean comesAgain,
            long nowNanos) {
        Flow flow = slot.flow;
        lock.lock();
        try {
            RateLimiter[] limiters = flow.binding.limiters;
            RateLimiter latest = latest(limiters, cost, nowNanos);
            if (latest == null) {
                latest = crowded(flow, MailClass.BULK, limiters);
            }
            if (latest == null && line >= 0) {
                for (RateLimiter limiter : limiters) { // of those in the line one is just about to come for it
                    if (line <= limiter.line && limiter.lineNanos - nowNanos > 0
                            && limiter.meter.lateNanos(nowNanos) < CATCH_UP_NANOS) {
                        latest = limiter;
                    }
                }
            }
            if (latest == null) {
                slot.cost = cost;
                slot.askedNanos = sinceNanos;
                for (RateLimiter limiter : limiters) {
                    if (limiter.line >= 0 && limiter.lineNanos - nowNanos > 0) {
                        slot.askedNanos = nowNanos - CATCH_UP_NANOS; // somebody waited for it, whoever has come first
                    }
                }
                grant(slot, MailClass.BULK, nowNanos);
                return 0;
            }
            slot.refusedBy = latest.says;
            long wait = Math.max(1, waitOf(flow, latest, MailClass.BULK, cost, nowNanos));
            if (line < 0) {
                slot.hasTurn = true;
                return wait;
            }
            if (line > latest.line) {
                latest.line = line;
                latest.lineNanos = nowNanos;
            }
            long behind = latest.lineNanos - nowNanos + latest.meter.intervalNanos() * cost.of(latest.measure);
            if (behind > (comesAgain ? LINE_NANOS : LINE_NANOS / 2)) {
                slot.hasTurn = false;
                return Math.max(wait, ThreadLocalRandom.current().nextLong(LINE_NANOS / 2, LINE_NANOS));
            }
            slot.hasTurn = true;
            long turn = Math.max(wait, behind);
            latest.lineNanos = nowNanos + turn;
            return turn;
        } finally {
            unlock();
        }
    }

    /** It has come, because it was woken or by itself: then whoever is to wake it is told, too. */
    private void isUp(Flow flow) {
        if (flow.sleeps && !flow.woken) {
            told.add(flow.wakes);
        }
        flow.sleeps = false;
        flow.woken = false;
    }

    /** About how long an event of that flow, of that class, waits if it comes to wait there now. */
    private static long waitOf(Flow flow, RateLimiter at, MailClass as, Cost cost, long nowNanos) {
        long wait = at.meter.waitNanos(nowNanos, cost.of(at.measure));
        boolean hasTurn = flow.at == at && flow.as == as && flow.waiting.isEmpty();
        long before = 0;
        if (!hasTurn) {
            before = as == MailClass.TRANSACTIONAL
                    ? at.transactional.present.size() + (long) flow.transactionalSlots
                    : at.transactional.present.size() + (long) at.bulk.present.size() + flow.waiting.size();
        }
        long interval = at.meter.intervalNanos();
        long behind = interval == 0 || before < NEVER / interval ? before * interval : NEVER;
        return Math.min(NEVER, wait + behind);
    }

    /** Of those with a slot that isn't now, the one whose is furthest away; null when all are. */
    private static @Nullable RateLimiter latest(RateLimiter[] limiters, Cost cost, long nowNanos) {
        RateLimiter latest = null;
        long longest = 0;
        for (RateLimiter limiter : limiters) {
            long wait = limiter.meter.waitNanos(nowNanos, cost.of(limiter.measure));
            if (wait > longest) {
                longest = wait;
                latest = limiter;
            }
        }
        return latest;
    }

    /** Where others wait whose turn comes before the flow's; null when nobody does. */
    private @Nullable RateLimiter crowded(Flow flow, MailClass as, RateLimiter[] limiters) {
        for (RateLimiter limiter : limiters) {
            Waiters own = limiter.of(as);
            boolean isBehind = !own.present.isEmpty() && (flow.at != limiter || flow.as != as
                    || Flow.IN_TURN.compare(own.present.first(), flow) < 0);
            if (isBehind || !limiter.of(ClassTurns.other(as)).present.isEmpty()
                    && limiter.classes.next(bulkPercent) != as) {
                return limiter;
            }
        }
        return null;
    }

    /** All slots of the event are now. */
    private void grant(Slot slot, MailClass as, long nowNanos) {
        Flow flow = slot.flow;
        RateLimiter[] limiters = flow.binding.limiters;
        long late = Math.min(CATCH_UP_NANOS, Math.max(0, nowNanos - slot.askedNanos));
        for (RateLimiter limiter : limiters) {
            late = Math.min(late, limiter.meter.lateNanos(nowNanos));
        }
        long[] stamps = slot.stamps.length == limiters.length ? slot.stamps : new long[limiters.length];
        long[] next = flow.next(as);
        if (next.length != limiters.length) {
            next = new long[limiters.length];
            for (int i = 0; i < limiters.length; i++) {
                next[i] = limiters[i].of(as).turn;
            }
            flow.next(as, next);
        }
        long[] shares = NO_STAMPS;
        for (int i = 0; i < limiters.length; i++) {
            RateLimiter limiter = limiters[i];
            long cost = slot.cost.of(limiter.measure);
            stamps[i] = limiter.meter.take(nowNanos, late, cost);
            Waiters own = limiter.made(as);
            long turn = later(next[i], own.turn);
            if (own.present.isEmpty()) { // whoever comes later has had no turn to lose to it
                own.turn = turn;
            }
            next[i] = turn + cost;
            if (!limiter.of(ClassTurns.other(as)).present.isEmpty()) {
                if (shares.length == 0) {
                    shares = new long[limiters.length];
                }
                shares[i] = limiter.classes.went(as, cost, bulkPercent);
            }
        }
        slot.shares = shares;
        slot.limiters = limiters;
        slot.takenAs = as;
        slot.stamps = stamps;
        slot.state = Slot.State.TAKEN;
    }

    private void grantWaiting(Slot slot, MailClass as, long nowNanos) {
        grant(slot, as, nowNanos);
        Runnable granted = slot.granted;
        Thread thread = slot.thread;
        if (granted != null) {
            told.add(granted);
        } else if (thread != null) {
            woken.add(thread);
        }
    }

    /** @return whether it was granted meanwhile */
    private boolean waitsNoMore(Slot slot) {
        lock.lock();
        try {
            if (slot.state == Slot.State.TAKEN) {
                return true;
            }
            giveBackLocked(slot, nanoTime.getAsLong());
            return false;
        } finally {
            unlock();
        }
    }

    private static long later(long one, long other) {
        return one - other > 0 ? one : other;
    }

    private void alsoTakes(Slot slot, int recipients) {
        lock.lock();
        try {
            for (RateLimiter limiter : slot.limiters) {
                if (limiter.measure == Measure.RECIPIENT_RATE) {
                    limiter.meter.take(nanoTime.getAsLong(), 0, recipients);
                }
            }
        } finally {
            unlock();
        }
    }

    private void giveBack(Slot slot, long nowNanos) {
        lock.lock();
        try {
            giveBackLocked(slot, nowNanos);
        } finally {
            unlock();
        }
    }

    private void giveBackLocked(Slot slot, long nowNanos) {
        Flow flow = slot.flow;
        switch (slot.state) {
            case NONE -> {
            }
            case WAITING -> {
                slot.state = Slot.State.NONE;
                flow.remove(slot);
                RateLimiter at = flow.at;
                if (flow.waiting.isEmpty() && at != null) {
                    settleAgain(flow, at, nowNanos);
                    pump(at, nowNanos);
                } else {
                    settleClass(flow, nowNanos);
                    pump(flow.at, nowNanos); // another is its first, which may cost less
                }
            }
            case TAKEN -> {
                slot.state = Slot.State.NONE;
                boolean wasLost = false;
                long[] next = flow.next(slot.takenAs); // empty when its path was bound to nothing meanwhile
                boolean hasTurns = next.length == slot.limiters.length
                        && Arrays.equals(slot.limiters, flow.binding.limiters);
                for (int i = 0; i < slot.limiters.length; i++) {
                    RateLimiter limiter = slot.limiters[i];
                    wasLost |= !limiter.meter.giveBack(slot.stamps[i], nowNanos, slot.cost.of(limiter.measure));
                    if (hasTurns) {
                        next[i] -= slot.cost.of(limiter.measure); // it has had no turn
                    }
                    if (slot.shares.length > 0) {
                        limiter.classes.undo(slot.shares[i]);
                    }
                }
                lost += wasLost ? 1 : 0;
                for (RateLimiter limiter : slot.limiters) {
                    limiter.wakes(nowNanos); // who sleeps may have it
                    pump(limiter, nowNanos);
                }
            }
        }
    }

    private long sleep(Flow flow, long leadNanos, long nowNanos) {
        lock.lock();
        try {
            flow.leadNanos = Math.max(0, leadNanos);
            if (!flow.waiting.isEmpty()) { // it has a turn, and is woken when nothing of it waits any more
                flow.sleeps = true;
                RateLimiter at = flow.at;
                return at == null ? 0 : waitOf(flow, at, flow.as, Cost.ONE, nowNanos);
            }
            RateLimiter latest = latest(flow.binding.limiters, Cost.ONE, nowNanos);
            if (latest == null) {
                latest = crowded(flow, flow.mailClass(), flow.binding.limiters);
            }
            RateLimiter was = leave(flow);
            flow.sleeps = true;
            flow.woken = false;
            if (latest == null) { // its slot is now
                flow.sleeps = false;
                told.add(flow.wakes);
            } else {
                join(flow, latest);
                latest.wakes(nowNanos);
                pump(latest, nowNanos);
            }
            if (was != latest) {
                pump(was, nowNanos);
            }
            return latest == null ? 0 : Math.max(0, waitOf(flow, latest, flow.as, Cost.ONE, nowNanos) - flow.leadNanos);
        } finally {
            unlock();
        }
    }

    private void end(Flow flow) {
        lock.lock();
        try {
            flow.binding.flows.remove(flow);
            flow.sleeps = false;
            flow.waiting.clear();
            flow.transactionalSlots = 0;
            RateLimiter at = leave(flow);
            if (at != null) {
                pump(at, nanoTime.getAsLong());
            }
        } finally {
            unlock();
        }
    }

    // The state machine's heart. Locked.

    /** Where a flow is that has something to wait for. */
    private void join(Flow flow, RateLimiter limiter) {
        RateLimiter[] limiters = flow.binding.limiters;
        MailClass as = flow.mailClass();
        Waiters waiters = limiter.made(as);
        long[] next = flow.next(as);
        flow.as = as;
        flow.tag = waiters.turn;
        flow.number = numbers++;
        for (int i = 0; i < next.length; i++) {
            if (limiters[i] == limiter && waiters.turn - next[i] > 0) {
                flow.number += Long.MIN_VALUE; // it had less than its share: it comes before those who had theirs
            } else if (limiters[i] == limiter) {
                flow.tag = next[i];
            }
        }
        flow.at = limiter;
        (flow.waiting.isEmpty() ? waiters.asleep : waiters.present).add(flow);
    }

    /** @return where it was; null for nowhere */
    private static @Nullable RateLimiter leave(Flow flow) {
        RateLimiter at = flow.at;
        if (at != null) {
            at.of(flow.as).present.remove(flow);
            at.of(flow.as).asleep.remove(flow);
            flow.at = null;
        }
        return at;
    }

    private void classChanged(Flow flow, long nowNanos) {
        lock.lock();
        try {
            settleClass(flow, nowNanos);
        } finally {
            unlock();
        }
    }

    /** Its next event may be of the other class: it goes on to wait, or to sleep, among those. */
    private void settleClass(Flow flow, long nowNanos) {
        RateLimiter at = flow.at;
        if (at == null || flow.as == flow.mailClass()) {
            return;
        }
        leave(flow);
        join(flow, at);
        at.of(flow.as).nextWakeNanos = nowNanos;
        pump(at, nowNanos);
    }

    /** Nothing of it waits any more there: it sleeps on, or is gone. */
    private void settleAgain(Flow flow, RateLimiter at, long nowNanos) {
        leave(flow);
        if (flow.sleeps) {
            flow.woken = false;
            join(flow, at);
            at.wakes(nowNanos);
        }
    }

    /** A flow that left a limiter and has something to wait for yet goes to the one where it waits next. */
    private void goOn(Flow flow, long nowNanos) {
        while (!flow.waiting.isEmpty()) {
            Slot slot = flow.waiting.getFirst();
            RateLimiter latest = latest(flow.binding.limiters, slot.cost, nowNanos);
            MailClass as = flow.mailClass();
            if (latest == null) {
                latest = crowded(flow, as, flow.binding.limiters);
            }
            if (latest != null) {
                join(flow, latest);
                pump(latest, nowNanos);
                return;
            }
            flow.remove(slot);
            grantWaiting(slot, as, nowNanos);
        }
        if (flow.sleeps) {
            RateLimiter latest = latest(flow.binding.limiters, Cost.ONE, nowNanos);
            if (latest == null) {
                flow.sleeps = false;
                told.add(flow.wakes);
            } else {
                flow.woken = false;
                join(flow, latest);
                latest.wakes(nowNanos);
                pump(latest, nowNanos);
            }
        }
    }

    /** Gives the slots that are now to those whose turn it is, wakes who sleeps and comes next, and arms the time of the next. */
    private void pump(@Nullable RateLimiter limiter, long nowNanos) {
        if (limiter == null) {
            return;
        }
        for (Flow flow = next(limiter, nowNanos); flow != null; flow = next(limiter, nowNanos)) {
            Slot slot = flow.waiting.getFirst();
            RateLimiter latest = latest(flow.binding.limiters, slot.cost, nowNanos);
            leave(flow);
            if (latest != null) {
                join(flow, latest);
                arm(latest, nowNanos);
                continue;
            }
            MailClass as = flow.as;
            Waiters own = limiter.of(as);
            own.turn = later(own.turn, flow.tag);
            TreeSet<Flow> others = limiter.of(ClassTurns.other(as)).present;
            if (!others.isEmpty() && others.first().waiting.getFirst().askedNanos - slot.askedNanos < 0) {
                slot.askedNanos = others.first().waiting.getFirst().askedNanos; // so long somebody has waited for it
            }
            flow.remove(slot);
            grantWaiting(slot, as, nowNanos);
            if (!flow.waiting.isEmpty()) {
                join(flow, limiter);
            } else {
                settleAgain(flow, limiter, nowNanos);
            }
        }
        wakeSleepers(limiter, nowNanos);
        arm(limiter, nowNanos);
    }

    /** The first that the limiter doesn't hold back: of the class that is next there, else of the other; null for none. */
    private @Nullable Flow next(RateLimiter limiter, long nowNanos) {
        Flow flow = first(limiter, limiter.classes.next(bulkPercent), nowNanos);
        return flow != null ? flow : first(limiter, ClassTurns.other(limiter.classes.next(bulkPercent)), nowNanos);
    }

    private static @Nullable Flow first(RateLimiter limiter, MailClass of, long nowNanos) {
        TreeSet<Flow> present = limiter.of(of).present;
        if (present.isEmpty()) {
            return null;
        }
        Flow flow = present.first();
        return latest(flow.binding.limiters, flow.waiting.getFirst().cost, nowNanos) == limiter ? null : flow;
    }

    private void wakeSleepers(RateLimiter limiter, long nowNanos) {
        wakeSleepers(limiter, limiter.transactional, 0, nowNanos);
        wakeSleepers(limiter, limiter.bulk, limiter.transactional.present.size(), nowNanos);
    }

    /** @param ahead who of the other class comes before them */
    private void wakeSleepers(RateLimiter limiter, Waiters waiters, int ahead, long nowNanos) {
        if (waiters.asleep.isEmpty() || waiters.nextWakeNanos - nowNanos > 0) {
            return;
        }
        long wait = limiter.meter.waitNanos(nowNanos, 1);
        long interval = limiter.meter.intervalNanos();
        long next = NEVER;
        long before = ahead;
        int looked = 0;
        Iterator<Flow> others = waiters.present.iterator();
        Flow other = others.hasNext() ? others.next() : null;
        for (Iterator<Flow> all = waiters.asleep.iterator(); all.hasNext();) {
            Flow flow = all.next();
            if (++looked > WAKE_BATCH) {
                next = 0;
                break;
            }
            while (other != null && Flow.IN_TURN.compare(other, flow) < 0) {
                before++;
                other = others.hasNext() ? others.next() : null;
            }
            if (flow.woken) {
                long over = flow.wokenNanos + CLAIM_NANOS - nowNanos;
                if (over <= 0) {
                    all.remove();
                    flow.at = null;
                    flow.sleeps = false;
                    flow.woken = false;
                } else {
                    next = Math.min(next, over);
                    before++;
                }
                continue;
            }
            long behind = interval == 0 || before < NEVER / interval ? before * interval : NEVER;
            long until = Math.min(NEVER, wait + behind) - flow.leadNanos;
            if (until > 0) {
                next = Math.min(next, until);
                break;
            }
            flow.woken = true;
            flow.wokenNanos = nowNanos;
            told.add(flow.wakes);
            next = Math.min(next, CLAIM_NANOS);
            before++;
        }
        waiters.nextWakeNanos = nowNanos + Math.max(WAKE_NANOS, next);
    }

    /** Until the first of those has its slot, or one is to be woken. */
    private static long waitAt(RateLimiter limiter, Waiters waiters, long nowNanos) {
        long wait = NEVER;
        if (!waiters.present.isEmpty()) {
            Slot first = waiters.present.first().waiting.getFirst();
            wait = Math.min(wait, limiter.meter.waitNanos(nowNanos, first.cost.of(limiter.measure)));
        }
        if (!waiters.asleep.isEmpty()) {
            wait = Math.min(wait, Math.max(0, waiters.nextWakeNanos - nowNanos));
        }
        return wait;
    }

    private void arm(RateLimiter limiter, long nowNanos) {
        long wait = Math.min(waitAt(limiter, limiter.bulk, nowNanos), waitAt(limiter, limiter.transactional, nowNanos));
        if (limiter.meter instanceof Meter.Daily) {
            wait = Math.min(wait, WALL_CLOCK_NANOS);
        }
        boolean wanted = limiter.hasPresent() || limiter.hasAsleep();
        long at = nowNanos + wait;
        if (limiter.armed && wanted && limiter.armedNanos == at) {
            return;
        }
        if (limiter.armed) {
            armed.remove(limiter);
        }
        limiter.armed = wanted;
        limiter.armedNanos = at;
        if (wanted) {
            armed.add(limiter);
        }
    }

    /** Unparks whoever was granted something, and the pacer's thread when it has to come sooner, when the lock is free. */
    private void unlock() {
        List<Thread> threads = List.of();
        if (!woken.isEmpty()) {
            threads = woken;
            woken = new ArrayList<>(2);
        }
        boolean unparks = parked
                && (!told.isEmpty() || !armed.isEmpty() && armed.first().armedNanos - parkedUntilNanos < 0);
        parked = parked && !unparks;
        lock.unlock();
        if (unparks) {
            LockSupport.unpark(thread);
        }
        for (Thread each : threads) {
            LockSupport.unpark(each);
        }
    }

    // Time

    /** Begins to come when slots do. */
    synchronized void start() {
        if (thread == null && !closed) {
            thread = Thread.ofPlatform().name("limiter-slots").daemon(true).start(this::run);
        }
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    private void run() {
        while (!closed) {
            long wait = turn();
            if (wait > 0) {
                LockSupport.parkNanos(this, wait);
            }
        }
    }

    /** Does what is due by now. @return nanoseconds until there is more */
    long turn() {
        long wait = 0;
        List<Runnable> events = List.of();
        lock.lock();
        try {
            parked = false;
            long now = nanoTime.getAsLong();
            int served = 0;
            while (served < BATCH && !armed.isEmpty() && armed.first().armedNanos - now <= 0) {
                RateLimiter due = armed.removeFirst();
                due.armed = false;
                pump(due, now);
                served++;
            }
            if (!told.isEmpty()) {
                events = told;
                told = new ArrayList<>(2);
            } else if (served < BATCH) {
                wait = armed.isEmpty() ? NEVER : Math.max(0, armed.first().armedNanos - now);
                parked = wait > 0;
                parkedUntilNanos = now + wait;
            }
        } finally {
            unlock();
        }
        for (Runnable event : events) {
            try {
                event.run();
            } catch (RuntimeException e) {
                log.error("event=limiter-wake-failed", e);
            }
        }
        return wait;
    }

    private @Nullable String violation(Flow flow, long nowNanos) {
        lock.lock();
        try {
            RateLimiter at = flow.at;
            boolean waits = !flow.waiting.isEmpty();
            if (at == null) {
                return waits || flow.sleeps
                        ? "waits nowhere: " + flow.waiting.size() + ", sleeps " + flow.sleeps
                        : null;
            }
            boolean binds = false;
            for (RateLimiter limiter : flow.binding.limiters) {
                binds |= limiter == at;
                if (limiter != at && (isAmong(flow, limiter.bulk) || isAmong(flow, limiter.transactional))) {
                    return "waits at " + limiter + " and at " + at;
                }
            }
            Waiters own = at.of(flow.as);
            if (flow.as != flow.mailClass() || isAmong(flow, at.of(ClassTurns.other(flow.as)))) {
                return "waits as " + flow.as + " at " + at + " and is " + flow.mailClass();
            }
            if (!binds) {
                return "waits at " + at + ", which doesn't bind it";
            }
            if (own.present.contains(flow) != waits || own.asleep.contains(flow) == waits) {
                return "is in the wrong order of " + at + " with " + flow.waiting.size() + " waiting";
            }
            if (!at.armed || !armed.contains(at)) {
                return "nobody comes for " + at;
            }
            boolean isNext = waits && own.present.first() == flow;
            if (isNext && latest(flow.binding.limiters, flow.waiting.getFirst().cost, nowNanos) == null) {
                return "all its slots are now, and it waits at " + at;
            }
            return null;
        } finally {
            lock.unlock();
        }
    }

    private static boolean isAmong(Flow flow, Waiters waiters) {
        return waiters.present.contains(flow) || waiters.asleep.contains(flow);
    }
}
