package dev.penstock.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Sinks;

import dev.penstock.admin.QueueAnswer.Counts;
import dev.penstock.admin.QueueAnswer.Flow;
import dev.penstock.admin.QueueAnswer.Lately;
import dev.penstock.admin.StandingAnswer.Connections;
import dev.penstock.admin.StandingAnswer.Status;

@Timeout(60)
class LiveRoutesTest {
    private final Sinks.Many<Long> seconds = Sinks.many().multicast().directBestEffort();
    private final AtomicInteger looks = new AtomicInteger();
    /** Looks wait for it while it has none. */
    private final Semaphore mayLook = new Semaphore(1_000);
    private volatile boolean broken;
    private final LiveRoutes live = new LiveRoutes(this::look, seconds.asFlux());

    private Status look() throws InterruptedException {
        int number = looks.incrementAndGet();
        mayLook.acquire();
        if (broken) {
            throw new IllegalStateException("a fault");
        }
        Connections none = new Connections(0, 0);
        return new Status("mx.example.net", String.valueOf(number), Instant.EPOCH, Instant.EPOCH,
                new Flow(0, 0, 0, 0, 0),
                new Flow(0, 0, 0, 0, 0), new Lately(0, 0, 0, 0, 0, 0, 0, 0), none, none,
                new Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, List.of(), null), List.of(), List.of(), List.of());
    }

    /** Notes the numbers of the looks that it is told of. */
    private static final class Listener extends BaseSubscriber<AdminRoute.Event> {
        private final List<Integer> seen = new CopyOnWriteArrayList<>();
        private final long first;
        private volatile @Nullable Throwable failure;

        private Listener(long first) {
            this.first = first;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            request(first);
        }

        @Override
        protected void hookOnNext(AdminRoute.Event event) {
            seen.add(Integer.valueOf(((Status) event.data()).version()));
        }

        @Override
        protected void hookOnError(Throwable throwable) {
            failure = throwable;
        }
    }

    private Listener listen(long first) throws Exception {
        AdminRoute.Stream stream = Objects.requireNonNull(live.routes().getFirst().stream());
        Listener listener = new Listener(first);
        stream.open(new AdminRequest(new Operator("anna", Role.READ, "socket"), Map.of(), Map.of(), new byte[0]))
                .events().subscribe(listener);
        return listener;
    }

    private void second() {
        seconds.tryEmitNext(0L);
    }

    private void secondsUntil(Listener listener, int number) {
        for (int i = listener.seen.size(); i < number; i++) {
            int before = i;
            second();
            await().until(() -> listener.seen.size() > before);
        }
    }

    @Test
    void oneLookIsForAllWhoListen() throws Exception {
        List<Listener> listeners = List.of(listen(Long.MAX_VALUE), listen(Long.MAX_VALUE), listen(Long.MAX_VALUE));
        secondsUntil(listeners.getLast(), 5);
        for (Listener listener : listeners) {
            await().untilAsserted(() -> assertThat(listener.seen).containsExactly(1, 2, 3, 4, 5));
        }
        assertThat(looks).hasValue(5);
    }

    @Test
    void nobodyLooksWhileNobodyListens() throws Exception {
        assertThat(seconds.currentSubscriberCount()).isZero();
        Listener one = listen(Long.MAX_VALUE);
        Listener other = listen(Long.MAX_VALUE);
        secondsUntil(one, 2);
        await().until(() -> other.seen.size() == 2);
        one.cancel();
        assertThat(seconds.currentSubscriberCount()).as("the other listens").isOne();
        secondsUntil(other, 3);
        other.cancel();
        assertThat(seconds.currentSubscriberCount()).isZero();
        Listener later = listen(Long.MAX_VALUE);
        secondsUntil(later, 1);
        assertThat(later.seen).containsExactly(4);
    }

    @Test
    void whoReadsSlowlyGetsTheLatestAndHoldsUpNobody() throws Exception {
        Listener slow = listen(1);
        Listener quick = listen(Long.MAX_VALUE);
        secondsUntil(quick, 5);
        assertThat(slow.seen).containsExactly(1);
        slow.request(1);
        await().untilAsserted(() -> assertThat(slow.seen).containsExactly(1, 5));
    }

    /** Seconds that pass meanwhile aren't made up for. */
    @Test
    void aLookThatTakesLongIsNotFollowedByOthersAtOnce() throws Exception {
        mayLook.drainPermits();
        Listener listener = listen(Long.MAX_VALUE);
        second();
        await().untilAtomic(looks, equalTo(1));
        for (int i = 0; i < 20; i++) {
            second();
        }
        mayLook.release(1_000);
        await().until(() -> !listener.seen.isEmpty());
        second();
        await().until(() -> listener.seen.size() >= 2);
        assertThat(looks.get()).as("one may have been asked for already").isLessThanOrEqualTo(3);
    }

    @Test
    void aFaultEndsTheStreamAndTheNextListenerBeginsItAnew() throws Exception {
        Listener one = listen(Long.MAX_VALUE);
        Listener other = listen(Long.MAX_VALUE);
        secondsUntil(one, 1);
        broken = true;
        second();
        for (Listener listener : List.of(one, other)) {
            await().untilAsserted(() -> assertThat(listener.failure).hasMessage("a fault"));
        }
        broken = false;
        Listener next = listen(Long.MAX_VALUE);
        secondsUntil(next, 2);
        assertThat(next.seen).containsExactly(3, 4);
    }
}
