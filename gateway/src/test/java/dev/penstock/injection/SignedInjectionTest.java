package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.DkimConfig;
import dev.penstock.dkim.Crypto;
import dev.penstock.dkim.Signing;
import dev.penstock.dkim.TestKeys;

class SignedInjectionTest {
    private static final int AT_A_TIME = 8; // as in Injector
    private static final int MANY = 20;

    @TempDir
    private Path directory;
    private final BlockingQueue<Runnable> asked = new LinkedBlockingQueue<>();
    private final AtomicInteger most = new AtomicInteger();
    private volatile boolean full;
    private Signing signing;

    @BeforeEach
    void start() throws IOException {
        signing = new Signing(
                new DkimConfig(DkimConfig.MissingKey.REFUSE,
                        List.of(DkimConfig.Signature.of("signed.example", "s1",
                                TestKeys.ed25519(directory.resolve("one.key")).toString()))),
                InstantSource.system(), this::ask, Crypto::jdk, () -> {});
    }

    private void ask(Runnable signature) {
        if (full) {
            throw new RejectedExecutionException("there is no room, says the test");
        }
        asked.add(signature);
        most.accumulateAndGet(asked.size(), Math::max);
    }

    private Runnable nextSignature() throws InterruptedException {
        return Objects.requireNonNull(asked.poll(60, TimeUnit.SECONDS), "no signature was asked for");
    }

    private static String request(String domain, String subject, int recipients) {
        return """
                {"envelope_sender": "b@%1$s", "recipients": [%2$s],
                 "content": {"from": {"email": "a@%1$s"}, "subject": "%3$s {{ number }}", "text_body": "x"}}"""
                .formatted(domain, IntStream.range(0, recipients)
                        .mapToObj(
                                "{\"email\": \"r%1$d@example.org\", \"substitutions\": {\"number\": %1$d}}"::formatted)
                        .collect(Collectors.joining(", ")), subject);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "key-1"})
    void messagesOfOneRequestAreSignedSideBySideAndKeptInTheirOrder(String key) throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory, new InjectionPolicy(), signing)) {
            String body = request("signed.example", "Number", MANY);
            CompletableFuture<InjectionFixture.Reply> answer = key.isEmpty()
                    ? http.postLater(body)
                    : http.postLater(body, key);
            for (int left = MANY; left > 0; left -= AT_A_TIME) {
                List<Runnable> together = new ArrayList<>();
                while (together.size() < Math.min(left, AT_A_TIME)) {
                    together.add(nextSignature());
                }
                together.reversed().forEach(Runnable::run);
            }

            assertThat(answer.get(60, TimeUnit.SECONDS).body().get("success_count").asInt()).isEqualTo(MANY);
            assertThat(most.get()).isLessThanOrEqualTo(AT_A_TIME);
            assertThat(http.accepted).hasSize(MANY);
            for (int i = 0; i < MANY; i++) {
                assertThat(http.spool.content(i)).startsWith("DKIM-Signature: ")
                        .contains("Subject: Number " + i + "\r\n");
            }
            assertThat(http.spool.openIntakes()).isZero();
            assertThat(http.server.stats().heldOctets()).isZero();
        }
    }

    @Test
    void thoseForWhichThereIsNoRoomAreToldAndTheOthersAreKept() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory, new InjectionPolicy(), signing)) {
            CompletableFuture<InjectionFixture.Reply> answer = http.postLater(request("signed.example", "x", MANY));
            List<Runnable> first = new ArrayList<>();
            while (first.size() < AT_A_TIME) {
                first.add(nextSignature());
            }
            full = true;
            first.forEach(Runnable::run);

            InjectionFixture.Reply reply = answer.get(60, TimeUnit.SECONDS);
            assertThat(reply.body().get("success_count").asInt()).isEqualTo(AT_A_TIME);
            assertThat(reply.text("/recipients/" + AT_A_TIME + "/error/text")).startsWith("Too many messages wait");
            assertThat(http.accepted).hasSize(AT_A_TIME);
            assertThat(http.spool.openIntakes()).isZero();
            assertThat(http.server.stats().heldOctets()).isZero();
        }
    }

    @Test
    void aHeaderSectionThatIsKeptForItsSignatureIsInTheAccount() throws Exception {
        String fields = ("X: " + "x".repeat(900) + "\\n").repeat(50);
        String raw = """
                {"envelope_sender": "b@%1$s", "recipients": [{"email": "r@example.org"}],
                 "content": "From: a@%1$s\\n%2$s\\nx\\n"}""";
        try (InjectionFixture http = new InjectionFixture(directory, new InjectionPolicy(), signing)) {
            CompletableFuture<InjectionFixture.Reply> signed = http.postLater(raw.formatted("signed.example", fields));
            Runnable signature = nextSignature();
            long withSignature = http.server.stats().heldOctets();
            signature.run();
            assertThat(signed.get(60, TimeUnit.SECONDS).status()).isEqualTo(200);
            assertThat(http.server.stats().heldOctets()).isZero();

            http.spool.holdCommits();
            CompletableFuture<InjectionFixture.Reply> other = http.postLater(raw.formatted("others.example", fields));
            Awaitility.await().until(() -> http.spool.waitingCommits() == 1);
            assertThat(withSignature - http.server.stats().heldOctets()).isBetween(45_000L, 2 * 50_000L);
            http.spool.completeCommits();
            assertThat(other.get(60, TimeUnit.SECONDS).status()).isEqualTo(200);
        }
    }
}
