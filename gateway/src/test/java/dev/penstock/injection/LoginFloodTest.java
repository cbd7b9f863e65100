package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.HeldUsers;
import dev.penstock.testing.TestUsers;

/** Basic authentication while somebody guesses passwords. */
class LoginFloodTest {
    private static final String BODY = """
            {"envelope_sender": "", "content": "From: <a@b.example>\\nSubject: x\\n\\nx\\n",
             "recipients": [{"email": "ann@a.example"}]}
            """;

    @Test
    void whoFloodsItWithGuessesShutsOutNobodyElse(@TempDir Path directory) throws Exception {
        try (HeldUsers held = new HeldUsers(directory);
                InjectionFixture http = new InjectionFixture(directory, held.authenticator, new InjectionPolicy(),
                        null, SSLContext.getDefault());
                HttpClient one = clientAt("127.0.0.2");
                HttpClient another = clientAt("127.0.0.3");
                HttpClient good = clientAt("127.0.0.4")) {
            List<CompletableFuture<Integer>> flood = new ArrayList<>();
            for (int i = 0; i < 2 * HeldUsers.PLACES; i++) {
                flood.add(status(i % 2 == 0 ? one : another, http, "guess " + i));
            }
            long tooMany = HeldUsers.PLACES - 1; // one more is being checked
            held.awaitBusy(tooMany);
            CompletableFuture<Integer> logsIn = status(good, http, TestUsers.PASSWORD);
            held.awaitBusy(tooMany + 1);
            held.go();
            assertThat(logsIn.get(60, TimeUnit.SECONDS)).isEqualTo(200);
            for (CompletableFuture<Integer> guess : flood) {
                assertThat(guess.get(60, TimeUnit.SECONDS)).isIn(401, 503);
            }
        }
    }

    @Test
    void aFloodOfWrongPasswordsIsALineInTheLogASecondThatCountsTheOthers(@TempDir Path directory) throws Exception {
        int guesses = 200;
        Logger logger = (Logger) LoggerFactory.getLogger(InjectionServer.class);
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        lines.list = new CopyOnWriteArrayList<>();
        lines.start();
        logger.addAppender(lines);
        logger.setLevel(Level.INFO);
        long begun = System.nanoTime();
        try (InjectionFixture http = new InjectionFixture(directory); HttpClient client = clientAt("127.0.0.2")) {
            for (int i = 0; i < guesses; i++) {
                assertThat(status(client, http, "guess " + i).get(60, TimeUnit.SECONDS)).isEqualTo(401);
            }
            long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun) + 1;
            List<String> failed = lines.list.stream().map(ILoggingEvent::getFormattedMessage)
                    .filter(line -> line.startsWith("event=injection-login-failed ")).toList();
            assertThat(failed.size()).isBetween(1, Math.toIntExact(seconds));
            assertThat(failed.getFirst()).contains("client=", "reason=CREDENTIALS").endsWith(" not-logged=0");
        } finally {
            logger.setLevel(null);
            logger.detachAppender(lines);
        }
    }

    private static HttpClient clientAt(String address) throws Exception {
        return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).localAddress(InetAddress.getByName(address))
                .build();
    }

    private static CompletableFuture<Integer> status(HttpClient client, InjectionFixture http, String password) {
        String credentials = Base64.getEncoder().encodeToString((TestUsers.NAME + ":" + password).getBytes(UTF_8));
        HttpRequest request = HttpRequest.newBuilder(http.uri("/api/inject/v1"))
                .header("Content-Type", "application/json").header("Authorization", "Basic " + credentials)
                .POST(HttpRequest.BodyPublishers.ofString(BODY)).build();
        return client.sendAsync(request, HttpResponse.BodyHandlers.ofString()).thenApply(HttpResponse::statusCode);
    }
}
