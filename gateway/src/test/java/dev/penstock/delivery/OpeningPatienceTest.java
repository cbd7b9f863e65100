package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How long hosts may take until their session is up. */
class OpeningPatienceTest {
    private final AtomicInteger comingUp = new AtomicInteger();
    private final OpeningPatience patience = new OpeningPatience(() -> comingUp.get() / 1_000.0, 1_000);

    @ParameterizedTest
    @CsvSource({"0, 300", "250, 300", "500, 165", "750, 30", "1000, 30"})
    void theMoreComeUpTheLessTimeEachHas(int sessions, long seconds) {
        comingUp.set(sessions);
        assertThat(patience.applyAsLong(Duration.ofMinutes(5).toNanos()))
                .isEqualTo(Duration.ofSeconds(seconds).toNanos());
    }

    @Test
    void aShorterDeadlineStaysWhatItIs() {
        comingUp.set(1_000);
        assertThat(patience.applyAsLong(Duration.ofSeconds(10).toNanos())).isEqualTo(Duration.ofSeconds(10).toNanos());
    }

    @Test
    void deadlinesThatRunAlreadyBecomeShorterTooUntilTheSessionIsUp() {
        AtomicLong now = new AtomicLong();
        try (DeadlineGuard guard = new DeadlineGuard(now::get)) {
            DeadlineGuard.Watch comesUp = guard.watch(() -> {}, patience);
            DeadlineGuard.Watch up = guard.watch(() -> {}, patience);
            up.established();
            comesUp.within(Duration.ofMinutes(5).toNanos());
            up.within(Duration.ofMinutes(5).toNanos());
            now.set(Duration.ofSeconds(31).toNanos());
            guard.check();
            assertThat(comesUp.expired()).isFalse();
            comingUp.set(800);
            guard.check();
            assertThat(comesUp.expired()).isTrue();
            assertThat(up.expired()).isFalse();
        }
    }
}
