package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import dev.penstock.Penstock;
import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminJson;
import dev.penstock.admin.LatencyRoutes;
import dev.penstock.config.ConfigReader;
import dev.penstock.testing.FakeMx;

/** The commands that look, against a whole gateway with mail that a receiver defers and mail that it takes. */
@Timeout(120)
class ViewCommandsTest {
    private static final String BUSY = "451 4.7.650 slow down, please";

    @TempDir
    Path directory;
    private final FakeMx busy = new FakeMx().on("RCPT", BUSY);
    private final FakeMx open = new FakeMx();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private Penstock penstock;
    private Path configuration;

    @BeforeEach
    void start() throws IOException {
        configuration = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [http]
                port = 0
                [dns]
                servers = ["127.0.0.1:9"]
                [routes."busy.example"]
                hosts = ["127.0.0.1:%2$d"]
                [routes."open.example"]
                hosts = ["127.0.0.1:%3$d"]
                [policy]
                tenant-header = "X-Tenant"
                [delivery]
                tls = "none"
                [tenant.shop]
                queue-limit = 1000
                """.formatted(directory, busy.port(), open.port()));
        penstock = switch (ConfigReader.read(configuration)) {
            case ConfigReader.Valid valid -> Penstock.start(valid.config());
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    @AfterEach
    void stop() {
        penstock.close();
        busy.close();
        open.close();
    }

    /** @return the message's id */
    private String send(String recipient) throws IOException {
        return send(recipient, "shop");
    }

    private String send(String recipient, String tenant) throws IOException {
        try (Socket socket = new Socket(penstock.smtpAddresses().getFirst().getAddress(),
                penstock.smtpAddresses().getFirst().getPort())) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
            String reply = in.readLine();
            for (String line : List.of("HELO client.test\r\n", "MAIL FROM:<news@shop.example>\r\n",
                    "RCPT TO:<" + recipient + ">\r\n", "DATA\r\n",
                    "X-Tenant: " + tenant + "\r\nSubject: hello\r\n\r\nhello\r\n.\r\n")) {
                socket.getOutputStream().write(line.getBytes(ISO_8859_1));
                reply = in.readLine();
            }
            return reply.replaceFirst("^250 2\\.0\\.0 .*?([0-9A-HJKMNP-TV-Z]{13}).*$", "$1");
        }
    }

    private String run(int exit, String... command) {
        out.reset();
        err.reset();
        List<String> arguments = new ArrayList<>(List.of(command));
        arguments.addAll(List.of("--config", configuration.toString()));
        int code = Main.execute(new FakeGateway()::start, Signals.ofProcess(), new PrintStream(out, true, UTF_8),
                new PrintStream(err, true, UTF_8), arguments.toArray(String[]::new));
        assertThat(code).as(err.toString(UTF_8)).isEqualTo(exit);
        return out.toString(UTF_8);
    }

    private JsonNode json(String... command) {
        List<String> arguments = new ArrayList<>(List.of(command));
        arguments.add("--json");
        return AdminJson.MAPPER.readTree(run(ExitCode.OK, arguments.toArray(String[]::new)));
    }

    /** Two messages that are deferred, one that is delivered. */
    private String mail() throws IOException {
        String id = send("ann@busy.example");
        send("bob@busy.example");
        send("eve@open.example");
        // All three are over and counted. What was counted is shown for half a second more, rates in steps of five.
        await().until(() -> json("queue", "list", "--by", "tenant").path("rows").path(0), row -> {
            JsonNode lately = row.path("lately");
            return lately.path("delivered_minute").asLong() == 1 && lately.path("deferred_hour").asLong() == 2
                    && row.path("counts").path("scheduled").asLong() == 2;
        });
        return id;
    }

    @Test
    void mailThatWaitsIsFoundByDomainTenantMessageAndRecipientWithWhyItWaits() throws IOException {
        String id = mail();
        assertThat(run(ExitCode.OK, "queue", "list", "--sort", "queued")).matches("""
                DOMAIN        QUEUED  READY  SUSPENDED  SCHEDULED  HELD  ROUTING  ACTIVE  OLDEST  OUT/MIN  DEFERRED  BOUNCED  WAITS FOR
                busy\\.example       2      0          0          2     0        0       0 +\\S+        0    100\\.0%     0\\.0%  -
                open\\.example       0      0          0          0     0        0       0       -        1      0\\.0%     0\\.0%  -
                2 in all, 2 queued \\(everything\\)
                """);
        assertThat(run(ExitCode.OK, "queue", "list", "--ages", "--domain", "busy.*")).isEqualTo("""
                DOMAIN        T  5  10  20  40  80  160  320  640  1280  1280+
                TOTAL         2  2   0   0   0   0    0    0    0     0      0
                busy.example  2  2   0   0   0   0    0    0    0     0      0
                1 in all, 2 queued (--domain busy.*)
                """);
        assertThat(run(ExitCode.OK, "queue", "show", "busy.example"))
                .contains("2 queued: 0 ready, 0 suspended, 2 scheduled, 0 held, 0 routing, 0 active",
                        "next attempt of what is scheduled: 20", "last outcomes: tt",
                        "451 4.7.650 slow down, please (")
                .containsPattern("queue default->127\\.0\\.0\\.1.*: 0 ready, 0 withheld, 0 active; sessions ");
        assertThat(run(ExitCode.OK, "message", "list", "--recipient", "ann@*")).contains(id, "scheduled",
                "1 of 2 selected, 2 of them read from the spool");
        assertThat(run(ExitCode.OK, "message", "show", id)).contains("message " + id + " from <news@shop.example>",
                "busy.example: scheduled, waits for its next attempt", "tenant shop", "attempts 1",
                "<ann@busy.example> deferred: 451 4.7.650 slow down, please");
        assertThat(run(ExitCode.OK, "why", id)).contains("waits for its next attempt");
        assertThat(run(ExitCode.OK, "why", "ann@busy.example")).contains(id).doesNotContain("2 of 2 selected");
        assertThat(run(ExitCode.OK, "why", "--tenant", "shop")).contains("2 queued");
        assertThat(json("why", "busy.example").path("counts").path("scheduled").asInt()).isEqualTo(2);
    }

    @Test
    void providersSourcesTenantsAndTheWholeAreShown() throws IOException {
        mail();
        assertThat(run(ExitCode.OK, "provider", "list")).containsPattern(
                "-  +2 +\\S+ +1 +1 +66\\.7% +0\\.0%  \\w+ +- +-");
        JsonNode nobody = json("provider", "list").path("rows").path(0);
        assertThat(nobody.path("mode").asString()).as(nobody.toString()).isNotEqualTo("open");
        assertThat(nobody.path("cause").path("reply").asString()).as("what made it so").startsWith("451 4.7.650");
        assertThat(nobody.has("per_second")).as("a rate for open.example, which nothing holds").isFalse();
        assertThat(run(ExitCode.OK, "provider", "show", "-")).contains("provider -: 1 delivered, 2 deferred (66.7%)",
                "451 4.7.650 slow down, please");
        assertThat(run(ExitCode.OK, "source", "list")).containsPattern("default  any .*  used\n");
        assertThat(run(ExitCode.OK, "source", "show", "default")).contains("to -: 1 delivered, 2 deferred");
        assertThat(run(ExitCode.OK, "tenant", "list")).containsPattern("shop +2  1,000 +2K +\\S+ +1 +66\\.7%");
        assertThat(run(ExitCode.OK, "campaign", "list")).contains("CAMPAIGN");
        assertThat(run(ExitCode.OK, "status")).contains("Penstock ", "at gateway.test, up ",
                "last hour: 1 delivered, 2 deferred (66.7%), 0 bounced (0.0%)", "spool: ok, READY", "no alarms");
        assertThat(json("status").path("in").path("last_hour").asInt()).isEqualTo(3);
        assertThat(run(ExitCode.OK, "status", "--hour").lines()).hasSize(61);
        assertThat(sum(json("status", "--hour").path("in"))).isEqualTo(3);
        JsonNode shop = json("status", "--by", "tenant", "--name", "shop");
        assertThat(sum(shop.path("deferred"))).isEqualTo(2);
        assertThat(shop.path("in").size()).as("nobody counts what comes by tenant").isZero();
        run(ExitCode.USAGE, "status", "--by", "tenant");
        assertThat(err.toString(UTF_8)).isEqualTo("penstock: by and name are given together, or neither\n");
    }

    private static long sum(JsonNode numbers) {
        return numbers.valueStream().mapToLong(JsonNode::asLong).sum();
    }

    @Test
    void aListIsTurnedRoundByAMinusBeforeItsColumn() throws IOException {
        send("ann@busy.example", "shop");
        send("ann@busy.example", "bank");
        // They may be queued a moment after their replies.
        await().until(() -> json("tenant", "list").path("tenants").size() == 2);
        assertThat(json("tenant", "list", "--sort", "name").at("/tenants/0/row/name").asString()).isEqualTo("bank");
        assertThat(json("tenant", "list", "--sort", "-name").at("/tenants/0/row/name").asString()).isEqualTo("shop");
    }

    @Test
    void whatCannotBeSelectedOrIsntThereIsSaid() {
        run(ExitCode.USAGE, "message", "list", "--older-than", "soon");
        assertThat(err.toString(UTF_8)).isEqualTo("penstock: older-than \"soon\": expected a duration like 300ms, 30s, "
                + "5m, 2h30m or 5d\n");
        run(ExitCode.NO_INPUT, "message", "show", "06EB2QXV4R001");
        assertThat(err.toString(UTF_8))
                .isEqualTo("penstock: message 06EB2QXV4R001 isn't queued: it was finished, or never was here\n");
        run(ExitCode.NO_INPUT, "source", "show", "ip-9");
        assertThat(err.toString(UTF_8)).isEqualTo("penstock: there is no source ip-9\n");
        run(ExitCode.USAGE, "queue", "list", "--by", "moon");
        assertThat(err.toString(UTF_8)).isEqualTo(
                "penstock: by \"moon\": expected one of domain, site, provider, source, pool, tenant, campaign\n");
        run(ExitCode.USAGE, "queue", "list", "--sort", "size");
        assertThat(err.toString(UTF_8)).startsWith("penstock: sort \"size\": expected one of name, queued, ");
    }

    @Test
    void whereThereIsNoGatewayThatIsSaid() throws IOException {
        penstock.close();
        run(ExitCode.UNAVAILABLE, "status");
        assertThat(err.toString(UTF_8)).startsWith("penstock: no gateway answers at " + directory);
    }

    @Test
    void topIsPrintedOnceWhereNoTerminalIs() throws IOException {
        mail();
        assertThat(run(ExitCode.OK, "top")).contains("Penstock ", " at gateway.test, up ", "\nqueued 2, oldest ",
                "\nparts spool ok").doesNotContain("\u001b", "Overview");
        assertThat(run(ExitCode.OK, "top", "--screen", "queues", "--tenant", "shop")).contains("by domain, in order of"
                + " queued: 1, 2 queued  filter tenant=shop\n").containsPattern(" busy\\.example       2 .* 100\\.0% ");
        assertThat(run(ExitCode.OK, "top", "--screen", "queues", "--domain", "other.*")).contains("\nnothing that the "
                + "filter selects\n");
        assertThat(run(ExitCode.OK, "top", "--screen", "held", "--once")).containsPattern(" 2  scheduled +\\S+  - +its "
                + "next attempt");
        assertThat(run(ExitCode.OK, "top", "--screen", "latency")).contains("\n1 since the start\n")
                .containsPattern("\n +\\d+\\w+ +1 +100\\.0%\n");
        assertThat(run(ExitCode.OK, "top", "--screen", "tenants")).containsPattern(" shop +2 +1,000 ");
        assertThat(run(ExitCode.OK, "top", "--screen", "sources")).containsPattern(" default +used +2 ");
    }

    @Test
    void topSaysWhatIsWrongWithWhatItIsAskedFor() {
        run(ExitCode.USAGE, "top", "--interval", "10ms");
        assertThat(err.toString(UTF_8)).isEqualTo("penstock: --interval 10ms: allowed is 1s to 1m\n");
        run(ExitCode.USAGE, "top", "--interval", "soon");
        assertThat(err.toString(UTF_8)).startsWith("penstock: expected a duration like");
        run(ExitCode.USAGE, "top", "--class", "urgent");
        assertThat(err.toString(UTF_8)).isEqualTo("penstock: class \"urgent\": expected bulk or transactional\n");
        penstock.close();
        run(ExitCode.UNAVAILABLE, "top");
        assertThat(err.toString(UTF_8)).startsWith("penstock: no gateway answers at ");
    }

    @Test
    void latenciesAreCountedForAllMailAndForAProvider() throws Exception {
        mail();
        try (AdminClient client = AdminClient.over(directory.resolve("spool").resolve("admin.sock"))) {
            // Counted a moment after the mail itself is.
            LatencyRoutes.Latencies all = await().until(
                    () -> client.get("/latencies", LatencyRoutes.Latencies.class),
                    latencies -> count(latencies, "delivery") == 1);
            assertThat(all.latencies()).extracting(LatencyRoutes.Latency::what, LatencyRoutes.Latency::mailClass)
                    .containsExactlyInAnyOrder(tuple("delivery", "bulk"), tuple("delivery", "transactional"),
                            tuple("first-attempt", "bulk"), tuple("first-attempt", "transactional"),
                            tuple("session", ""));
            assertThat(count(all, "first-attempt")).isEqualTo(3);
            assertThat(all.latencies()).allSatisfy(latency -> {
                assertThat(latency.buckets().getLast().upTo()).as("the last is for any longer").isNull();
                assertThat(latency.buckets().subList(0, latency.buckets().size() - 1))
                        .isSortedAccordingTo(Comparator.comparing(bucket -> Objects.requireNonNull(bucket.upTo())));
            });
            LatencyRoutes.Latencies others = client.get("/latencies?provider=other", LatencyRoutes.Latencies.class);
            assertThat(others.provider()).isEqualTo("other");
            assertThat(count(others, "delivery")).isEqualTo(1);
            assertThat(client.get("/latencies?provider=google", LatencyRoutes.Latencies.class).latencies()).isEmpty();
        }
    }

    private static long count(LatencyRoutes.Latencies latencies, String what) {
        return latencies.latencies().stream().filter(latency -> latency.what().equals(what))
                .flatMap(latency -> latency.buckets().stream()).mapToLong(LatencyRoutes.Bucket::count).sum();
    }
}
