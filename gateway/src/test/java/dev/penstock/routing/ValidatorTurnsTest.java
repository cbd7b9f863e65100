package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a validation asks goes out in the place of its question. */
@Timeout(60)
final class ValidatorTurnsTest {
    private final Queue<Runnable> threads = new ArrayDeque<>();
    private final List<String> done = new ArrayList<>();
    private final Validator.InTurn turns = new Validator.InTurn(threads::add);

    @Test
    void oneGoesOutAfterTheOther() {
        for (int i = 0; i < 3; i++) {
            int number = i;
            turns.execute(() -> {
                done.add("begins " + number);
                if (number == 0) {
                    turns.execute(() -> done.add("asked on the way"));
                }
                done.add("ends " + number);
            });
        }
        assertThat(threads).as("threads").hasSize(1);
        threads.remove().run();
        assertThat(done).containsExactly("begins 0", "ends 0", "begins 1", "ends 1", "begins 2", "ends 2",
                "asked on the way");
        turns.execute(() -> done.add("later"));
        threads.remove().run();
        assertThat(done).endsWith("later");
    }

    @Test
    void afterTheEndNothingMoreIsAsked() {
        turns.execute(() -> done.add("first"));
        turns.execute(() -> done.add("second"));
        turns.end();
        threads.remove().run();
        turns.execute(() -> done.add("third"));
        assertThat(threads).isEmpty();
        assertThat(done).isEmpty();
    }

    @Test
    void whatFailsKeepsNoOtherBack() {
        turns.execute(() -> {
            throw new IllegalStateException("of the test");
        });
        turns.execute(() -> done.add("second"));
        threads.remove().run();
        assertThat(done).containsExactly("second");
    }

    @Test
    void fromManyThreadsNoTwoRunAtOneTime() throws InterruptedException {
        Validator.InTurn shared = new Validator.InTurn(Thread::startVirtualThread);
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch ended = new CountDownLatch(2_000);
        for (int i = 0; i < 2_000; i++) {
            Thread.startVirtualThread(() -> shared.execute(() -> {
                most.accumulateAndGet(running.incrementAndGet(), Math::max);
                LockSupport.parkNanos(1);
                running.decrementAndGet();
                ended.countDown();
            }));
        }
        ended.await();
        assertThat(most).hasValue(1);
    }
}
