package dev.penstock.delivery;

import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;

import dev.penstock.routing.MailHost;

/**
 * Which hosts something was wrong with from a source, over all its queues, and how they come back: a host that failed is out for a time,
 * then one session tries it, and only when it has answered for a message do all. Each time that it fails anew it is out
 * twice as long, up to a limit: one that comes and goes doesn't take the sessions along. Thread-safe.
 */
final class ReturningHosts {
    private static final int MAX_HOSTS = 100_000;
    /** The longest time out is 16 of the first. */
    private static final int MOST_DOUBLINGS = 4;
    /** A host that hasn't failed for this many of the longest times fails as if for the first time. */
    private static final long REMEMBERED = 2;

    private final Cache<Seen, State> hosts;
    private final long timeNanos;
    private final LongSupplier nanoTime;

    /** @param time a host is out when it has failed for the first time; zero for never */
    ReturningHosts(Duration time, LongSupplier nanoTime) {
        this.timeNanos = time.toNanos();
        this.nanoTime = nanoTime;
        this.hosts = Caffeine.newBuilder().expireAfterWrite(time.multipliedBy(REMEMBERED << MOST_DOUBLINGS))
                .maximumSize(MAX_HOSTS).ticker(nanoTime::getAsLong).build();
    }

    /** One blocked source says nothing of the others. */
    private record Seen(String source, SocketAddress host) {
        static Seen of(String source, MailHost host) {
            return new Seen(source, host.address());
        }
    }

    /** How a host stands. */
    enum Standing {
        /** Nobody tries it. */
        OUT,
        /** One session tries it. */
        TRIED,
        /** Everybody does. */
        BACK
    }

    /**
     * What is known of a host that failed. Immutable, pure functions of itself and the time. Invariant: between two
     * failures of which it is told after its time out, at most one session was let to it in each of its first times.
     *
     * @param failures   that weren't forgotten
     * @param untilNanos nobody else may try it; of no meaning when it is back
     */
    record State(Standing standing, int failures, long untilNanos) {
        static State failed(@Nullable State before, long now, long time) {
            if (before == null) {
                return new State(Standing.OUT, 1, now + time);
            }
            return switch (before.standing) {
                case OUT -> before; // told by a session that had begun before
                case TRIED, BACK -> new State(Standing.OUT, before.failures + 1,
                        now + (time << Math.min(before.failures, MOST_DOUBLINGS)));
            };
        }

        boolean isBack() {
            return standing == Standing.BACK;
        }

        /** A session tries it; null when none may now. */
        @Nullable
        State tried(long now, long time) {
            return isBack() || now - untilNanos < 0 ? null : new State(Standing.TRIED, failures, now + time);
        }

        /** The session that was to try it didn't come to that: another may at once. */
        State untried(long now) {
            return new State(Standing.OUT, failures, now);
        }

        /** A session that was let to it, or had begun before, has an answer for a message. */
        State worked() {
            return standing == Standing.TRIED ? new State(Standing.BACK, failures, untilNanos) : this;
        }
    }

    /**
     * Which hosts a session has before it.
     *
     * @param hosts     in order
     * @param returning of these, the one that it alone tries now; null for none
     */
    record Choice(List<MailHost> hosts, @Nullable Returning returning) {}

    /** A host that was out and that one session is to try. What it was let in by tells its turn from those of others. */
    record Returning(String source, MailHost host, State turn) {}

    /** @param source by its name */
    void add(String source, MailHost host) {
        if (timeNanos > 0) {
            hosts.asMap().compute(Seen.of(source, host),
                    (_, before) -> State.failed(before, nanoTime.getAsLong(), timeNanos));
        }
    }

    void worked(String source, MailHost host) {
        if (hosts.estimatedSize() > 0) {
            hosts.asMap().computeIfPresent(Seen.of(source, host), (_, before) -> before.worked());
        }
    }

    /** The hosts in their order without those that are out; all of them when there is no other. */
    List<MailHost> withoutBad(String source, List<MailHost> all) {
        if (hosts.estimatedSize() == 0) {
            return all;
        }
        List<MailHost> good = all.stream().filter(host -> isGood(source, host)).toList();
        return good.isEmpty() ? all : good;
    }

    /** As {@link #withoutBad}, for a session that begins: with a host whose time is over, which others go without until it has worked. */
    Choice forSession(String source, List<MailHost> all) {
        if (hosts.estimatedSize() == 0) {
            return new Choice(all, null);
        }
        List<MailHost> good = new ArrayList<>(all.size());
        Returning returning = null;
        for (MailHost host : all) {
            boolean isGood = isGood(source, host);
            if (!isGood && returning == null) {
                returning = mayTry(source, host);
                isGood = returning != null;
            }
            if (isGood) {
                good.add(host);
            }
        }
        return new Choice(good.isEmpty() ? all : good, returning);
    }

    /** The session that was to try it has what it wants elsewhere, or has ended, and didn't connect to it. */
    void untried(Returning returning) {
        hosts.asMap().replace(Seen.of(returning.source, returning.host), returning.turn,
                returning.turn.untried(nanoTime.getAsLong()));
    }

    private boolean isGood(String source, MailHost host) {
        State state = hosts.getIfPresent(Seen.of(source, host));
        return state == null || state.isBack();
    }

    /** @return null when it isn't its turn */
    private @Nullable Returning mayTry(String source, MailHost host) {
        State before = hosts.getIfPresent(Seen.of(source, host));
        State after = before == null ? null : before.tried(nanoTime.getAsLong(), timeNanos);
        return before != null && after != null && hosts.asMap().replace(Seen.of(source, host), before, after)
                ? new Returning(source, host, after)
                : null;
    }

    /** Hosts that aren't used by everybody. */
    long size() {
        return hosts.asMap().values().stream().filter(state -> !state.isBack()).count();
    }
}
