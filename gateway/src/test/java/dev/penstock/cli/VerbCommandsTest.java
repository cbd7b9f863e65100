package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
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

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

import dev.penstock.Penstock;
import dev.penstock.config.ConfigReader;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.MemoryTempDir;

/** What an operator does to queued mail, by commands to a whole gateway over its Unix socket. */
@Timeout(120)
class VerbCommandsTest {
    /** Who connects to the socket. */
    private static final String USER = System.getProperty("user.name");

    @TempDir(factory = MemoryTempDir.class)
    Path directory;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final FakeMx mx = new FakeMx().on("RCPT", "451 4.2.1 later");
    private Path configuration;
    private Penstock penstock;

    @BeforeEach
    void start() throws Exception {
        configuration = directory.resolve("penstock.toml");
        Files.writeString(configuration, """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [http]
                address = "127.0.0.1"
                port = 0
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [dns]
                servers = ["127.0.0.1:9"]
                [routes."x.example"]
                hosts = ["127.0.0.1:%2$d"]
                [delivery]
                tls = "none"
                """.formatted(directory, mx.port()));
        penstock = switch (ConfigReader.read(configuration)) {
            case ConfigReader.Valid valid -> Penstock.start(valid.config());
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    @AfterEach
    void stop() {
        penstock.close();
        mx.close();
    }

    private String send(String recipient) throws Exception {
        try (Socket socket = new Socket(penstock.smtpAddresses().getFirst().getAddress(),
                penstock.smtpAddresses().getFirst().getPort())) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
            String reply = in.readLine();
            for (String line : List.of("HELO client.test\r\n", "MAIL FROM:<>\r\n", "RCPT TO:<" + recipient + ">\r\n",
                    "DATA\r\n", "Subject: hello\r\n\r\nhello\r\n.\r\n")) {
                socket.getOutputStream().write(line.getBytes(ISO_8859_1));
                reply = in.readLine();
                if (!reply.startsWith("2") && !reply.startsWith("3")) {
                    return reply;
                }
            }
            return reply;
        }
    }

    /** @param answer what is typed */
    private String run(int exit, String answer, String... command) {
        out.reset();
        err.reset();
        CommandLine commands = new CommandLine(CommandLine.Model.CommandSpec.create());
        VerbCommands.addTo(commands, new ByteArrayInputStream(answer.getBytes(UTF_8)),
                new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
        List<String> arguments = new ArrayList<>(List.of(command));
        arguments.addAll(List.of("--config", configuration.toString()));
        assertThat(commands.execute(arguments.toArray(String[]::new))).as(err.toString(UTF_8)).isEqualTo(exit);
        return out.toString(UTF_8);
    }

    private long queued() {
        return penstock.jobs().count(dev.penstock.queue.Selection.EVERYTHING).destinations();
    }

    private int ready() throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + penstock.httpAddress().getPort()
                            + "/health/ready")).build(),
                    HttpResponse.BodyHandlers.ofString()).statusCode();
        }
    }

    @Test
    void mailIsBouncedWhenItWasCountedAndConfirmed() throws Exception {
        send("a@x.example");
        await().until(() -> !mx.commands().isEmpty());
        run(ExitCode.USAGE, "no\n", "bounce", "--domain", "x.example", "--reason", "they asked", "--wait");
        assertThat(err.toString(UTF_8)).startsWith("bounce would be done to 1 destinations, ")
                .contains("  x.example 1").endsWith("penstock: nothing was done\n");
        assertThat(queued()).isEqualTo(1);
        assertThat(run(ExitCode.OK, "", "bounce", "--domain", "x.example", "--reason", "they asked", "--dry-run"))
                .startsWith("bounce would be done to 1 destinations");
        assertThat(queued()).isEqualTo(1);
        String done = run(ExitCode.OK, "yes\n", "bounce", "--domain", "x.example", "--reason", "they asked", "--wait");
        assertThat(done).contains(" done bounce by " + USER + ": they asked").contains("done 1, skipped 0, failed 0");
        assertThat(queued()).isZero();
        String id = done.substring(0, done.indexOf(' '));
        assertThat(run(ExitCode.OK, "", "job", "show", id, "--json")).contains("\"state\":\"done\"")
                .contains("\"report\":false,\"code\":550,\"enhanced\":\"5.7.1\"").doesNotContain("until", "tenant");
        assertThat(run(ExitCode.OK, "", "job", "show", id))
                .contains("\n  as 550 5.7.1 Withdrawn by the administrator of "
                        + "this mail system (Uncategorized), nobody is told\n");
        assertThat(run(ExitCode.OK, "", "rebind", "--domain", "x.example", "--to-tenant", "", "--to-pool", "default",
                "--expires", "1h", "--reason", "why")).containsPattern(
                        "\n  to tenant -, to pool default, ends at the latest 20\\d\\d-[^,]*Z\n");
        assertThat(run(ExitCode.OK, "", "job", "list")).contains(id);
    }

    @Test
    void aSelectionMustBeSaidAndAReasonToo() throws Exception {
        run(ExitCode.USAGE, "", "hold", "--reason", "why");
        assertThat(err.toString(UTF_8)).contains("nothing is selected");
        run(ExitCode.USAGE, "", "hold", "--domain", "x.example", "--reason", " ");
        assertThat(err.toString(UTF_8)).contains("a reason is needed");
        run(ExitCode.USAGE, "", "delay", "--domain", "x.example", "--reason", "why", "--until", "soon");
        assertThat(err.toString(UTF_8)).contains("expected a time like");
        run(ExitCode.NO_INPUT, "", "job", "show", "j0");
        assertThat(err.toString(UTF_8)).isEqualTo("penstock: there is no job j0\n");
    }

    @Test
    void whatOthersSaidTellsTheTerminalNothing() throws Exception {
        String evil = "\u001b[2Jgone\u202e";
        assertThat(run(ExitCode.OK, "", "suspend", "--domain", "x.example", "--reason", evil))
                .endsWith(": ?[2Jgone?\n");
        assertThat(run(ExitCode.OK, "", "hold", "--domain", "x.example", "--reason", evil, "--wait"))
                .contains(": ?[2Jgone?\n").doesNotContain("\u001b", "\u202e");
        run(ExitCode.NO_INPUT, "", "job", "show", evil);
        assertThat(err.toString(UTF_8)).isEqualTo("penstock: there is no job ?[2Jgone?\n");
    }

    @Test
    void eachPartOfAnOrderThatIsWrongIsToldWithItsPlace() {
        run(ExitCode.USAGE, "", "bounce", "--domain", "x.example", "--reason", "why", "--yes", "--code", "250",
                "--status", "4.0.0", "--text", " ");
        assertThat(err.toString(UTF_8)).contains("/code reply code 250: expected 500 to 599")
                .contains("/enhanced enhanced status \"4.0.0\": expected 5.x.x")
                .contains("/text the reply's text must be one line, not blank");
    }

    @Test
    void aDomainIsSuspendedListedAndResumed() throws Exception {
        assertThat(run(ExitCode.OK, "", "suspend", "--domain", "x.example", "--reason", "they asked"))
                .startsWith("s1 {domain=[x.example]} since ").endsWith(" by " + USER + ": they asked\n");
        send("a@x.example");
        await().until(() -> queued() == 1);
        assertThat(run(ExitCode.OK, "", "suspend", "--list")).startsWith("s1 ");
        assertThat(mx.commands()).isEmpty();
        run(ExitCode.OK, "", "resume", "s1", "--reason", "done");
        await().until(() -> mx.commands().stream().anyMatch(line -> line.startsWith("RCPT")));
        run(ExitCode.NO_INPUT, "", "resume", "s1", "--reason", "done");
    }

    @Test
    void aDrainSaysSoFirstThenRefusesMailThenStops() throws Exception {
        send("a@x.example");
        assertThat(ready()).isEqualTo(200);
        run(ExitCode.OK, "", "drain", "--announce", "1h", "--reason", "maintenance");
        assertThat(ready()).isEqualTo(503);
        assertThat(send("b@x.example")).as("while it is announced").startsWith("250");
        run(ExitCode.OK, "", "drain", "--cancel", "--reason", "not today");
        assertThat(ready()).isEqualTo(200);
        run(ExitCode.OK, "", "drain", "--announce", "0s", "--reason", "maintenance");
        await().until(() -> penstock.drain().refuses());
        assertThat(send("c@x.example")).startsWith("421 4.3.2 ").endsWith("try another host or later");
        assertThat(run(ExitCode.OK, "", "drain", "--status")).contains("\"phase\":\"refusing\"");
        run(ExitCode.OK, "", "delete", "--everything", "--yes", "--reason", "empty it");
        penstock.awaitStop();
    }
}
