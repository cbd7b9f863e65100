package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.testing.Patience;

/** How often something is worked out for who asks again and again. */
@Timeout(300)
class RecentAnswersTest {
    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 1_000_000); // it goes round soon
    private final RecentAnswers<String, Integer> answers = new RecentAnswers<>(now::get);
    private final AtomicInteger worked = new AtomicInteger();

    private int ask(String question, Duration takes) {
        return answers.get(question, () -> {
            now.addAndGet(takes.toNanos());
            return worked.incrementAndGet();
        });
    }

    private void pass(Duration time) {
        now.addAndGet(time.toNanos());
    }

    @Test
    void whatIsQuicklyAnsweredIsAnsweredAgainForHalfASecond() {
        assertThat(ask("a", Duration.ofMillis(1))).isEqualTo(1);
        pass(RecentAnswers.FRESH.minusNanos(1));
        assertThat(ask("a", Duration.ofMillis(1))).isEqualTo(1);
        pass(Duration.ofNanos(1));
        assertThat(ask("a", Duration.ofMillis(1))).isEqualTo(2);
    }

    @Test
    void whatTakesLongTakesATwentiethOfTheTimeAtMost() {
        ask("a", Duration.ofMillis(400));
        for (int i = 0; i < 1_000; i++) {
            pass(Duration.ofMillis(100));
            ask("a", Duration.ofMillis(400));
        }
        // In 100 s, and what it took: one in 400 ms and 8 s.
        assertThat(worked.get()).isBetween(11, 13);
    }

    @Test
    void answersAreForgottenWhenTheyAreOldAndTheOneAskedForLongestAgoWhenThereAreMany() {
        ask("old", Duration.ZERO);
        answers.forgetOld();
        assertThat(answers.size()).isEqualTo(1);
        pass(RecentAnswers.FRESH);
        ask("new", Duration.ZERO);
        answers.forgetOld();
        assertThat(answers.size()).isEqualTo(1);
        assertThat(ask("new", Duration.ZERO)).isEqualTo(2);
        for (int i = 0; i < 2 * RecentAnswers.MOST; i++) {
            ask("question " + i, Duration.ZERO);
        }
        assertThat(answers.size()).isEqualTo(RecentAnswers.MOST);
    }

    @Test
    void whatFailsIsThrownAndTriedAgain() {
        assertThatThrownBy(() -> answers.get("a", () -> {
            throw new IllegalStateException("no");
        })).hasMessage("no");
        assertThat(ask("a", Duration.ZERO)).isEqualTo(1);
    }

    @Test
    void whoAsksForSomethingElseWaitsForNobodyAndWhoAsksForTheSameGetsTheSame() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        CompletableFuture<Integer> slow = CompletableFuture.supplyAsync(() -> answers.get("slow", () -> {
            begun.countDown();
            try {
                assertThat(go.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return worked.incrementAndGet();
        }));
        assertThat(begun.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(ask("other", Duration.ZERO)).isEqualTo(1);
        CompletableFuture<Integer> same = CompletableFuture.supplyAsync(() -> ask("slow", Duration.ZERO));
        assertThat(same).isNotDone();
        go.countDown();
        assertThat(slow.get(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isEqualTo(2);
        assertThat(same.get(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isEqualTo(2);
    }
}
