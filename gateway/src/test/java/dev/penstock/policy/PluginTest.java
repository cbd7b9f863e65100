package dev.penstock.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.auth.Identity;
import dev.penstock.config.PolicyConfig;
import dev.penstock.config.PolicyConfig.OnFailure;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.Patience;

@Timeout(180)
class PluginTest {
    private static final Duration LONG = Patience.LONG;
    private static final Duration SHORT = Duration.ofMillis(100);
    private static final Decision.Refuse NO = new Decision.Refuse(Reply.of(550, "5.7.1", "no"));
    private static final Decision.Refuse NEVER = new Decision.Refuse(Reply.of(554, "5.7.1", "never"));

    // As of a plug-in that isn't compiled with checks for null.
    @SuppressWarnings("NullAway")
    private static final CompletionStage<Decision> NO_ANSWER = null;
    @SuppressWarnings("NullAway")
    private static final Decision NO_DECISION = null;

    /** Answers MAIL. */
    @FunctionalInterface
    private interface AtMail extends MessagePolicy {
        @Override
        CompletionStage<Decision> mail(Question.Mail question);
    }

    /** Answers the message's end. */
    @FunctionalInterface
    private interface AtMessage extends MessagePolicy {
        @Override
        CompletionStage<Decision> message(Question.Message question);
    }

    @Test
    void aPluginThatBlocksHoldsNobodyLongerThanItsDeadline() throws Exception {
        CompletableFuture<String> ended = new CompletableFuture<>();
        AtMail blocking = _ -> {
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException _) {
                ended.complete(Thread.currentThread().isVirtual() ? "virtual thread interrupted" : "interrupted");
            }
            return Decision.ACCEPTED;
        };
        try (PolicyEngine engine = engine(SHORT, OnFailure.DEFER, 10, blocking)) {
            CompletableFuture<Decision> answer = mail(engine);
            assertThat(answer.join()).isEqualTo(new Decision.Refuse(
                    Reply.of(451, "4.7.1", "Error: policy is unavailable, please try again later")));
            assertThat(ended).succeedsWithin(LONG).isEqualTo("virtual thread interrupted");
            await().until(() -> engine.stats().inFlight() == 0);
            assertThat(engine.stats().timeouts()).isEqualTo(1);
        }
    }

    @Test
    void theOperatorMayHaveSilenceTakenForYes() {
        AtMail silent = _ -> new CompletableFuture<>();
        try (PolicyEngine engine = engine(SHORT, OnFailure.ACCEPT, 10, silent)) {
            assertThat(mail(engine).join()).isEqualTo(Decision.ACCEPT);
            assertThat(engine.stats().timeouts()).isEqualTo(1);
            await().until(() -> engine.stats().inFlight() == 0);
        }
    }

    @Test
    void aPluginThatHangsIsAskedNoMoreThanSoManyQuestions() {
        CountDownLatch end = new CountDownLatch(1);
        AtMail deaf = _ -> {
            awaitUninterruptibly(end);
            return CompletableFuture.completedFuture(NO);
        };
        try (PolicyEngine engine = engine(SHORT, OnFailure.ACCEPT, 2, deaf)) {
            assertThat(mail(engine).join()).isEqualTo(Decision.ACCEPT);
            assertThat(mail(engine).join()).isEqualTo(Decision.ACCEPT);
            assertThat(mail(engine)).as("at once").isCompletedWithValue(Decision.ACCEPT);
            assertThat(engine.stats().inFlight()).isEqualTo(2);
            assertThat(engine.stats().overloads()).isEqualTo(1);
            end.countDown();
            await().until(() -> engine.stats().inFlight() == 0);
            engine.reconfigure(config(LONG, OnFailure.ACCEPT, 2));
            assertThat(mail(engine).join()).isEqualTo(NO);
        }
    }

    @Test
    void whatIsNoAnswerIsAFailure() {
        List<AtMail> failing = List.of(
                _ -> {
                    throw new IllegalStateException("broken");
                },
                _ -> {
                    throw new NoSuchMethodError("compiled against another version");
                },
                _ -> CompletableFuture.failedFuture(new IllegalStateException("broken")),
                _ -> NO_ANSWER,
                _ -> CompletableFuture.completedFuture(NO_DECISION),
                _ -> accept("x".repeat(129), List.of(), List.of()),
                _ -> accept(null, List.of(new HeaderField("X-A", "a\r\nX-B: b")), List.of()),
                _ -> accept(null, List.of(new HeaderField("X A", "a")), List.of()),
                _ -> accept(null, List.of(new HeaderField("X-A", "é")), List.of()),
                _ -> accept(null, List.of(new HeaderField("X-A", "a".repeat(994))), List.of()),
                _ -> accept(null, List.of(), List.of("X:A")));
        for (int i = 0; i < failing.size(); i++) {
            try (PolicyEngine defer = engine(LONG, OnFailure.DEFER, 10, failing.get(i));
                    PolicyEngine accept = engine(LONG, OnFailure.ACCEPT, 10, failing.get(i))) {
                assertThat(mail(defer).join()).as("policy " + i).isInstanceOfSatisfying(Decision.Refuse.class,
                        refusal -> assertThat(refusal.reply().code()).isEqualTo(451));
                assertThat(mail(accept).join()).as("policy " + i).isEqualTo(Decision.ACCEPT);
                assertThat(defer.stats().failures()).as("policy " + i).isEqualTo(1);
                await().until(() -> defer.stats().inFlight() == 0);
            }
        }
    }

    @Test
    void ofSeveralTheFirstRefusalInTheirOrderWins() {
        CompletableFuture<Decision> late = new CompletableFuture<>();
        AtMail slow = _ -> late;
        AtMail quick = _ -> CompletableFuture.completedFuture(NEVER);
        try (PolicyEngine engine = engine(LONG, OnFailure.DEFER, 10, slow, quick)) {
            CompletableFuture<Decision> answer = mail(engine);
            await().until(() -> engine.stats().refusals() == 1);
            assertThat(answer).isNotDone();
            late.complete(NO);
            assertThat(answer.join()).isEqualTo(NO);
            assertThat(engine.stats().refusals()).isEqualTo(2);
        }
    }

    @Test
    void allAreAskedAtOnce() {
        CyclicBarrier both = new CyclicBarrier(2);
        AtMail meeting = _ -> {
            try {
                both.await();
            } catch (InterruptedException | BrokenBarrierException _) {
                return CompletableFuture.completedFuture(NO);
            }
            return Decision.ACCEPTED;
        };
        try (PolicyEngine engine = engine(LONG, OnFailure.DEFER, 10, meeting, meeting)) {
            assertThat(mail(engine).join()).isEqualTo(Decision.ACCEPT);
            assertThat(engine.stats().questions()).isEqualTo(2);
        }
    }

    @Test
    void changesAddUpAndTheLaterTenantStays() {
        AtMessage first = _ -> accept("one", List.of(new HeaderField("X-A", "1")), List.of("X-C", "X-D"));
        AtMessage second = _ -> CompletableFuture.completedFuture(new Decision.Accept("two", "spring",
                List.of(new HeaderField("X-A", "2"), new HeaderField("X-B", "3")), List.of("X-D")));
        AtMessage third = _ -> Decision.ACCEPTED;
        try (PolicyEngine engine = engine(LONG, OnFailure.DEFER, 10, first, second, third)) {
            assertThat(engine.message(Clients.STRANGER, "", List.of(), List.of(), 1).join())
                    .isEqualTo(new Decision.Accept("two", "spring", List.of(new HeaderField("X-A", "1"),
                            new HeaderField("X-A", "2"), new HeaderField("X-B", "3")), List.of("x-c", "x-d")));
        }
    }

    @Test
    void aPluginIsToldWhoseTheMessageIsAndMaySayOtherwise() {
        Client client = Clients.ofTenant(new Identity("ann", "acme", List.of()), false, "listener", "bulk");
        CompletableFuture<Question.Message> seen = new CompletableFuture<>();
        AtMessage watching = question -> {
            seen.complete(question);
            return Decision.ACCEPTED;
        };
        try (PolicyEngine engine = engine(LONG, OnFailure.DEFER, 10, watching)) {
            assertThat(engine.message(client, "", List.of(), List.of(), 7).join())
                    .isEqualTo(new Decision.Accept("acme", null, List.of(), List.of()));
            assertThat(seen.join().tenant()).isEqualTo("acme");
            assertThat(seen.join().campaign()).isEqualTo("bulk");
            assertThat(seen.join().size()).isEqualTo(7);
        }
        AtMessage deciding = _ -> accept("other", List.of(), List.of());
        try (PolicyEngine engine = engine(LONG, OnFailure.DEFER, 10, deciding)) {
            assertThat(engine.message(client, "", List.of(), List.of(), 7).join())
                    .isEqualTo(new Decision.Accept("other", null, List.of(), List.of()));
        }
    }

    @Test
    void whatTheRulesRefuseIsNotAsked() {
        MessagePolicy everything = new MessagePolicy() {
            @Override
            public CompletionStage<Decision> mail(Question.Mail question) {
                throw new AssertionError();
            }

            @Override
            public CompletionStage<Decision> recipient(Question.Rcpt question) {
                throw new AssertionError();
            }
        };
        try (PolicyEngine engine = engine(LONG, OnFailure.ACCEPT, 10, everything)) {
            assertThat(engine.recipient(Clients.STRANGER, "", "", new Recipient("x@far.example", "far.example")).join())
                    .isInstanceOf(Decision.Refuse.class);
            assertThat(engine.mail(Clients.restrictedTo("ann.example"), "x@b.example", "b.example", 0).join())
                    .isInstanceOf(Decision.Refuse.class);
            assertThat(engine.stats().questions()).isZero();
        }
    }

    @Test
    void aMethodThatIsNotOverriddenCostsNothing() {
        AtMail mail = _ -> CompletableFuture.completedFuture(NO);
        try (PolicyEngine engine = engine(LONG, OnFailure.DEFER, 10, mail)) {
            assertThat(engine.connect(Clients.STRANGER)).isSameAs(Decision.ACCEPTED);
            assertThat(engine.recipient(Clients.RELAY, "", "", new Recipient("x@far.example", "far.example")))
                    .isSameAs(Decision.ACCEPTED);
            assertThat(engine.message(Clients.RELAY, "", List.of(), List.of(), 1)).isSameAs(Decision.ACCEPTED);
            assertThat(engine.stats().questions()).isZero();
            assertThat(mail(engine).join()).isEqualTo(NO);
        }
    }

    @Test
    void connectionsAndRecipientsAreAskedAbout() {
        MessagePolicy policy = new MessagePolicy() {
            @Override
            public CompletionStage<Decision> connect(Question.Connect question) {
                return CompletableFuture.completedFuture(NEVER);
            }

            @Override
            public CompletionStage<Decision> recipient(Question.Rcpt question) {
                return question.recipient().address().startsWith("x@")
                        ? CompletableFuture.completedFuture(NO)
                        : Decision.ACCEPTED;
            }
        };
        try (PolicyEngine engine = engine(LONG, OnFailure.DEFER, 10, policy)) {
            assertThat(engine.connect(Clients.STRANGER).join()).isEqualTo(NEVER);
            assertThat(engine.recipient(Clients.RELAY, "", "", new Recipient("x@far.example", "far.example")).join())
                    .isEqualTo(NO);
            assertThat(engine.recipient(Clients.RELAY, "", "", new Recipient("y@far.example", "far.example")).join())
                    .isEqualTo(Decision.ACCEPT);
        }
    }

    private static CompletionStage<Decision> accept(@Nullable String tenant, List<HeaderField> added,
            List<String> removed) {
        return CompletableFuture.completedFuture(new Decision.Accept(tenant, null, added, removed));
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        while (true) {
            try {
                latch.await();
                return;
            } catch (InterruptedException _) {
                // as a plug-in does that doesn't care
            }
        }
    }

    private static CompletableFuture<Decision> mail(PolicyEngine engine) {
        return engine.mail(Clients.STRANGER, "a@b.example", "b.example", 0);
    }

    private static PolicyEngine engine(Duration deadline, OnFailure onFailure, int maxInFlight,
            MessagePolicy... policies) {
        return new PolicyEngine(config(deadline, onFailure, maxInFlight), RecipientDirectory.NONE,
                Plugins.of(List.of(policies)));
    }

    private static PolicyConfig config(Duration deadline, OnFailure onFailure, int maxInFlight) {
        return PolicyConfig.DEFAULT.with(PolicyConfig.ALLOW_NULL_SENDER, true)
                .with(PolicyConfig.CHECK_FROM_HEADER, false)
                .with(PolicyConfig.TENANT_HEADER, "").with(PolicyConfig.CAMPAIGN_HEADER, "")
                .with(PolicyConfig.HEADERS_FROM_ANYBODY, false).with(PolicyConfig.REMOVE_HEADERS, false)
                .with(PolicyConfig.PLUGINS, Optional.empty()).with(PolicyConfig.DEADLINE, deadline)
                .with(PolicyConfig.ON_FAILURE, onFailure).with(PolicyConfig.MAX_IN_FLIGHT, maxInFlight)
                .with(PolicyConfig.CALLOUT, Optional.empty());
    }
}
