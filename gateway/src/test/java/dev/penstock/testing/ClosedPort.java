package dev.penstock.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;

/**
 * A TCP port where nobody listens, for as long as this is open: a socket is bound to it that doesn't, so that
 * connections are refused, and nobody else comes to be there meanwhile. Thread-safe.
 */
public final class ClosedPort implements AutoCloseable {
    private final Socket holder = new Socket();

    /** On 127.0.0.1. */
    public ClosedPort() {
        this(InetAddress.ofLiteral("127.0.0.1"));
    }

    /** On another of this machine's addresses. */
    public ClosedPort(InetAddress address) {
        this(address, 0);
    }

    /** @param port 0 for any */
    public ClosedPort(InetAddress address, int port) {
        try {
            holder.bind(new InetSocketAddress(address, port));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public int port() {
        return holder.getLocalPort();
    }

    @Override
    public void close() {
        try {
            holder.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
