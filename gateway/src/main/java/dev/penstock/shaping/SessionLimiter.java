package dev.penstock.shaping;

import java.time.Duration;
import java.util.LinkedHashSet;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.QueueConfig;
import dev.penstock.shaping.LimitSource.Lease;
import dev.penstock.units.MailClass;

/**
 * How many sessions may be open at one time, and who is next when one ends. Thread-safe: one state machine behind its
 * monitor, which is held for nanoseconds and never over a call that may wait.
 *
 * <p>It grants, nobody polls: whoever finds no permit free is registered, and {@link #next} names in order those to whom
 * a permit that came back has been given. Whoever returns a permit, or makes room otherwise, calls it until it answers
 * null. Those who are the {@code first} of theirs (who have no session at all) come before the others, and a reserve of
 * permits is for them alone. Of these, and of the others, those with transactional mail ready come first, save that bulk
 * keeps its share ({@link ClassTurns}); whose mail comes to be of the other class is the last of that.
 *
 * <p>Below the configured limit lies a <em>window</em>, as in Postfix's queue manager and in TCP: it is unlimited until
 * the other side refuses a session while others stand, is then what stands, and is tried upward by one session at a time:
 * after {@link #FIRST_TRIAL}, doubled by each trial that is refused up to {@link #LAST_TRIAL}, and at once after one that
 * was proved.
 *
 * <p>Where several nodes share the limit, this one leases its part of it, a few permits more than are taken at a time, and
 * asks for more when these are used up or the lease is over.
 *
 * <p>Invariant, between any two calls: somebody waits ⇒ all permits he may have are taken, or the window is to be tried,
 * or more to be leased, from a time that {@link #triesAgainAt} tells.
 */
public final class SessionLimiter implements Limiter {
    /** After a refusal, until one session more than the window is tried. */
    static final Duration FIRST_TRIAL = Duration.ofSeconds(10);
    /** The longest pause between two trials. */
    static final Duration LAST_TRIAL = Duration.ofMinutes(5);
    private static final int NO_WINDOW = Integer.MAX_VALUE;
    /** Permits leased beyond those that are taken. */
    static final int LEASED_AHEAD = 8;

    /** Where its permits come from: {@link LimitSource#sessions} of one key. */
    @FunctionalInterface
    interface Leases {
        Lease lease(int limit, int wanted, long nowNanos);
    }

    /** Who waits for a permit: known by identity. */
    public interface Waiter {
        /** A limit was raised, where it waits: somebody is to pass on what is free now. Called with no lock held. */
        default void mayGrant(Limiter limiter) {}

        /** Of what its session would take next. Asked under a limiter's lock. */
        default MailClass mailClass() {
            return MailClass.BULK;
        }

        /** What bulk keeps, in percent, of the permits that are passed on while transactional mail waits, too. Likewise. */
        default int bulkPercent() {
            return QueueConfig.DEFAULT.bulkSharePercent();
        }
    }

    /** Who has a permit and can give it up while he is idle. */
    public interface Holder {
        Waiter owner();
    }

    /** The answer to who asks for a permit. */
    public enum Answer {
        /** One is taken. */
        GRANTED,
        /** One is taken, beyond the window. */
        TRIAL,
        /** None is. */
        NONE
    }

    /** A permit that has passed to the one who waited for it. */
    public record Grant(Waiter waiter, boolean trial) {}

    /** Those who wait, in the order in which they came, by class. Guarded by the monitor. */
    private static final class Order {
        private final LinkedHashSet<Waiter> bulk = new LinkedHashSet<>();
        /** Null until one comes: most limiters have none. */
        private @Nullable LinkedHashSet<Waiter> transactional;
        private final ClassTurns classes = new ClassTurns();

        private boolean add(Waiter waiter) {
            if (waiter.mailClass() == MailClass.BULK) {
                return bulk.add(waiter);
            }
            LinkedHashSet<Waiter> present = transactional;
            if (present == null) {
                present = new LinkedHashSet<>();
                transactional = present;
            }
            return present.add(waiter);
        }

        private boolean remove(Waiter waiter) {
            return bulk.remove(waiter) || transactional != null && transactional.remove(waiter);
        }

        private boolean contains(Waiter waiter) {
            return bulk.contains(waiter) || transactional != null && transactional.contains(waiter);
        }

        private boolean contains(Waiter waiter, MailClass as) {
            return as == MailClass.BULK
                    ? bulk.contains(waiter)
                    : transactional != null && transactional.contains(waiter);
        }

        private int size() {
            return bulk.size() + (transactional == null ? 0 : transactional.size());
        }

        private boolean isEmpty() {
            return size() == 0;
        }

        /** Whose turn it is. Somebody waits. */
        private Waiter first() {
            LinkedHashSet<Waiter> urgent = transactional;
            if (urgent == null || urgent.isEmpty()) {
                return bulk.getFirst();
            }
            return bulk.isEmpty() || classes.next(bulk.getFirst().bulkPercent()) == MailClass.TRANSACTIONAL
                    ? urgent.getFirst()
                    : bulk.getFirst();
        }

        private Waiter takeFirst() {
            Waiter first = first();
            boolean isBulk = bulk.remove(first);
            if (!isBulk) {
                remove(first);
            }
            if (isBulk ? size() > bulk.size() : !bulk.isEmpty()) {
                classes.went(isBulk ? MailClass.BULK : MailClass.TRANSACTIONAL, 1, first.bulkPercent());
            }
            return first;
        }
    }

    private final String name;
    private final Order firsts = new Order();
    private final Order others = new Order();
    private final LinkedHashSet<Holder> idle = new LinkedHashSet<>();
    private final Leases leases;
    private Lease lease = Lease.NONE;
    private int limit;
    private final int reserve;
    private int open;
    /** Of these, permits that are kept by who waits for something else. */
    private int kept;
    /** Sessions that have failed, and whose permits will be back in a moment. */
    private int failed;
    private int window = NO_WINDOW;
    private boolean trial;
    private long trialNanos;
    private long pauseNanos = FIRST_TRIAL.toNanos();
    /** How many wait; for those who only want to know whether anybody does. */
    private volatile int waiting;

    /**
     * @param name    the configuration key
     * @param reserve permits that only those without any session get
     */
    public SessionLimiter(String name, int limit, int reserve) {
        this(name, limit, reserve, (_, _, _) -> Lease.ALL);
    }

    SessionLimiter(String name, int limit, int reserve, Leases leases) {
        this.leases = leases;
        this.name = name;
        this.limit = limit;
        this.reserve = reserve;
    }

    /** A permit if one is free and nobody waits for it. */
    public synchronized Answer tryAcquire(boolean first, long nowNanos) {
        if (first ? !firsts.isEmpty() : waiting > 0) {
            return Answer.NONE;
        }
        return take(first, nowNanos);
    }

    /** A permit, or {@link Answer#NONE} and a place in the order: {@link #next} will name the waiter. */
    public synchronized Answer acquire(Waiter waiter, boolean first, long nowNanos) {
        Answer answer = tryAcquire(first, nowNanos);
        if (answer == Answer.NONE) {
            (first ? firsts : others).add(waiter);
            waiting = firsts.size() + others.size();
        }
        return answer;
    }

    private Answer take(boolean first, long nowNanos) {
        if (open >= (first ? limit : limit - reserve) || !isLeased(nowNanos)) {
            return Answer.NONE;
        }
        if (open < window) {
            open++;
            return Answer.GRANTED;
        }
        if (trial || nowNanos - trialNanos < 0) {
            return Answer.NONE;
        }
        open++;
        trial = true;
        return Answer.TRIAL;
    }

    /** Whether one more may be open by what is leased; leases more when it has to. */
    private boolean isLeased(long nowNanos) {
        if (open >= lease.granted() || !lease.holds(nowNanos)) {
            lease = leases.lease(limit, Math.min(limit, open + LEASED_AHEAD), nowNanos);
        }
        return open < lease.granted();
    }

    private boolean isLeaseUsedUp() {
        return !lease.forGood() && open >= lease.granted() && open < limit;
    }

    /** Gives a permit that is free to the one whose turn it is; null when there is none, or nobody may have it. */
    public synchronized @Nullable Grant next(long nowNanos) {
        if (waiting == 0) {
            return null;
        }
        boolean first = !firsts.isEmpty();
        Answer answer = take(first, nowNanos);
        if (answer == Answer.NONE) {
            return null;
        }
        Waiter waiter = (first ? firsts : others).takeFirst();
        waiting--;
        return new Grant(waiter, answer == Answer.TRIAL);
    }

    @Override
    public synchronized void promote(Waiter waiter) {
        if (others.remove(waiter)) {
            firsts.add(waiter);
        }
    }

    @Override
    public synchronized void classChanged(Waiter waiter) {
        Order order = firsts.contains(waiter) ? firsts : others;
        if (order.contains(waiter) && !order.contains(waiter, waiter.mailClass())) {
            order.remove(waiter);
            order.add(waiter);
        }
    }

    /** A permit comes back with which no session was opened: a trial is still to be made. Call {@link #next} then. */
    public synchronized void unused(boolean wasTrial) {
        close();
        if (wasTrial) {
            trial = false;
        }
    }

    /** Who has a permit waits for something else that his session needs, and keeps it: no session stands for it. */
    public synchronized void keep() {
        kept++;
    }

    /** He waits no more, for he has got that or has given up. */
    public synchronized void keepNoMore() {
        kept--;
    }

    private void close() {
        if (open == 0) {
            throw new IllegalStateException("released more sessions of " + name + " than were opened");
        }
        open--;
    }

    /** A session, not released yet, has failed: it doesn't {@link #standing stand} any more. */
    synchronized void failed() {
        failed++;
    }

    /** One that has failed has ended. As {@link #release}. */
    synchronized void releaseFailed(boolean wasTrial, long nowNanos) {
        failed--;
        release(wasTrial, nowNanos);
    }

    /** A session has ended. Call {@link #next} then. */
    public synchronized void release(boolean wasTrial, long nowNanos) {
        close();
        if (wasTrial && trial) { // it has shown nothing
            trial = false;
            trialNanos = nowNanos + pauseNanos;
        }
    }

    /**
     * A session, not released yet, was refused while others stand: no more than those may be open until the next trial.
     * Those begun before and refused after make the window smaller, but the pause no longer.
     */
    public synchronized void refused(boolean wasTrial, long nowNanos) {
        boolean settled = nowNanos - trialNanos >= 0;
        if (wasTrial && trial) {
            trial = false;
            pauseNanos = Math.min(2 * pauseNanos, LAST_TRIAL.toNanos());
            trialNanos = nowNanos + pauseNanos;
        } else if (window == NO_WINDOW || settled) {
            pauseNanos = FIRST_TRIAL.toNanos();
            trialNanos = nowNanos + pauseNanos;
        }
        window = Math.min(window, Math.max(1, open - kept - 1));
    }

    /**
     * A session has delivered. Call {@link #next} when it was a trial.
     *
     * @return whether the window grew
     */
    public synchronized boolean proved(boolean wasTrial, long nowNanos) {
        if (!wasTrial || !trial) {
            return false;
        }
        trial = false;
        window = window >= limit - 1 ? NO_WINDOW : window + 1;
        pauseNanos = FIRST_TRIAL.toNanos();
        trialNanos = nowNanos;
        return true;
    }

    /**
     * The receiver wants less: half as many sessions as are open may be from now on, until the next trial. Those that
     * are told the same meanwhile change nothing.
     */
    public synchronized void halve(long nowNanos) {
        if (window == NO_WINDOW || nowNanos - trialNanos >= 0) {
            pauseNanos = FIRST_TRIAL.toNanos();
            trialNanos = nowNanos + pauseNanos;
            window = Math.min(window, Math.max(1, (open - kept) / 2));
        }
    }

    /** No session stands and none may be opened for a while: what comes after begins with one and grows as it proves. */
    public synchronized void collapsed(long nowNanos) {
        if (open - kept <= 1) {
            window = 1;
            pauseNanos = FIRST_TRIAL.toNanos();
            trialNanos = nowNanos;
        }
    }

    /** From now on with this limit, and without a window that was learned under another. Call {@link #next} then. */
    public synchronized void limit(int next) {
        limit = next;
        lease = Lease.NONE;
        window = NO_WINDOW;
        pauseNanos = FIRST_TRIAL.toNanos();
    }

    /** Whose turn it is; null when nobody waits. */
    public synchronized @Nullable Waiter first() {
        return !firsts.isEmpty() ? firsts.first() : others.isEmpty() ? null : others.first();
    }

    /**
     * When a session beyond the window may be tried, or more may be leased; {@link Long#MIN_VALUE} when nothing waits for
     * that time.
     */
    public synchronized long triesAgainAt() {
        if (waiting > 0 && isLeaseUsedUp()) {
            return lease.untilNanos();
        }
        return waiting > 0 && !trial && open >= window && open < limit ? trialNanos : Long.MIN_VALUE;
    }

    /** Whether anybody but {@code owner} waits; {@code ownerWaits} is whether he is registered here too. */
    public boolean isWanted(boolean ownerWaits) {
        return waiting > (ownerWaits ? 1 : 0);
    }

    /** From now on this session can be asked to end, should others wait. */
    public synchronized void idle(Holder holder) {
        idle.add(holder);
    }

    /** From now on not any more. */
    public synchronized void busy(Holder holder) {
        idle.remove(holder);
    }

    /** The session that idles longest of those that aren't {@code waiter}'s own; null when none is. */
    public synchronized @Nullable Holder longestIdle(Waiter waiter) {
        for (Holder holder : idle) {
            if (!holder.owner().equals(waiter)) {
                idle.remove(holder);
                return holder;
            }
        }
        return null;
    }

    /** Permits that are taken. */
    public synchronized int open() {
        return open;
    }

    /** Sessions that stand or are coming up: permits but those that are kept. */
    public synchronized int sessions() {
        return open - kept;
    }

    /** Likewise without those that have failed. */
    synchronized int standing() {
        return open - kept - failed;
    }

    /** Sessions that may be open now: what is configured, or what the other side has been found to take. */
    public synchronized int size() {
        return Math.min(limit, window);
    }

    /** How many wait for a permit. */
    public int waiting() {
        return waiting;
    }

    boolean isLearned() {
        return window != NO_WINDOW;
    }

    /** What holds back who asks now, null when nothing does. */
    synchronized @Nullable LimitReached refusal(long nowNanos) {
        if (isLeaseUsedUp()) {
            return new LimitReached("lease",
                    lease.granted() + " of " + name + " " + limit + ", shared with other nodes",
                    Math.max(1, lease.untilNanos() - nowNanos));
        }
        if (open < Math.min(limit, window)) {
            return null;
        }
        if (open >= limit) {
            return new LimitReached(name, Integer.toString(limit), 0);
        }
        long wait = Math.max(0, trialNanos - nowNanos);
        return new LimitReached("window", window + " of " + name + " " + limit + ", the receiver refused more",
                trial ? 0 : Math.max(1, wait));
    }

    /** {@code connection_limit 10}; {@code window 3 of connection_limit 10, … (next in 8s)}. */
    @Override
    public String describe(Waiter waiter, long nowNanos) {
        LimitReached refusal = refusal(nowNanos);
        return refusal == null ? name + " " + limit : refusal.toString();
    }

    @Override
    public synchronized boolean isRegistered(Waiter waiter) {
        return firsts.contains(waiter) || others.contains(waiter);
    }

    @Override
    public synchronized boolean isFirst(Waiter waiter) {
        return firsts.contains(waiter);
    }

    @Override
    public synchronized @Nullable String violation(long nowNanos) {
        if (kept < 0 || failed < 0 || open < kept + failed || waiting != firsts.size() + others.size()) {
            return "miscounted: " + this;
        }
        if (waiting == 0) {
            return null;
        }
        int most = firsts.isEmpty() ? limit - reserve : limit;
        return open < Math.min(most, window) && !isLeaseUsedUp()
                ? "a permit is free and somebody waits: " + this
                : null;
    }

    @Override
    public synchronized String toString() {
        return name + " " + open + "/" + limit + (kept == 0 ? "" : " kept " + kept)
                + (window == NO_WINDOW ? "" : " window " + window)
                + (trial ? " trial" : "") + " waiting " + firsts.size() + "+" + others.size();
    }

}
