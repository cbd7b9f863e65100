package dev.penstock.egress;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;

import org.jspecify.annotations.Nullable;

/**
 * A connection to a host, or to the proxy that has connected to it. Thread-safe as its sockets are.
 *
 * @param socket what is read and written; under TLS where the proxy is spoken to so
 * @param wire   the TCP connection, closing which ends it at once; {@code socket} itself without TLS
 * @param from   the address that the host sees; null when a proxy chose it and doesn't say
 */
public record EgressConnection(Socket socket, Socket wire, @Nullable InetAddress from) implements AutoCloseable {
    /** At once and quietly, whatever another thread is doing with it. */
    @Override
    public void close() {
        try {
            wire.close();
        } catch (IOException _) {
            // nothing is left to be done with it
        }
    }
}
