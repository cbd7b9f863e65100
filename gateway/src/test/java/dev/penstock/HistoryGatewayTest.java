package dev.penstock;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.history.History;
import dev.penstock.history.HistoryException;
import dev.penstock.history.Hit;
import dev.penstock.history.Query;
import dev.penstock.message.MessageEvent;

/** The message story of a whole gateway. */
@Timeout(180)
class HistoryGatewayTest {
    private static final Query TO_ANN = new Query("ann@nowhere.test", null, null, null, null, null, null, null, null,
            Set.of());

    @TempDir
    Path directory;

    @Test
    void whatWasTakenIsFoundWhileTheGatewayRunsAndWhatHappenedLastWhenItHasStopped() throws IOException {
        GatewayConfig config = config("""
                [history]
                enabled = true
                directory = "%1$s/history"
                """);
        Hit reception;
        try (Penstock penstock = Penstock.start(config)) {
            History history = Objects.requireNonNull(penstock.history());
            send(penstock, "ann@nowhere.test");
            await().until(() -> !found(history).isEmpty());
            reception = found(history).getLast();
            assertThat(reception.event().type()).isEqualTo(MessageEvent.Type.RECEPTION);
            assertThat(reception.event().client().messageId()).isEqualTo("<1@s.example>");
            send(penstock, "bob@nowhere.test"); // and stops at once
        }
        try (History history = History.read(config.history(), config.events().directory())) {
            assertThat(history.story(reception.event().id()).events().getFirst().line()).isEqualTo(reception.line());
            assertThat(history.search(new Query("bob@nowhere.test", null, null, null, null, null, null, null, null,
                    Set.of(MessageEvent.Type.RECEPTION)), 10, null).items()).hasSize(1);
        }
    }

    @Test
    void unlessItIsSwitchedOnThereIsNone() throws IOException {
        try (Penstock penstock = Penstock.start(config(""))) {
            assertThat(penstock.history()).isNull();
        }
    }

    private static List<Hit> found(History history) {
        try {
            return history.search(TO_ANN, 10, null).items();
        } catch (HistoryException _) { // it isn't open yet
            return List.of();
        }
    }

    private GatewayConfig config(String more) throws IOException {
        Path file = Files.writeString(directory.resolve("penstock.toml"), ("""
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [injection]
                directory = "%1$s/injection"
                [http]
                port = 0
                [dns]
                servers = ["127.0.0.1:9"]
                """ + more).formatted(directory));
        return switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid -> valid.config();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    private static void send(Penstock penstock, String recipient) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(penstock.smtpAddresses().getFirst());
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
            assertThat(in.readLine()).startsWith("220 ");
            for (String command : List.of("HELO app.example", "MAIL FROM:<s@s.example>", "RCPT TO:<" + recipient + ">",
                    "DATA", "Message-ID: <1@s.example>\r\nSubject: x\r\n\r\nx\r\n.")) {
                socket.getOutputStream().write((command + "\r\n").getBytes(ISO_8859_1));
                assertThat(in.readLine()).as(command).matches("(250|354).*");
            }
        }
    }
}
