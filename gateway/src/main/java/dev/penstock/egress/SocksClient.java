package dev.penstock.egress;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

import org.jspecify.annotations.Nullable;

import dev.penstock.egress.EgressException.Kind;

/**
 * The client's end of one SOCKS5 dialogue. Confined to the thread that connects. Reads no octet beyond the last reply:
 * what follows is the host's.
 */
final class SocksClient {
    private static final int MAX_REQUEST = 4 + 16 + 2; // RFC 1928 4, with an IPv6 address

    private final Source.Proxy proxy;
    private final DataInputStream input;
    private final OutputStream output;
    private boolean connecting;

    SocksClient(Source.Proxy proxy, InputStream input, OutputStream output) {
        this.proxy = proxy;
        this.input = new DataInputStream(input);
        this.output = output;
    }

    /** Whether the proxy has been asked to connect to the host: what takes time from then on is the host. */
    boolean isConnecting() {
        return connecting;
    }

    /**
     * Logs in, binds and connects.
     *
     * @param from what the proxy is to bind to; null for what it chooses
     * @return where the proxy says that it connects from, port 0 when it doesn't say
     * @throws EgressException        when the proxy refuses or can't do it
     * @throws ConnectException       when the host refuses
     * @throws NoRouteToHostException when the host can't be reached
     * @throws SocketTimeoutException when the proxy didn't reach the host in time
     */
    InetSocketAddress connect(@Nullable InetAddress from, InetSocketAddress to) throws IOException {
        login();
        if (from != null) {
            request(Socks.BIND, new InetSocketAddress(from, 0));
            bound(from, reply());
            skipAddress();
        }
        request(Socks.CONNECT, to);
        connecting = true;
        connected(reply());
        return address();
    }

    private void login() throws IOException {
        boolean login = !proxy.username().isEmpty();
        send(Socks.VERSION, 1, login ? Socks.LOGIN : Socks.NO_LOGIN);
        version(Socks.VERSION);
        int method = input.readUnsignedByte();
        if (method == Socks.NO_METHOD) {
            throw new EgressException(Kind.PROXY_LOGIN, login
                    ? "proxy " + proxy.text() + " takes no login with a password"
                    : "proxy " + proxy.text() + " wants a login: proxy-username and proxy-password");
        }
        if (method != (login ? Socks.LOGIN : Socks.NO_LOGIN)) {
            throw garbage("chose method " + method);
        }
        if (!login) {
            return;
        }
        byte[] username = proxy.username().getBytes(StandardCharsets.UTF_8);
        byte[] password = proxy.password().getBytes(StandardCharsets.UTF_8);
        output.write(ByteBuffer.allocate(3 + username.length + password.length).put((byte) Socks.LOGIN_VERSION)
                .put((byte) username.length).put(username).put((byte) password.length).put(password).array());
        version(Socks.LOGIN_VERSION);
        if (input.readUnsignedByte() != Socks.LOGIN_GOOD) {
            throw new EgressException(Kind.PROXY_LOGIN, "proxy " + proxy.text() + " refuses the login of "
                    + proxy.username());
        }
    }

    private void request(int command, InetSocketAddress address) throws IOException {
        byte[] octets = address.getAddress().getAddress();
        ByteBuffer request = ByteBuffer.allocate(MAX_REQUEST).put((byte) Socks.VERSION).put((byte) command)
                .put((byte) 0).put((byte) (octets.length == 4 ? Socks.IPV4 : Socks.IPV6)).put(octets)
                .putShort((short) address.getPort());
        output.write(request.array(), 0, request.position());
    }

    private int reply() throws IOException {
        version(Socks.VERSION);
        int code = input.readUnsignedByte();
        input.readUnsignedByte(); // reserved
        return code;
    }

    private void bound(InetAddress from, int code) throws EgressException {
        String text = "proxy " + proxy.text() + " can't send from " + from.getHostAddress() + ": "
                + Socks.text(code);
        switch (code) {
            case Socks.GRANTED -> {
                // goes on
            }
            case Socks.NOT_PLUMBED, Socks.FAILURE -> throw new EgressException(Kind.PROXY_ADDRESS, text);
            case Socks.NO_SUCH_COMMAND -> throw new EgressException(Kind.PROXY_FAILED, text
                    + "; without source-address it sends from what it is configured with");
            default -> throw new EgressException(Kind.PROXY_FAILED, text);
        }
    }

    private void connected(int code) throws IOException {
        String text = "proxy " + proxy.text() + " said: " + Socks.text(code);
        switch (code) {
            case Socks.GRANTED -> {
                // is connected
            }
            case Socks.CONNECTION_REFUSED -> throw new ConnectException(text);
            // What it has against this host says nothing of the source: it has bound to its address, or needn't.
            case Socks.NETWORK_UNREACHABLE, Socks.HOST_UNREACHABLE, Socks.FAILURE, Socks.NOT_ALLOWED,
                    Socks.NO_SUCH_ADDRESS_TYPE ->
                throw new NoRouteToHostException(text);
            case Socks.TIMED_OUT -> throw new SocketTimeoutException(text);
            default -> throw new EgressException(Kind.PROXY_FAILED, text);
        }
    }

    private void skipAddress() throws IOException {
        address();
    }

    private InetSocketAddress address() throws IOException {
        int type = input.readUnsignedByte();
        byte[] octets = new byte[switch (type) {
            case Socks.IPV4 -> 4;
            case Socks.IPV6 -> 16;
            case Socks.NAME -> input.readUnsignedByte();
            default -> throw garbage("answers with address type " + type);
        }];
        input.readFully(octets);
        int port = input.readUnsignedShort();
        return type == Socks.NAME
                ? InetSocketAddress.createUnresolved(new String(octets, StandardCharsets.ISO_8859_1), 0)
                : new InetSocketAddress(InetAddress.getByAddress(octets), port);
    }

    private void version(int expected) throws IOException {
        int version = input.readUnsignedByte();
        if (version != expected) {
            throw garbage("answers with version " + version + ", not " + expected);
        }
    }

    private EgressException garbage(String what) {
        return new EgressException(Kind.PROXY_FAILED, "proxy " + proxy.text() + " doesn't speak SOCKS5: " + what);
    }

    private void send(int... octets) throws IOException {
        byte[] bytes = new byte[octets.length];
        for (int i = 0; i < octets.length; i++) {
            bytes[i] = (byte) octets[i];
        }
        output.write(bytes);
    }
}
