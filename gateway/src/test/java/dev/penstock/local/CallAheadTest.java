package dev.penstock.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.LocalDomainConfig;
import dev.penstock.config.LocalDomainConfig.Lmtp;
import dev.penstock.config.LocalDomainConfig.OnFailure;
import dev.penstock.config.LocalDomainConfig.Verify;
import dev.penstock.local.CallAhead.Answer;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Decision;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.ManualTicker;
import dev.penstock.testing.Patience;

/** Recipients that the store is asked for: what is remembered, for how long, and what happens when it doesn't answer. */
@Timeout(180)
class CallAheadTest {
    private static final Answer UNKNOWN_USER = new Answer.No(Reply.of(550, "5.1.1", "no such user here"));

    private final List<String> asked = new CopyOnWriteArrayList<>();
    private final ManualTicker ticker = new ManualTicker();

    @Test
    void theStoreIsAskedForTheUserWithoutTheTag() {
        try (LocalRecipients recipients = asking(mailbox -> new Answer.Yes())) {
            assertThat(answer(recipients, "Anna+news@example.com")).isEqualTo("accepted");
            assertThat(answer(recipients, "anna@example.com")).isEqualTo("accepted");
            assertThat(answer(recipients, "\"anna\"@example.com")).isEqualTo("accepted");
        }
        assertThat(asked).containsExactly("anna@example.com");
    }

    @Test
    void aSpellingThatPutsTheStoreOutDoesNotHaveOthersRefused() {
        try (LocalRecipients recipients = asking(
                mailbox -> mailbox.equals("anna@example.com") ? new Answer.Yes() : UNKNOWN_USER)) {
            assertThat(answer(recipients, "\"anna\"@example.com")).isEqualTo("accepted");
            assertThat(answer(recipients, "ANNA@example.com")).isEqualTo("accepted");
            assertThat(answer(recipients, "anna@example.com")).isEqualTo("accepted");
            assertThat(answer(recipients, "\"an na\"@example.com")).startsWith("550 5.1.1");
        }
        assertThat(asked).containsExactly("anna@example.com", "\"an na\"@example.com");
    }

    @Test
    void postmasterIsNotAskedFor() {
        try (LocalRecipients recipients = asking(_ -> UNKNOWN_USER)) {
            assertThat(answer(recipients, "postmaster@example.com")).isEqualTo("accepted");
        }
        assertThat(asked).isEmpty();
    }

    @Test
    void aNoIsAnUnknownUserUnlessTheStoreHasAnotherReason() {
        Map<String, Answer> answers = Map.of("a@example.com", UNKNOWN_USER, "b@example.com",
                new Answer.No(Reply.of(550, "", "<b> not here")), "c@example.com",
                new Answer.No(Reply.of(552, "5.2.2", "Mailbox full")), "d@example.com",
                new Answer.No(Reply.of(554, "5.7.1", "Not for you")));
        try (LocalRecipients recipients = asking(answers::get)) {
            assertThat(answer(recipients, "a@example.com"))
                    .isEqualTo("550 5.1.1 <a@example.com>: Recipient address rejected: User unknown");
            assertThat(answer(recipients, "b@example.com"))
                    .isEqualTo("550 5.1.1 <b@example.com>: Recipient address rejected: User unknown");
            assertThat(answer(recipients, "c@example.com")).isEqualTo("552 5.2.2 Mailbox full");
            assertThat(answer(recipients, "d@example.com")).isEqualTo("554 5.7.1 Not for you");
        }
    }

    @Test
    void yesAndNoAreRememberedForTheirOwnTimes() {
        try (LocalRecipients recipients = asking(
                mailbox -> mailbox.startsWith("anna") ? new Answer.Yes() : UNKNOWN_USER)) {
            askBoth(recipients);
            ticker.advance(Duration.ofMinutes(4));
            askBoth(recipients);
            assertThat(asked).hasSize(2);

            ticker.advance(Duration.ofMinutes(2)); // past the no
            askBoth(recipients);
            assertThat(asked).hasSize(3).last().isEqualTo("bert@example.com");

            ticker.advance(Duration.ofMinutes(55)); // past both
            askBoth(recipients);
            assertThat(asked).hasSize(5);
        }
    }

    @Test
    void manyWhoAskAtOnceAreOneQuestion() throws InterruptedException {
        CountDownLatch gate = new CountDownLatch(1);
        try (LocalRecipients recipients = asking(_ -> {
            await(gate);
            return new Answer.Yes();
        })) {
            List<CompletableFuture<Decision>> waiting = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                waiting.add(recipients.verify(recipient("anna+" + i + "@example.com")));
            }
            assertThat(waiting).noneMatch(CompletableFuture::isDone);
            gate.countDown();

            assertThat(waiting).allSatisfy(answer -> assertThat(answer.join()).isSameAs(Decision.ACCEPT));
            assertThat(asked).hasSize(1);
        }
    }

    @Test
    void fewQuestionsGoToAStoreAtOneTime() {
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch gate = new CountDownLatch(1);
        CountDownLatch twenty = new CountDownLatch(20);
        try (LocalRecipients recipients = asking(_ -> {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            twenty.countDown();
            await(gate);
            now.decrementAndGet();
            return UNKNOWN_USER;
        })) {
            List<CompletableFuture<Decision>> waiting = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                waiting.add(recipients.verify(recipient("name" + i + "@example.com")));
            }
            await(twenty);
            gate.countDown();

            assertThat(waiting).allSatisfy(answer -> assertThat(answer.join()).isInstanceOf(Decision.Refuse.class));
            assertThat(most).hasValue(20);
            assertThat(asked).hasSize(500);
        }
    }

    @Test
    void aStoreThatCannotTellDefersAndIsNotAskedAgainAtOnce() {
        try (LocalRecipients recipients = asking(_ -> new Answer.Unknown("connection refused"))) {
            assertThat(answer(recipients, "anna@example.com")).isEqualTo(
                    "451 4.1.1 <anna@example.com>: Recipient address can't be verified now, try again later");
            assertThat(answer(recipients, "anna@example.com")).startsWith("451");
            assertThat(asked).hasSize(1);

            ticker.advance(Duration.ofSeconds(6));
            assertThat(answer(recipients, "anna@example.com")).startsWith("451");
            assertThat(asked).hasSize(2);
            assertThat(recipients.stats().askedInVain()).isEqualTo(2);
        }
    }

    @Test
    void aSilentStoreIsWaitedForNoLongerThanTheDeadline() {
        CountDownLatch never = new CountDownLatch(1);
        LocalDomainConfig config = new LocalDomainConfig(new Lmtp(List.of("127.0.0.1:24")), Verify.CALL_AHEAD,
                Optional.empty(), "+", false, Duration.ofHours(1), Duration.ofMinutes(5), Duration.ofMillis(200),
                OnFailure.ACCEPT);
        try (LocalRecipients recipients = new LocalRecipients(Map.of("example.com", config), (_, _, _) -> {
            await(never);
            return new Answer.Yes();
        }, System::nanoTime)) {
            long start = System.nanoTime();
            assertThat(answer(recipients, "anna@example.com")).isEqualTo("accepted");
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(190));
            assertThat(never.getCount()).as("the store is silent yet").isOne();
            assertThat(recipients.stats().undecided()).isOne();
        } finally {
            never.countDown();
        }
    }

    @Test
    void aQuestionThatFailsUnexpectedlyIsNoAnswer() {
        try (LocalRecipients recipients = asking(_ -> {
            throw new IllegalStateException("a fault");
        })) {
            assertThat(answer(recipients, "anna@example.com")).startsWith("451 4.1.1");
        }
    }

    @Test
    void aChangedDomainForgetsItsAnswers() {
        try (LocalRecipients recipients = asking(_ -> UNKNOWN_USER)) {
            assertThat(answer(recipients, "anna@example.com")).startsWith("550");
            recipients.reconfigure(Map.of("example.com", config()));
            assertThat(answer(recipients, "anna@example.com")).startsWith("550");
            assertThat(asked).hasSize(1);

            recipients.reconfigure(Map.of("example.com",
                    LocalDomainConfig.of(new Lmtp(List.of("127.0.0.2:24")), Verify.CALL_AHEAD, Optional.empty())));
            assertThat(answer(recipients, "anna@example.com")).startsWith("550");
            assertThat(asked).hasSize(2);
        }
    }

    private void askBoth(LocalRecipients recipients) {
        assertThat(answer(recipients, "anna@example.com")).isEqualTo("accepted");
        assertThat(answer(recipients, "bert@example.com")).startsWith("550 5.1.1");
    }

    private LocalRecipients asking(java.util.function.Function<String, Answer> store) {
        return new LocalRecipients(Map.of("example.com", config()), (_, mailbox, _) -> {
            asked.add(mailbox);
            return store.apply(mailbox);
        }, ticker);
    }

    private static LocalDomainConfig config() {
        return LocalDomainConfig.of(new Lmtp(List.of("127.0.0.1:24")), Verify.CALL_AHEAD, Optional.empty());
    }

    private static String answer(LocalRecipients recipients, String address) {
        return switch (recipients.verify(recipient(address)).orTimeout(Patience.LONG.toSeconds(), TimeUnit.SECONDS)
                .join()) {
            case Decision.Accept _ -> "accepted";
            case Decision.Refuse(var reply) -> reply.oneLine();
        };
    }

    private static Recipient recipient(String address) {
        return new Recipient(address, address.substring(address.lastIndexOf('@') + 1));
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(2 * Patience.LONG.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("nobody opened the gate");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
