package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.slf4j.LoggerFactory;

import dev.penstock.testing.HeapGrowth;

/**
 * PROXY headers, right and wrong, in whatever pieces: they are read as the protocol has them, the client's octets begin
 * where the header ends, and of a header that is none nothing goes on.
 */
class ProxyHeaderFuzzTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final byte[] SIGNATURE = {13, 10, 13, 10, 0, 13, 10, 'Q', 'U', 'I', 'T', 10};
    private static final int FIXED = 16; // octets of version 2 before the addresses
    private static final int MAX_V1 = 107; // octets with CRLF: the protocol, 2.1
    private static final int MAX_V2 = FIXED + 216 + 4096; // with Unix sockets' addresses, and what we pass over
    private static final int DETECTION = 13; // octets that Netty waits for
    private static final Pattern V1 = Pattern
            .compile("PROXY (TCP4|TCP6) ([^ ]+) ([^ ]+) \\+?0*([0-9]{1,5}) \\+?0*([0-9]{1,5}) *");
    private static final Pattern V4 = Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    private static final String[] WORDS = {"PROXY", " ", "TCP4", "TCP6", "UNKNOWN", "192.0.2.7", "0.0.0.0",
        "255.255.255.255", "2001:db8::1", "::", "::ffff:192.0.2.1", "25", "0", "65535", "65536", "\r\n", "\r", "\n",
        "  ", "TCP9", "-1", "+1", "fe80::1%1", "[::1]"};
    private static final int[] FAMILIES = {0x11, 0x21, 0x00, 0x12, 0x22, 0x31, 0x32, 0x10, 0x13, 0x41, 0xff};
    private static final String[] TYPES = {"\1", "\2", "\3", "\4", "\5", "\40", "\41", "\42", "\60"};
    private static final int MOST_PARTS = 12;

    private static final HeapGrowth growth = new HeapGrowth("PROXY headers");

    @BeforeAll
    static void hush() {
        ((Logger) LoggerFactory.getLogger(ProxyHeader.class)).setLevel(Level.OFF); // failures that it is told of
    }

    @AfterAll
    static void check() {
        ((Logger) LoggerFactory.getLogger(ProxyHeader.class)).setLevel(null);
        growth.check();
    }

    /** What the octets are by the protocol's text. */
    private sealed interface Meaning {
        /** @param length of the header; the addresses are null when the proxy speaks for itself */
        record Header(int length, @Nullable InetSocketAddress source, @Nullable InetSocketAddress destination)
                implements
                    Meaning {}

        /** One that we may take as it is meant, or refuse, but not read beyond. */
        record Odd(int length) implements Meaning {}

        record Malformed() implements Meaning {}

        record Incomplete() implements Meaning {}
    }

    @FuzzTest(maxDuration = "10m")
    void whatFollowsAHeaderIsTheClientsAndNothingElseIs(FuzzedDataProvider data) throws Exception {
        byte[] octets = octets(data);
        Run run = new Run();
        int from = 0;
        while (from < octets.length) {
            int to = data.consumeBoolean() ? octets.length : data.consumeInt(from + 1, octets.length);
            run.send(Arrays.copyOfRange(octets, from, to));
            from = to;
        }
        run.judge(octets, meaning(octets));
        growth.ran();
    }

    private static byte[] octets(FuzzedDataProvider data) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        switch (data.consumeInt(0, 3)) {
            case 0 -> {
                out.writeBytes("PROXY ".getBytes(ISO_8859_1));
                for (int i = data.consumeInt(0, MOST_PARTS); i > 0; i--) {
                    out.writeBytes(data.pickValue(WORDS).getBytes(ISO_8859_1));
                }
            }
            case 1 -> versionTwo(data, out);
            case 2 -> {
                boolean six = data.consumeBoolean();
                String address = six ? "2001:db8::" + Integer.toHexString(data.consumeInt(0, 0xffff)) : "192.0.2.9";
                out.writeBytes(("PROXY " + (six ? "TCP6 " : "TCP4 ") + address + " " + address + " "
                        + data.consumeInt(1, 65535) + " 25\r\n").getBytes(ISO_8859_1));
            }
            default -> out.writeBytes(data.consumeBytes(200));
        }
        byte[] header = out.toByteArray();
        for (int i = data.consumeInt(0, 3); i > 0 && header.length > 0; i--) {
            header[data.consumeInt(0, header.length - 1)] = data.consumeByte();
        }
        out.reset();
        out.writeBytes(header);
        if (data.consumeInt(0, 9) == 9) {
            out.writeBytes("y".repeat(data.consumeInt(0, 6000)).getBytes(ISO_8859_1));
        }
        out.writeBytes(data.consumeBoolean() ? "EHLO x\r\nNOOP\r\n".getBytes(ISO_8859_1) : data.consumeBytes(40));
        return out.toByteArray();
    }

    private static void versionTwo(FuzzedDataProvider data, ByteArrayOutputStream out) {
        out.writeBytes(SIGNATURE);
        out.write(data.consumeInt(0, 5) == 5 ? data.consumeByte() : 0x20 | data.consumeInt(0, 1));
        int family = data.pickValue(FAMILIES);
        out.write(family);
        ByteArrayOutputStream rest = new ByteArrayOutputStream();
        int length = switch (family >> 4) {
            case 1 -> 12;
            case 2 -> 36;
            case 3 -> 216;
            default -> 0;
        };
        rest.writeBytes(Arrays.copyOf(data.consumeBytes(length), data.consumeInt(0, 9) == 9 ? length / 2 : length));
        for (int i = data.consumeInt(0, MOST_PARTS); i > 0; i--) {
            values(data, rest, data.consumeInt(0, 4));
        }
        int stated = data.consumeInt(0, 9) == 9 ? data.consumeInt(0, 65535) : rest.size();
        out.write(stated >> 8);
        out.write(stated);
        out.writeBytes(rest.toByteArray());
    }

    /** A TLV, which may be of TLS and hold others. */
    private static void values(FuzzedDataProvider data, ByteArrayOutputStream out, int deep) {
        ByteArrayOutputStream value = new ByteArrayOutputStream();
        String type = data.pickValue(TYPES);
        if (type.equals("\40")) {
            value.writeBytes(Arrays.copyOf(data.consumeBytes(5), 5));
            for (int i = deep; i > 0; i--) {
                values(data, value, deep - 1);
            }
        } else {
            value.writeBytes(data.consumeBytes(data.consumeInt(0, 20)));
        }
        int stated = data.consumeInt(0, 9) == 9 ? data.consumeInt(0, 65535) : value.size();
        out.write(type.charAt(0));
        out.write(stated >> 8);
        out.write(stated);
        out.writeBytes(value.toByteArray());
    }

    private static Meaning meaning(byte[] octets) throws UnknownHostException {
        if (octets.length < DETECTION) {
            return new Meaning.Incomplete();
        }
        return Arrays.equals(octets, 0, SIGNATURE.length, SIGNATURE, 0, SIGNATURE.length)
                ? ofVersionTwo(octets)
                : ofVersionOne(octets);
    }

    private static Meaning ofVersionOne(byte[] octets) throws UnknownHostException {
        String text = new String(octets, ISO_8859_1);
        int end = text.indexOf("\r\n");
        if (end < 0) {
            return octets.length > MAX_V1 + 1 ? new Meaning.Malformed() : new Meaning.Incomplete();
        }
        int length = end + 2;
        String line = text.substring(0, end);
        if (length > MAX_V1) {
            return new Meaning.Malformed();
        }
        if (line.equals("PROXY UNKNOWN") || line.startsWith("PROXY UNKNOWN ")) {
            return new Meaning.Header(length, null, null);
        }
        Matcher matcher = V1.matcher(line);
        if (!matcher.matches()) {
            return new Meaning.Malformed();
        }
        boolean six = matcher.group(1).equals("TCP6");
        String source = matcher.group(2);
        String destination = matcher.group(3);
        int sourcePort = Integer.parseInt(matcher.group(4));
        int destinationPort = Integer.parseInt(matcher.group(5));
        if (sourcePort < 1 || sourcePort > 65535 || destinationPort < 1 || destinationPort > 65535) {
            return new Meaning.Malformed();
        }
        if (six) {
            return source.matches("[0-9a-f:]+") && destination.matches("[0-9a-f:]+") && isSix(source)
                    && isSix(destination)
                            ? new Meaning.Header(length, new InetSocketAddress(source, sourcePort),
                                    new InetSocketAddress(destination, destinationPort))
                            : new Meaning.Odd(length);
        }
        return isFour(source) && isFour(destination)
                ? new Meaning.Header(length, new InetSocketAddress(four(source), sourcePort),
                        new InetSocketAddress(four(destination), destinationPort))
                : new Meaning.Malformed();
    }

    private static boolean isSix(String text) {
        try {
            return text.contains(":") && InetAddress.ofLiteral(text).getAddress().length > 0;
        } catch (IllegalArgumentException _) {
            return false;
        }
    }

    private static boolean isFour(String text) {
        return V4.matcher(text).matches()
                && Arrays.stream(text.split("\\.", -1)).allMatch(part -> Integer.parseInt(part) < 256);
    }

    private static InetAddress four(String text) throws UnknownHostException {
        byte[] address = new byte[4];
        String[] parts = text.split("\\.", -1);
        for (int i = 0; i < address.length; i++) {
            address[i] = (byte) Integer.parseInt(parts[i]);
        }
        return InetAddress.getByAddress(address);
    }

    private static Meaning ofVersionTwo(byte[] octets) throws UnknownHostException {
        if (octets.length < FIXED) {
            return octets[12] == 1 ? new Meaning.Malformed() : new Meaning.Incomplete(); // 1: Netty looks for a line
        }
        int stated = number(octets, 14);
        int length = FIXED + stated;
        if (octets[12] == 1) {
            return new Meaning.Malformed();
        }
        if (octets.length < length) {
            return octets.length > MAX_V2 ? new Meaning.Malformed() : new Meaning.Incomplete();
        }
        if (length > MAX_V2 || octets[12] != 0x20 && octets[12] != 0x21) {
            return new Meaning.Malformed();
        }
        boolean local = octets[12] == 0x20;
        int family = octets[13] & 0xff;
        int size = switch (family) {
            case 0x11 -> 4;
            case 0x21 -> 16;
            default -> 0;
        };
        if (local || family == 0 || size == 0) {
            return local && (size > 0 || family == 0) || family == 0
                    ? new Meaning.Header(length, null, null)
                    : new Meaning.Odd(length);
        }
        int addresses = 2 * size + 4;
        if (stated < addresses) {
            return new Meaning.Malformed();
        }
        if (stated > addresses) { // whether its TLVs are whole is Netty's matter
            return new Meaning.Odd(length);
        }
        return new Meaning.Header(length, address(octets, FIXED, size, FIXED + 2 * size),
                address(octets, FIXED + size, size, FIXED + 2 * size + 2));
    }

    private static InetSocketAddress address(byte[] octets, int at, int size, int port) throws UnknownHostException {
        return new InetSocketAddress(InetAddress.getByAddress(Arrays.copyOfRange(octets, at, at + size)),
                number(octets, port));
    }

    private static int number(byte[] octets, int at) {
        return (octets[at] & 0xff) << 8 | octets[at + 1] & 0xff;
    }

    /** One connection. */
    private static final class Run implements ProxyHeader.Listener {
        private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false, false);
        private final EmbeddedChannel channel = new EmbeddedChannel();
        private final ByteArrayOutputStream passed = new ByteArrayOutputStream();
        private int arrivals;
        private int failures;
        private @Nullable InetSocketAddress source;
        private @Nullable InetSocketAddress destination;

        Run() {
            channel.config().setAllocator(allocator);
            channel.pipeline().addLast(new ChannelInboundHandlerAdapter() {
                @Override
                public void channelRead(ChannelHandlerContext context, Object message) {
                    ByteBuf octets = (ByteBuf) message;
                    byte[] copy = new byte[octets.readableBytes()];
                    octets.readBytes(copy).release();
                    passed.writeBytes(copy);
                }
            });
            ProxyHeader.await(channel, TIMEOUT, new Counters(), this);
        }

        @Override
        public void arrived(@Nullable InetSocketAddress from, @Nullable InetSocketAddress to, boolean more) {
            arrivals++;
            source = from;
            destination = to;
        }

        @Override
        public void failed(ProxyHeader.Failure why) {
            failures++;
        }

        void send(byte[] octets) {
            if (channel.isOpen()) {
                channel.writeInbound(allocator.buffer(octets.length).writeBytes(octets));
                channel.checkException();
            }
        }

        void judge(byte[] octets, Meaning meaning) {
            boolean open = channel.isOpen();
            check(arrivals + failures <= 1 && open == (failures == 0), "told twice, or left open");
            switch (meaning) {
                case Meaning.Header header -> {
                    check(arrivals == 1, "a header was refused");
                    check(Objects.equals(header.source, source) && Objects.equals(header.destination, destination),
                            "read as " + source + " > " + destination + " in place of " + header);
                    isTheRest(octets, header.length);
                }
                case Meaning.Odd(int length) -> {
                    if (arrivals == 1) {
                        isTheRest(octets, length);
                    }
                }
                case Meaning.Malformed() -> check(arrivals == 0, "it passed for a header of " + source);
                case Meaning.Incomplete() -> check(arrivals == 0, "half a header passed for a whole one");
            }
            check(arrivals == 1 || passed.size() == 0, "something passed without a header");
            channel.finishAndReleaseAll();
            check(allocator.metric().usedHeapMemory() + allocator.metric().usedDirectMemory() == 0,
                    "a buffer was not released");
        }

        private void isTheRest(byte[] octets, int from) {
            check(Arrays.equals(passed.toByteArray(), Arrays.copyOfRange(octets, from, octets.length)),
                    "the client's octets don't begin behind the header");
        }

        private static void check(boolean holds, String problem) {
            if (!holds) {
                throw new AssertionError(problem);
            }
        }
    }
}
