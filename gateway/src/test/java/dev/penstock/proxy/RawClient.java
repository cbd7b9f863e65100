package dev.penstock.proxy;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.util.HexFormat;

/** A client that says octets and reads as many as it is told to. Confined to a test's thread. */
final class RawClient implements AutoCloseable {
    static final int PATIENCE_MILLIS = 60_000;
    private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

    private final Socket socket;
    private final DataInputStream input;

    RawClient(InetSocketAddress proxy) throws IOException {
        socket = new Socket(proxy.getAddress(), proxy.getPort());
        socket.setSoTimeout(PATIENCE_MILLIS);
        input = new DataInputStream(socket.getInputStream());
    }

    /** @param hex octets, as {@code 05 01 00} */
    RawClient say(String hex) throws IOException {
        socket.getOutputStream().write(HEX.parseHex(hex));
        return this;
    }

    String read(int octets) throws IOException {
        byte[] read = new byte[octets];
        input.readFully(read);
        return HEX.formatHex(read);
    }

    /** Whatever comes until the end, a reset taken for one. */
    String rest() throws IOException {
        try {
            return HEX.formatHex(input.readAllBytes());
        } catch (SocketException _) {
            return "";
        }
    }

    void saysNoMore() throws IOException {
        socket.shutdownOutput();
    }

    Socket socket() {
        return socket;
    }

    /** A request, its address IPv4. */
    static String request(int command, InetAddress address, int port) {
        return HEX.formatHex(new byte[]{5, (byte) command, 0, 1}) + " " + HEX.formatHex(address.getAddress()) + " "
                + HEX.formatHex(new byte[]{(byte) (port >> 8), (byte) port});
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
