package dev.penstock.loadgen;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;

/**
 * One connection after the other to a gateway, and one request after the other on it. Confined to its virtual thread but
 * for {@link #close} and the figures.
 */
final class InjectSession implements Runnable {
    private static final int CONNECT_MILLIS = 10_000;
    private static final int ANSWER_MILLIS = 120_000;
    private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(20); // a gateway closes what it thinks is left
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int ATTEMPTS = 3; // with a key
    private static final int BUFFER = 16 << 10;

    private final InjectGenerator generator;
    private final InetSocketAddress target;
    private final InjectRequest request;
    private final Latency.Samples accept = new Latency.Samples();
    private final Latency.Samples transaction = new Latency.Samples();
    private @Nullable Link link;
    private volatile @Nullable Socket current;
    private volatile boolean closed;

    /** An open connection. */
    private static final class Link {
        final Socket socket;
        final InputStream in;
        final OutputStream out;
        long usedNanos = System.nanoTime();

        Link(Socket socket) throws IOException {
            this.socket = socket;
            in = new BufferedInputStream(socket.getInputStream(), BUFFER);
            out = socket.getOutputStream();
        }
    }

    InjectSession(InjectGenerator generator, InetSocketAddress target) {
        this.generator = generator;
        this.target = target;
        request = new InjectRequest(generator.injection, generator.bodies, generator.texts, generator.run);
    }

    Latency.Samples accept() {
        return accept;
    }

    Latency.Samples transaction() {
        return transaction;
    }

    @Override
    public void run() {
        try {
            boolean usable = true;
            while (usable && !generator.finished()) {
                InjectGenerator.Ticket ticket = generator.take();
                if (ticket == null) {
                    LockSupport.parkNanos(PAUSE_NANOS);
                } else {
                    request.make(ticket.sequence(), ticket.counted());
                    usable = exchange(ticket);
                }
            }
        } finally {
            drop();
            generator.openSessions.decrementAndGet();
        }
    }

    /** False when the session can't go on. */
    private boolean exchange(InjectGenerator.Ticket ticket) {
        int attempts = generator.injection.keys() ? ATTEMPTS : 1;
        boolean sent = false;
        for (int attempt = 0; attempt < attempts; attempt++) {
            Link open = connected();
            if (open == null) {
                break;
            }
            sent = true;
            try {
                open.out.write(request.head().array(), 0, request.head().length());
                open.out.write(request.body().array(), 0, request.body().length());
                long sentNanos = System.nanoTime();
                InjectAnswer answer = InjectAnswer.read(open.in);
                long now = System.nanoTime();
                open.usedNanos = now;
                if (!answer.persistent()) {
                    drop();
                }
                if (ticket.counted() && answer.status() == 200) {
                    accept.recordNanos(now - sentNanos);
                    transaction.recordNanos(now - ticket.startNanos());
                }
                generator.answered(ticket, answer, now);
                return true;
            } catch (IOException _) {
                generator.failures.increment();
                drop();
            }
        }
        generator.failed(sent);
        return sent && !closed;
    }

    private @Nullable Link connected() {
        if (link != null && System.nanoTime() - link.usedNanos > IDLE_NANOS) {
            drop();
        }
        if (link == null && !closed) {
            Socket socket = new Socket();
            current = socket;
            try {
                socket.connect(target, CONNECT_MILLIS);
                socket.setTcpNoDelay(true);
                socket.setSoTimeout(ANSWER_MILLIS);
                link = new Link(socket);
                generator.connections.increment();
            } catch (IOException _) {
                generator.failures.increment();
                close(socket);
            }
        }
        return link;
    }

    private void drop() {
        if (link != null) {
            close(link.socket);
            link = null;
        }
    }

    /** Ends what it waits for. Thread-safe. */
    void close() {
        closed = true;
        Socket socket = current;
        if (socket != null) {
            close(socket);
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException _) {
            // it is gone
        }
    }
}
