package dev.penstock.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;

import dev.penstock.verbs.DrainState.Phase;

class DrainTest {
    private final DrainState state = new DrainState();

    @Test
    void readinessSaysSoBeforeMailIsRefused() {
        assertThat(state.begin(1_000, 500, 10_000)).isTrue();
        state.step(1_499, 0, 0);
        assertThat(state.phase()).as("though nothing is queued").isEqualTo(Phase.ANNOUNCED);
        state.step(1_500, 3, 0);
        assertThat(state.phase()).isEqualTo(Phase.REFUSING);
    }

    @Test
    void itStopsWhenAllIsOutAndNothingIsComing() {
        state.begin(0, 0, 10_000);
        state.step(1, 3, 0);
        state.step(2, 0, 1);
        assertThat(state.phase()).isEqualTo(Phase.REFUSING);
        state.step(3, 0, 0);
        assertThat(state.phase()).isEqualTo(Phase.STOPPING);
    }

    @Test
    void itStopsAtItsEndThoughMailIsLeft() {
        state.begin(0, 100, 10_000);
        state.step(10_099, 3, 0);
        assertThat(state.phase()).isEqualTo(Phase.REFUSING);
        state.step(10_100, 3, 1);
        assertThat(state.phase()).isEqualTo(Phase.STOPPING);
        assertThat(state.cancel()).as("too late").isFalse();
    }

    @Test
    void oneIsUnderWayAtATimeAndCanBeCalledOff() {
        assertThat(state.cancel()).as("nobody drains").isFalse();
        state.begin(0, 100, 10_000);
        assertThat(state.begin(50, 1, 1)).isFalse();
        assertThat(state.stopsMillis()).isEqualTo(10_100);
        state.step(200, 3, 0);
        assertThat(state.cancel()).isTrue();
        state.step(20_000, 0, 0);
        assertThat(state.phase()).isEqualTo(Phase.OPEN);
    }

    @Test
    void theGatewayIsStoppedOnceThoughADrainWasCalledOffBefore() {
        AtomicLong queued = new AtomicLong(3);
        AtomicInteger stops = new AtomicInteger();
        try (Drain drain = new Drain(queued::get, () -> 0, stops::incrementAndGet, InstantSource.system())) {
            drain.begin(Duration.ZERO, Duration.ofHours(1), "op", "maintenance");
            await().until(drain::refuses);
            assertThat(drain.view().phase()).isEqualTo("refusing");
            assertThat(drain.cancel("op", "not today")).isTrue();
            assertThat(drain.refuses()).isFalse();
            assertThat(drain.view().isAnnounced()).isFalse();
            drain.begin(Duration.ofMillis(1), Duration.ofHours(1), "op", "maintenance");
            await().until(drain::refuses);
            queued.set(0);
            await().until(() -> stops.get() > 0);
            await().pollDelay(Duration.ofMillis(500)).until(() -> true);
            assertThat(stops).hasValue(1);
        }
    }
}
