package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.testing.Peers;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestUsers;
import dev.penstock.testing.Tmux;

/**
 * A whole gateway, a client that speaks to it over STARTTLS and logs in, and {@code penstock trace} and {@code penstock
 * session} in a terminal: Debian's tmux is the terminal, swaks the client.
 */
@Timeout(240)
class TraceTerminalTest {
    private static final int WIDTH = 200;
    private static final int HEIGHT = 120;

    @TempDir
    Path directory;
    private final FakeMx host = new FakeMx().offering("PIPELINING,AUTH PLAIN").on("AUTH", "235 2.7.0 ok");
    private Penstock penstock;
    private Tmux tmux;
    private Path swaks;

    @BeforeEach
    void start() throws IOException {
        tmux = new Tmux(directory);
        swaks = Peers.require("swaks");
        TestUsers.authenticator(directory).close();
        TestCertificates.PemFiles files = TestCertificates.write(directory, "mx",
                TestCertificates.selfSigned("gateway.test"));
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                name = "submission"
                addresses = ["127.0.0.1:0"]
                tls = "required"
                auth-required = true
                [[listener.certificate]]
                chain = "%3$s"
                key = "%4$s"
                [auth]
                users = "%1$s/users.toml"
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [http]
                port = 0
                [routes."dest.example"]
                hosts = ["127.0.0.1:%2$d"]
                tls = "none"
                user = "smart"
                password = "s3cretive"
                """.formatted(directory, host.port(), files.chain(), files.key()));
        penstock = Penstock.start(switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid -> valid.config();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        });
    }

    @AfterEach
    void stop() throws Exception {
        tmux.close();
        penstock.close();
        host.close();
    }

    /** Longer than usual: each command is a process of its own, which the terminal's server starts. */
    private static ConditionFactory await() {
        return Awaitility.await().atMost(Patience.LONG.multipliedBy(3));
    }

    private String penstock(String arguments) {
        return Tmux.penstock(arguments + " --socket " + directory.resolve("spool").resolve("admin.sock"))
                + "; sleep 600";
    }

    private String screen(String window) {
        return tmux.screen(window, true);
    }

    private void open(String window, String command) {
        tmux.open(window, WIDTH, HEIGHT, command);
    }

    private String run(List<String> command) {
        return Tmux.run(directory, command);
    }

    @Test
    void aDialogueIsSeenWithColoursAndWithoutSecrets() throws Exception {
        open("trace", penstock("trace --for 5m"));
        await().until(() -> screen("trace").contains("penstock: watching for 300 s; ^C ends it"));
        InetSocketAddress at = penstock.smtpAddresses().getFirst();
        String said = run(List.of(swaks.toString(), "--server", at.getHostString(), "--port",
                Integer.toString(at.getPort()), "--tls", "--auth", "PLAIN", "--auth-user", TestUsers.NAME,
                "--auth-password", TestUsers.PASSWORD, "--from", "a@example.com", "--to", "b@dest.example", "--body",
                "nobody else's business"));
        assertThat(said).contains("235 2.7.0");
        await().until(() -> screen("trace").contains("outcome=delivered"));
        await().until(() -> host.messages().size() == 1);
        String screen = screen("trace");
        assertThat(screen).contains("session in client=127.0.0.1 listener=submission", "S: 220 gateway.test ESMTP",
                "C: STARTTLS", "TLS TLSv1.3 ", "C: AUTH PLAIN [masked]", "S: 235 2.7.0 Authentication successful",
                "C: MAIL FROM:<a@example.com>", "C: RCPT TO:<b@dest.example>", "session out ",
                "C: EHLO gateway.test", "S: 235 2.7.0 ok", " octets]");
        assertThat(screen).as("colours").contains("\u001b[36mC: ");
        String[] secrets = {TestUsers.PASSWORD, TestUsers.PLAIN, "s3cretive", "business",
            TestUsers.base64("\0smart\0s3cretive")};
        assertThat(screen).doesNotContain(secrets);
        Path plain = directory.resolve("trace.txt");
        open("piped", penstock("trace --for 5m --domain dest.example").replace("; sleep", " > " + plain + "; sleep"));
        await().until(() -> screen("piped").contains("watching for"));
        run(List.of(swaks.toString(), "--server", at.getHostString(), "--port", Integer.toString(at.getPort()), "--tls",
                "--auth", "PLAIN", "--auth-user", TestUsers.NAME, "--auth-password", TestUsers.PASSWORD, "--from",
                "a@example.com", "--to", "b@dest.example"));
        await().until(() -> Files.readString(plain).contains("outcome=delivered"));
        assertThat(Files.readString(plain)).contains("C: AUTH PLAIN [masked]").doesNotContain("\u001b")
                .doesNotContain(secrets);
    }

    @Test
    void aSessionIsListedAndEnded() throws Exception {
        InetSocketAddress at = penstock.smtpAddresses().getFirst();
        try (var client = new java.net.Socket(at.getAddress(), at.getPort())) {
            assertThat(client.getInputStream().read()).isEqualTo('2');
            open("list", penstock("session list --direction in"));
            await().until(() -> screen("list").contains("1 session"));
            String screen = screen("list");
            assertThat(screen).contains("SESSION", "listener submission", "command");
            String id = screen.lines().filter(line -> line.contains("listener submission")).findFirst().orElseThrow()
                    .split(" ", 2)[0];
            open("abort", penstock("session abort " + id + " --reason 'a test'"));
            await().until(() -> screen("abort").contains("session " + id + " is ended"));
            String last = new String(client.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            assertThat(last).endsWith("421 4.3.2 gateway.test Service closes this session\r\n");
        }
    }
}
