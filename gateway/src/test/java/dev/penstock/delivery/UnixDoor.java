package dev.penstock.delivery;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** A Unix domain socket whose connections lead to a port on 127.0.0.1. */
final class UnixDoor implements AutoCloseable {
    private final ServerSocketChannel server;
    private final int port;

    UnixDoor(Path path, int port) {
        this.port = port;
        try {
            server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread.ofVirtual().start(this::accept);
    }

    private void accept() {
        while (server.isOpen()) {
            try {
                SocketChannel in = server.accept();
                Socket out = new Socket(InetAddress.getLoopbackAddress(), port);
                carry(Channels.newInputStream(in), out.getOutputStream(), out, in);
                carry(out.getInputStream(), Channels.newOutputStream(in), out, in);
            } catch (IOException _) {
                return; // closed
            }
        }
    }

    private static void carry(InputStream from, OutputStream to, AutoCloseable... ends) {
        Thread.ofVirtual().start(() -> {
            try {
                from.transferTo(to);
            } catch (IOException _) {
                // one end is closed: so is the other
            }
            for (AutoCloseable end : ends) {
                try {
                    end.close();
                } catch (Exception _) {
                    // closed already
                }
            }
        });
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
