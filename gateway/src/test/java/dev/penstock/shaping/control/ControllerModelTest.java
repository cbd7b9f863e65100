package dev.penstock.shaping.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.config.ControlConfig;
import dev.penstock.shaping.Prospect;
import dev.penstock.shaping.control.Controller.Answer;
import dev.penstock.shaping.control.Controller.Change;
import dev.penstock.shaping.control.Controller.Mode;

/**
 * Random schedules of answers, late ones and whole volleys, of pauses, restarts and changed configurations: what the
 * controller's class comment says holds after each, and whatever has happened, mail that is taken leads back.
 */
class ControllerModelTest {
    private static final int RUNS = 200;
    private static final int STEPS = 300;
    private static final double CEILING = 100;
    private static final long SECOND = 1_000_000_000;
    private static final double MIN_RATE = 1 / 60.0;

    private final SplittableRandom random = new SplittableRandom(1);
    private ControlConfig config = ControlConfig.DEFAULT;
    private Controller controller = new Controller(config, 0);
    private long now;
    /** The model: when something was last cut, and whether it ever was. */
    private long cutAt;
    private boolean wasCut;
    private String seed = "";

    @Test
    void whateverComesItsInvariantHoldsAndMailThatIsTakenLeadsBack() {
        for (int run = 0; run < RUNS; run++) {
            seed = "run " + run;
            config = ControlConfig.DEFAULT;
            now = random.nextLong(-SECOND * 1_000, SECOND * 1_000); // nanoTime may be anything
            controller = new Controller(config, now);
            wasCut = false;
            for (int step = 0; step < STEPS; step++) {
                step();
                check();
            }
            comesBack();
        }
    }

    private void step() {
        switch (random.nextInt(12)) {
            case 0, 1, 2, 3 -> now += random.nextLong(SECOND);
            case 4 -> now += random.nextLong(SECOND * (random.nextInt(10) == 0 ? 100_000 : 100));
            case 5, 6, 7 -> delivered(sent());
            case 8 -> {
                for (int volley = random.nextInt(50); volley >= 0; volley--) {
                    refused(Signal.RATE, now - random.nextLong(SECOND));
                }
            }
            case 9 -> refused(List.of(Signal.values()).get(random.nextInt(Signal.values().length)), sent());
            case 10 -> {
                double before = controller.rate();
                Mode mode = controller.mode();
                int window = controller.window();
                controller = new Controller(config, controller.kept(now), now);
                cutAt = now;
                wasCut |= mode != Mode.OPEN;
                assertThat(controller.mode()).as(seed).isEqualTo(mode);
                assertThat(controller.window()).as(seed).isEqualTo(window);
                if (mode != Mode.OPEN) {
                    assertThat(controller.rate()).as(seed).isCloseTo(before, within(before * 1e-9));
                }
            }
            default -> {
                config = ControlConfig.DEFAULT.with(ControlConfig.DECREASE, 10 + random.nextInt(86));
                controller.reconfigure(config);
            }
        }
    }

    private long sent() {
        return now - (random.nextBoolean() ? 0 : random.nextLong(30 * SECOND));
    }

    private void delivered(long sent) {
        double before = controller.rate();
        Mode mode = controller.mode();
        controller.delivered(answer(sent));
        assertThat(controller.rate()).as(seed + ": what is taken slows nothing down")
                .isGreaterThanOrEqualTo(before * 0.999999);
        if (wasCut && sent - cutAt <= 0) {
            assertThat(controller.mode()).as(seed + ": what was sent before the cut proves nothing").isEqualTo(mode);
        }
    }

    private void refused(Signal signal, long sent) {
        double before = controller.rate();
        Mode mode = controller.mode();
        int window = controller.window();
        Change change = controller.refused(signal, answer(sent));
        boolean late = wasCut && sent - cutAt <= 0;
        boolean cut = change != null && signal != Signal.CONCURRENCY;
        if (signal == Signal.CONCURRENCY) {
            assertThat(controller.rate()).as(seed + ": sessions say nothing of the rate").isEqualTo(before);
            assertThat(controller.window()).as(seed).isLessThanOrEqualTo(window);
        } else {
            assertThat(controller.rate()).as(seed + ": a refusal speeds nothing up")
                    .isLessThanOrEqualTo(before * 1.001);
        }
        if (late && signal == Signal.RATE) {
            assertThat(change).as(seed + ": one volley is one decrease").isNull();
        }
        if (mode == Mode.PACED && controller.mode() == Mode.PACED && cut && before > 2 * MIN_RATE) {
            assertThat(controller.rate()).as(seed + ": one decrease is bounded")
                    .isGreaterThanOrEqualTo(Math.max(MIN_RATE, before * beta() * beta() * 0.5) * 0.999);
        }
        if (cut) {
            wasCut = true;
            cutAt = now;
        }
    }

    private double beta() {
        return config.decrease() / 100.0;
    }

    private Answer answer(long sent) {
        return new Answer(sent, 1 + random.nextInt(20), random.nextBoolean() ? 0 : random.nextDouble() * 50, CEILING,
                now);
    }

    private void check() {
        double rate = controller.rate();
        assertThat(Double.isInfinite(rate)).as(seed).isEqualTo(controller.mode() == Mode.OPEN);
        if (controller.mode() == Mode.PACED) {
            assertThat(rate).as(seed).isGreaterThanOrEqualTo(MIN_RATE);
        }
        assertThat(rate).as(seed).isPositive();
        Prospect prospect = controller.prospect();
        assertThat(prospect.pauses()).as(seed).isBetween(0.0, 0.5);
        assertThat(prospect.pace()).as(seed).isPositive().isFinite();
        switch (prospect.state()) {
            case OPEN -> assertThat(controller.mode()).as(seed).isEqualTo(Mode.OPEN);
            case FLOWS -> assertThat(controller.mode()).as(seed).isEqualTo(Mode.PACED);
            case PAUSED -> assertThat(controller.probesOnly()).as(seed).isTrue();
            case UNKNOWN -> assertThat(controller.mode()).as(seed).isNotEqualTo(Mode.OPEN);
        }
        assertThat(controller.window()).as(seed).isPositive();
    }

    /** A receiver that takes whatever comes, at the rate that the controller allows, gets mail without limit in the end. */
    private void comesBack() {
        config = ControlConfig.DEFAULT;
        controller.reconfigure(config);
        long begun = now;
        int messages = 0;
        Change last = null;
        while (controller.mode() != Mode.OPEN) {
            now += Math.max(1, (long) (SECOND / controller.rate()));
            Change change = controller.delivered(new Answer(now, 1, 0, CEILING, now));
            last = change == null ? last : change;
            assertThat(++messages).as(seed + ": " + controller.kept(now) + " last " + last).isLessThan(2_000_000);
        }
        assertThat(Duration.ofNanos(now - begun)).as(seed).isLessThan(Duration.ofDays(9));
    }
}
