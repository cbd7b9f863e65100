package dev.penstock.endtoend;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * Clients in a process of their own that connect, do a full handshake and leave, at a rate, until they are closed. Confined
 * to the test's thread.
 */
final class HandshakeClients implements AutoCloseable {
    private static final int THREADS = 16;
    private static final String STARTED = "started";

    private final Process process;
    private final BufferedReader lines;

    private HandshakeClients(Process process) {
        this.process = process;
        lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /**
     * Returns when the first handshake is done.
     *
     * @param server where TLS is implicit
     * @param rate   handshakes per second, as far as there are processors for them
     */
    static HandshakeClients start(InetSocketAddress server, int rate) throws IOException {
        HandshakeClients clients = new HandshakeClients(new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx128m", "-XX:+UseSerialGC",
                "-cp", System.getProperty("java.class.path"), HandshakeClients.class.getName(),
                server.getHostString(), String.valueOf(server.getPort()), String.valueOf(rate))
                .redirectError(ProcessBuilder.Redirect.INHERIT).start());
        if (!STARTED.equals(clients.lines.readLine())) {
            throw new IOException("the clients ended");
        }
        return clients;
    }

    /** What {@link #start} runs in the other JVM; ends when its input does, so never outlives the test. */
    public static void main(String[] arguments) throws Exception {
        InetSocketAddress server = new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1]));
        int rate = Integer.parseInt(arguments[2]);
        SSLContext context = IdleClients.trusting();
        handshake(context, server, 1);
        System.out.println(STARTED);
        long start = System.nanoTime();
        AtomicLong turns = new AtomicLong();
        for (int i = 0; i < THREADS; i++) {
            Thread.ofPlatform().daemon().name("handshake-", i).start(() -> {
                try {
                    while (true) {
                        long turn = turns.getAndIncrement();
                        long due = start + turn * TimeUnit.SECONDS.toNanos(1) / rate;
                        TimeUnit.NANOSECONDS.sleep(due - System.nanoTime());
                        handshake(context, server, (int) (turn % 10_000) + 2);
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                } catch (InterruptedException _) {
                    Thread.currentThread().interrupt();
                }
            });
        }
        while (System.in.read() >= 0) {
            // until the test is over
        }
    }

    /** @param number the cache's key: nothing is resumed */
    private static void handshake(SSLContext context, InetSocketAddress server, int number) throws IOException {
        try (Socket plain = new Socket(server.getAddress(), server.getPort());
                SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, server.getHostString(),
                        number, true)) {
            socket.startHandshake();
            socket.getSession().invalidate();
        }
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }
}
