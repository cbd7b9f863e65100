package dev.penstock;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

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
import dev.penstock.testing.Tmux;

/** A whole gateway with mail that a receiver defers and mail that it takes, and {@code penstock top} in a terminal of tmux. */
@Timeout(400)
class TopTerminalTest {
    private static final String TOP = "top";

    @TempDir
    Path directory;
    private final FakeMx busy = new FakeMx().on("RCPT", "451 4.7.650 slow \u001b[31mdown\u009b2J");
    private final FakeMx open = new FakeMx();
    private Penstock penstock;
    private Tmux tmux;
    private Path file;

    @BeforeEach
    void start() throws IOException {
        tmux = new Tmux(directory);
        file = Files.writeString(directory.resolve("penstock.toml"), """
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
        penstock = gateway();
    }

    private Penstock gateway() throws IOException {
        return Penstock.start(switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid -> valid.config();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        });
    }

    @AfterEach
    void stop() {
        tmux.close();
        penstock.close();
        busy.close();
        open.close();
    }

    /** Longer than usual: the command is a process of its own, which the terminal's server starts. */
    private static ConditionFactory await() {
        return Awaitility.await().atMost(Patience.LONG.multipliedBy(3));
    }

    private void send(String recipient, String tenant) throws IOException {
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
            assertThat(reply).startsWith("250 ");
        }
    }

    private void mail() throws IOException {
        send("ann@busy.example", "shop");
        send("bob@busy.example", "press");
        send("eve@open.example", "shop");
        await().until(() -> penstock.deliveryStats().deferred() >= 2 && penstock.deliveryStats().delivered() == 1);
    }

    private String command(String options) {
        return Tmux.penstock("top --socket " + directory.resolve("spool").resolve("admin.sock") + " " + options);
    }

    /** A shell, so that what was on its screen before is there again; it says when the command is over. */
    private void open(int width, int height, String options) throws IOException {
        Path script = Files.writeString(directory.resolve("script"),
                "echo before\nstty -a > before.txt\n" + command(options)
                        + "\necho \"over with $?\"\nstty -a > after.txt\necho written\nsleep 600\n");
        tmux.open(TOP, width, height, "cd '" + directory + "' && sh '" + script + "'");
    }

    private String screen() {
        return tmux.screen(TOP, false);
    }

    private void awaitScreen(String... parts) {
        await().untilAsserted(() -> assertThat(screen()).contains(parts));
    }

    private void press(String... keys) {
        tmux.press(TOP, keys);
    }

    /** What the terminal is told is what it was told before, and its screen is as it was. */
    private void awaitTerminalAsBefore(int exit) throws IOException {
        awaitScreen("before\nover with " + exit + "\nwritten");
        assertThat(screen()).doesNotContain("Overview");
        assertThat(Files.readString(directory.resolve("after.txt")))
                .isEqualTo(Files.readString(directory.resolve("before.txt")));
        assertThat(tmux.tmux("display-message", "-p", "-t", TOP, "#{alternate_on} #{cursor_flag}").strip())
                .isEqualTo("0 1");
    }

    @Test
    void screensAreSwitchedFilteredResizedAndLeaveTheTerminalAsItWas() throws IOException {
        mail();
        open(80, 24, "");
        awaitScreen("Penstock ", " at gateway.test, up ", "[1 Overview]", "7 Latency", "queued 2, oldest ",
                "PROVIDER", "? help  / filter");
        press("2");
        awaitScreen("[2 Queues]", "by domain, in order of queued", ">busy.example       2");
        press("/");
        press("-l", "tenant=press");
        awaitScreen("filter: tenant=press");
        press("Enter");
        awaitScreen(">busy.example       1", "filter tenant=press");
        press("Enter");
        awaitScreen("domain=busy.example", "tenant=press", "last replies:", "451 4.7.650 slow");
        assertThat(screen()).as("what a receiver says doesn't reach the terminal").contains("slow ?[31mdown?2J");
        press("Escape");
        awaitScreen("[2 Queues]");
        press("/", "C-u", "Enter");
        press("5");
        awaitScreen("[5 Tenants]", "press", "shop", "1,000");
        tmux.resize(TOP, 50, 10);
        await().untilAsserted(() -> {
            assertThat(screen().lines()).hasSize(10);
            assertThat(screen().lines().toList().getLast()).startsWith("? help");
            assertThat(screen()).contains("TENANT");
        });
        tmux.resize(TOP, 100, 30);
        await().untilAsserted(() -> assertThat(screen().lines().toList()).hasSize(30)
                .last().asString().startsWith("? help"));
        press("6");
        awaitScreen("what holds mail", "its next attempt");
        press("7");
        awaitScreen("from acceptance to delivery, all mail");
        // At another size than the first tmux 3.3 leaves lines of the screen behind, of less as well.
        tmux.resize(TOP, 80, 24);
        await().untilAsserted(() -> assertThat(screen().lines().toList()).hasSize(24)
                .last().asString().startsWith("? help"));
        press("q");
        awaitTerminalAsBefore(0);
    }

    @Test
    void aGatewayThatGoesIsToldAndWhenItComesBackItIsShownAgain() throws IOException {
        open(90, 20, "--no-color");
        awaitScreen("[1 Overview]", "no alarms");
        assertThat(tmux.screen(TOP, true)).as("no colours").doesNotContainPattern("\u001b\\[[0-9;]*[34][0-7]");
        penstock.close();
        awaitScreen("no answer for ", "no gateway answers at ");
        penstock = gateway();
        await().untilAsserted(() -> assertThat(screen()).doesNotContain("no answer for").contains("? help"));
        press("C-c");
        awaitTerminalAsBefore(0);
    }

    @Test
    void aSignalEndsItAndColoursTellWhatIsBad() throws IOException {
        mail();
        open(120, 24, "--screen queues");
        awaitScreen("busy.example");
        assertThat(tmux.screen(TOP, true)).as("the order, reversed").containsPattern("\u001b\\[[0-9;]*7m *QUEUED");
        String pid = tmux.tmux("display-message", "-p", "-t", TOP, "#{pane_pid}").strip();
        await().until(() -> descendant(Long.parseLong(pid)).isPresent());
        descendant(Long.parseLong(pid)).orElseThrow().destroy(); // SIGTERM
        awaitTerminalAsBefore(0);
    }

    private static Optional<ProcessHandle> descendant(long pid) {
        return ProcessHandle.of(pid).stream().flatMap(ProcessHandle::descendants)
                .filter(each -> each.info().command().orElse("").endsWith("java")).findFirst();
    }

    /** Nothing is written for what stays as it is: of a screen that is idle, the clock alone. */
    @Test
    void onlyWhatChangesIsWritten() throws IOException {
        open(80, 24, "");
        awaitScreen("[1 Overview]", "no alarms");
        Path written = directory.resolve("written");
        tmux.tmux("pipe-pane", "-t", TOP, "cat > " + written);
        Pattern clock = Pattern.compile("\\d");
        await().until(() -> Files.exists(written) && Files.size(written) > 200);
        String all = Files.readString(written, ISO_8859_1);
        assertThat(all).doesNotContain("Overview", "connections", "\u001b[2J", "\u001b[H\u001b[J");
        assertThat(clock.matcher(all).find()).isTrue();
        press("q");
        awaitTerminalAsBefore(0);
    }
}
