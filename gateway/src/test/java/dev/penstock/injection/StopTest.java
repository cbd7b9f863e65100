package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.injection.InjectionFixture.Reply;
import dev.penstock.message.Envelope;
import dev.penstock.testing.FakeSpool;

/** A stop answers for what was taken, and takes nothing more. */
@Timeout(180)
class StopTest {
    private static final int CLIENTS = 16;
    private static final int ANSWERS_BEFORE_THE_STOP = 100;
    private static final int MAX_REQUESTS = 5_000; // of one client
    private static final String BODY = """
            {"envelope_sender": "s@s.example", "recipients": [{"email": "a@a.example"}, {"email": "b@a.example"}],
             "content": {"from": {"email": "s@s.example"}, "subject": "{{ email }}", "text_body": "t"}}
            """;

    @TempDir
    Path directory;

    @Test
    void whatIsUnderWayIsAnsweredAndWhatComesThenIsRefused() throws Exception {
        FakeSpool spool;
        try (InjectionFixture http = new InjectionFixture(directory)) {
            spool = http.spool;
            http.spool.holdCommits();
            List<CompletableFuture<Reply>> replies = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                replies.add(http.postLater(BODY, "k" + i));
            }
            Awaitility.await().until(() -> http.spool.waitingCommits() == 2 * CLIENTS);
            Thread stop = Thread.ofVirtual().start(http.server::close);
            Awaitility.await().until(() -> http.post("{}", "late").status() == 503); // which is 422 before
            http.spool.completeCommits();
            stop.join();
            for (CompletableFuture<Reply> reply : replies) {
                assertThat(reply.get().status()).isEqualTo(200);
            }
            assertThat(http.accepted).hasSize(2 * CLIENTS);
        }
        try (InjectionFixture again = new InjectionFixture(directory, spool)) {
            for (int i = 0; i < CLIENTS; i++) {
                assertThat(again.post(BODY, "k" + i).header("Idempotency-Replayed")).isEqualTo("true");
            }
        }
    }

    @RepeatedTest(5)
    void underLoadTheAnswersAreExactlyWhatWasTaken() throws Exception {
        Queue<Reply> answers = new ConcurrentLinkedQueue<>();
        Map<Integer, Integer> refused = new ConcurrentHashMap<>();
        Set<String> taken;
        try (InjectionFixture http = new InjectionFixture(directory)) {
            List<Thread> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                int client = i;
                clients.add(Thread.ofVirtual().start(() -> inject(http, client, answers, refused)));
            }
            Awaitility.await().until(() -> answers.size() >= ANSWERS_BEFORE_THE_STOP);
            http.server.close();
            for (Thread client : clients) {
                client.join();
            }
            taken = http.accepted.stream().map(Envelope::id).map(Object::toString).collect(Collectors.toSet());
        }
        Set<String> answered = new TreeSet<>();
        answers.forEach(reply -> reply.body().get("recipients")
                .forEach(one -> answered.add(one.get("message_id").asString())));
        assertThat(answered).isEqualTo(taken);
        assertThat(refused.keySet()).isSubsetOf(503);
    }

    /** Until it is refused, or finds nobody to talk to. */
    private static void inject(InjectionFixture http, int client, Queue<Reply> answers,
            Map<Integer, Integer> refused) {
        try {
            for (int i = 0; i < MAX_REQUESTS; i++) {
                Reply reply = http.post(BODY, client + "-" + i);
                if (reply.status() != 200) {
                    refused.merge(reply.status(), 1, Integer::sum);
                    return;
                }
                answers.add(reply);
            }
        } catch (IOException _) {
            // the server is gone
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
