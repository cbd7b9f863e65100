package dev.penstock.shaping;

import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TrafficLimits;
import dev.penstock.shaping.LimitSource.Pace;
import dev.penstock.shaping.Pacer.Binding;
import dev.penstock.shaping.Pacer.Flow;
import dev.penstock.shaping.Pacer.RateLimiter;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.units.Rate;

/** What one shaping key may do, by its own limits and by those that it shares, and what it has done. Thread-safe. */
public final class Throttle {
    private final EgressPath key;
    private final Pacer pacer;
    private final SharedSessions shared;
    private final SessionLimiter sessions;
    private final SharedSessions.Binding sharedBinding = new SharedSessions.Binding();
    private final Own ownMessages;
    private final Own ownConnections;
    private final Binding messages = new Binding();
    private final Binding connections = new Binding();
    private final Binding selections = new Binding();
    private @Nullable Flow selecting;
    private volatile TrafficLimits limits;
    private volatile List<SharedLimit> sharedLimits = List.of();
    private volatile boolean probesOnly;
    private volatile String provider;
    private volatile long usedNanos;
    /** Guarded by the shaper's map. */
    int users;
    /** What it shares with others and has counted itself a user of. Guarded by the shaper's registry. */
    List<SharedLimit.Id> uses = List.of();
    /** Likewise. */
    boolean forgotten;

    /** A rate of the key's alone; where slots are leased, all of them come from there. */
    private final class Own {
        private final String name;
        private final Measure measure;
        private final @Nullable Gcra leased;
        private @Nullable RateLimiter limiter;

        Own(String name, Measure measure, @Nullable Rate rate, LimitSource.@Nullable SlotLeases leases, long nowNanos) {
            this.name = name;
            this.measure = measure;
            this.leased = leases == null ? null : new Gcra(rate, leases, nowNanos);
        }

        /** @return null for none */
        @Nullable
        RateLimiter of(@Nullable Rate rate, long nowNanos) {
            RateLimiter present = limiter;
            if (rate == null) {
                if (leased != null) {
                    leased.reconfigure(null, nowNanos);
                }
                return null; // what was spent counts on should it come back
            }
            SharedLimit says = new SharedLimit(new SharedLimit.Id(measure, name, ""), new Bound.Spaced(rate), "");
            if (present == null) {
                if (leased != null) {
                    leased.reconfigure(rate, nowNanos);
                }
                present = leased == null ? pacer.limiter(says, nowNanos) : pacer.leased(says, leased);
                limiter = present;
            } else if (!present.says().equals(says)) {
                pacer.limit(present, says, nowNanos);
            }
            return present;
        }

        boolean isIdle(long nowNanos) {
            RateLimiter present = limiter;
            return present == null || pacer.isIdle(present, nowNanos);
        }
    }

    Throttle(EgressPath key, TrafficLimits limits, LimitSource source, long nowNanos) {
        this(key, "", limits, source, new Pacer(System::nanoTime, InstantSource.system()),
                new SharedSessions(), nowNanos);
    }

    Throttle(EgressPath key, String provider, TrafficLimits limits, LimitSource source, Pacer pacer,
            SharedSessions shared, long nowNanos) {
        this.key = key;
        this.provider = provider;
        this.limits = limits;
        this.pacer = pacer;
        this.shared = shared;
        this.sessions = new SessionLimiter("connection_limit", limits.connectionLimit(), 0,
                (limit, wanted, now) -> source.sessions(key, limit, wanted, now));
        this.ownMessages = new Own("max_message_rate", Measure.MESSAGE_RATE, limits.maxMessageRate(),
                source.slots(key, Pace.MESSAGES), nowNanos);
        this.ownConnections = new Own("max_connection_rate", Measure.CONNECTION_RATE, limits.maxConnectionRate(),
                source.slots(key, Pace.CONNECTIONS), nowNanos);
        this.usedNanos = nowNanos;
        bind(limits, List.of(), _ -> {
            throw new IllegalStateException("nothing is shared yet");
        }, _ -> {
            throw new IllegalStateException("nothing is shared yet");
        }, new ArrayList<>(0), nowNanos);
    }

    public EgressPath key() {
        return key;
    }

    /** Whose hosts it goes to, as far as that was known; empty for nobody known. */
    public String provider() {
        return provider;
    }

    void provider(String now) {
        provider = now;
    }

    public TrafficLimits limits() {
        return limits;
    }

    /** What it shares with others, in the order of the rules. */
    public List<SharedLimit> sharedLimits() {
        return sharedLimits;
    }

    /** Whether only probes go, since the receiver takes nothing now. */
    public boolean probesOnly() {
        return probesOnly;
    }

    public SessionLimiter sessions() {
        return sessions;
    }

    /** What all sessions draw from whose limits are shared. */
    public SharedSessions shared() {
        return shared;
    }

    SharedSessions.Binding sharedBinding() {
        return sharedBinding;
    }

    /** A permit of each limit of sessions that it shares; null when one has none to give, or others come before. */
    public SharedSessions.@Nullable Held tryShared(SessionLimiter.Waiter owner, boolean first) {
        return shared.tryAcquire(owner, sharedBinding, first);
    }

    /** As {@link #tryShared}, or a place in the order of those who wait. */
    public SharedSessions.@Nullable Held acquireShared(SessionLimiter.Waiter waiter, boolean first) {
        return shared.acquire(waiter, sharedBinding, first);
    }

    /**
     * Messages of one ready queue.
     *
     * @param wake called when one that sleeps is to have a session, on the pacer's thread
     */
    public Flow messages(Runnable wake) {
        return pacer.flow(messages, wake);
    }

    /** Sessions of one ready queue. */
    public Flow connections() {
        return pacer.flow(connections, () -> {});
    }

    /** Whether it matters how often its source is chosen. */
    public boolean limitsSelections() {
        return !selections.isUnbound();
    }

    /** Times that its source is chosen. */
    public synchronized Flow selections() {
        Flow known = selecting;
        if (known == null) {
            known = pacer.flow(selections, () -> {});
            selecting = known;
        }
        return known;
    }

    /** Of the leased rate. For tests. */
    Gcra messages() {
        return Objects.requireNonNull(ownMessages.leased, "its slots are its own");
    }

    /** What holds back whoever has a message for this key now, null when nothing does. */
    public @Nullable LimitReached waitingFor(long nowNanos) {
        LimitReached message = pacer.waitingFor(messages, nowNanos);
        if (message != null) {
            return message;
        }
        LimitReached full = sessions.refusal(nowNanos);
        if (full == null) {
            full = shared.refusal(sharedBinding);
        }
        return full != null ? full : pacer.waitingFor(connections, nowNanos);
    }

    /** Gives the limiter of what is shared. */
    @FunctionalInterface
    interface Shared<T> {
        T of(SharedLimit limit);
    }

    /**
     * @param told to which is added what is to be run with no lock held
     * @return whether anything changed
     */
    boolean reconfigure(PathLimits next, Shared<RateLimiter> rates, Shared<SharedSessions.Count> counts,
            List<Runnable> told, long nowNanos) {
        probesOnly = next.probesOnly();
        if (next.own().equals(limits) && next.shared().equals(sharedLimits)) {
            return false;
        }
        boolean ownChanged = !next.own().equals(limits);
        if (!ownChanged && isSharedByTheSame(next.shared())) {
            for (SharedLimit limit : next.shared()) {
                if (limit.id().measure() == Measure.CONNECTIONS) {
                    counts.of(limit);
                } else {
                    rates.of(limit);
                }
            }
            sharedLimits = next.shared();
            return true;
        }
        bind(next.own(), next.shared(), rates, counts, told, nowNanos);
        if (ownChanged) {
            sessions.limit(next.own().connectionLimit());
            tell(sessions.first(), sessions, told);
        }
        return true;
    }

    private boolean isSharedByTheSame(List<SharedLimit> next) {
        List<SharedLimit> now = sharedLimits;
        if (now.size() != next.size()) {
            return false;
        }
        for (int i = 0; i < next.size(); i++) {
            if (!now.get(i).id().equals(next.get(i).id())) {
                return false;
            }
        }
        return true;
    }

    static void tell(SessionLimiter.@Nullable Waiter waiter, Limiter limiter, List<Runnable> told) {
        if (waiter != null) {
            told.add(() -> waiter.mayGrant(limiter));
        }
    }

    private synchronized void bind(TrafficLimits own, List<SharedLimit> others, Shared<RateLimiter> rates,
            Shared<SharedSessions.Count> counts, List<Runnable> told, long nowNanos) {
        limits = own;
        sharedLimits = others;
        bind(messages, ownMessages.of(own.maxMessageRate(), nowNanos), others, rates, nowNanos, Measure.MESSAGE_RATE,
                Measure.RECIPIENT_RATE, Measure.OCTET_RATE);
        bind(connections, ownConnections.of(own.maxConnectionRate(), nowNanos), others, rates, nowNanos,
                Measure.CONNECTION_RATE);
        bind(selections, null, others, rates, nowNanos, Measure.SOURCE_SELECTION_RATE);
        SharedSessions.Count[] now = others.stream().filter(limit -> limit.id().measure() == Measure.CONNECTIONS)
                .map(counts::of).distinct().toArray(SharedSessions.Count[]::new);
        if (!Arrays.equals(now, sharedBinding.counts())) {
            tell(shared.bind(sharedBinding, now), shared, told);
        }
    }

    private void bind(Binding binding, @Nullable RateLimiter own, List<SharedLimit> others, Shared<RateLimiter> rates,
            long nowNanos, Measure... measures) {
        List<RateLimiter> all = new ArrayList<>(1);
        if (own != null) {
            all.add(own);
        }
        for (SharedLimit limit : others) {
            if (List.of(measures).contains(limit.id().measure())) {
                RateLimiter limiter = rates.of(limit);
                if (!all.contains(limiter)) {
                    all.add(limiter);
                }
            }
        }
        RateLimiter[] now = all.toArray(RateLimiter[]::new);
        if (!Arrays.equals(now, binding.limiters())) {
            pacer.bind(binding, now, nowNanos);
        }
    }

    void used(long nowNanos) {
        usedNanos = nowNanos;
    }

    /** Whether forgetting this key changes nothing that matters: no queue, no session, and no slot that is still ahead. */
    boolean isIdle(long nowNanos, long idleNanos) {
        return users == 0 && sessions.open() == 0 && nowNanos - usedNanos > idleNanos
                && ownMessages.isIdle(nowNanos) && ownConnections.isIdle(nowNanos);
    }
}
