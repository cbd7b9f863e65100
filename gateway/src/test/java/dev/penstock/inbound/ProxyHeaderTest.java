package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.tcp.TcpServer;

class ProxyHeaderTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final String SIGNATURE = "0d0a0d0a000d0a515549540a";

    private final Counters counters = new Counters();

    /** What the listener heard, in a line. */
    private static final class Heard implements ProxyHeader.Listener {
        final List<String> told = new CopyOnWriteArrayList<>();

        @Override
        public void arrived(@Nullable InetSocketAddress source, @Nullable InetSocketAddress destination,
                boolean more) {
            told.add((source == null || destination == null
                    ? "own"
                    : NetUtil.toSocketAddressString(source) + " > " + NetUtil.toSocketAddressString(destination))
                    + (more ? " and more" : ""));
        }

        @Override
        public void failed(ProxyHeader.Failure why) {
            told.add(why.name());
        }
    }

    private static byte[] v2(int command, int family, byte[] addresses, byte[] tlvs) {
        ByteBuffer header = ByteBuffer.allocate(16 + addresses.length + tlvs.length);
        header.put(HexFormat.of().parseHex(SIGNATURE)).put((byte) (0x20 | command)).put((byte) family)
                .putShort((short) (addresses.length + tlvs.length)).put(addresses).put(tlvs);
        return header.array();
    }

    private static byte[] hex(String hex) {
        return HexFormat.of().parseHex(hex.replace(" ", ""));
    }

    private static final byte[] V4 = hex("c0000201 c6336402 d903 0019");
    private static final byte[] V6 = hex(
            "20010db8000000000000000000000001 20010db8000000000000000000000002 d903 0019");

    static Stream<List<Object>> goodHeaders() {
        byte[] tlvs = hex("01 0002 6832" // ALPN
                + "20 000f 07 00000000 21 0007 544c5376312e33" // SSL with its version
                + "04 0000" // NOOP
                + "ee 0001 ff");
        return Stream.of(
                List.of("PROXY TCP4 192.0.2.1 198.51.100.2 55555 25\r\n".getBytes(US_ASCII),
                        "192.0.2.1:55555 > 198.51.100.2:25"),
                List.of("PROXY TCP6 2001:db8::1 2001:db8::2 55555 25\r\n".getBytes(US_ASCII),
                        "[2001:db8::1]:55555 > [2001:db8::2]:25"),
                List.of("PROXY UNKNOWN\r\n".getBytes(US_ASCII), "own"),
                List.of("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n".getBytes(US_ASCII), "own"),
                List.of(v2(1, 0x11, V4, new byte[0]), "192.0.2.1:55555 > 198.51.100.2:25"),
                List.of(v2(1, 0x21, V6, new byte[0]), "[2001:db8::1]:55555 > [2001:db8::2]:25"),
                List.of(v2(1, 0x11, V4, tlvs), "192.0.2.1:55555 > 198.51.100.2:25"),
                List.of(v2(0, 0x00, new byte[0], new byte[0]), "own"), // LOCAL
                List.of(v2(0, 0x11, V4, tlvs), "own"), // LOCAL, whatever else it says
                List.of(v2(1, 0x00, new byte[0], new byte[0]), "own")); // PROXY of an unknown family
    }

    @ParameterizedTest
    @MethodSource("goodHeaders")
    void aHeaderTellsTheAddressesAndWhatFollowsIsLeft(List<Object> header) {
        Heard heard = new Heard();
        EmbeddedChannel channel = waiting(heard);
        channel.writeInbound(Unpooled.wrappedBuffer((byte[]) header.getFirst(), "EHLO x\r\n".getBytes(US_ASCII)));
        assertThat(heard.told).containsExactly(header.get(1) + " and more");
        assertThat(inbound(channel)).isEqualTo("EHLO x\r\n");
        assertThat(channel.pipeline().names()).containsExactly("DefaultChannelPipeline$TailContext#0");
        assertThat(channel.finishAndReleaseAll()).isFalse();
    }

    @ParameterizedTest
    @MethodSource("goodHeaders")
    void aHeaderMayComeInSingleOctets(List<Object> header) {
        Heard heard = new Heard();
        EmbeddedChannel channel = waiting(heard);
        byte[] octets = (byte[]) header.getFirst();
        for (int i = 0; i < octets.length; i++) {
            assertThat(heard.told).isEmpty();
            channel.writeInbound(Unpooled.wrappedBuffer(octets, i, 1));
        }
        assertThat(heard.told).containsExactly((String) header.get(1));
        channel.writeInbound(Unpooled.copiedBuffer("NOOP\r\n", US_ASCII));
        assertThat(inbound(channel)).isEqualTo("NOOP\r\n");
        channel.runScheduledPendingTasks();
        channel.advanceTimeBy(1, TimeUnit.HOURS);
        channel.runScheduledPendingTasks();
        assertThat(channel.isOpen()).isTrue();
        channel.finishAndReleaseAll();
        assertThat(counters.proxyFailures.sum()).isZero();
    }

    static Stream<byte[]> badHeaders() {
        return Stream.of(
                "EHLO client.example\r\n".getBytes(US_ASCII),
                "GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(US_ASCII),
                "PROXY TCP4 192.0.2.1 198.51.100.2 55555\r\n".getBytes(US_ASCII),
                "PROXY TCP4 2001:db8::1 2001:db8::2 55555 25\r\n".getBytes(US_ASCII),
                "PROXY TCP4 client.example 198.51.100.2 55555 25\r\n".getBytes(US_ASCII),
                "PROXY TCP4 192.0.2.1 198.51.100.2 55555 65536\r\n".getBytes(US_ASCII),
                "PROXY TCP4 192.0.2.1 198.51.100.2 -1 25\r\n".getBytes(US_ASCII),
                "PROXY UDP4 192.0.2.1 198.51.100.2 55555 25\r\n".getBytes(US_ASCII),
                "proxy TCP4 192.0.2.1 198.51.100.2 55555 25\r\n".getBytes(US_ASCII),
                ("PROXY UNKNOWN " + "x".repeat(200) + "\r\n").getBytes(US_ASCII),
                "x".repeat(200).getBytes(US_ASCII),
                v2(1, 0x11, hex("c0000201"), new byte[0]), // addresses cut short
                v2(1, 0x31, new byte[216], new byte[0]), // AF_UNIX
                v2(1, 0x12, V4, new byte[0]), // UDP
                v2(1, 0x41, V4, new byte[0]), // no such family
                v2(2, 0x11, V4, new byte[0]), // no such command
                v2(1, 0x11, V4, hex("01 ffff 6832")), // a TLV longer than the header
                v2(1, 0x11, V4, hex("20 0002 0700")), // an SSL TLV that is too short
                v2(1, 0x11, V4, new byte[10_000]), // longer than we read
                hex(SIGNATURE + "1111000c c0000201c6336402d9030019"), // version 1 in binary
                hex(SIGNATURE + "0111000c c0000201c6336402d9030019"));
    }

    @ParameterizedTest
    @MethodSource("badHeaders")
    void whatIsNoHeaderClosesTheConnection(byte[] header) {
        Heard heard = new Heard();
        EmbeddedChannel channel = waiting(heard);
        for (int i = 0; i < header.length && channel.isOpen(); i++) {
            channel.writeInbound(Unpooled.wrappedBuffer(header, i, 1));
        }
        assertThat(heard.told).containsExactly("MALFORMED");
        assertThat(channel.isOpen()).isFalse();
        assertThat(inbound(channel)).isEmpty();
        assertThat(counters.proxyFailures.sum()).isEqualTo(1);
        channel.finishAndReleaseAll();

        heard.told.clear();
        EmbeddedChannel atOnce = waiting(heard);
        atOnce.writeInbound(Unpooled.wrappedBuffer(header, "QUIT\r\n".getBytes(US_ASCII)));
        assertThat(heard.told).containsExactly("MALFORMED");
        assertThat(inbound(atOnce)).isEmpty();
        atOnce.finishAndReleaseAll();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "PROXY TCP4 192.0.2.1", "QUIT\r\n"})
    void aHeaderThatIsLateClosesTheConnection(String begin) {
        Heard heard = new Heard();
        EmbeddedChannel channel = waiting(heard);
        channel.writeInbound(Unpooled.copiedBuffer(begin, US_ASCII));
        channel.advanceTimeBy(TIMEOUT.toMillis() - 1, TimeUnit.MILLISECONDS);
        channel.runScheduledPendingTasks();
        assertThat(heard.told).isEmpty();
        channel.advanceTimeBy(1, TimeUnit.MILLISECONDS);
        channel.runScheduledPendingTasks();
        assertThat(heard.told).containsExactly("LATE");
        assertThat(channel.isOpen()).isFalse();
        assertThat(inbound(channel)).isEmpty();
        channel.finishAndReleaseAll();
    }

    @Test
    void aProxyThatOnlyLooksIsNoFailure() {
        Heard heard = new Heard();
        EmbeddedChannel channel = waiting(heard);
        var _ = channel.close();
        assertThat(heard.told).containsExactly("CLOSED");
        EmbeddedChannel half = waiting(heard);
        half.pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
        assertThat(heard.told).containsExactly("CLOSED", "CLOSED");
        assertThat(half.isOpen()).isFalse();
        assertThat(counters.proxyFailures.sum()).isZero();
    }

    private EmbeddedChannel waiting(Heard heard) {
        EmbeddedChannel channel = new EmbeddedChannel();
        channel.config().setAutoRead(false);
        channel.freezeTime();
        ProxyHeader.await(channel, TIMEOUT, counters, heard);
        return channel;
    }

    private static String inbound(EmbeddedChannel channel) {
        StringBuilder all = new StringBuilder();
        for (ByteBuf read = channel.readInbound(); read != null; read = channel.readInbound()) {
            all.append(read.toString(US_ASCII));
            read.release();
        }
        return all.toString();
    }

    /** As the server uses it: a real socket, reading on demand, a receiver that comes after the header. */
    @Test
    void behindTheHeaderAReceiverOfReactorNettyReadsOn() throws Exception {
        BlockingQueue<String> received = new LinkedBlockingQueue<>();
        Heard heard = new Heard();
        DisposableServer server = TcpServer.create().host("127.0.0.1").port(0).doOnConnection(
                connection -> ProxyHeader.await(connection.channel(), TIMEOUT, counters, new ProxyHeader.Listener() {
                    @Override
                    public void arrived(@Nullable InetSocketAddress source, @Nullable InetSocketAddress destination,
                            boolean more) {
                        heard.arrived(source, destination, more);
                        connection.inbound().receive().asString(US_ASCII).doOnNext(received::add).subscribe();
                        connection.outbound().sendString(Mono.just("220 hello\r\n")).then().subscribe();
                    }

                    @Override
                    public void failed(ProxyHeader.Failure why) {
                        heard.failed(why);
                    }
                })).bindNow();
        try {
            byte[] header = v2(1, 0x11, V4, new byte[0]);
            try (Socket client = connect(server)) {
                for (byte octet : header) {
                    client.getOutputStream().write(octet);
                }
                assertThat(read(client.getInputStream(), 11)).isEqualTo("220 hello\r\n");
                client.getOutputStream().write("EHLO x\r\n".getBytes(US_ASCII));
                assertThat(received.poll(60, TimeUnit.SECONDS)).isEqualTo("EHLO x\r\n");
            }
            try (Socket client = connect(server)) {
                ByteArrayOutputStream both = new ByteArrayOutputStream();
                both.writeBytes(header);
                both.writeBytes("QUIT\r\n".getBytes(US_ASCII));
                client.getOutputStream().write(both.toByteArray());
                assertThat(received.poll(60, TimeUnit.SECONDS)).isEqualTo("QUIT\r\n");
            }
            assertThat(heard.told).containsExactly("192.0.2.1:55555 > 198.51.100.2:25",
                    "192.0.2.1:55555 > 198.51.100.2:25 and more");
            try (Socket client = connect(server)) {
                client.getOutputStream().write("EHLO client.example\r\n".getBytes(US_ASCII));
                assertThat(client.getInputStream().read()).isEqualTo(-1);
            }
            try (Socket client = connect(server)) {
                client.shutdownOutput();
                assertThat(client.getInputStream().read()).isEqualTo(-1);
            }
            await().until(() -> heard.told.size() == 4);
            assertThat(heard.told.subList(2, 4)).containsExactly("MALFORMED", "CLOSED");
        } finally {
            server.disposeNow();
        }
    }

    private static Socket connect(DisposableServer server) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
        socket.setSoTimeout(10_000);
        socket.setTcpNoDelay(true);
        return socket;
    }

    private static String read(InputStream in, int octets) throws IOException {
        return new String(in.readNBytes(octets), US_ASCII);
    }
}
