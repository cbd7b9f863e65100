package dev.penstock.shaping.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import java.util.Random;
import java.util.function.LongFunction;

import org.junit.jupiter.api.Test;

import dev.penstock.config.ControlConfig;
import dev.penstock.shaping.control.ReceiverShapes.Escalating;
import dev.penstock.shaping.control.ReceiverShapes.Receiver;

/**
 * The controller against receivers of several kinds in virtual time, each with twenty seeds: once it has settled, fewer than
 * 3 % of the messages are deferred, and more than 90 % of what the receiver takes is sent.
 */
class ControlGoalsTest {
    private static final int SEEDS = 20;
    private static final double HOUR = 3_600;
    private static final double SETTLED = HOUR / 2;
    private static final double END = 3 * HOUR;
    private static final double[] RATES = {0.5, 2, 5, 10, 20};
    private static final double MOST_DEFERRED = 0.03;
    private static final double LEAST_USED = 0.90;

    /** Of all seeds. */
    private record Result(double deferred, double worstDeferred, double used, double worstUsed) {}

    private static double rate(long seed) {
        return RATES[(int) (seed % RATES.length)] * (0.8 + 0.4 * new Random(seed).nextDouble());
    }

    private static ControlSimulation simulation(Receiver receiver, long seed) {
        return new ControlSimulation(receiver, ControlConfig.DEFAULT, 20, 0.2, 0.3, seed);
    }

    private static Result each(String name, LongFunction<ControlSimulation> of) {
        double deferred = 0;
        double worstDeferred = 0;
        double used = 0;
        double worstUsed = 1;
        for (long seed = 1; seed <= SEEDS; seed++) {
            ControlSimulation run = of.apply(seed);
            assertThat(run.violation).isEmpty();
            deferred += run.deferralShare() / SEEDS;
            worstDeferred = Math.max(worstDeferred, run.deferralShare());
            used += run.utilisation() / SEEDS;
            worstUsed = Math.min(worstUsed, run.utilisation());
        }
        Result result = new Result(deferred, worstDeferred, used, worstUsed);
        System.out.printf(Locale.ROOT, "%-12s deferred %5.2f %% (worst %5.2f %%)  used %5.1f %% (worst %5.1f %%)%n",
                name,
                100 * deferred, 100 * worstDeferred, 100 * used, 100 * worstUsed);
        return result;
    }

    private static void meetsTheGoal(Result result) {
        assertThat(result.worstDeferred).isLessThan(MOST_DEFERRED);
        assertThat(result.worstUsed).isGreaterThan(LEAST_USED);
    }

    @Test
    void aReceiverWithARate() {
        meetsTheGoal(each("steady", seed -> {
            double rate = rate(seed);
            return simulation(ReceiverShapes.steady(rate, Math.max(2, rate * (1 + seed % 10))), seed).run(SETTLED, END);
        }));
    }

    @Test
    void aReceiverThatCountsByTheMinute() {
        meetsTheGoal(each("minutes", seed -> simulation(ReceiverShapes.minutes(rate(seed)), seed).run(SETTLED, END)));
    }

    @Test
    void aReceiverWithALimitOfSessions() {
        meetsTheGoal(each("sessions",
                seed -> simulation(ReceiverShapes.sessions((int) (2 + seed % 7), 0.2), seed).run(SETTLED, END)));
    }

    @Test
    void aReceiverThatBlocksWhoeverDoesntSlowDownNeverBlocks() {
        meetsTheGoal(each("escalating", seed -> {
            double rate = rate(seed);
            Escalating receiver = new Escalating(rate, Math.max(30, rate * 30));
            ControlSimulation run = simulation(receiver, seed).run(SETTLED, END);
            assertThat(receiver.blocks).as("seed %d, rate %f", seed, rate).isZero();
            return run;
        }));
    }

    @Test
    void aReceiverThatRemembersExcess() {
        meetsTheGoal(each("reputation",
                seed -> simulation(ReceiverShapes.reputation(rate(seed)), seed).run(SETTLED, END)));
    }

    @Test
    void aReceiverThatTakesLessAndThenMore() {
        meetsTheGoal(each("changing",
                seed -> simulation(ReceiverShapes.changing(rate(seed), HOUR, 2 * HOUR), seed).run(SETTLED, END)));
    }

    @Test
    void aReceiverThatIsBusyNowAndThen() {
        meetsTheGoal(each("noisy",
                seed -> simulation(ReceiverShapes.noisy(rate(seed), 0.01, new Random(seed)), seed).run(SETTLED, END)));
    }

    @Test
    void aReceiverThatAnswersLateToFiftySessions() {
        meetsTheGoal(each("late", seed -> new ControlSimulation(ReceiverShapes.steady((double) (1 + seed % 8), 20),
                ControlConfig.DEFAULT, 50, 5, 0.3, seed).run(SETTLED, END)));
    }

    @Test
    void aReceiverThatTakesNothingForMinutesAfterAnExcessIsHeldBelowIt() {
        double[] minutes = {1, 2, 3, 5, 10};
        meetsTheGoal(each("pausing", seed -> {
            double pause = 60 * minutes[(int) (seed / RATES.length % minutes.length)];
            return simulation(ReceiverShapes.pausing(rate(seed), pause), seed).run(HOUR, 2 * END);
        }));
    }

    @Test
    void aReceiverThatIsBackFromAnOutageGetsWhatTheSessionsCanDoWithinHalfOfIt() {
        for (long seed = 1; seed <= SEEDS; seed++) {
            double outage = 5 + 5 * seed;
            ControlSimulation run = simulation(ReceiverShapes.outage(outage), seed).run(1.5 * outage + 10,
                    2 * outage + 20);
            assertThat(run.utilisation()).as("seed %d", seed).isGreaterThan(LEAST_USED);
            assertThat(run.deferralShare()).isZero();
        }
    }

    @Test
    void aReceiverThatBlocksForAnHourIsProbedFewTimesAndComesBack() {
        Result after = each("blocking", seed -> {
            ControlSimulation run = simulation(ReceiverShapes.blocking(rate(seed), HOUR, 2 * HOUR), seed)
                    .run(HOUR, 4 * HOUR);
            assertThat(run.controller().mode()).isNotEqualTo(Controller.Mode.BLOCKED);
            return run;
        });
        assertThat(after.worstDeferred).isLessThan(MOST_DEFERRED);
        assertThat(after.worstUsed).isGreaterThan(0.6); // it is an hour late, and begins slowly
    }
}
