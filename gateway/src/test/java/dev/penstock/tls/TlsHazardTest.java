package dev.penstock.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.ssl.SslHandler;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.testing.RawTlsClient;
import dev.penstock.testing.TestCertificates;

/** What a client may do to the server by TLS itself; the channel's clock stands still unless it is moved. */
class TlsHazardTest {
    private static final int MAX_CLIENT_HELLO = 32 << 10; // jdk.tls.maxHandshakeMessageSize
    private static final int HEADER = 5; // of a record
    private static final byte[] USER_CANCELED = {1, 90}; // a warning, which Java's engine ignores: RFC 8446 6.1
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();

    @TempDir
    Path directory;

    private ServerTls tls;
    private Server server;

    @BeforeEach
    void start() {
        tls = new ServerTls(TlsConfigs.of(TestCertificates.write(directory, "mx", authority.server("mx.example"))),
                handshakes);
        server = new Server(tls);
    }

    @AfterEach
    void close() {
        server.channel.finishAndReleaseAll();
        handshakes.close();
    }

    @Test
    void whoSaysNothingIsGivenUpAtTheDeadlineOfTheHandshake() {
        server.pass(ServerTls.HANDSHAKE_TIMEOUT.minusMillis(1));
        assertThat(server.channel.isOpen()).isTrue();

        server.pass(Duration.ofMillis(2));
        assertThat(server.channel.isOpen()).isFalse();
        assertThat(tls.stats().failedHandshakes()).isEqualTo(1);
    }

    @Test
    void anOctetASecondDoesNotMoveTheDeadline() throws Exception {
        byte[] hello = new Client(authority.clientContext(), "TLSv1.3").write("");
        for (int second = 0; second < ServerTls.HANDSHAKE_TIMEOUT.toSeconds(); second++) {
            assertThat(server.channel.isOpen()).as("after %s s", second).isTrue();
            server.send(new byte[]{hello[second]});
            server.pass(Duration.ofSeconds(1));
        }
        server.pass(Duration.ofMillis(1));
        assertThat(server.channel.isOpen()).isFalse();
    }

    @Test
    void halfOfTheLargestClientHelloIsHeldNoLongerEither() {
        byte[] hello = record(22, new byte[]{1, 0, (byte) (MAX_CLIENT_HELLO >> 8), 0}, MAX_CLIENT_HELLO / 2 - 4);
        server.send(hello);
        assertThat(server.channel.isOpen()).isTrue();

        server.pass(ServerTls.HANDSHAKE_TIMEOUT.plusMillis(1));
        assertThat(server.channel.isOpen()).isFalse();
    }

    @Test
    void aLargerClientHelloIsRefusedByWhatItsHeaderSays() {
        server.send(record(22, new byte[]{1, 0, (byte) (MAX_CLIENT_HELLO >> 8), 1}, 0));
        assertThat(server.channel.isOpen()).isFalse();
    }

    @Test
    void aHandshakeInAnOctetARecordEnds() {
        server.send(record(22, new byte[]{1}, 0));
        server.send(record(22, new byte[]{0}, 0));
        server.send(record(22, new byte[]{(byte) (MAX_CLIENT_HELLO >> 9)}, 0));
        int sent = 3;
        while (server.channel.isOpen() && sent < MAX_CLIENT_HELLO / 2) {
            server.send(record(22, new byte[]{0}, 0));
            sent++;
        }
        assertThat(sent).isEqualTo(GuardedSslHandler.MAX_HANDSHAKE_RECORDS + 1);
        assertThat(tls.stats().floods()).isEqualTo(1);
    }

    @Test
    void aChainOfUpdatedKeysEndsThoughDataComesBetween() throws Exception {
        Client client = new Client(authority.clientContext(), "TLSv1.3");
        server.handshake(client);
        int updates = 0;
        while (server.channel.isOpen() && updates < 10_000) {
            server.send(client.updateKeys());
            server.send(client.write("x"));
            updates++;
        }
        assertThat(updates).isEqualTo(GuardedSslHandler.MAX_IDLE_RECORDS + 1);
        assertThat(tls.stats().floods()).isEqualTo(1);
        assertThat(server.heard.toString()).as("what came before is read").isEqualTo("x".repeat(updates - 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, RawTlsClient.MAX_PLAIN / 5})
    void manyUpdatesOfKeysInOneRecordEndTheConnectionAtTheFirst(int updates) throws Exception { // RFC 8446 5.1
        RawTlsClient client = new RawTlsClient();
        server.handshake(client);
        server.send(client.sealed(RawTlsClient.DATA, "x".getBytes(StandardCharsets.US_ASCII)));
        assertThat(server.heard.toString()).isEqualTo("x");

        server.send(client.updates(updates));
        assertThat(server.channel.isOpen()).isFalse();
        assertThat(tls.stats().floods()).isEqualTo(1);
    }

    @Test
    void aFloodOfAlertsThatMeanNothingEnds() throws Exception {
        RawTlsClient client = new RawTlsClient();
        server.handshake(client);
        int alerts = 0;
        while (server.channel.isOpen() && alerts < 10_000) {
            server.send(client.sealed(RawTlsClient.ALERT, USER_CANCELED));
            alerts++;
        }
        assertThat(alerts).isEqualTo(GuardedSslHandler.MAX_IDLE_RECORDS + 1);
        assertThat(tls.stats().floods()).isEqualTo(1);
    }

    @Test
    void aFloodOfAlertsOverASocketEndsTheConnection() throws Exception {
        try (TlsEnd end = new TlsEnd(tls); Socket socket = new Socket(InetAddress.getLoopbackAddress(), end.port())) {
            socket.setSoTimeout(Math.toIntExact(PATIENCE.toMillis()));
            RawTlsClient client = new RawTlsClient();
            OutputStream out = socket.getOutputStream();
            out.write(client.hello());
            byte[] finished = null;
            while (finished == null) {
                byte[] heard = new byte[16 << 10];
                int count = socket.getInputStream().read(heard);
                assertThat(count).as("octets of the server's handshake").isPositive();
                finished = client.hear(Arrays.copyOf(heard, count));
            }
            out.write(finished);
            for (int i = 0; i <= GuardedSslHandler.MAX_IDLE_RECORDS; i++) {
                out.write(client.sealed(RawTlsClient.ALERT, USER_CANCELED));
            }
            Awaitility.await().atMost(PATIENCE).until(() -> tls.stats().floods() == 1);
            assertThat(tls.stats().handshakes()).isEqualTo(1);
        }
    }

    @Test
    void aClientThatWantsAnotherHandshakeOverASocketGetsNone() throws Exception {
        try (TlsEnd end = new TlsEnd(tls);
                SSLSocket socket = end.connect(authority.clientContext(), "mx.example", "TLSv1.2")) {
            assertThatThrownBy(() -> {
                socket.startHandshake();
                var _ = socket.getInputStream().read();
            }).isInstanceOf(IOException.class);
            assertThatThrownBy(socket::startHandshake).isInstanceOf(IOException.class);
        }
        assertThat(tls.stats().handshakes()).isEqualTo(1);
    }

    @Test
    void whoSendsDataMayUpdateKeysFromTimeToTime() throws Exception {
        Client client = new Client(authority.clientContext(), "TLSv1.3");
        server.handshake(client);
        String text = "x".repeat(GuardedSslHandler.OCTETS_PER_IDLE_RECORD / 8);
        for (int update = 0; update < 3 * GuardedSslHandler.MAX_IDLE_RECORDS; update++) {
            for (int i = 0; i < 8; i++) {
                server.send(client.write(text));
            }
            server.send(client.updateKeys());
        }
        assertThat(server.channel.isOpen()).isTrue();
        assertThat(tls.stats().floods()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void dataInAnOctetARecordIsTaken(String protocol) throws Exception {
        Client client = new Client(authority.clientContext(), protocol);
        server.handshake(client);
        for (int i = 0; i < 10_000; i++) {
            server.send(client.write("y"));
        }
        assertThat(server.heard.toString()).isEqualTo("y".repeat(10_000));
    }

    private static byte[] record(int type, byte[] begin, int zeros) {
        int length = begin.length + zeros;
        byte[] record = new byte[HEADER + length];
        record[0] = (byte) type;
        record[1] = 3;
        record[2] = 3;
        record[3] = (byte) (length >> 8);
        record[4] = (byte) length;
        System.arraycopy(begin, 0, record, HEADER, begin.length);
        return record;
    }

    /** The server's end; its arithmetic runs on other threads, which are awaited. */
    private static final class Server {
        private final SslHandler handler;
        private final EmbeddedChannel channel;
        private final StringBuilder heard = new StringBuilder();

        Server(ServerTls tls) {
            handler = tls.newHandler();
            channel = new EmbeddedChannel();
            channel.freezeTime();
            channel.pipeline().addLast(handler, new ChannelInboundHandlerAdapter() {
                @Override
                public void channelRead(ChannelHandlerContext context, Object message) {
                    ByteBuf data = (ByteBuf) message;
                    heard.append(data.toString(StandardCharsets.US_ASCII));
                    data.release();
                }

                @Override
                public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                    var _ = context.close();
                }
            });
        }

        void pass(Duration time) {
            channel.advanceTimeBy(time.toNanos(), TimeUnit.NANOSECONDS);
            channel.runPendingTasks();
            channel.runScheduledPendingTasks();
        }

        void send(byte[] octets) {
            if (channel.isOpen()) {
                channel.writeInbound(Unpooled.wrappedBuffer(octets));
                channel.runPendingTasks();
            }
        }

        void handshake(RawTlsClient client) throws Exception {
            send(client.hello());
            Awaitility.await().atMost(PATIENCE).pollInSameThread().pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(1)).until(() -> {
                        channel.runPendingTasks();
                        for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
                            byte[] finished = client.hear(ByteBufUtil.getBytes(out));
                            out.release();
                            if (finished != null) {
                                send(finished);
                            }
                        }
                        return handler.handshakeFuture().isDone();
                    });
            assertThat(handler.handshakeFuture().isSuccess()).isTrue();
        }

        void handshake(Client client) throws Exception {
            Awaitility.await().atMost(PATIENCE).pollInSameThread().pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(1)).until(() -> {
                        send(client.write(""));
                        channel.runPendingTasks();
                        for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
                            client.read(ByteBufUtil.getBytes(out));
                            out.release();
                        }
                        client.read(new byte[0]); // what had to wait for its turn
                        return handler.handshakeFuture().isDone() && !client.isInHandshake();
                    });
            assertThat(handler.handshakeFuture().isSuccess()).isTrue();
        }
    }

    /** The client's end, as Java's engine has it; answers to its updates are never read. */
    private static final class Client {
        private static final int ROOM = 64 << 10;
        private final SSLEngine engine;
        private final ByteBuffer in = ByteBuffer.allocate(ROOM);

        Client(SSLContext context, String protocol) throws SSLException {
            engine = context.createSSLEngine("mx.example", 25);
            engine.setUseClientMode(true);
            engine.setEnabledProtocols(new String[]{protocol});
            engine.beginHandshake();
        }

        boolean isInHandshake() {
            return engine.getHandshakeStatus() != HandshakeStatus.NOT_HANDSHAKING;
        }

        /** All records that are due: those of the handshake, or one or more with the text. */
        byte[] write(String text) throws SSLException {
            ByteBuffer data = ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
            ByteBuffer out = ByteBuffer.allocate(2 * ROOM);
            boolean more = true;
            while (more) {
                runTasks();
                boolean due = data.hasRemaining() || engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP;
                more = due && engine.wrap(data, out).bytesProduced() > 0;
            }
            return octets(out);
        }

        byte[] updateKeys() throws SSLException {
            engine.beginHandshake(); // which is what it means after a handshake of TLS 1.3
            return write("");
        }

        void read(byte[] records) throws SSLException {
            in.put(records).flip();
            boolean more = true;
            while (more && in.hasRemaining()) {
                more = engine.unwrap(in, ByteBuffer.allocate(ROOM)).bytesConsumed() > 0 || runTasks();
            }
            in.compact();
        }

        private boolean runTasks() {
            boolean any = false;
            for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
                task.run();
                any = true;
            }
            return any;
        }

        private static byte[] octets(ByteBuffer out) {
            byte[] octets = new byte[out.flip().remaining()];
            out.get(octets);
            return octets;
        }
    }
}
