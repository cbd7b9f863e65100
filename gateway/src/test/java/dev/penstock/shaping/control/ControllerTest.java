package dev.penstock.shaping.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.config.ControlConfig;
import dev.penstock.shaping.Prospect;
import dev.penstock.shaping.control.Controller.Answer;
import dev.penstock.shaping.control.Controller.Change;
import dev.penstock.shaping.control.Controller.Mode;

/** What one controller says of what is to be expected, answer by answer. */
class ControllerTest {
    private static final double GOODPUT = 20;
    private static final Duration PAUSE = Duration.ofMinutes(10);
    /** After a first pause: back where it was cut, and a little beyond. */
    private static final Duration SEARCHED = Duration.ofMinutes(2);
    private static final double SECOND = 1e9;

    private final Controller controller = new Controller(ControlConfig.DEFAULT, 0);
    private long now;

    private void pass(Duration time) {
        now += time.toNanos();
    }

    private Answer answer() {
        return new Answer(now, 10, GOODPUT, Double.POSITIVE_INFINITY, now);
    }

    private @Nullable Change taken() {
        return controller.delivered(answer());
    }

    private @Nullable Change refused(Signal signal) {
        return controller.refused(signal, answer());
    }

    /** Mail at the rate of the moment. */
    private void sends(Duration time) {
        long end = now + time.toNanos();
        while (now < end) {
            now += (long) (SECOND / controller.rate());
            taken();
        }
    }

    /** It takes nothing, and then a probe. @return how many it was asked in the time */
    private int pauses(Signal signal, Duration pause) {
        long end = now + pause.toNanos();
        while (!controller.probesOnly()) {
            refused(signal);
            pass(Duration.ofSeconds(1));
        }
        int probes = 0;
        while (controller.probesOnly()) {
            pass(controller.interval());
            if (now < end) {
                refused(signal);
                probes++;
            } else {
                taken();
            }
        }
        return probes;
    }

    @Test
    void whatIsToBeExpectedIsKnownOnceAReceiverHasPausedBefore() {
        assertThat(controller.prospect()).isEqualTo(Prospect.OPEN);
        refused(Signal.RATE);
        pass(Duration.ofSeconds(1));
        refused(Signal.RATE);
        assertThat(controller.probesOnly()).isTrue();
        assertThat(controller.prospect()).as("a first pause may be of any length").isEqualTo(Prospect.UNKNOWN);
        pass(PAUSE);
        taken();
        assertThat(controller.mode()).isEqualTo(Mode.PACED);
        assertThat(controller.prospect()).as("and may come again").isEqualTo(Prospect.UNKNOWN);
        sends(SEARCHED);
        pauses(Signal.RATE, PAUSE);
        sends(Duration.ofHours(1));
        assertThat(controller.prospect()).satisfies(flows -> {
            assertThat(flows.state()).isEqualTo(Prospect.State.FLOWS);
            assertThat(flows.pauses()).as("one pause in 34 times as long").isCloseTo(1 / 35.0, within(0.001));
            assertThat(flows.pace()).isCloseTo(1, within(0.05));
        });

        refused(Signal.RATE);
        long begun = now;
        pass(Duration.ofMinutes(3));
        Prospect paused = controller.prospect();
        assertThat(paused.state()).isEqualTo(Prospect.State.PAUSED);
        assertThat(Duration.ofNanos(paused.untilNanos() - begun)).isBetween(PAUSE, PAUSE.multipliedBy(2));
        assertThat(paused.pausedNanos(paused.untilNanos() + 7)).as("as late as it is, so long again").isEqualTo(7);
    }

    @Test
    void aSecondPauseIsExpectedToBeAsLongAsTheFirst() {
        pauses(Signal.BLOCKED, PAUSE);
        sends(SEARCHED);
        assertThat(controller.prospect()).isEqualTo(Prospect.UNKNOWN);
        long begun = now;
        refused(Signal.BLOCKED);
        Prospect second = controller.prospect();
        assertThat(second.state()).isEqualTo(Prospect.State.PAUSED);
        assertThat(Duration.ofNanos(second.untilNanos() - begun)).isBetween(PAUSE, PAUSE.multipliedBy(2));
        assertThat(second.pauses()).isCloseTo(1 / 35.0, within(0.001));
    }

    @Test
    void ofAnotherKindItMayBeOfAnyLength() {
        pauses(Signal.BLOCKED, Duration.ofHours(3));
        sends(SEARCHED);
        while (!controller.probesOnly()) {
            pass(Duration.ofSeconds(3));
            refused(Signal.RATE);
        }
        assertThat(controller.prospect()).as("it was a block that took hours").isEqualTo(Prospect.UNKNOWN);
    }

    @Test
    void whoComesBackAfterARestartHasNotSentNothingSinceTheMachineCameUp() {
        long second = Duration.ofSeconds(1).toNanos();
        Controller.Kept kept = new Controller.Kept(Mode.PACED, 50, 1, 0.3, 1, Controller.NO_WINDOW, 30 * second,
                second, 0, 30 * second, second);
        now = 1_000_000 * second;
        Controller restarted = new Controller(ControlConfig.DEFAULT, kept, now);
        for (int i = 0; i < 45; i++) {
            now += second / 50;
            restarted.delivered(answer());
        }
        restarted.refused(Signal.RATE, answer());
        assertThat(restarted.rate()).isGreaterThan(0.1);
    }

    /** Sessions are too few for the rate that control would have, so that this says nothing of what the receiver takes. */
    @Test
    void whatWasTakenUntilItRefusedIsHeldAndNotARateThatWasNeverUsed() {
        double used = 15;
        pauses(Signal.BLOCKED, PAUSE);
        long end = now + Duration.ofMinutes(20).toNanos();
        while (now < end) {
            now += (long) (SECOND / Math.min(used, controller.rate()));
            taken();
        }
        assertThat(controller.rate()).isGreaterThan(1.2 * used);
        pauses(Signal.BLOCKED, PAUSE);
        sends(Duration.ofMinutes(20));
        assertThat(controller.rate()).isBetween(0.9 * used, used);
    }
}
