package dev.penstock.loadgen;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The sink's CHUNKING, and the wire that makes it a distant one. */
@Timeout(180)
class DistantSinkTest {
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final Duration DELAY = Duration.ofMillis(25);

    @Test
    void theSinkCountsOctetsOfChunksAndThrowsAwayThoseForNobody() throws Exception { // RFC 3030 2
        try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT).chunking(true).behave("none.test",
                Behaviour.parse("bounce")).build())) {
            String envelope = "MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n";
            String said = said(sink.addresses().getFirst(), "EHLO a.test\r\n" + envelope
                    + "BDAT 12\r\nA: b\r\n\r\nQUIT" + "BDAT 7 LAST\r\n\r\n.\r\n\r\n"
                    + envelope.replace("b.test", "none.test") + "BDAT 6 LAST\r\nQUIT\r\n" + "RSET\r\n"
                    + "BDAT 6 LAST\r\nQUIT\r\n" + "QUIT\r\n");
            assertThat(said).contains("250-CHUNKING\r\n");
            assertThat(said.substring(said.indexOf("250 SIZE")).lines().map(line -> line.substring(0, 3)).toList())
                    .containsExactly("250", "250", "250", "250", "250", "250", "550", "554", "250", "503", "221");
            assertThat(sink.report().foreign()).isEqualTo(1);
        }
    }

    @Test
    void withoutChunkingWhatFollowsBdatIsNotReadAsCommands() throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT).build())) {
            String said = said(sink.addresses().getFirst(), "EHLO a.test\r\nBDAT 6 LAST\r\nQUIT\r\nQUIT\r\n");
            assertThat(said).doesNotContain("CHUNKING", "221").endsWith("500 5.5.2 Command not recognized\r\n");
        }
    }

    @Test
    void theRelayPassesOctetsOnUnchangedBothWaysAndLater() throws Exception {
        byte[] sent = new byte[3 << 20];
        new SplittableRandom(1).nextBytes(sent);
        try (ServerSocket echo = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
                DelayRelay relay = DelayRelay.start(ANY_PORT,
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), echo.getLocalPort()), DELAY)) {
            Thread.ofVirtual().start(() -> echo(echo));
            try (Socket socket = new Socket(relay.address().getAddress(), relay.address().getPort())) {
                long start = System.nanoTime();
                socket.getOutputStream().write(sent, 0, 1);
                assertThat(socket.getInputStream().read()).isEqualTo(sent[0] & 0xff);
                assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(2 * DELAY.toNanos());
                Thread.ofVirtual().start(() -> write(socket, Arrays.copyOfRange(sent, 1, sent.length)));
                assertThat(socket.getInputStream().readAllBytes()).isEqualTo(Arrays.copyOfRange(sent, 1, sent.length));
            }
        }
    }

    @Test
    void betweenARelayThatOpensTlsAndOneThatAcceptsItMailGoesAsWithoutThem(@TempDir Path directory) throws Exception {
        Path store = directory.resolve("keys.p12");
        String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
        assertThat(new ProcessBuilder(keytool, "-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-dname",
                "CN=sink.test", "-storetype", "PKCS12", "-storepass", "penstock", "-keystore", store.toString())
                .start().waitFor()).isZero();
        try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT).build());
                DelayRelay accepting = DelayRelay.start(ANY_PORT, sink.addresses().getFirst(), Duration.ZERO,
                        StartTls.accepting(store, "penstock"));
                DelayRelay opening = DelayRelay.start(ANY_PORT, accepting.address(), Duration.ZERO,
                        StartTls.opening())) {
            LoadReport sent = new LoadGenerator(LoadOptions.to(opening.address()).sessions(4).messages(400)
                    .messagesPerSession(50).sizes("20KB").build()).run();

            assertThat(sent.messages()).isEqualTo(400);
            assertThat(sink.report().received().corrupt()).isZero();
            assertThat(sink.report().messages()).isEqualTo(400);
            assertThat(said(accepting.address(), "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nQUIT\r\n"))
                    .contains("250 STARTTLS\r\n").contains("530 5.7.0 ").doesNotContain("250 STARTTLS\r\n250");
        }
    }

    @Test
    void aRelayThatFlapsIsThereAndGoneInTurns() throws Exception {
        try (ServerSocket host = new ServerSocket(0, 1_000, InetAddress.getLoopbackAddress());
                DelayRelay relay = DelayRelay.start(ANY_PORT,
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), host.getLocalPort()), Duration.ZERO)) {
            InetSocketAddress address = relay.address();
            relay.flap(Duration.ofMillis(50));
            for (int turn = 0; turn < 3; turn++) {
                while (isThere(address)) {
                    Thread.onSpinWait();
                }
                while (!isThere(address)) {
                    Thread.onSpinWait();
                }
            }
        }
    }

    private static boolean isThere(InetSocketAddress address) {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            return socket.isConnected();
        } catch (IOException _) {
            return false;
        }
    }

    private static void echo(ServerSocket server) {
        try (Socket socket = server.accept()) {
            socket.getInputStream().transferTo(socket.getOutputStream());
        } catch (IOException _) {
            // the test says what is missing
        }
    }

    private static void write(Socket socket, byte[] octets) {
        try {
            socket.getOutputStream().write(octets);
            socket.shutdownOutput();
        } catch (IOException _) {
            // the test says what is missing
        }
    }

    private static String said(InetSocketAddress sink, String commands) throws IOException {
        try (Socket socket = new Socket(sink.getAddress(), sink.getPort())) {
            socket.getOutputStream().write(commands.getBytes(US_ASCII));
            socket.shutdownOutput();
            ByteArrayOutputStream said = new ByteArrayOutputStream();
            socket.getInputStream().transferTo(said);
            return said.toString(US_ASCII);
        }
    }
}
