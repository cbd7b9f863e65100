package dev.penstock.callout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.callout.HttpCallout.Answer;
import dev.penstock.config.CalloutConfig;
import dev.penstock.testing.CalloutServer;
import dev.penstock.testing.Patience;

@Timeout(180)
class HttpCalloutTest {
    private static final Duration LONG = Patience.LONG;
    private static final Duration SHORT = Duration.ofMillis(200);
    private static final byte[] QUESTION = "{}".getBytes(StandardCharsets.UTF_8);

    @Test
    void aQuestionIsPostedAndAnswered() {
        AtomicReference<String> seen = new AtomicReference<>();
        try (CalloutServer server = new CalloutServer(exchange -> {
            var fields = exchange.getRequestHeaders();
            seen.set(exchange.getRequestMethod() + " " + exchange.getRequestURI() + " "
                    + fields.getFirst("Content-Type") + " " + fields.getFirst("Authorization"));
            CalloutServer.answer(exchange, 403, "{\"a\":\"é\"}");
        }); HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), LONG, 2, "Bearer t0ken"))) {
            assertThat(callout.post("{\"q\":1}".getBytes(StandardCharsets.UTF_8)).join())
                    .isEqualTo(new Answer(403, "{\"a\":\"é\"}"));
            assertThat(server.bodies()).containsExactly("{\"q\":1}");
            assertThat(seen.get()).isEqualTo("POST /decide application/json Bearer t0ken");
            awaitFree(callout);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void aRedirectIsAnAnswerAndNobodyElseIsAsked(int status) {
        try (CalloutServer elsewhere = CalloutServer.answering(200, "{\"action\":\"accept\"}");
                CalloutServer server = new CalloutServer(exchange -> {
                    exchange.getResponseHeaders().set("Location", elsewhere.url().toString());
                    CalloutServer.answer(exchange, status, "");
                });
                HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), LONG, 1, "Bearer t0ken"))) {
            assertThat(callout.post(QUESTION).join()).isEqualTo(new Answer(status, ""));
            assertThat(elsewhere.bodies()).isEmpty();
        }
    }

    @Test
    void aServerThatAsksForAPasswordGetsNone() {
        AtomicInteger questions = new AtomicInteger();
        try (CalloutServer server = new CalloutServer(exchange -> {
            questions.incrementAndGet();
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"x\"");
            CalloutServer.answer(exchange, 401, "");
        }); HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), LONG, 1, ""))) {
            assertThat(callout.post(QUESTION).join().status()).isEqualTo(401);
            assertThat(questions).hasValue(1);
        }
    }

    @Test
    void headerFieldsWithoutEndAreNoAnswer() {
        try (CalloutServer server = new CalloutServer(exchange -> {
            for (int i = 0; i < 1_000; i++) {
                exchange.getResponseHeaders().add("X-Field-" + i, "x".repeat(1_000));
            }
            CalloutServer.answer(exchange, 200, "{}");
        }); HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), LONG, 1, ""))) {
            assertFails(callout.post(QUESTION), IOException.class);
            awaitFree(callout);
        }
    }

    @Test
    void aServerThatDoesNotAnswerCostsTheDeadlineAndNoPlace() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        try (CalloutServer server = new CalloutServer(exchange -> waitFor(end));
                HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), SHORT, 1, ""))) {
            for (int i = 0; i < 3; i++) {
                assertFails(callout.post(QUESTION), TimeoutException.class);
                awaitFree(callout);
            }
            server.handler(exchange -> CalloutServer.answer(exchange, 200, "late no more"));
            await().ignoreExceptions() // of a question that a busy machine has no time for
                    .until(() -> callout.post(QUESTION).join().body().equals("late no more"));
            end.countDown();
        }
    }

    @Test
    void aBodyThatTricklesCostsTheDeadlineAndNoPlace() {
        AtomicBoolean begun = new AtomicBoolean();
        CompletableFuture<Void> brokenOff = new CompletableFuture<>();
        try (CalloutServer server = new CalloutServer(exchange -> {
            exchange.sendResponseHeaders(200, 0);
            begun.set(true);
            try {
                while (true) {
                    exchange.getResponseBody().write(' ');
                    exchange.getResponseBody().flush();
                    LockSupport.parkNanos(Duration.ofMillis(10).toNanos());
                }
            } catch (IOException _) {
                brokenOff.complete(null);
            }
        }); HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), SHORT, 1, ""))) {
            do { // on a busy machine time may be over before the server has the question
                assertFails(callout.post(QUESTION), TimeoutException.class);
                awaitFree(callout);
            } while (!begun.get());
            assertThat(brokenOff).succeedsWithin(LONG);
        }
    }

    @Test
    void moreThanSoManyQuestionsFailAtOnce() {
        CountDownLatch end = new CountDownLatch(1);
        try (CalloutServer server = new CalloutServer(exchange -> {
            waitFor(end);
            CalloutServer.answer(exchange, 200, "ok");
        }); HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), LONG, 2, ""))) {
            CompletableFuture<Answer> first = callout.post(QUESTION);
            CompletableFuture<Answer> second = callout.post(QUESTION);
            CompletableFuture<Answer> third = callout.post(QUESTION);
            assertThat(third).isCompletedExceptionally();
            assertFails(third, OverloadException.class);
            assertThat(callout.inFlight()).isEqualTo(2);
            end.countDown();
            assertThat(first.join().status()).isEqualTo(200);
            assertThat(second.join().status()).isEqualTo(200);
            awaitFree(callout);
        }
    }

    @Test
    void aCallerThatGivesUpFreesThePlace() {
        CountDownLatch end = new CountDownLatch(1);
        try (CalloutServer server = new CalloutServer(exchange -> waitFor(end));
                HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), LONG, 1, ""))) {
            callout.post(QUESTION).cancel(true);
            awaitFree(callout);
            end.countDown();
        }
    }

    @Test
    void nobodyListening() throws IOException {
        try (Socket nobody = nobody();
                HttpCallout callout = new HttpCallout(new CalloutConfig(
                        URI.create("http://127.0.0.1:" + nobody.getLocalPort() + "/"), LONG, 1, ""))) {
            assertFails(callout.post(QUESTION), IOException.class);
            awaitFree(callout);
        }
    }

    @Test
    void anAnswerThatIsTooLargeIsNone() {
        try (CalloutServer server = CalloutServer.answering(200, "x".repeat(HttpCallout.MAX_ANSWER));
                HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), LONG, 1, ""))) {
            assertThat(callout.post(QUESTION).join().body()).hasSize(HttpCallout.MAX_ANSWER);
            awaitFree(callout);
            server.handler(exchange -> CalloutServer.answer(exchange, 200, "x".repeat(HttpCallout.MAX_ANSWER + 1)));
            assertFails(callout.post(QUESTION), IOException.class);
            assertThat(server.bodies()).hasSize(2);
            awaitFree(callout);
        }
    }

    /** What a server does whose keep-alive time ends just when the next question comes. */
    @Test
    void aQuestionOnAConnectionThatIsClosedMeanwhileIsAskedAgain() throws IOException {
        AtomicInteger connections = new AtomicInteger();
        try (ServerSocket server = new ServerSocket(0, 10, InetAddress.ofLiteral("127.0.0.1"))) {
            Thread.ofVirtual().start(() -> {
                while (true) {
                    try (Socket socket = server.accept()) {
                        boolean first = connections.incrementAndGet() == 1;
                        readRequest(socket.getInputStream());
                        say(socket);
                        if (first) {
                            readRequest(socket.getInputStream()); // and closes instead of an answer
                        }
                    } catch (IOException _) {
                        return;
                    }
                }
            });
            URI url = URI.create("http://127.0.0.1:" + server.getLocalPort() + "/");
            try (HttpCallout callout = new HttpCallout(new CalloutConfig(url, LONG, 1, ""))) {
                assertThat(callout.post(QUESTION).join().body()).isEqualTo("ok");
                awaitFree(callout);
                assertThat(callout.post(QUESTION).join().body()).isEqualTo("ok");
                assertThat(connections).hasValue(2);
                awaitFree(callout);
            }
        }
    }

    @Test
    void aClosedCalloutAsksNothing() {
        try (CalloutServer server = CalloutServer.answering(200, "ok")) {
            HttpCallout callout = new HttpCallout(new CalloutConfig(server.url(), LONG, 1, ""));
            callout.close();
            assertFails(callout.post(QUESTION), IOException.class);
            awaitFree(callout);
        }
    }

    /** With a port that nobody listens at, nor can while this is open. */
    private static Socket nobody() throws IOException {
        Socket nobody = new Socket();
        nobody.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
        return nobody;
    }

    private static void readRequest(InputStream in) throws IOException {
        StringBuilder request = new StringBuilder();
        while (!request.toString().endsWith("\r\n\r\n{}")) {
            int octet = in.read();
            if (octet < 0) {
                throw new IOException("end of input");
            }
            request.append((char) octet);
        }
    }

    private static void say(Socket socket) throws IOException {
        socket.getOutputStream()
                .write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".getBytes(StandardCharsets.US_ASCII));
    }

    private static void waitFor(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    /** The place is given back just behind the answer. */
    private static void awaitFree(HttpCallout callout) {
        await().until(() -> callout.inFlight() == 0);
    }

    private static void assertFails(CompletableFuture<Answer> answer, Class<? extends Throwable> cause) {
        assertThatThrownBy(answer::join).isInstanceOf(CompletionException.class).hasCauseInstanceOf(cause);
    }
}
