package dev.penstock.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

class HappyEyeballsTest {
    private static final Duration LONG = Duration.ofMinutes(1);
    private static final Duration SHORT = Duration.ofMillis(1);

    private final List<Integer> started = new CopyOnWriteArrayList<>();
    private final Closing first = new Closing();
    private final Closing second = new Closing();

    @Test
    void anAddressThatAnswersAtOnceIsTheOnlyOneTried() throws InterruptedException {
        HappyEyeballs.Result result = HappyEyeballs.connect(2, LONG, i -> started(i, first));
        assertThat(result.winner()).isZero();
        assertThat(result.connection()).isNotNull().extracting(EgressConnection::socket).isSameAs(first);
        assertThat(started).containsExactly(0);
        assertThat(result.failures()).containsOnlyNulls();
    }

    @Test
    void theNextIsTriedAtOnceWhenOneFails() throws InterruptedException {
        HappyEyeballs.Result result = HappyEyeballs.connect(3, LONG, i -> {
            if (i == 1) {
                return started(i, second);
            }
            started.add(i);
            throw new ConnectException("refused");
        });
        assertThat(result.winner()).isEqualTo(1);
        assertThat(started).containsExactly(0, 1);
        assertThat(result.failures().getFirst()).hasMessage("refused");
    }

    @Test
    void oneThatIsSlowIsOvertakenAndClosedWhenItConnectsAfterAll() throws InterruptedException {
        CountDownLatch slow = new CountDownLatch(1);
        HappyEyeballs.Result result = HappyEyeballs.connect(2, SHORT, i -> {
            if (i == 0) {
                awaitUninterruptibly(slow);
                return started(i, first);
            }
            return started(i, second);
        });
        slow.countDown();
        assertThat(result.winner()).isEqualTo(1);
        assertThat(result.connection()).isNotNull().extracting(EgressConnection::socket).isSameAs(second);
        assertThat(first.closed.await(1, TimeUnit.MINUTES)).isTrue();
        assertThat(second.closed.getCount()).as("the winner stays open").isEqualTo(1);
    }

    @Test
    void theLosersThreadIsInterrupted() throws InterruptedException {
        CountDownLatch interrupted = new CountDownLatch(1);
        HappyEyeballs.connect(2, SHORT, i -> {
            if (i == 1) {
                return started(i, second);
            }
            try {
                new CountDownLatch(1).await(); // never
            } catch (InterruptedException _) {
                interrupted.countDown();
            }
            throw new IOException("ended");
        });
        assertThat(interrupted.await(1, TimeUnit.MINUTES)).isTrue();
    }

    @Test
    void whenAllFailEachSaysWhy() throws InterruptedException {
        HappyEyeballs.Result result = HappyEyeballs.connect(2, SHORT, i -> {
            throw new ConnectException("refused by " + i);
        });
        assertThat(result.winner()).isEqualTo(-1);
        assertThat(result.connection()).isNull();
        assertThat(result.failures()).extracting(why -> String.valueOf(why == null ? null : why.getMessage()))
                .containsExactly("refused by 0", "refused by 1");
    }

    @Test
    void anInterruptEndsAllAttempts() throws InterruptedException {
        CountDownLatch underWay = new CountDownLatch(2);
        CountDownLatch ended = new CountDownLatch(2);
        List<Throwable> thrown = new CopyOnWriteArrayList<>();
        Thread caller = Thread.startVirtualThread(() -> {
            try {
                HappyEyeballs.connect(2, SHORT, _ -> {
                    underWay.countDown();
                    try {
                        new CountDownLatch(1).await(); // never
                    } catch (InterruptedException _) {
                        ended.countDown();
                    }
                    throw new IOException("ended");
                });
            } catch (InterruptedException e) {
                thrown.add(e);
            }
        });
        assertThat(underWay.await(1, TimeUnit.MINUTES)).isTrue();
        caller.interrupt();
        caller.join();
        assertThat(thrown).hasSize(1);
        assertThat(ended.await(1, TimeUnit.MINUTES)).isTrue();
    }

    @Test
    void nothingIsTriedForACallerThatIsInterrupted() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> HappyEyeballs.connect(1, SHORT, i -> {
            throw new IOException("ended " + i);
        })).isInstanceOf(InterruptedException.class);
        assertThat(Thread.interrupted()).isFalse();
    }

    private EgressConnection started(int address, Socket socket) {
        started.add(address);
        return new EgressConnection(socket, socket, null);
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                latch.await();
                break;
            } catch (InterruptedException _) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static final class Closing extends Socket {
        private final CountDownLatch closed = new CountDownLatch(1);

        @Override
        public void close() {
            closed.countDown();
        }
    }
}
