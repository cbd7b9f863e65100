package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;

import org.jspecify.annotations.Nullable;

import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;

/**
 * A client's connection without a network: reads come when the session asks for them, time passes when it is told to,
 * and what the session wants done later is done by {@link #run}. Confined to the test's thread, as the session is then.
 */
final class ScriptedConnection implements ClientConnection {
    private static final Duration LINGER = Duration.ofSeconds(2);

    private record Timer(long dueNanos, long number, FutureTask<?> task) {}

    private final Deque<byte[]> reads = new ArrayDeque<>();
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private final PriorityQueue<Timer> timers = new PriorityQueue<>(
            Comparator.comparingLong(Timer::dueNanos).thenComparingLong(Timer::number));
    private final StringBuilder waiting = new StringBuilder(); // replies before their flush
    private final StringBuilder sent = new StringBuilder();
    private @Nullable Session session;
    private @Nullable TlsSession tls;
    private long nanos;
    private long timersSet;
    private int handshakes;
    private int flushes;
    private boolean asked;
    private boolean delivering;
    private boolean inputEnded;
    private boolean outputEnded;
    private boolean writable = true;
    private boolean tlsBegun;
    private boolean closed;
    private boolean loopEnded;

    void attach(Session newSession) {
        session = newSession;
    }

    private Session session() {
        if (session == null) {
            throw new IllegalStateException("no session is attached");
        }
        return session;
    }

    // ---- the client and the network ----------------------------------------------------------------------------

    /** The client's octets come in, as one read. */
    void arrives(byte[] octets) {
        if (!closed) {
            reads.add(octets);
            deliver();
        }
    }

    /** No more will come from the client. */
    void inputEnds() {
        if (!closed && !inputEnded) {
            while (!reads.isEmpty()) {
                session().received(reads.peek(), reads.remove().length);
            }
            inputEnded = true;
            if (asked) {
                close();
            }
        }
    }

    /** Whether the client reads what it is sent. */
    void writable(boolean isWritable) {
        writable = isWritable;
        if (isWritable && !closed) {
            session().writable();
        }
    }

    /** The client's first octets of TLS come. */
    void tlsBegins() {
        tlsBegun = true;
    }

    void tlsSucceeds(TlsSession newTls) {
        tls = newTls;
        session().secured();
    }

    void tlsFails(Throwable cause) {
        session().handshakeFailed(cause);
    }

    /** From now on nothing that is handed over runs any more, as when the server's event loops have ended. */
    void loopEnds() {
        loopEnded = true;
    }

    private void deliver() {
        if (delivering) {
            return;
        }
        delivering = true;
        try {
            while (asked && !closed && !reads.isEmpty()) {
                asked = false;
                byte[] read = reads.remove();
                session().received(read, read.length);
            }
        } finally {
            delivering = false;
        }
    }

    /** Does what was handed over. */
    void run() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    /** Time passes: whatever is due meanwhile is done when it is. */
    void pass(Duration time) {
        long end = nanos + time.toNanos();
        run();
        for (Timer next = timers.peek(); next != null && next.dueNanos <= end; next = timers.peek()) {
            timers.remove();
            nanos = Math.max(nanos, next.dueNanos);
            next.task.run();
            run();
        }
        nanos = end;
    }

    /** What has left since the last call. */
    String takeSent() {
        String taken = sent.toString();
        sent.setLength(0);
        return taken;
    }

    /** What waits for a flush. */
    String unsent() {
        return waiting.toString();
    }

    /** How often replies have left. */
    int flushes() {
        return flushes;
    }

    int handshakes() {
        return handshakes;
    }

    /** Whether a read is asked for. */
    boolean isAsked() {
        return asked;
    }

    /** Nothing comes from the server any more. */
    boolean isOutputEnded() {
        return outputEnded || closed;
    }

    boolean isClosed() {
        return closed;
    }

    // ---- what the session asks for -----------------------------------------------------------------------------

    @Override
    public void read() {
        if (inputEnded) {
            close();
        } else {
            asked = true;
            deliver();
        }
    }

    @Override
    public void write(byte[] reply) {
        (outputEnded || closed ? sent : waiting).append(new String(reply, ISO_8859_1)); // so that who looks sees it
    }

    @Override
    public void flush() {
        if (!waiting.isEmpty()) {
            flushes++;
            sent.append(waiting);
            waiting.setLength(0);
        }
    }

    @Override
    public boolean isWritable() {
        return writable;
    }

    @Override
    public void startTls(ServerTls newTls) {
        handshakes++;
    }

    @Override
    public @Nullable TlsSession tlsSession(ServerTls of) {
        return tls;
    }

    @Override
    public boolean hasBegunTls() {
        return tlsBegun;
    }

    @Override
    public void closeAfterReplies(boolean inputLeft) {
        flush();
        outputEnded = true;
        if (inputLeft) {
            var _ = schedule(this::close, LINGER.toNanos());
            read();
        } else {
            close();
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            session().closed();
        }
    }

    @Override
    public void release() {
        waiting.setLength(0);
        reads.clear();
    }

    @Override
    public long nanoTime() {
        return nanos;
    }

    @Override
    public Future<?> schedule(Runnable task, long delayNanos) {
        FutureTask<?> future = new FutureTask<>(() -> {
            task.run();
            return "done";
        });
        timers.add(new Timer(nanos + delayNanos, timersSet++, future));
        return future;
    }

    @Override
    public void execute(Runnable task) {
        if (loopEnded) {
            throw new RejectedExecutionException("the loop has ended");
        }
        tasks.add(task);
    }
}
