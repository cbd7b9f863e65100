package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;
import tools.jackson.databind.JsonNode;

import dev.penstock.config.HttpConfig;
import dev.penstock.http.HttpServer;
import dev.penstock.http.OperatorPort;
import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;
import dev.penstock.testing.Patience;

class AdminApiTest {
    record Thing(String itsName, int count, Instant since) {}

    record Order(String what, int howMany) {}

    @TempDir
    Path directory;

    private final AtomicInteger closed = new AtomicInteger();
    private final CountDownLatch opening = new CountDownLatch(1);
    private final CountDownLatch mayOpen = new CountDownLatch(1);
    private HttpServer port;
    private AdminSocket socket;
    private AdminClient bySocket;
    private AdminClient byLoopback;

    @BeforeEach
    void start() throws Exception {
        AdminApi api = new AdminApi(new LocalAccess(), List.of(
                AdminRoute.get("/things/{name}", Role.READ, "One thing").query("limit", Integer.class, "at most")
                        .answers(Thing.class, request -> new Thing(request.path("name"),
                                request.integer("limit", 7, 1, 100), Instant.EPOCH)),
                AdminRoute.get("/things/all", Role.READ, "All").answers(Thing.class,
                        _ -> new Thing("all", 0, Instant.EPOCH)),
                AdminRoute.post("/things", Role.OPERATE, "Makes one").takes(Order.class)
                        .answers(Thing.class, request -> {
                            Order order = request.body(Order.class);
                            return new Thing(order.what(), order.howMany(), Instant.EPOCH);
                        }),
                AdminRoute.get("/faults", Role.READ, "Fails").answers(Thing.class, _ -> {
                    throw new IllegalStateException("a fault");
                }),
                AdminRoute.get("/ticks", Role.READ, "Counts").query("to", Integer.class, "the last")
                        .events(Thing.class, request -> new AdminRoute.Opened(
                                Flux.range(1, request.integer("to", 3, 1, 1_000_000))
                                        .map(i -> new AdminRoute.Event("tick", new Thing("t", i, Instant.EPOCH))),
                                closed::incrementAndGet)),
                AdminRoute.get("/slow", Role.READ, "Opens when it may").events(Thing.class, _ -> {
                    opening.countDown();
                    mayOpen.await();
                    return new AdminRoute.Opened(Flux.never(), closed::incrementAndGet);
                })));
        Routes routes = Routes.of(new TextErrors(), List.of(), Map.of(AdminApi.ROOT + "/", api));
        port = new HttpServer(OperatorPort.of(new HttpConfig("127.0.0.1", 0)), routes);
        socket = new AdminSocket(directory.resolve(AdminSocket.NAME), routes);
        bySocket = AdminClient.over(directory.resolve(AdminSocket.NAME));
        byLoopback = AdminClient.over(URI.create("http://127.0.0.1:" + port.address().getPort()), null);
    }

    @AfterEach
    void stop() throws Exception {
        bySocket.close();
        byLoopback.close();
        socket.close();
        port.close();
    }

    @Test
    void answersOverTheSocketAndOverLoopback() throws Exception {
        assertThat(bySocket.get("/things/" + AdminClient.segment("a/b c+d"), Thing.class))
                .isEqualTo(new Thing("a/b c+d", 7, Instant.EPOCH));
        assertThat(byLoopback.get("/things/x?limit=9").toString())
                .isEqualTo("{\"its_name\":\"x\",\"count\":9,\"since\":\"1970-01-01T00:00:00Z\"}");
    }

    @Test
    void whatIsWrittenOutGoesBeforeAParameter() throws Exception {
        assertThat(bySocket.get("/things/all").path("its_name").asString()).isEqualTo("all");
    }

    @Test
    void whoComesOverLoopbackMayReadAlone() throws Exception {
        assertThat(bySocket.post("/things", new Order("lamp", 2)).path("count").asInt()).isEqualTo(2);
        assertThatThrownBy(() -> byLoopback.post("/things", new Order("lamp", 2)))
                .isInstanceOfSatisfying(AdminProblem.class, problem -> assertThat(problem.status()).isEqualTo(403))
                .hasMessage("this needs the role operate, and local (loopback) has read");
    }

    @Test
    void whatIsWrongWithABodyIsPointedAt() {
        assertThatThrownBy(() -> bySocket.post("/things", Map.of("what", "lamp", "how_many", "many")))
                .isInstanceOfSatisfying(AdminProblem.class, problem -> {
                    assertThat(problem.status()).isEqualTo(422);
                    assertThat(problem.errors()).singleElement().asString().startsWith("/how_many ");
                });
        assertThatThrownBy(() -> bySocket.post("/things", Map.of("what", "lamp", "how_many", 1, "colour", "red")))
                .isInstanceOfSatisfying(AdminProblem.class,
                        problem -> assertThat(problem.errors()).singleElement().asString().startsWith("/colour "));
    }

    @Test
    void aParameterThatIsSpeltWrongIsRefused() {
        assertThatThrownBy(() -> bySocket.get("/things/x?limits=1")).isInstanceOf(AdminProblem.class)
                .hasMessage("\"limits\" isn't a parameter of GET /api/admin/v1/things/{name}; there are limit");
        assertThatThrownBy(() -> bySocket.get("/things/x?limit=0")).isInstanceOf(AdminProblem.class)
                .hasMessage("limit must be a whole number from 1 to 100, not \"0\"");
    }

    @Test
    void whatThereIsNotIsSaid() {
        assertThatThrownBy(() -> bySocket.get("/nothing")).isInstanceOfSatisfying(AdminProblem.class,
                problem -> assertThat(problem.status()).isEqualTo(404));
        assertThatThrownBy(() -> bySocket.put("/things/x", Map.of())).isInstanceOf(AdminProblem.class)
                .hasMessage("allowed here: GET");
        assertThatThrownBy(() -> bySocket.get("/faults")).isInstanceOfSatisfying(AdminProblem.class,
                problem -> assertThat(problem.status()).isEqualTo(500)).hasMessage("the log has more about it");
    }

    @Test
    void eventsComeOneByOneUntilNoMoreAreWanted() throws Exception {
        List<Integer> seen = new ArrayList<>();
        bySocket.events("/ticks?to=5", event -> seen.add(event.data().path("count").asInt()));
        assertThat(seen).containsExactly(1, 2, 3, 4, 5);
        seen.clear();
        byLoopback.events("/ticks?to=1000000", event -> {
            JsonNode data = event.data();
            seen.add(data.path("count").asInt());
            return seen.size() < 2_000;
        });
        assertThat(seen).hasSize(2_000).endsWith(1_999, 2_000);
        assertThatThrownBy(() -> bySocket.events("/ticks?to=x", _ -> true)).isInstanceOf(AdminProblem.class);
        await().untilAtomic(closed, equalTo(2));
    }

    @Test
    void aStreamThatOpensWhenItsClientHasGoneIsClosed() throws Exception {
        try (Socket client = new Socket(port.address().getAddress(), port.address().getPort())) {
            client.getOutputStream().write(("GET " + AdminApi.ROOT + "/slow HTTP/1.1\r\nHost: 127.0.0.1:"
                    + port.address().getPort() + "\r\n\r\n").getBytes(US_ASCII));
            assertThat(opening.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        }
        await().until(() -> port.gate().open() == 0);
        mayOpen.countDown();
        await().untilAtomic(closed, equalTo(1));
    }

    /** As on a machine that has no time for it: nobody is to hear of a command that was done that it failed. */
    @Test
    void aClientClosesThoughItsThreadIsHeldUp() throws Exception {
        CountDownLatch heldUp = new CountDownLatch(1);
        CompletableFuture<Void> goesOn = new CompletableFuture<>();
        CompletableFuture<Void> over = CompletableFuture.runAsync(() -> {
            try {
                bySocket.events("/ticks", _ -> {
                    heldUp.countDown();
                    goesOn.join();
                    return false;
                });
            } catch (Exception _) {
                // it is closed meanwhile
            }
        });
        assertThat(heldUp.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThatCode(bySocket::close).doesNotThrowAnyException();
        goesOn.complete(null);
        over.get(Patience.LONG.toSeconds(), TimeUnit.SECONDS);
    }

    @Test
    void theSocketIsForItsUserAloneAndGoesWithTheGateway() throws Exception {
        Path path = directory.resolve(AdminSocket.NAME);
        assertThat(Files.getPosixFilePermissions(path)).isEqualTo(PosixFilePermissions.fromString("rw-------"));
        socket.close();
        assertThat(path).doesNotExist();
        assertThatThrownBy(() -> bySocket.get("/things/x")).isInstanceOf(IOException.class)
                .hasMessageStartingWith("no gateway answers at " + path);
    }

    @Test
    void aPathThatIsTooLongForASocketIsNoReasonNotToStart() throws Exception {
        Path deep = Files.createDirectories(directory.resolve("d".repeat(100)));
        try (AdminSocket none = new AdminSocket(deep.resolve(AdminSocket.NAME),
                Routes.of(new TextErrors(), List.of()))) {
            assertThat(none.path()).isNull();
        }
    }
}
