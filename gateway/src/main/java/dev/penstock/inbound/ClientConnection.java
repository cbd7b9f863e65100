package dev.penstock.inbound;

import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;

import org.jspecify.annotations.Nullable;

import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;

/**
 * What a {@link Session} has of its client's connection: input for the asking, replies, TLS, the end, and the time.
 * Confined to the session's thread, but for {@link #execute} and {@link #close}, which any thread may call.
 */
interface ClientConnection {
    /**
     * Asks for one read; nothing more when one is under way. When the client has shut its side down and all of its input
     * was read, the connection is closed instead. The read may come before this returns.
     */
    void read();

    /** Adds a reply to those that leave with the next {@link #flush}; it isn't kept. */
    void write(byte[] reply);

    void flush();

    /** Whether the client reads its replies: {@link Session#writable} tells when it does so again. */
    boolean isWritable();

    /** What comes from now on is TLS; {@link Session#secured} or {@link Session#handshakeFailed} tells what became of it. */
    void startTls(ServerTls tls);

    /** @return null unless a handshake that {@link #startTls} began has succeeded */
    @Nullable
    TlsSession tlsSession(ServerTls tls);

    /** Whether the client has begun the handshake that is awaited, or whatever it took for one. */
    boolean hasBegunTls();

    /**
     * Sends what was written, and closes.
     *
     * @param inputLeft whether the client has sent more than was read. The connection is first closed on our side only
     *                  then: closing it whole would reset it, and the client might never see the reply
     */
    void closeAfterReplies(boolean inputLeft);

    /** Closes at once. */
    void close();

    /** The connection is closed: forgets replies and reads that wait. */
    void release();

    /** Nanoseconds of a clock that never goes back. */
    long nanoTime();

    Future<?> schedule(Runnable task, long delayNanos);

    /**
     * Runs {@code task} on the session's thread, after what runs there now.
     *
     * @throws RejectedExecutionException when that thread has ended
     */
    void execute(Runnable task);
}
