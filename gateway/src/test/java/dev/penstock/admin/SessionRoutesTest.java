package dev.penstock.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.admin.SessionRoutes.SessionInfo;
import dev.penstock.admin.SessionRoutes.SessionList;
import dev.penstock.delivery.Phase;
import dev.penstock.delivery.SessionView;
import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;
import dev.penstock.inbound.ClientSessionView;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.queue.QueueKey;
import dev.penstock.routing.Site;
import dev.penstock.shaping.LimitReached;

class SessionRoutesTest {
    private static final Instant NOW = Instant.parse("2026-11-29T12:00:00Z");

    @TempDir
    Path directory;

    private final List<ClientSessionView> clients = new ArrayList<>();
    private final List<SessionView> deliveries = new ArrayList<>();
    private final List<String> aborted = new ArrayList<>();
    private AdminSocket socket;
    private AdminClient client;

    @BeforeEach
    void start() throws IOException {
        SessionRoutes sessions = new SessionRoutes(() -> clients, () -> deliveries, (id, why) -> {
            aborted.add(id + ": " + why);
            return id.equals("7f");
        }, InstantSource.fixed(NOW));
        AdminApi api = new AdminApi(new LocalAccess(), sessions.routes());
        socket = new AdminSocket(directory.resolve(AdminSocket.NAME),
                Routes.of(new TextErrors(), List.of(), Map.of(AdminApi.ROOT + "/", api)));
        client = AdminClient.over(directory.resolve(AdminSocket.NAME));
        clients.add(client("7f", "192.0.2.7", "submission", "alice", ClientSessionView.State.COMMIT, 30));
        clients.add(client("80", "198.51.100.9", "default", "", ClientSessionView.State.COMMAND, 10));
        deliveries.add(delivery("a1", "default", "dest.example", "google", SessionView.State.WAITING,
                new LimitReached("max_message_rate", "2/min", 1_000_000_000), 20));
        deliveries.add(delivery("a2", "ip-2", "other.example", "", SessionView.State.BUSY, null, 40));
    }

    @AfterEach
    void stop() throws IOException {
        client.close();
        socket.close();
    }

    private static ClientSessionView client(String id, String address, String listener, String login,
            ClientSessionView.State state, int age) {
        return new ClientSessionView(id, new InetSocketAddress(InetAddress.ofLiteral(address), 40_000),
                "client.example", login, listener, "ESMTPSA", new MessageEvent.Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
                state, Duration.ofMillis(1_500), Duration.ofSeconds(age), 3, 4_567);
    }

    private static SessionView delivery(String id, String source, String site, String provider,
            SessionView.State state, @Nullable LimitReached limit, int age) {
        return new SessionView(id, new QueueKey(source, new Site(site), false), provider,
                new MessageEvent.Peer("mx1." + site, "203.0.113.4"), null, state, Phase.END_OF_DATA,
                Duration.ofMillis(250), limit, NOW.toEpochMilli() - 2_000, Duration.ofSeconds(age), 10, 8, 1, 1,
                new MessageId(99L << MessageId.MILLIS_SHIFT));
    }

    private SessionList list(String query) throws Exception {
        return client.get("/sessions" + query, SessionList.class);
    }

    @Test
    void sessionsOfBothDirectionsTheOldestFirst() throws Exception {
        SessionList list = list("");
        assertThat(list.matching()).isEqualTo(4);
        assertThat(list.sessions()).extracting(SessionInfo::id).containsExactly("a2", "7f", "a1", "80");
        assertThat(list.sessions().get(1)).isEqualTo(new SessionInfo("7f", "in", "192.0.2.7:40000", null,
                "client.example", "alice", "submission", null, null, null, "ESMTPSA",
                "TLSv1.3 TLS_AES_256_GCM_SHA384", "commit", null, 1.5, null, NOW.minusSeconds(30), 3, 4_567L, null,
                null, null, 0.1, null));
        assertThat(list.sessions().getFirst()).isEqualTo(new SessionInfo("a2", "out", "203.0.113.4",
                "mx1.other.example", null, null, null, "ip-2", "other.example", null, null, null, "busy",
                "end_of_data", 0.25, null, NOW.minusSeconds(40), 10, null, 8, 1, 1, 0.25,
                new MessageId(99L << MessageId.MILLIS_SHIFT).toString()));
        assertThat(list.sessions().get(2)).satisfies(waiting -> {
            assertThat(waiting.state()).isEqualTo("waiting");
            assertThat(waiting.phase()).isNull();
            assertThat(waiting.stateSeconds()).isEqualTo(2);
            assertThat(waiting.waitingFor()).isEqualTo("max_message_rate 2/min (next in 1s)");
        });
    }

    @ParameterizedTest
    @CsvSource({"?direction=in,7f 80", "?direction=out,a2 a1", "?address=192.0.2.0/24,7f",
        "?address=203.0.113.4,a2 a1", "?listener=submission,7f", "?login=alice,7f", "?source=ip-2,a2",
        "?site=dest.example,a1", "?provider=google,a1", "?state=idle,''", "?id=80,80", "?limit=1,a2",
        "?direction=in&state=command,80"})
    void eachFilterFinds(String query, String ids) throws Exception {
        assertThat(String.join(" ", list(query).sessions().stream().map(SessionInfo::id).toList())).isEqualTo(ids);
    }

    @Test
    void ofManyThereAreAsManyAsAreAskedForAndHowManyThereWouldBe() throws Exception {
        IntStream.range(0, 3_000).forEach(i -> clients.add(client("b" + i, "192.0.2.8", "default", "",
                ClientSessionView.State.DATA, 1)));
        assertThat(list("").sessions()).hasSize(1_000);
        assertThat(list("").matching()).isEqualTo(3_004);
        assertThat(list("?limit=10000").sessions()).hasSize(3_004);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"?direction=up|direction must be in or out, not \"up\"",
        "?address=nowhere|address must be an IP address or a network in CIDR form",
        "?limit=0|limit must be a whole number from 1 to 10000, not \"0\""})
    void whatIsAskedWronglyIsSaid(String query, String why) {
        assertThatThrownBy(() -> list(query)).isInstanceOfSatisfying(AdminProblem.class,
                problem -> assertThat(problem.status()).isEqualTo(422)).hasMessageStartingWith(why);
    }

    @Test
    void aSessionIsEndedForAReason() throws Exception {
        assertThat(client.delete("/sessions/7f?reason=stuck%20for%20hours", null).path("session").asString())
                .isEqualTo("7f");
        assertThat(aborted).containsExactly("7f: stuck for hours");
    }

    @Test
    void withoutAReasonOrASessionNothingIsEnded() {
        assertThatThrownBy(() -> client.delete("/sessions/7f", null)).isInstanceOf(AdminProblem.class)
                .hasMessage("reason must say why in 1 to 500 characters");
        assertThatThrownBy(() -> client.delete("/sessions/7f?reason=%20", null)).isInstanceOf(AdminProblem.class);
        assertThat(aborted).isEmpty();
        assertThatThrownBy(() -> client.delete("/sessions/zz?reason=x", null)).isInstanceOfSatisfying(
                AdminProblem.class, problem -> assertThat(problem.status()).isEqualTo(404))
                .hasMessage("there is no session zz");
    }
}
