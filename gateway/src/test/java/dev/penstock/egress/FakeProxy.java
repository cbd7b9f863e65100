package dev.penstock.egress;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/**
 * A proxy on 127.0.0.1 that follows a transcript once: a line {@code C: 05 01 00} is expected from the client, octets in
 * hexadecimal, {@code S: 05 00} is sent, {@code close} closes, {@code stall} waits until the client closes. What didn't come
 * as expected is in {@link #errors}. Thread-safe.
 */
final class FakeProxy implements AutoCloseable {
    private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

    private final ServerSocket server;
    private final List<String> errors = new CopyOnWriteArrayList<>();
    private final CountDownLatch stalled = new CountDownLatch(1);
    private final Thread thread;

    FakeProxy(String transcript) {
        try {
            server = new ServerSocket(0, 8, InetAddress.ofLiteral("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        thread = Thread.startVirtualThread(() -> follow(transcript.lines().toList()));
    }

    int port() {
        return server.getLocalPort();
    }

    /** Waits until the transcript has come to that. */
    void awaitStall() throws InterruptedException {
        stalled.await();
    }

    /** Of a dialogue that is over. */
    List<String> errors() throws InterruptedException {
        thread.join();
        return errors;
    }

    private void follow(List<String> transcript) {
        try (Socket socket = server.accept()) {
            DataInputStream input = new DataInputStream(socket.getInputStream());
            for (String line : transcript) {
                String octets = line.length() > 2 ? line.substring(3).strip() : "";
                if (line.startsWith("C:")) {
                    byte[] read = new byte[HEX.parseHex(octets).length];
                    input.readFully(read);
                    if (!HEX.formatHex(read).equals(octets)) {
                        errors.add("expected " + octets + ", got " + HEX.formatHex(read));
                        return;
                    }
                } else if (line.startsWith("S:")) {
                    socket.getOutputStream().write(HEX.parseHex(octets));
                } else if (line.equals("stall")) {
                    stalled.countDown();
                    input.read();
                    return;
                } else {
                    return;
                }
            }
            if (input.read() >= 0) {
                errors.add("more than was expected");
            }
        } catch (IOException e) {
            errors.add(e.toString());
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
