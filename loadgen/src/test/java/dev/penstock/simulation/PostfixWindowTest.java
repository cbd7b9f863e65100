package dev.penstock.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What SCHEDULER_README says of a destination's window. */
class PostfixWindowTest {
    @Test
    void aWholeWindowOfSuccessesMakesItOneWiderUpToTheLimit() {
        PostfixWindow window = new PostfixWindow();
        for (int i = 0; i < 5; i++) {
            assertThat(window.window()).isEqualTo(5);
            window.succeeded(5);
        }
        assertThat(window.window()).isEqualTo(6);
        for (int i = 0; i < 1_000; i++) {
            window.succeeded(window.window());
        }
        assertThat(window.window()).isEqualTo(PostfixWindow.LIMIT);
    }

    @Test
    void aWindowThatNobodyFillsDoesNotGrow() {
        PostfixWindow window = new PostfixWindow();
        for (int i = 0; i < 1_000; i++) {
            window.succeeded(1);
        }
        assertThat(window.window()).isEqualTo(6);
    }

    @Test
    void oneFailureNarrowsItAtOnce() {
        PostfixWindow window = new PostfixWindow();
        window.succeeded(5);
        assertThat(window.failed()).isFalse();
        assertThat(window.window()).isEqualTo(4);
    }

    @Test
    void aWholeWindowOfFailuresIsTheEndUntilItIsRevived() {
        PostfixWindow window = new PostfixWindow();
        int failures = 0;
        while (!window.failed()) {
            failures++;
        }
        assertThat(failures).isBetween(2, 5);
        assertThat(window.isDead()).isTrue();
        window.revive();
        assertThat(window.isDead()).isFalse();
        assertThat(window.window()).isEqualTo(PostfixWindow.INITIAL);
    }

    @Test
    void atAReceiverThatRefusesTheSixthSessionASixthFails() {
        PostfixWindow window = new PostfixWindow();
        double due = 0;
        int failed = 0;
        int all = 0;
        double sum = 0;
        for (int i = 0; i < 100_000; i++) { // as in the README's table: feedback 1/N, the server takes 5
            due += Math.max(0, window.window() - 5.0) / window.window();
            boolean over = due >= 1;
            due -= over ? 1 : 0;
            all++;
            failed += over ? 1 : 0;
            sum += window.window();
            if (over) {
                window.failed();
            } else {
                window.succeeded(window.window());
            }
        }
        assertThat(window.isDead()).isFalse();
        assertThat((double) failed / all).isBetween(0.05, 0.25);
        assertThat(sum / all).isBetween(5.0, 7.0);
    }
}
