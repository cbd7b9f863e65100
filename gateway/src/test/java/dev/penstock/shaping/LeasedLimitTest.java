package dev.penstock.shaping;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.LimitSource.Lease;
import dev.penstock.shaping.SessionLimiter.Answer;
import dev.penstock.shaping.SessionLimiter.Waiter;
import dev.penstock.units.Rate;

/** Nodes that lease what they may do from one source, which knows what they all may do together. */
class LeasedLimitTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long LEASE = 5 * SECOND;
    private static final long LONGEST_SESSION = 20 * SECOND;
    private static final int LIMIT = 20;
    private static final EgressPath KEY = new EgressPath("ip-1", Site.ofDomain("receiver.example"));

    private long now = Long.MAX_VALUE - 30 * SECOND; // the clock wraps on the way

    /** Shares out one key's limits. */
    private static final class Source {
        private final Map<String, List<Counted>> leases = new HashMap<>();
        private final Map<LimitSource.Pace, Gcra> paces = new HashMap<>();

        /** Permits that count until then. */
        private record Counted(int permits, long untilNanos) {}

        LimitSource forNode(String node) {
            return new LimitSource() {
                @Override
                public Lease sessions(EgressPath key, int limit, int wanted, long nowNanos) {
                    return lease(node, limit, wanted, nowNanos);
                }

                @Override
                public SlotLeases slots(EgressPath key, Pace pace) {
                    return (rate, most, untilNanos, nowNanos) -> next(paces.computeIfAbsent(pace,
                            _ -> new Gcra(rate, nowNanos)), most, untilNanos, nowNanos);
                }
            };
        }

        private Lease lease(String node, int limit, int wanted, long nowNanos) {
            leases.values().forEach(one -> one.removeIf(lease -> lease.untilNanos - nowNanos <= 0));
            int others = leases.entrySet().stream().filter(one -> !one.getKey().equals(node))
                    .mapToInt(one -> counted(one.getValue())).sum();
            int granted = Math.min(wanted, limit - others);
            leases.computeIfAbsent(node, _ -> new ArrayList<>())
                    .add(new Counted(granted, nowNanos + LEASE + LONGEST_SESSION));
            return Lease.of(granted, nowNanos + LEASE);
        }

        /** A node's last lease is in place of those before, but what was opened by these may stand still. */
        private static int counted(List<Counted> ofNode) {
            return ofNode.stream().mapToInt(Counted::permits).max().orElse(0);
        }

        private static long[] next(Gcra pace, int most, long untilNanos, long nowNanos) {
            List<Long> leased = new ArrayList<>();
            leased.add(nowNanos + pace.reserve(nowNanos));
            while (leased.size() < most) {
                long wait = pace.reserve(nowNanos, untilNanos - nowNanos);
                if (wait > untilNanos - nowNanos) {
                    break;
                }
                leased.add(nowNanos + wait);
            }
            return leased.stream().mapToLong(slot -> slot).toArray();
        }
    }

    private Throttle throttle(LimitSource source, int sessions, @Nullable String rate) {
        return new Throttle(KEY, new TrafficLimits(sessions, rate == null ? null : Rate.parse(rate), null, 100,
                Duration.ofSeconds(60), Duration.ofSeconds(60), 1, null), source, now);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void twoNodesTogetherNeverHaveMoreSessionsThanTheLimit(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Source source = new Source();
        List<SessionLimiter> nodes = new ArrayList<>(List.of(
                throttle(source.forNode("a"), LIMIT, null).sessions(),
                throttle(source.forNode("b"), LIMIT, null).sessions()));
        List<TreeSet<Long>> ends = List.of(new TreeSet<>(), new TreeSet<>()); // from the start
        long start = now;
        List<Integer> most = new ArrayList<>(List.of(0, 0));
        int full = 0;
        for (int step = 0; step < 20_000; step++) {
            int at = random.nextInt(2);
            long elapsed = now - start;
            switch (random.nextInt(8)) {
                case 0 -> now += random.nextLong(SECOND);
                case 1 -> {
                    if (random.nextInt(500) == 0) { // its process is killed, and its sessions with it
                        ends.get(at).clear();
                        nodes.set(at, throttle(source.forNode(at == 0 ? "a" : "b"), LIMIT, null).sessions());
                    }
                }
                default -> {
                    boolean rests = step / 5_000 == 1 + 2 * at; // for a quarter of the time each
                    long end = elapsed + random.nextLong(LONGEST_SESSION);
                    if (!rests && !ends.get(at).contains(end)
                            && nodes.get(at).tryAcquire(false, now) == Answer.GRANTED) {
                        ends.get(at).add(end);
                    }
                }
            }
            for (int node = 0; node < 2; node++) {
                while (!ends.get(node).isEmpty() && ends.get(node).first() <= now - start) {
                    ends.get(node).pollFirst();
                    nodes.get(node).release(false, now);
                }
                assertThat(nodes.get(node).open()).isEqualTo(ends.get(node).size());
                most.set(node, Math.max(most.get(node), ends.get(node).size()));
            }
            int open = ends.get(0).size() + ends.get(1).size();
            assertThat(open).as("step %d", step).isLessThanOrEqualTo(LIMIT);
            full += open == LIMIT ? 1 : 0;
        }
        assertThat(full).as("the limit is made use of").isPositive();
        assertThat(most).as("and each has all of it while the other rests").containsExactly(LIMIT, LIMIT);
    }

    @Test
    void whatANodeLeasedReturnsWhenItsLeaseAndTheSessionsOpenedByItAreOver() {
        Source source = new Source();
        SessionLimiter gone = throttle(source.forNode("a"), LIMIT, null).sessions();
        for (int i = 0; i < LIMIT; i++) {
            assertThat(gone.tryAcquire(false, now)).isEqualTo(Answer.GRANTED);
        }
        SessionLimiter other = throttle(source.forNode("b"), LIMIT, null).sessions();
        Waiter waiter = new Waiter() {
        };
        assertThat(other.acquire(waiter, false, now)).isEqualTo(Answer.NONE);
        assertThat(other.refusal(now))
                .hasToString("lease 0 of connection_limit 20, shared with other nodes (next in 5s)");
        assertThat(other.violation(now)).isNull();
        assertThat(other.triesAgainAt()).as("it is said when to ask again").isEqualTo(now + LEASE);
        while (other.next(now) == null) {
            now = other.triesAgainAt();
            assertThat(other.waiting()).isEqualTo(1);
        }
        int open = 1;
        while (other.tryAcquire(false, now) == Answer.GRANTED) {
            open++;
        }
        assertThat(open).isEqualTo(LIMIT);
    }

    @Test
    void aLeaseThatIsOverOpensNothingUntilItIsRenewed() {
        AtomicInteger asked = new AtomicInteger();
        SessionLimiter limiter = new SessionLimiter("connection_limit", LIMIT, 0, (_, wanted, at) -> asked
                .getAndIncrement() == 0 ? Lease.of(wanted, at + LEASE) : Lease.of(0, at + LEASE));
        assertThat(limiter.tryAcquire(false, now)).isEqualTo(Answer.GRANTED);
        assertThat(limiter.tryAcquire(false, now + LEASE - 1)).isEqualTo(Answer.GRANTED);
        assertThat(asked).hasValue(1);
        assertThat(limiter.tryAcquire(false, now + LEASE)).isEqualTo(Answer.NONE);
        assertThat(asked).hasValue(2);
    }

    @Test
    void whoHasAllOfALimitIsAskedOnceForEachLimitThatIsConfigured() {
        AtomicInteger asked = new AtomicInteger();
        SessionLimiter limiter = new SessionLimiter("connection_limit", LIMIT, 0, (_, _, _) -> {
            asked.incrementAndGet();
            return Lease.ALL;
        });
        for (int i = 0; i < 1000; i++) {
            now += SECOND;
            if (limiter.tryAcquire(false, now) == Answer.NONE) {
                limiter.release(false, now);
            }
        }
        assertThat(asked).hasValue(1);
        limiter.limit(LIMIT + 1);
        while (limiter.tryAcquire(false, now) == Answer.GRANTED) {
            assertThat(limiter.open()).isLessThanOrEqualTo(LIMIT + 1);
        }
        assertThat(limiter.open()).isEqualTo(LIMIT + 1);
        assertThat(asked).hasValue(2);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void twoNodesTogetherKeepToOneRate(int burst) {
        for (long seed = 0; seed < 100; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            Source source = new Source();
            List<Throttle> nodes = List.of(throttle(source.forNode("a"), LIMIT, "10/s,max_burst=" + burst),
                    throttle(source.forNode("b"), LIMIT, "10/s,max_burst=" + burst));
            List<Long> used = new ArrayList<>();
            long start = now;
            for (int step = 0; step < 2_000; step++) {
                Gcra messages = nodes.get(random.nextInt(2)).messages();
                switch (random.nextInt(4)) {
                    case 0, 1 -> {
                        long longestWait = random.nextLong(SECOND);
                        long peeked = messages.peek(now);
                        long wait = messages.reserve(now, longestWait);
                        assertThat(wait).isEqualTo(peeked);
                        if (wait > longestWait) {
                            break;
                        }
                        if (random.nextInt(4) == 0) {
                            messages.refund(now + wait, now);
                        } else {
                            used.add(now + wait - start);
                        }
                    }
                    default -> now += random.nextLong(SECOND / 10);
                }
            }
            GcraModelTest.assertConforms(used.stream().sorted().toList(), burst, seed);
            assertThat(used).as("seed %d", seed).hasSizeGreaterThan(100);
        }
    }

    @Test
    void theOtherNodeWaitsForASlotOfItsOwnNoLongerThanALeaseIsLong() {
        Source source = new Source();
        Gcra first = throttle(source.forNode("a"), LIMIT, "10/s").messages();
        Gcra second = throttle(source.forNode("b"), LIMIT, "10/s").messages();
        assertThat(first.reserve(now)).isZero();
        assertThat(second.reserve(now)).isBetween(SECOND, SECOND + SECOND / 10);
        assertThat(first.reserve(now)).isEqualTo(SECOND / 10);
        assertThat(first.lost()).isZero();
        now += 10 * SECOND;
        assertThat(first.reserve(now)).as("what it didn't use is past, and lost").isZero();
        assertThat(first.lost()).isEqualTo(9);
    }

    @Test
    void aLowRateIsLeasedSlotBySlot() {
        Source source = new Source();
        Gcra first = throttle(source.forNode("a"), LIMIT, "1/min").messages();
        Gcra second = throttle(source.forNode("b"), LIMIT, "1/min").messages();
        assertThat(first.reserve(now)).isZero();
        assertThat(second.reserve(now)).isEqualTo(60 * SECOND);
        assertThat(first.reserve(now)).isEqualTo(120 * SECOND);
    }

    @Test
    void aLimiterWithoutARateLeasesNothing() {
        Source source = new Source();
        Gcra messages = throttle(source.forNode("a"), LIMIT, null).messages();
        assertThat(messages.reserve(now)).isZero();
        assertThat(messages.peek(now)).isZero();
        assertThat(source.paces).isEmpty();
    }
}
