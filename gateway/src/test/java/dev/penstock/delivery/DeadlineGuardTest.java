package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.Set;
import java.util.concurrent.CountDownLatch;

import org.junit.jupiter.api.Test;

class DeadlineGuardTest {
    @Test
    void itsThreadSleepsUntilThereIsSomethingToWatch() throws InterruptedException {
        Set<Thread> others = Thread.getAllStackTraces().keySet();
        try (DeadlineGuard guard = new DeadlineGuard(System::nanoTime)) {
            guard.start();
            Thread thread = Thread.getAllStackTraces().keySet().stream()
                    .filter(each -> each.getName().equals("delivery-deadlines") && !others.contains(each)).findFirst()
                    .orElseThrow();
            for (int session = 0; session < 3; session++) {
                await().until(() -> thread.getState() == Thread.State.WAITING);
                CountDownLatch brokenOff = new CountDownLatch(1);
                DeadlineGuard.Watch watch = guard.watch(brokenOff::countDown);
                watch.within(1);
                brokenOff.await();
                assertThat(watch.expired()).isTrue();
            }
            guard.watch(() -> {}).end();
        }
    }
}
