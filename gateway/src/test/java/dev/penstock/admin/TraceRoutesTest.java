package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;
import dev.penstock.trace.Direction;
import dev.penstock.trace.SessionFacts;
import dev.penstock.trace.SessionTrace;
import dev.penstock.trace.TraceFilter;
import dev.penstock.trace.TraceHub;
import dev.penstock.trace.Watch;

@Timeout(120)
class TraceRoutesTest {
    @TempDir
    Path directory;

    private final TraceHub hub = new TraceHub(System::nanoTime);
    private AdminSocket socket;

    @BeforeEach
    void start() throws IOException {
        AdminApi api = new AdminApi(new LocalAccess(), new TraceRoutes(hub).routes());
        socket = new AdminSocket(directory.resolve(AdminSocket.NAME),
                Routes.of(new TextErrors(), List.of(), Map.of(AdminApi.ROOT + "/", api)));
    }

    @AfterEach
    void stop() throws IOException {
        socket.close();
    }

    private AdminClient client() {
        return AdminClient.over(directory.resolve(AdminSocket.NAME));
    }

    private SessionTrace session(String id, String address) {
        return new SessionTrace(hub, id, Direction.IN, () -> new SessionFacts(id, Direction.IN,
                InetAddress.ofLiteral(address), "", "default", "", "", "", ""), System::nanoTime);
    }

    private static void says(SessionTrace session, String line) {
        session.isOn();
        byte[] octets = line.getBytes(UTF_8);
        session.command(octets, 0, octets.length);
    }

    /** Watches until so many lines have come, while {@code meanwhile} happens. */
    private List<String> watched(String query, int lines, Runnable meanwhile) throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        try (AdminClient client = client()) {
            client.events("/trace" + query, event -> {
                if (event.name().equals("begin")) {
                    meanwhile.run();
                } else if (event.name().equals("line")) {
                    seen.add(event.data().path("session").asString() + " " + event.data().path("speaker").asString()
                            + " " + event.data().path("text").asString());
                }
                return seen.size() < lines && !event.name().equals("end");
            });
        }
        return seen;
    }

    @Test
    void linesComeAsTheyAreSaid() throws Exception {
        SessionTrace session = session("7f", "192.0.2.7");
        assertThat(watched("", 4, () -> {
            says(session, "EHLO client.example");
            says(session, "AUTH PLAIN AGFsaWNlAHNlY3JldA==");
            session.reply("235 2.7.0 Authentication successful\r\n".getBytes(UTF_8));
        })).containsExactly("7f penstock session in client=192.0.2.7 listener=default",
                "7f client EHLO client.example", "7f client AUTH PLAIN [masked]",
                "7f server 235 2.7.0 Authentication successful");
    }

    @Test
    void filtersHoldTogetherAndThoseThatMayBeRepeatedAreAnyOf() throws Exception {
        SessionTrace wanted = session("7f", "192.0.2.7");
        SessionTrace other = session("80", "192.0.2.8");
        SessionTrace stranger = session("81", "192.0.2.9");
        assertThat(watched("?session=7f&session=81&address=192.0.2.7&address=192.0.2.8&direction=in", 2, () -> {
            says(other, "NOOP");
            says(stranger, "NOOP");
            says(wanted, "RSET");
        })).containsExactly("7f penstock session in client=192.0.2.7 listener=default", "7f client RSET");
    }

    @Test
    void whoeverLeavesWatchesNoMore() throws Exception {
        SessionTrace session = session("7f", "192.0.2.7");
        watched("", 1, () -> says(session, "NOOP"));
        await().until(() -> hub.watchers() == 0);
    }

    @Test
    void theWatchEndsByItself() throws Exception {
        List<String> names = new ArrayList<>();
        try (AdminClient client = client()) {
            client.events("/trace?for=1s", event -> names.add(event.name()));
        }
        assertThat(names).containsExactly("begin", "end");
        assertThat(hub.watchers()).isZero();
    }

    /** A client that doesn't read holds nobody up, and is told what it has missed. */
    @Test
    void whatASlowClientCanNotTakeIsCounted() throws Exception {
        SessionTrace session = session("7f", "192.0.2.7");
        int lines = 60_000;
        List<Long> leftOut = new ArrayList<>();
        int[] seen = new int[1];
        try (AdminClient client = client()) {
            client.events("/trace?for=1h", event -> {
                switch (event.name()) {
                    case "begin" -> {
                        for (int i = 0; i < lines; i++) {
                            says(session, "MAIL FROM:<" + "x".repeat(200) + "@example.com>");
                        }
                    }
                    case "line" -> seen[0]++;
                    case "left-out" -> leftOut.add(event.data().path("left_out").asLong());
                    default -> {
                        // the end
                    }
                }
                return seen[0] + leftOut.stream().mapToLong(each -> each).sum() < lines + 1;
            });
        }
        assertThat(leftOut).isNotEmpty();
        assertThat(seen[0] + leftOut.stream().mapToLong(each -> each).sum()).isEqualTo(lines + 1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"?for=2h|for must be more than nothing and at most 1h, not \"2h\"",
        "?for=soon|for must be a time like 60s", "?direction=up|direction must be in or out",
        "?address=x|address must be an IP address or a network", "?headers=yes|headers must be true or false"})
    void whatIsAskedWronglyIsSaid(String query, String why) {
        try (AdminClient client = client()) {
            assertThatThrownBy(() -> client.events("/trace" + query, _ -> true)).isInstanceOfSatisfying(
                    AdminProblem.class, problem -> assertThat(problem.status()).isEqualTo(422))
                    .hasMessageStartingWith(why);
        }
        assertThat(hub.watchers()).isZero();
    }

    @Test
    void whoComesWhenAsManyWatchAsMayIsToldSo() {
        List<Watch> all = new ArrayList<>();
        for (int i = 0; i < TraceHub.MAX_WATCHERS; i++) {
            all.add(hub.open(TraceFilter.ALL, false, Duration.ofMinutes(1)));
        }
        try (AdminClient client = client()) {
            assertThatThrownBy(() -> client.events("/trace", _ -> true)).isInstanceOfSatisfying(AdminProblem.class,
                    problem -> assertThat(problem.status()).isEqualTo(429))
                    .hasMessage("16 watchers trace already, and no more can at one time");
        }
        all.forEach(Watch::close);
    }
}
