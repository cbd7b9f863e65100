package dev.penstock.mtasts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which fetches are out, whatever comes when. */
@Timeout(60)
final class FetchGateTest {
    /** Tasks that were given to it and haven't run; run by the test. */
    private final List<Runnable> out = new ArrayList<>();
    private final FetchGate<String> gate = new FetchGate<>(out::add);
    private final List<String> begun = new ArrayList<>();

    private void submit(String host, int count) {
        for (int i = 0; i < count; i++) {
            int number = i;
            gate.submit(host, () -> begun.add(host + number));
        }
    }

    private void end(int place) {
        out.remove(place).run();
    }

    @Test
    void aSlowHostKeepsOnlyItsOwnWaiting() {
        submit("slow", 100);
        assertThat(out).hasSize(FetchGate.MAX_PER_HOST);
        submit("quick", 1);
        assertThat(out).hasSize(FetchGate.MAX_PER_HOST + 1);
        end(FetchGate.MAX_PER_HOST);
        assertThat(begun).containsExactly("quick0");
    }

    @Test
    void hostsTakeTurnsWhenAllPlacesAreTaken() {
        for (int host = 0; host < 8; host++) {
            submit("slow" + host, 4);
        }
        assertThat(out).hasSize(FetchGate.MAX_AT_ONCE);
        submit("a", 3);
        submit("b", 1);
        begun.clear();
        for (int i = 0; i < 3; i++) {
            end(0); // one of the slow
        }
        begun.clear();
        List.copyOf(out.subList(out.size() - 3, out.size())).forEach(Runnable::run);
        assertThat(begun).containsExactly("a0", "b0", "a1");
    }

    @Test
    void aFetchThatFailsMakesRoomAllTheSame() {
        for (int i = 0; i < 5; i++) {
            gate.submit("h", () -> {
                throw new IllegalStateException("of the test");
            });
        }
        for (int i = 0; i < 5; i++) {
            Runnable next = out.removeFirst();
            assertThat(catchThrowable(next::run)).hasMessage("of the test");
        }
        submit("h", 4);
        assertThat(out).hasSize(4);
    }

    @Test
    void itsBoundsHoldAndNobodyIsForgottenInAnyOrder() {
        for (long seed = 0; seed < 200; seed++) {
            run(seed);
        }
    }

    private static void run(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<Runnable> out = new ArrayList<>();
        FetchGate<Integer> gate = new FetchGate<>(out::add);
        Map<Integer, Integer> running = new HashMap<>();
        int hosts = 1 + random.nextInt(20);
        int waiting = 0;
        for (int step = 0; step < 600; step++) {
            boolean submits = step < 400 && random.nextInt(5) < 3;
            int before = out.size();
            if (submits) {
                int host = random.nextInt(hosts);
                gate.submit(host, () -> running.merge(host, -1, Integer::sum));
                running.merge(host, 1, Integer::sum);
                waiting++;
            } else if (!out.isEmpty()) {
                out.remove(random.nextInt(out.size())).run();
                waiting--;
            }
            assertThat(out.size()).as("seed %d, step %d", seed, step).isLessThanOrEqualTo(FetchGate.MAX_AT_ONCE);
            int possible = running.values().stream().mapToInt(count -> Math.min(count, FetchGate.MAX_PER_HOST)).sum();
            assertThat(out.size()).as("seed %d, step %d, %d before", seed, step, before)
                    .isEqualTo(Math.min(possible, FetchGate.MAX_AT_ONCE));
        }
        while (!out.isEmpty()) {
            out.removeLast().run();
            waiting--;
        }
        assertThat(waiting).as("seed %d", seed).isZero();
    }

    @Test
    void manyThreadsAtOnceNeverExceedItsBounds() throws InterruptedException {
        FetchGate<Integer> threaded = new FetchGate<>(Thread::startVirtualThread);
        AtomicInteger[] running = new AtomicInteger[10];
        for (int i = 0; i < running.length; i++) {
            running[i] = new AtomicInteger();
        }
        AtomicInteger all = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger mostOfOne = new AtomicInteger();
        int fetches = 4_000;
        CountDownLatch ended = new CountDownLatch(fetches);
        for (int i = 0; i < fetches; i++) {
            int host = i % running.length;
            Thread.startVirtualThread(() -> threaded.submit(host, () -> {
                most.accumulateAndGet(all.incrementAndGet(), Math::max);
                mostOfOne.accumulateAndGet(running[host].incrementAndGet(), Math::max);
                LockSupport.parkNanos(1);
                running[host].decrementAndGet();
                all.decrementAndGet();
                ended.countDown();
            }));
        }
        ended.await();
        assertThat(most.get()).isBetween(1, FetchGate.MAX_AT_ONCE);
        assertThat(mostOfOne.get()).isBetween(1, FetchGate.MAX_PER_HOST);
    }
}
