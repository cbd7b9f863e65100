package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import dev.penstock.Penstock;
import dev.penstock.admin.AdminJson;
import dev.penstock.config.ConfigReader;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.TestUsers;

/** Where is the mail to X? Asked of a whole gateway with mail that is deferred, delivered and refused. */
@Timeout(120)
class StoryCommandsTest {
    private static final String BUSY = "451 4.7.650 slow down, please";
    private static final String UNKNOWN = "550 5.1.1 no such user";
    private static final Pattern CURSOR = Pattern.compile("--cursor (\\S+)");

    @TempDir
    Path directory;
    private final FakeMx busy = new FakeMx().on("RCPT", BUSY);
    private final FakeMx open = new FakeMx().on("RCPT TO:<nobody@", UNKNOWN);
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private Penstock penstock;
    private Path configuration;

    @BeforeEach
    void start() throws IOException {
        start("enabled = true");
    }

    private void start(String history) throws IOException {
        configuration = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                name = "smtp"
                addresses = ["127.0.0.1:0"]
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [history]
                directory = "%1$s/history"
                %4$s
                [http]
                port = 0
                [injection]
                address = "127.0.0.1"
                port = 0
                directory = "%1$s/injection"
                [auth]
                users = "%5$s"
                [dns]
                servers = ["127.0.0.1:9"]
                [routes."busy.example"]
                hosts = ["127.0.0.1:%2$d"]
                [routes."open.example"]
                hosts = ["127.0.0.1:%3$d"]
                [delivery]
                tls = "none"
                """.formatted(directory, busy.port(), open.port(), history, TestUsers.write(directory)));
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
        try (Socket socket = new Socket(penstock.smtpAddresses().getFirst().getAddress(),
                penstock.smtpAddresses().getFirst().getPort())) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
            String reply = in.readLine();
            for (String line : List.of("HELO client.test\r\n", "MAIL FROM:<news@shop.example>\r\n",
                    "RCPT TO:<" + recipient + ">\r\n", "DATA\r\n",
                    "Message-ID: <" + recipient + ">\r\nSubject: hello\r\n\r\nhello\r\n.\r\n")) {
                socket.getOutputStream().write(line.getBytes(ISO_8859_1));
                reply = in.readLine();
            }
            return reply.replaceFirst("^250 2\\.0\\.0 .*?([0-9A-HJKMNP-TV-Z]{13}).*$", "$1");
        }
    }

    private String run(int exit, String... command) {
        int code = exitOf(command);
        assertThat(code).as(err.toString(UTF_8)).isEqualTo(exit);
        return out.toString(UTF_8);
    }

    private int exitOf(String... command) {
        out.reset();
        err.reset();
        List<String> arguments = new ArrayList<>(List.of(command));
        arguments.addAll(List.of("--config", configuration.toString()));
        return Main.execute(new FakeGateway()::start, Signals.ofProcess(), new PrintStream(out, true, UTF_8),
                new PrintStream(err, true, UTF_8), arguments.toArray(String[]::new));
    }

    private JsonNode json(String... command) {
        List<String> arguments = new ArrayList<>(List.of(command));
        arguments.add("--json");
        return AdminJson.MAPPER.readTree(run(ExitCode.OK, arguments.toArray(String[]::new)));
    }

    /** Until what is to be shown has happened, and is found, and the queue has done with that attempt. */
    private void awaitEvent(String id, String type) {
        String queued = type.equals("TransientFailure") ? ": scheduled, waits for" : "nothing of it is queued";
        await().until(() -> exitOf("message", "story", id) == ExitCode.OK
                && Stream.of(type, queued).allMatch(out.toString(UTF_8)::contains));
    }

    /** As a transcript: what differs from run to run has a name. */
    private static String transcript(String text, String id) {
        return text.replace(id, "ID").replaceAll("\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z", "TIME")
                .replaceAll("session[ =]\\w+", "session S").replaceAll("127\\.0\\.0\\.1:\\d+", "127.0.0.1:PORT")
                .replaceAll("\\((in [0-9hms]+|[0-9hms]+ ago)\\)", "(AGE)");
    }

    @Test
    void mailThatIsDeferredIsToldWithItsAttemptAndWhereItIsQueued() throws IOException {
        String id = send("ann@busy.example");
        awaitEvent(id, "TransientFailure");
        assertThat(transcript(run(ExitCode.OK, "message", "story", id), id)).isEqualTo("""
                message ID from <news@shop.example>, bulk

                TIME Reception for ann@busy.example
                  by client.test[127.0.0.1:PORT], listener smtp at 127.0.0.1:PORT, session S, SMTP, in clear, \
                Message-ID <ann@busy.example>
                  250 2.0.0 ID queued

                TIME TransientFailure for ann@busy.example, attempt 1
                  at 127.0.0.1[127.0.0.1], from 127.0.0.1, source default, pool default, site 127.0.0.1:PORT, \
                session S, ESMTP, in clear
                  451 4.7.650 slow down, please (to RCPT TO)
                  class SpamBlock, category spam-related, about source-provider: defer

                queued now:

                busy.example: scheduled, waits for its next attempt
                  tenant -, campaign -, bulk, pool default, source default, site 127.0.0.1:PORT, provider -
                  attempts 1, next TIME (AGE)
                  <ann@busy.example> deferred: 451 4.7.650 slow down, please
                """);
        assertThat(transcript(run(ExitCode.OK, "message", "find", "--recipient", "ANN@busy.example"), id))
                .matches("""
                        queued now:
                        ID +DOMAIN +TENANT .*
                        ID +busy\\.example +- +- +scheduled .*
                        1 of 1 selected, 1 of them read from the spool

                        what happened, the last first:
                        TIME TransientFailure ID <news@shop\\.example> to ann@busy\\.example .*: 451 4\\.7\\.650 slow .*
                        TIME Reception ID <news@shop\\.example> to ann@busy\\.example .*: 250 2\\.0\\.0 ID queued
                        """);
        assertThat(err.toString(UTF_8)).isEmpty();
    }

    @Test
    void mailThatIsGoneIsFoundByRecipientMessageIdOutcomeAndTime() throws IOException {
        String delivered = send("eve@open.example");
        String refused = send("nobody@open.example");
        awaitEvent(delivered, "Delivery");
        awaitEvent(refused, "Bounce");
        assertThat(transcript(run(ExitCode.OK, "message", "story", refused), refused)).contains("""
                TIME Bounce for nobody@open.example, attempt 1
                """, """
                  550 5.1.1 no such user (to RCPT TO)
                  class InvalidRecipient, category bad-mailbox, about recipient: bounce

                nothing of it is queued
                """);
        assertThat(run(ExitCode.OK, "message", "find", "--recipient", "eve@open.example")).startsWith("""
                nothing of it is queued

                what happened, the last first:
                """).contains(" Delivery " + delivered).doesNotContain(refused);
        assertThat(run(ExitCode.OK, "message", "find", "--message-id", "<nobody@open.example>"))
                .contains(" Reception " + refused).doesNotContain(delivered);
        assertThat(run(ExitCode.OK, "message", "find", "--outcome", "bounce,delivery", "--sender",
                "news@shop.example", "--since", "1h").lines()).hasSize(3).first().asString()
                .isEqualTo("what happened, the last first:");
        assertThat(run(ExitCode.OK, "message", "find", "--domain", "open.example", "--until", "1h")).isEqualTo("""
                nothing of it is queued

                nothing happened that is found
                """);
    }

    @Test
    void whatIsQueuedIsFoundByItsMessageId() throws IOException {
        String id = send("ann@busy.example");
        send("bob@busy.example");
        awaitEvent(id, "TransientFailure");
        JsonNode found = json("message", "find", "--message-id", "<ann@busy.example>");
        assertThat(found.path("queued").path("messages")).hasSize(1);
        assertThat(found.path("queued").path("messages").path(0).path("id").asString()).isEqualTo(id);
        assertThat(found.path("history").path("events")).hasSize(1);
    }

    @Test
    void theStoryNamesTheLoginThatSentIt() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                + Objects.requireNonNull(penstock.injectionAddress()).getPort() + "/api/inject/v1"))
                .header("Content-Type", "application/json")
                .header("Authorization", "Basic " + TestUsers.base64(TestUsers.NAME + ":" + TestUsers.PASSWORD))
                .POST(HttpRequest.BodyPublishers.ofString("""
                        {"envelope_sender":"a@example.com","recipients":[{"email":"eve@open.example"}],
                         "content":{"from":{"email":"a@example.com"},"subject":"x","text_body":"y"}}
                        """)).build();
        String id;
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            id = AdminJson.MAPPER.readTree(response.body()).path("recipients").path(0).path("message_id").asString();
        }
        awaitEvent(id, "Delivery");
        assertThat(run(ExitCode.OK, "message", "story", id))
                .startsWith("message " + id + " from <a@example.com>, tenant acme, bulk\n").contains(", login alice,");
        JsonNode events = json("message", "story", id).path("events");
        assertThat(events.path(1).path("client").path("user").asString()).isEqualTo("alice");
        JsonNode found = json("message", "find", "--tenant", "acme").path("history").path("events");
        assertThat(found).hasSize(2)
                .allSatisfy(event -> assertThat(event.path("domain").asString()).isEqualTo("open.example"))
                .allSatisfy(event -> assertThat(event.path("tenant").asString()).isEqualTo("acme"));
    }

    @Test
    void aLongAnswerGoesOnAtItsCursor() throws IOException {
        String id = send("eve@open.example");
        awaitEvent(id, "Delivery");
        assertThat(run(ExitCode.OK, "message", "find", "--domain", "open.example", "--limit", "1"))
                .contains(" Delivery ").doesNotContain(" Reception ");
        Matcher cursor = CURSOR.matcher(err.toString(UTF_8));
        assertThat(cursor.find()).isTrue();
        assertThat(run(ExitCode.OK, "message", "find", "--domain", "open.example", "--limit", "1", "--cursor",
                cursor.group(1))).startsWith("what happened, the last first:\n").contains(" Reception ")
                .doesNotContain(" Delivery ");
        assertThat(err.toString(UTF_8)).isEmpty();
    }

    @Test
    void whatCannotBeLookedForOrIsntKnownIsSaid() throws IOException {
        String id = send("eve@open.example");
        awaitEvent(id, "Delivery"); // the index is open
        says(ExitCode.NO_INPUT, "nothing is known of message 06EB2QXV4R001: it never was here, or the delivery log and "
                + "its index don't go back so far", "story", "06EB2QXV4R001");
        says(ExitCode.USAGE, "\"X\" isn't a message's id, like 06EB2QXV4R001", "story", "X");
        says(ExitCode.USAGE, "recipient \"eve@*\": expected a whole name; past mail isn't found by a part of one",
                "find", "--recipient", "eve@*");
        says(ExitCode.USAGE, "since \"yesterday\": expected a time like 2026-12-01T08:00:00Z, or how long ago, like 2h",
                "find", "--since", "yesterday");
        says(ExitCode.USAGE,
                "since \"9999999999w 9999999999w\": expected a time like 2026-12-01T08:00:00Z, or how long "
                        + "ago, like 2h",
                "find", "--since", "9999999999w 9999999999w");
        says(ExitCode.USAGE, "until \"+1000000000-12-31T23:59:59Z\": expected a time like 2026-12-01T08:00:00Z, or how "
                + "long ago, like 2h", "find", "--until", "+1000000000-12-31T23:59:59Z");
        says(ExitCode.USAGE, "outcome \"Lost\": expected one of Reception, Delivery, TransientFailure, Bounce, "
                + "Expiration, Rejection, AdminBounce, Preflight", "find", "--outcome", "Lost");
        says(ExitCode.USAGE, "here isn't a cursor that a search has given", "find", "--cursor", "here");
        says(ExitCode.TEMPORARY, "the index was made anew since this search began; begin it again", "find", "--cursor",
                "1-1-1-1");
        says(ExitCode.USAGE, "limit must be a whole number from 1 to 1000, not \"0\"", "find", "--limit", "0");
    }

    @Test
    void withoutAnIndexWhatIsQueuedIsFoundAndThatIsSaid() throws IOException {
        penstock.close();
        start("enabled = false");
        String id = send("ann@busy.example");
        await().until(() -> penstock.deliveryStats().deferred() == 1);
        assertThat(run(ExitCode.TEMPORARY, "message", "find", "--recipient", "ann@busy.example"))
                .startsWith("queued now:\n").contains(id).doesNotContain("happened");
        String off = "penstock: the index of the delivery log is off, so that past mail can't be found: enabled = true "
                + "in [history] switches it on at the next start; it then finds what the log still has\n";
        assertThat(err.toString(UTF_8)).isEqualTo(off);
        run(ExitCode.TEMPORARY, "message", "story", id);
        assertThat(err.toString(UTF_8)).isEqualTo(off);
    }

    private void says(int exit, String what, String... command) {
        List<String> whole = new ArrayList<>(List.of(command));
        whole.addFirst("message");
        run(exit, whole.toArray(String[]::new));
        assertThat(out.toString(UTF_8)).isEmpty();
        assertThat(err.toString(UTF_8)).isEqualTo("penstock: " + what + "\n");
    }
}
