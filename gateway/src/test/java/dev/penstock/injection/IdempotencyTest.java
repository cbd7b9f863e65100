package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.spool.SpoolException;

class IdempotencyTest {
    private static final String BODY = """
            {"envelope_sender": "s@s.example", "recipients": [{"email": "ann@a.example"}, {"email": "nobody"}],
             "content": {"from": {"email": "s@s.example"}, "subject": "{{ email }}", "text_body": "t"}}
            """;

    @TempDir
    Path directory;

    @Test
    void theSameKeyInjectsOnceAndIsAnsweredAlike() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            InjectionFixture.Reply first = http.post(BODY, "k1");
            InjectionFixture.Reply second = http.post(BODY, "k1");
            assertThat(second.status()).isEqualTo(200);
            assertThat(second.body()).isEqualTo(first.body());
            assertThat(first.header("Idempotency-Replayed")).isEmpty();
            assertThat(second.header("Idempotency-Replayed")).isEqualTo("true");
            assertThat(http.spool.messages()).hasSize(1);
            assertThat(http.post(BODY, "k2").body()).isNotEqualTo(first.body());
            assertThat(http.spool.messages()).hasSize(2);
        }
    }

    @Test
    void theKeyMayStandInTheBody() throws Exception {
        String body = BODY.replaceFirst("\\{", "{\"idempotency_key\": \"in body\", ");
        try (InjectionFixture http = new InjectionFixture(directory)) {
            http.post(body);
            assertThat(http.post(body).header("Idempotency-Replayed")).isEqualTo("true");
            assertThat(http.post(body, "another").status()).isEqualTo(422);
            assertThat(http.spool.messages()).hasSize(1);
        }
    }

    @Test
    void anotherBodyUnderTheSameKeyIsRefused() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            http.post(BODY, "k");
            InjectionFixture.Reply other = http.post(BODY.replace("ann@", "bob@"), "k");
            assertThat(other.status()).isEqualTo(422);
            assertThat(other.text("/type")).isEqualTo("urn:penstock:problem:idempotency-key-reused");
            assertThat(http.spool.messages()).hasSize(1);
        }
    }

    @Test
    void duplicatesAtTheSameTimeWaitForTheFirst() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            http.spool.holdCommits();
            List<CompletableFuture<InjectionFixture.Reply>> replies = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                replies.add(http.postLater(BODY, "k"));
            }
            Awaitility.await().until(() -> http.server.stats().requests() == 8);
            http.spool.completeCommits();
            for (CompletableFuture<InjectionFixture.Reply> reply : replies) {
                assertThat(reply.get().body()).isEqualTo(replies.getFirst().get().body());
            }
            assertThat(http.spool.messages()).hasSize(1);
            assertThat(http.accepted).hasSize(1);
            assertThat(http.server.stats().replayed()).isEqualTo(7);
        }
    }

    @Test
    void anotherBodyAtTheSameTimeIsRefusedAndDoesNotWait() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            http.spool.holdCommits();
            CompletableFuture<InjectionFixture.Reply> first = http.postLater(BODY, "k");
            Awaitility.await().until(() -> http.spool.waitingCommits() == 1);
            InjectionFixture.Reply other = http.post(BODY.replace("ann@", "bob@"), "k");
            assertThat(other.status()).isEqualTo(422);
            assertThat(other.text("/type")).isEqualTo("urn:penstock:problem:idempotency-key-reused");
            assertThat(first).isNotDone();
            http.spool.completeCommits();
            assertThat(first.get().status()).isEqualTo(200);
            assertThat(http.accepted).hasSize(1);
        }
    }

    @Test
    void clientsThatAreNotTheSameDoNotShareAKey() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory,
                config -> InjectionFixture.relaying(config, "127.0.0.0/8"), new InjectionPolicy())) {
            http.post(BODY, "k");
            InjectionFixture.Reply nobody = http.send(HttpRequest.newBuilder(http.uri("/api/inject/v1"))
                    .header("Content-Type", "application/json").header("Idempotency-Key", "k")
                    .POST(HttpRequest.BodyPublishers.ofString(BODY.replace("ann@", "bob@"))).build());
            assertThat(nobody.status()).isEqualTo(200);
            assertThat(nobody.header("Idempotency-Replayed")).isEmpty();
            assertThat(http.accepted).hasSize(2);
        }
    }

    @Test
    void moreKeysThanAreRememberedAreAnswered503() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory,
                config -> InjectionFixture.rememberingTwo(config), new InjectionPolicy())) {
            assertThat(http.post(BODY, "a").status()).isEqualTo(200);
            assertThat(http.post(BODY, "b").status()).isEqualTo(200);
            InjectionFixture.Reply more = http.post(BODY, "c");
            assertThat(more.status()).isEqualTo(503);
            assertThat(more.text("/detail")).isEqualTo("too many idempotency keys are remembered");
            assertThat(http.post(BODY, "a").header("Idempotency-Replayed")).isEqualTo("true");
            assertThat(http.post(BODY).status()).as("without a key").isEqualTo(200);
        }
    }

    @Test
    void requestsThatComeToNothingDoNotFillTheDisk() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            String failing = BODY.replace("{{ email }}", "{{ email | replace('', 'x') }}");
            for (int i = 0; i < 20; i++) {
                assertThat(http.post(failing, "k").status()).isEqualTo(422);
            }
            assertThat(http.server.stats().keys()).isZero();
            assertThat(http.post(BODY, "k").status()).isEqualTo(200);
        }
    }

    @Test
    void aMessageThatIsNotKeptAfterAllIsNotInTheAnswer() throws Exception {
        String two = BODY.replace("{\"email\": \"nobody\"}", "{\"email\": \"bob@b.example\"}");
        try (InjectionFixture http = new InjectionFixture(directory)) {
            http.spool.holdCommits();
            CompletableFuture<InjectionFixture.Reply> reply = http.postLater(two, "k");
            Awaitility.await().until(() -> http.spool.waitingCommits() == 2);
            http.spool.failCommitsTo("bob@b.example");
            http.spool.completeCommits();
            assertThat(reply.get().body().get("success_count").asInt()).isEqualTo(1);
            assertThat(reply.get().text("/recipients/1/error/code")).isEqualTo("452");
            assertThat(http.accepted).hasSize(1);
            assertThat(http.post(two, "k").body()).isEqualTo(reply.get().body());
        }
    }

    @Test
    void aKeyThatIsNotRecordedTakesUpNoneOfTheTenantsPlaces() throws Exception {
        String two = BODY.replace("{\"email\": \"nobody\"}", "{\"email\": \"bob@b.example\"}");
        try (InjectionFixture http = new InjectionFixture(directory)) {
            http.places.set(2);
            http.spool.failKeys(true);
            for (int i = 0; i < 5; i++) {
                InjectionFixture.Reply reply = http.post(two, "k");
                assertThat(reply.status()).isEqualTo(503);
                assertThat(reply.text("/detail")).isEqualTo("the idempotency key can't be recorded");
            }
            assertThat(http.places).hasValue(2);
            http.spool.failKeys(false);
            assertThat(http.post(two, "k").body().get("success_count").asInt()).isEqualTo(2);
            assertThat(http.accepted).hasSize(2);
            assertThat(http.places).hasValue(0);
        }
    }

    @Test
    void whatWasNotAcceptedMayBeTriedAgain() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            http.spool.failCommits(SpoolException.Reason.FULL);
            assertThat(http.post(BODY, "k").status()).isEqualTo(503);
            http.spool.failCommits(null);
            assertThat(http.post(BODY, "k").status()).isEqualTo(200);
            assertThat(http.accepted).hasSize(1);
        }
    }

    @Test
    void identitiesDoNotShareKeys() {
        assertThat(Digests.key("ann", "k")).isNotEqualTo(Digests.key("bob", "k")).isNotEqualTo(Digests.key("an", "nk"));
    }
}
