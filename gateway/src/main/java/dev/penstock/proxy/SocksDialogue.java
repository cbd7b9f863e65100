package dev.penstock.proxy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

import dev.penstock.egress.Socks;

/**
 * The server's end of one SOCKS5 dialogue (RFC 1928, RFC 1929): takes octets and says what is to be done. A state machine
 * without I/O, confined to one thread. Consumes a request when it is there as a whole, and never more than one at a time.
 */
final class SocksDialogue {
    private enum State {
        METHODS, LOGIN, REQUEST, BOUND_REQUEST, OVER
    }

    /** What is to be done next. */
    sealed interface Step {}

    /** Wait for further octets. */
    record More() implements Step {}

    /** Send this and go on. */
    record Answer(ByteBuf octets) implements Step {}

    /** Look whether the login is right, then {@link #loggedIn}. */
    record Login(String username, String password) implements Step {}

    /** Bind to this address and port; {@link #bound} when that is done. */
    record Bind(InetSocketAddress address) implements Step {}

    /** Connect to this. */
    record Connect(InetSocketAddress address) implements Step {}

    /**
     * Send this, if it isn't empty, and close.
     *
     * @param why for the log
     */
    record End(ByteBuf octets, String why) implements Step {}

    private static final Step MORE = new More();
    private static final int REQUEST_HEAD = 4; // RFC 1928 4: before the address

    private final boolean wantsLogin;
    private State state = State.METHODS;

    /** @param wantsLogin whether a client must log in; else it may not even offer nothing but that */
    SocksDialogue(boolean wantsLogin) {
        this.wantsLogin = wantsLogin;
    }

    Step next(ByteBuf in) {
        return switch (state) {
            case METHODS -> methods(in);
            case LOGIN -> login(in);
            case REQUEST, BOUND_REQUEST -> request(in);
            case OVER -> MORE;
        };
    }

    private Step methods(ByteBuf in) {
        int at = in.readerIndex();
        if (in.isReadable() && in.getUnsignedByte(at) != Socks.VERSION) {
            return over(Unpooled.EMPTY_BUFFER, "no SOCKS5: version " + in.getUnsignedByte(at));
        }
        if (in.readableBytes() < 2 || in.readableBytes() < 2 + in.getUnsignedByte(at + 1)) {
            return MORE;
        }
        in.skipBytes(1);
        int count = in.readUnsignedByte();
        int wanted = wantsLogin ? Socks.LOGIN : Socks.NO_LOGIN;
        boolean offered = false;
        for (int i = 0; i < count; i++) {
            offered |= in.readUnsignedByte() == wanted;
        }
        if (!offered) {
            return over(octets(Socks.VERSION, Socks.NO_METHOD), wantsLogin ? "no login offered" : "login not wanted");
        }
        state = wantsLogin ? State.LOGIN : State.REQUEST;
        return new Answer(octets(Socks.VERSION, wanted));
    }

    private Step login(ByteBuf in) {
        int at = in.readerIndex();
        if (in.isReadable() && in.getUnsignedByte(at) != Socks.LOGIN_VERSION) {
            return over(Unpooled.EMPTY_BUFFER, "no login: version " + in.getUnsignedByte(at));
        }
        if (in.readableBytes() < 2) {
            return MORE;
        }
        int username = in.getUnsignedByte(at + 1);
        if (in.readableBytes() < 3 + username) {
            return MORE;
        }
        int password = in.getUnsignedByte(at + 2 + username);
        if (in.readableBytes() < 3 + username + password) {
            return MORE;
        }
        in.skipBytes(2);
        String name = in.readString(username, StandardCharsets.UTF_8);
        in.skipBytes(1);
        return new Login(name, in.readString(password, StandardCharsets.UTF_8));
    }

    /** What the login came to. */
    Step loggedIn(boolean good) {
        if (!good) {
            return over(octets(Socks.LOGIN_VERSION, 1), "wrong login");
        }
        state = State.REQUEST;
        return new Answer(octets(Socks.LOGIN_VERSION, Socks.LOGIN_GOOD));
    }

    private Step request(ByteBuf in) {
        int at = in.readerIndex();
        if (in.isReadable() && in.getUnsignedByte(at) != Socks.VERSION) {
            return over(Unpooled.EMPTY_BUFFER, "no request: version " + in.getUnsignedByte(at));
        }
        if (in.readableBytes() < REQUEST_HEAD) {
            return MORE;
        }
        int type = in.getUnsignedByte(at + 3);
        int length;
        switch (type) {
            case Socks.IPV4 -> length = 4;
            case Socks.IPV6 -> length = 16;
            default -> { // names too: the gateway asks the DNS itself, once for all of its sources
                return over(failure(Socks.NO_SUCH_ADDRESS_TYPE), "address type " + type);
            }
        }
        if (in.readableBytes() < REQUEST_HEAD + length + 2) {
            return MORE;
        }
        in.skipBytes(1);
        int command = in.readUnsignedByte();
        in.skipBytes(2);
        byte[] octets = new byte[length];
        in.readBytes(octets);
        InetSocketAddress address = new InetSocketAddress(address(octets), in.readUnsignedShort());
        return switch (command) {
            case Socks.CONNECT -> {
                state = State.OVER;
                yield new Connect(address);
            }
            case Socks.BIND -> state == State.REQUEST
                    ? new Bind(address)
                    : over(failure(Socks.FAILURE), "a second BIND");
            default -> over(failure(Socks.NO_SUCH_COMMAND), "command " + command);
        };
    }

    /** The address is bound: its answer, after which a request to connect may come. */
    Answer bound(InetSocketAddress address) {
        state = State.BOUND_REQUEST;
        return new Answer(granted(address));
    }

    private End over(ByteBuf octets, String why) {
        state = State.OVER;
        return new End(octets, why);
    }

    static ByteBuf granted(InetSocketAddress from) {
        return reply(Socks.GRANTED, from);
    }

    static ByteBuf failure(int code) {
        return reply(code, null);
    }

    private static ByteBuf reply(int code, @Nullable InetSocketAddress from) {
        byte[] address = from == null ? new byte[4] : from.getAddress().getAddress();
        return Unpooled.buffer(REQUEST_HEAD + address.length + 2).writeByte(Socks.VERSION).writeByte(code).writeByte(0)
                .writeByte(address.length == 4 ? Socks.IPV4 : Socks.IPV6).writeBytes(address)
                .writeShort(from == null ? 0 : from.getPort());
    }

    private static InetAddress address(byte[] octets) {
        try {
            return InetAddress.getByAddress(octets);
        } catch (UnknownHostException e) {
            throw new IllegalStateException("of no address's length: " + octets.length, e);
        }
    }

    private static ByteBuf octets(int first, int second) {
        return Unpooled.buffer(2).writeByte(first).writeByte(second);
    }
}
