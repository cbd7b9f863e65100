package dev.penstock.egress;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;

/**
 * Which sources may not be used now, towards whom and why: one state machine, pure of I/O and of clocks. Thread-safe.
 * Reading takes no lock.
 *
 * <p>A suspension is of a source, a scope and a cause; those of different causes stand beside each other, and a source is
 * usable towards a receiver when none stands that concerns it. Invariant: for each of these listeners hear in turn that it
 * was suspended (again when it changes) and that it was resumed, in the order in which that happened, one call at a time,
 * and what they read when they hear it isn't older than what they hear.
 */
public final class SourceHealth {
    /** Why a source isn't used. */
    public enum Cause {
        /** Its address is not on this machine, or not on its proxy's. */
        ADDRESS,
        /** Its proxy can't be used. */
        PROXY,
        /** A receiver has named it as blocked. */
        BLOCKED,
        /** Somebody wants it so. */
        OPERATOR
    }

    /** Towards whom. */
    public sealed interface Scope {
        /** Towards all. */
        Scope EVERYWHERE = new Everywhere();

        /** @param site by its name */
        static Scope site(String site) {
            return new AtSite(site);
        }

        static Scope provider(String provider) {
            return new AtProvider(provider);
        }

        private boolean concerns(String site, String provider) {
            return switch (this) {
                case Everywhere _ -> true;
                case AtSite(String of) -> of.equals(site);
                case AtProvider(String of) -> of.equals(provider);
            };
        }
    }

    public record Everywhere() implements Scope {
        @Override
        public String toString() {
            return "everywhere";
        }
    }

    public record AtSite(String site) implements Scope {
        @Override
        public String toString() {
            return "site " + site;
        }
    }

    public record AtProvider(String provider) implements Scope {
        @Override
        public String toString() {
            return "provider " + provider;
        }
    }

    /**
     * A source isn't used.
     *
     * @param why         for people
     * @param sinceMillis since 1970
     * @param untilMillis since 1970, then it is tried again; {@link #UNTIL_RESUMED} when whoever suspended it has to say so
     */
    public record Suspension(String source, Scope scope, Cause cause, String why, long sinceMillis, long untilMillis) {
        private boolean isOf(String ofSource, Scope ofScope, Cause ofCause) {
            return source.equals(ofSource) && scope.equals(ofScope) && cause == ofCause;
        }
    }

    /** Hears of every change; must return at once, and may not change anything itself. */
    public interface Listener {
        void suspended(Suspension suspension);

        /** @param why for people */
        void resumed(Suspension suspension, String why);
    }

    public static final long UNTIL_RESUMED = Long.MAX_VALUE;

    private final ReentrantLock lock = new ReentrantLock();
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    /** By source, none that is empty. Written under the lock. */
    private volatile Map<String, List<Suspension>> suspensions = Map.of();
    /** The first end of any. Written under the lock. */
    private volatile long nextEndMillis = UNTIL_RESUMED;

    public void listen(Listener listener) {
        listeners.add(listener);
    }

    /**
     * Suspends the source there. While a suspension of that cause stands, one that has an end changes nothing: what is said
     * again and again is said once. One that has none changes it: it has this reason and no end from now on, and the
     * beginning it had.
     *
     * @param why         for people
     * @param untilMillis since 1970, {@link #UNTIL_RESUMED} for no end of its own
     * @return whether it wasn't suspended there for that cause before
     */
    public boolean suspend(String source, Scope scope, Cause cause, String why, long untilMillis, long nowMillis) {
        lock.lock();
        try {
            Suspension before = standing(source, scope, cause);
            if (before != null && untilMillis != UNTIL_RESUMED && nowMillis < before.untilMillis()) {
                return false;
            }
            Suspension now = new Suspension(source, scope, cause, why,
                    before == null ? nowMillis : before.sinceMillis(), untilMillis);
            if (now.equals(before)) {
                return false;
            }
            List<Suspension> others = without(source, before);
            others.add(now);
            put(source, others);
            listeners.forEach(listener -> listener.suspended(now));
            return before == null;
        } finally {
            lock.unlock();
        }
    }

    /** Ends what {@link #suspend} began. @return whether there was something to end */
    public boolean resume(String source, Scope scope, Cause cause, String why) {
        lock.lock();
        try {
            Suspension standing = standing(source, scope, cause);
            if (standing != null) {
                end(standing, why);
            }
            return standing != null;
        } finally {
            lock.unlock();
        }
    }

    /** Ends what has come to its end. @return when that is to be done again, milliseconds since 1970 */
    public long expire(long nowMillis) {
        if (nowMillis < nextEndMillis) {
            return nextEndMillis;
        }
        lock.lock();
        try {
            for (Suspension each : all()) {
                if (each.untilMillis() <= nowMillis) {
                    end(each, "its time is over");
                }
            }
            return nextEndMillis;
        } finally {
            lock.unlock();
        }
    }

    /** Sources that aren't configured any more are forgotten. */
    public void keepOnly(Set<String> sources) {
        lock.lock();
        try {
            for (Suspension each : all()) {
                if (!sources.contains(each.source())) {
                    end(each, "it isn't configured any more");
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Suspension standing(String source, Scope scope, Cause cause) {
        for (Suspension each : suspensions.getOrDefault(source, List.of())) {
            if (each.isOf(source, scope, cause)) {
                return each;
            }
        }
        return null;
    }

    private void end(Suspension standing, String why) {
        put(standing.source(), without(standing.source(), standing));
        listeners.forEach(listener -> listener.resumed(standing, why));
    }

    private List<Suspension> without(String source, @Nullable Suspension one) {
        List<Suspension> others = new ArrayList<>(suspensions.getOrDefault(source, List.of()));
        others.remove(one);
        return others;
    }

    private void put(String source, List<Suspension> standing) {
        Map<String, List<Suspension>> next = new TreeMap<>(suspensions);
        if (standing.isEmpty()) {
            next.remove(source);
        } else {
            next.put(source, List.copyOf(standing));
        }
        suspensions = next;
        nextEndMillis = all().stream().mapToLong(Suspension::untilMillis).min().orElse(UNTIL_RESUMED);
    }

    /** Whether nothing is suspended. */
    public boolean isSound() {
        return suspensions.isEmpty();
    }

    /** @return why the source is used towards nobody; null when it isn't so */
    public @Nullable Suspension of(String source) {
        for (Suspension each : suspensions.getOrDefault(source, List.of())) {
            if (each.scope() instanceof Everywhere) {
                return each;
            }
        }
        return null;
    }

    /**
     * @param site     by its name
     * @param provider that the site belongs to; empty for none
     * @return why the source isn't used towards that site; null when it may be
     */
    public @Nullable Suspension of(String source, String site, String provider) {
        for (Suspension each : suspensions.getOrDefault(source, List.of())) {
            if (each.scope().concerns(site, provider)) {
                return each;
            }
        }
        return null;
    }

    /** What stands, source by source. */
    public List<Suspension> all() {
        return suspensions.values().stream().flatMap(List::stream).toList();
    }

    /** Whether a suspension of that cause stands there. */
    boolean isSuspended(String source, Scope scope, Cause cause) {
        return standing(source, scope, cause) != null;
    }

    /** How many stand of one source, by their cause; those that there are. */
    public Map<Cause, Long> causes(String source) {
        Map<Cause, Long> causes = new EnumMap<>(Cause.class);
        suspensions.getOrDefault(source, List.of())
                .forEach(suspension -> causes.merge(suspension.cause(), 1L, Long::sum));
        return causes;
    }
}
