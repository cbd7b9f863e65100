package dev.penstock.top;

import java.time.Duration;
import java.time.Instant;

import org.jspecify.annotations.Nullable;

import dev.penstock.top.Answers.Question;
import dev.penstock.units.Figures;

/**
 * What is known of the gateway. Immutable.
 *
 * @param answers the last; null before the first
 * @param trouble why there are no newer ones; empty when there are
 * @param heat    of all that came since this screen began
 */
record Model(@Nullable Answers answers, String trouble, HeatMap heat) {
    /** Two looks that didn't come are worth a word. */
    private static final int LATE = 3;

    static final Model EMPTY = new Model(null, "", HeatMap.EMPTY);

    Model with(Answers newer) {
        return new Model(newer, "", heat.with(newer.latencies()));
    }

    Model without(String why) {
        return new Model(answers, why, heat);
    }

    /** The answers to what the view shows; null while they are on their way. */
    @Nullable
    Answers of(View view) {
        if (answers == null) {
            return null;
        }
        Question question = answers.question();
        return question.screen() == view.screen() && question.by() == view.grouping() ? answers : null;
    }

    /** What is wrong, for people; empty for nothing. */
    String wrong(View view, Instant now) {
        if (answers == null) {
            return trouble;
        }
        Duration age = Duration.between(answers.at(), now);
        if (!trouble.isEmpty()) {
            return "no answer for " + Figures.time(age) + ": " + trouble;
        }
        return !view.paused() && age.compareTo(view.interval().multipliedBy(LATE)) > 0
                ? "no answer for " + Figures.time(age)
                : "";
    }
}
