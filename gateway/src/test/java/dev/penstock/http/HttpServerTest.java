package dev.penstock.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import io.netty.handler.codec.http.HttpMethod;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.testing.NoUsers;
import dev.penstock.units.Networks;

@Timeout(180)
class HttpServerTest {
    private static final ConnectionGate.Limits LIMITS = new ConnectionGate.Limits(100, 100,
            Networks.parse(List.of()));
    private static final HttpServer.Times TIMES = new HttpServer.Times(Duration.ofMinutes(1), null);
    private final List<HttpServer> servers = new ArrayList<>();

    @AfterEach
    void stop() {
        servers.forEach(HttpServer::close);
    }

    private HttpServer server(String loop, ConnectionGate.Limits limits, HttpRoute... routes) {
        HttpServer server = new HttpServer(HttpServer.Port.inClear(loop, "127.0.0.1", 0, TIMES,
                new ConnectionGate(loop), () -> limits), Routes.of(new TextErrors(), List.of(routes)));
        servers.add(server);
        return server;
    }

    private static HttpRoute text(HttpMethod method, String path, String text) {
        return new HttpRoute(method, path, exchange -> exchange.send(Answer.text(200, "text/plain", text)));
    }

    /** Status line, Allow and body of the answer to a request after which the connection is closed. */
    private static String answer(HttpServer server, String request, String... fields) throws IOException {
        try (Socket socket = new Socket(server.address().getAddress(), server.address().getPort())) {
            String all = request + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                    + String.join("", List.of(fields).stream().map(field -> field + "\r\n").toList()) + "\r\n";
            socket.getOutputStream().write(all.getBytes(ISO_8859_1));
            String answer = new String(socket.getInputStream().readAllBytes(), UTF_8);
            if (answer.isEmpty()) {
                return "";
            }
            String allow = answer.lines().filter(line -> line.startsWith("allow: ")).map(line -> " " + line)
                    .findFirst().orElse("");
            return answer.lines().findFirst().orElseThrow() + allow
                    + answer.substring(answer.indexOf("\r\n\r\n") + 3).replace('\n', ' ').stripTrailing();
        }
    }

    @Test
    void theOwnersOfAPortRegisterTheirRoutes() throws IOException {
        HttpServer server = server("test", LIMITS, text(HttpMethod.GET, "/a", "one"),
                text(HttpMethod.POST, "/b", "made"), text(HttpMethod.GET, "/b", "two"));
        assertThat(answer(server, "GET /a")).isEqualTo("HTTP/1.1 200 OK one");
        assertThat(answer(server, "HEAD /a")).isEqualTo("HTTP/1.1 200 OK");
        assertThat(answer(server, "POST /b")).isEqualTo("HTTP/1.1 200 OK made");
        assertThat(answer(server, "GET /b?x=/a")).isEqualTo("HTTP/1.1 200 OK two");
        assertThat(answer(server, "PUT /b")).isEqualTo(
                "HTTP/1.1 405 Method Not Allowed allow: POST, GET, HEAD Only POST, GET and HEAD.");
        assertThat(answer(server, "GET /b/")).isEqualTo("HTTP/1.1 404 Not Found Try /a or /b.");
    }

    @Test
    void twoRoutesForTheSameAreAMistake() {
        assertThatThrownBy(() -> Routes.of(new TextErrors(),
                List.of(text(HttpMethod.GET, "/a", "one"), text(HttpMethod.HEAD, "/a", "two"))))
                .hasMessage("two routes for HEAD /a");
    }

    @Test
    void aFaultIsOfItsRequestOnly() throws IOException {
        HttpServer server = server("test", LIMITS, text(HttpMethod.GET, "/a", "one"),
                new HttpRoute(HttpMethod.GET, "/broken", _ -> {
                    throw new AssertionError("a fault that the test wants");
                }));
        assertThat(answer(server, "GET /broken")).isEqualTo("HTTP/1.1 500 Internal Server Error Failed; see the log.");
        assertThat(answer(server, "GET /a")).isEqualTo("HTTP/1.1 200 OK one");
    }

    @Test
    void aPortWhoseEventLoopIsBusyLeavesTheOthersAlone() throws Exception {
        CountDownLatch reached = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        HttpServer busy = server("busy", LIMITS, new HttpRoute(HttpMethod.GET, "/", exchange -> {
            reached.countDown();
            awaitOn(go);
            return exchange.send(Answer.text(200, "text/plain", "at last"));
        }));
        HttpServer idle = server("idle", LIMITS, text(HttpMethod.GET, "/", "at once"));
        CompletableFuture<String> late = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> {
            try {
                late.complete(answer(busy, "GET /"));
            } catch (IOException e) {
                late.completeExceptionally(e);
            }
        });
        assertThat(reached.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(answer(idle, "GET /")).isEqualTo("HTTP/1.1 200 OK at once");
        assertThat(late).isNotDone();
        go.countDown();
        assertThat(late.get(60, TimeUnit.SECONDS)).isEqualTo("HTTP/1.1 200 OK at last");
    }

    /** What comes after it, as a gateway stops, has to be closed too. */
    @Test
    void aPortWhoseEventLoopIsBusyIsLeftToCloseByItself() throws Exception {
        CountDownLatch reached = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        HttpServer busy = server("busy", LIMITS, new HttpRoute(HttpMethod.GET, "/", exchange -> {
            reached.countDown();
            awaitOn(go);
            return exchange.send(Answer.text(200, "text/plain", "at last"));
        }));
        try (Socket socket = new Socket(busy.address().getAddress(), busy.address().getPort())) {
            socket.getOutputStream().write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(ISO_8859_1));
            assertThat(reached.await(30, TimeUnit.SECONDS)).isTrue();
            assertThatCode(busy::close).doesNotThrowAnyException();
            go.countDown();
        }
    }

    private static void awaitOn(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void beyondTheLimitConnectionsAreClosedAndCounted() throws IOException {
        HttpServer server = server("test", new ConnectionGate.Limits(0, 100, Networks.parse(List.of())),
                text(HttpMethod.GET, "/", "one"));
        assertThat(answered(server)).isFalse();
        assertThat(server.gate().refused()).isOne();
    }

    /** Whether anything is answered: a connection may also be reset. */
    private static boolean answered(HttpServer server) {
        try {
            return !answer(server, "GET /").isEmpty();
        } catch (IOException _) {
            return false;
        }
    }

    @Test
    void aRouteAsksWhoTheClientIs() throws IOException {
        List<String> failed = new ArrayList<>();
        HttpAuthentication authentication = new HttpAuthentication(new NoUsers() {
            @Override
            public CompletableFuture<Exchange.Step> password(String name, byte[] password, String clientAddress) {
                return CompletableFuture.completedFuture(new String(password, UTF_8).equals("secret")
                        ? new Exchange.Step.Success(new Identity(name, "", List.of()))
                        : new Exchange.Step.Failure(Exchange.Reason.CREDENTIALS, "not secret"));
            }
        }, (client, reason, detail, _) -> failed.add(client.getAddress() + " " + reason + " " + detail));
        HttpServer server = server("test", LIMITS,
                asking("/", authentication, Networks.parse(List.of())),
                asking("/trusted", authentication, Networks.parse(List.of("127.0.0.0/8"))));
        assertThat(answer(server, "GET /")).isEqualTo("HTTP/1.1 200 OK credentials are needed");
        assertThat(answer(server, "GET /trusted")).isEqualTo("HTTP/1.1 200 OK nobody, trusted");
        assertThat(answer(server, "GET /", basic("ann:secret"))).isEqualTo("HTTP/1.1 200 OK ann");
        assertThat(answer(server, "GET /", basic("ann:other"))).isEqualTo("HTTP/1.1 200 OK the credentials are wrong");
        assertThat(answer(server, "GET /", basic("ann"))).isEqualTo(
                "HTTP/1.1 200 OK no credentials that can be read");
        assertThat(answer(server, "GET /", "Authorization: Digest a")).isEqualTo(
                "HTTP/1.1 200 OK no credentials that can be read");
        assertThat(failed).containsExactly("/127.0.0.1 CREDENTIALS not secret");
    }

    private static String basic(String credentials) {
        return "Authorization: Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(UTF_8));
    }

    /** Answers who it was, or what the client hears instead. */
    private static HttpRoute asking(String path, HttpAuthentication authentication, Networks trusted) {
        return new HttpRoute(HttpMethod.GET, path, exchange -> Mono.fromFuture(
                () -> authentication.caller(exchange, true, trusted))
                .map(caller -> (caller.identity() == null ? "nobody" : caller.identity().name())
                        + (caller.trusted() ? ", trusted" : ""))
                .onErrorResume(Problem.class, problem -> Mono.just(String.valueOf(problem.getMessage())))
                .flatMap(who -> Mono.from(exchange.send(Answer.text(200, "text/plain", who)))));
    }
}
