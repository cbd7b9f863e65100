package dev.penstock.preflight;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.PreflightConfig;
import dev.penstock.config.PreflightConfig.Kind;
import dev.penstock.routing.RecordSet;
import dev.penstock.routing.RecordSet.State;
import dev.penstock.routing.RecordType;

/** How much of DNS messages may ask for. */
@Timeout(60)
final class QuestionBudgetTest {
    private final List<CompletableFuture<RecordSet>> asked = new ArrayList<>();
    private final Set<String> cached = new HashSet<>();
    private final Semaphore places = new Semaphore(QuestionBudget.AT_ONCE);

    private CompletableFuture<RecordSet> ask(String name, RecordType type) {
        CompletableFuture<RecordSet> answer = cached.contains(name)
                ? CompletableFuture
                        .completedFuture(new RecordSet(State.FOUND, List.of(name), "", 0, 0, new AtomicLong()))
                : new CompletableFuture<>();
        if (!cached.contains(name)) {
            asked.add(answer);
        }
        return answer;
    }

    private static boolean isNotKnown(RecordSet answer) {
        return answer.state() == State.UNKNOWN;
    }

    private QuestionBudget message() {
        return new QuestionBudget(this::ask, places, () -> 0);
    }

    @Test
    void aMessageAsksForNoMoreThanItsShare() {
        QuestionBudget message = message();
        for (int i = 0; i < QuestionBudget.PER_MESSAGE; i++) {
            assertThat(message.find("d" + i, RecordType.TXT)).isNotDone();
        }
        assertThat(message.find("more", RecordType.TXT)).isCompletedWithValueMatching(QuestionBudgetTest::isNotKnown);
        assertThat(asked).hasSize(QuestionBudget.PER_MESSAGE);
        assertThat(message().find("another", RecordType.TXT)).as("of another message").isNotDone();
    }

    @Test
    void whatTheCacheKnowsCostsNothing() {
        cached.add("known");
        QuestionBudget message = message();
        for (int i = 0; i < QuestionBudget.AT_ONCE + QuestionBudget.PER_MESSAGE; i++) {
            assertThat(message.find("known", RecordType.TXT).join().state()).isEqualTo(State.FOUND);
        }
        assertThat(message.find("unknown", RecordType.TXT)).isNotDone();
    }

    @Test
    void allTogetherAskNoMoreThanTheirShareAtOneTimeAndAnswersMakeRoom() {
        List<QuestionBudget> messages = IntStream.range(0, 20).mapToObj(_ -> message()).toList();
        for (int i = 0; i < 100; i++) {
            for (QuestionBudget message : messages) {
                var _ = message.find("d" + i, RecordType.A);
            }
        }
        assertThat(asked).hasSize(QuestionBudget.AT_ONCE);
        asked.get(3).complete(RecordSet.unknown("of the test", 0));
        asked.get(4).completeExceptionally(new IllegalStateException("of the test"));
        assertThat(messages.getFirst().find("a", RecordType.A)).isNotDone();
        assertThat(messages.getFirst().find("b", RecordType.A)).isNotDone();
        assertThat(messages.getFirst().find("c", RecordType.A))
                .isCompletedWithValueMatching(QuestionBudgetTest::isNotKnown);
    }

    @Test
    void aMessageWithHostileDomainsIsUncertainAndNotJudgedWrongly() {
        String deep = "a.b.c.d.e.f.g.h.i.j.example";
        Preflight preflight = new Preflight(PreflightConfig.DEFAULT, this::ask, Runnable::run, () -> 0);
        List<CompletableFuture<Verdict>> verdicts = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            verdicts.add(preflight.judge(
                    new Facts(1, List.of("x" + i + "." + deep), "", List.of(), "<1@x.example>", true, "", "",
                            "y" + i + "." + deep, List.of(), Facts.Lines.FINE),
                    Kind.PERSONAL, List.of(), Set.of(Provider.GMAIL), 50_000_000));
        }
        assertThat(asked.size()).isLessThanOrEqualTo(QuestionBudget.AT_ONCE);
        assertThat(verdicts).allSatisfy(verdict -> assertThat(verdict.join().findings())
                .noneMatch(finding -> finding.demand().equals("dmarc") && finding.severity() == Finding.Severity.FAIL));
    }
}
