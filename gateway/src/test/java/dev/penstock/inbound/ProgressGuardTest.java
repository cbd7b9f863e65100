package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.config.InboundConfig;
import dev.penstock.testing.ManualTicker;

/** Defaults: silence 300 s, 10 s under stress; command line 60 s; message 30 min and 64 octets/s after 60 s; session 30 min. */
class ProgressGuardTest {
    private static final InboundConfig CONFIG = InboundConfig.DEFAULT;
    private final ManualTicker time = new ManualTicker();
    private final ProgressGuard guard = new ProgressGuard(time.getAsLong());

    private void pass(long seconds) {
        time.advance(Duration.ofSeconds(seconds));
    }

    private void says(int octets) {
        guard.input(time.getAsLong(), octets);
    }

    private Duration left() {
        return Duration.ofNanos(guard.nanosLeft(time.getAsLong(), CONFIG, false));
    }

    private @Nullable Slowness slowness() {
        Slowness slowness = guard.slowness(time.getAsLong(), CONFIG, false);
        assertThat(guard.nanosLeft(time.getAsLong(), CONFIG, false) <= 0).isEqualTo(slowness != null);
        return slowness;
    }

    @Test
    void silenceHasItsTimeoutFromTheLastInput() {
        assertThat(left()).isEqualTo(Duration.ofMinutes(5));
        pass(200);
        says(10);
        pass(299);
        assertThat(slowness()).isNull();
        pass(1);
        assertThat(slowness()).isEqualTo(Slowness.SILENT);
    }

    @Test
    void underStressSilenceIsShorter() {
        pass(9);
        assertThat(guard.slowness(time.getAsLong(), CONFIG, true)).isNull();
        pass(1);
        assertThat(guard.slowness(time.getAsLong(), CONFIG, true)).isEqualTo(Slowness.SILENT);
        assertThat(slowness()).isNull();
    }

    @Test
    void aCommandLineHasItsDeadlineFromItsFirstOctetHoweverItDrips() {
        pass(100);
        for (int i = 0; i < 59; i++) {
            says(1);
            guard.lineUnfinished(time.getAsLong());
            pass(1);
            assertThat(slowness()).isNull();
        }
        says(1);
        guard.lineUnfinished(time.getAsLong());
        assertThat(left()).isEqualTo(Duration.ofSeconds(1));
        pass(1);
        assertThat(slowness()).isEqualTo(Slowness.COMMAND);
    }

    @Test
    void theNextCommandLineHasADeadlineOfItsOwn() {
        guard.lineUnfinished(time.getAsLong());
        pass(59);
        guard.lineEnded();
        says(1);
        guard.lineUnfinished(time.getAsLong());
        pass(59);
        assertThat(slowness()).isNull();
        pass(1);
        assertThat(slowness()).isEqualTo(Slowness.COMMAND);
    }

    @Test
    void aMessageMustComeAtItsLeastRateAfterTheGrace() {
        guard.messageBegun(time.getAsLong());
        for (int i = 0; i < 59; i++) {
            pass(1);
            says(1);
        }
        assertThat(slowness()).isNull();
        pass(1);
        assertThat(slowness()).isEqualTo(Slowness.DATA_RATE);
    }

    @Test
    void whatCameFastPaysForWhatComesSlowly() {
        guard.messageBegun(time.getAsLong());
        says(64 * 100);
        pass(99);
        says(64);
        assertThat(slowness()).isNull();
        assertThat(left()).isEqualTo(Duration.ofSeconds(2));
        pass(2);
        assertThat(slowness()).isEqualTo(Slowness.DATA_RATE);
    }

    @Test
    void aMessageAtTheRateStillHasItsDeadline() {
        guard.accepted();
        guard.messageBegun(time.getAsLong());
        for (int i = 0; i < 30 * 60; i++) {
            assertThat(slowness()).isNull();
            says(65);
            pass(1);
        }
        says(1_000_000);
        assertThat(slowness()).isEqualTo(Slowness.DATA);
    }

    @Test
    void afterAMessageItsDeadlinesAreOver() {
        guard.accepted();
        guard.messageBegun(time.getAsLong());
        pass(50);
        guard.messageEnded();
        says(1);
        pass(299);
        assertThat(slowness()).isNull();
    }

    @Test
    void aSessionWithoutAMessageHasItsDeadlineAndOneWithAMessageHasNone() {
        for (int i = 0; i < 29; i++) {
            pass(60);
            says(6);
        }
        assertThat(left()).isEqualTo(Duration.ofSeconds(60));
        pass(60);
        assertThat(slowness()).isEqualTo(Slowness.SESSION);
        guard.accepted();
        assertThat(slowness()).isNull();
    }

    @Test
    void theClockStandsStillWhileTheServerIsWaitedFor() {
        guard.messageBegun(time.getAsLong());
        pass(50);
        guard.pause(time.getAsLong());
        pass(100_000);
        assertThat(slowness()).isNull();
        assertThat(left()).isEqualTo(Duration.ofSeconds(10));
        guard.pause(time.getAsLong());
        pass(1);
        guard.resume(time.getAsLong());
        guard.resume(time.getAsLong());
        assertThat(left()).isEqualTo(Duration.ofSeconds(10));
        pass(10);
        assertThat(slowness()).isEqualTo(Slowness.DATA_RATE);
    }

    @Test
    void howLongTheServerWasWaitedForIsKnownWhileItIsAndAfter() {
        assertThat(guard.stoppedNanos(time.getAsLong())).isZero();
        guard.pause(time.getAsLong());
        pass(7);
        assertThat(guard.stoppedNanos(time.getAsLong())).isEqualTo(Duration.ofSeconds(7).toNanos());
        guard.resume(time.getAsLong());
        pass(2);
        assertThat(guard.stoppedNanos(time.getAsLong())).isEqualTo(Duration.ofSeconds(7).toNanos());
    }

    @Test
    void silenceBeginsAnewWhenItIsTheClientsTurnAgain() {
        pass(299);
        guard.pause(time.getAsLong());
        pass(10);
        guard.resume(time.getAsLong());
        assertThat(left()).isEqualTo(Duration.ofMinutes(5));
    }

    @Test
    void aTimerMustNotRunLongerThanTheNearestDeadlineCanBe() {
        assertThat(Duration.ofNanos(ProgressGuard.periodNanos(CONFIG))).isEqualTo(Duration.ofSeconds(10));
    }
}
