package dev.penstock.http;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * The body of a request, from the event loop that receives it to the virtual thread that reads it. Thread-safe for one
 * of each: one buffer is asked for at a time, so that no more than one waits here. Reading blocks, at most until the
 * deadline.
 */
public final class BodyStream extends InputStream implements CoreSubscriber<ByteBuf> {
    private final long deadlineNanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<byte[]> waiting = new ArrayDeque<>();
    private byte[] current = {};
    private int position;
    private @Nullable Subscription subscription;
    private @Nullable Throwable failure;
    private boolean complete;
    private boolean discarding;
    private final Sinks.One<Void> ended = Sinks.one();

    /** @param deadlineNanos {@link System#nanoTime} after which nobody waits for more */
    public BodyStream(long deadlineNanos) {
        this.deadlineNanos = deadlineNanos;
    }

    @Override
    public void onSubscribe(Subscription newSubscription) {
        lock.lock();
        try {
            subscription = newSubscription;
        } finally {
            lock.unlock();
        }
        newSubscription.request(1);
    }

    /** Reactor-netty releases the buffer. */
    @Override
    public void onNext(ByteBuf buffer) {
        Subscription more = null;
        lock.lock();
        try {
            if (discarding || !buffer.isReadable()) {
                more = subscription;
            } else {
                byte[] octets = new byte[buffer.readableBytes()];
                buffer.readBytes(octets);
                waiting.add(octets);
                changed.signal();
            }
        } finally {
            lock.unlock();
        }
        if (more != null) {
            more.request(1);
        }
    }

    @Override
    public void onError(Throwable cause) {
        end(cause);
    }

    @Override
    public void onComplete() {
        end(null);
    }

    private void end(@Nullable Throwable cause) {
        lock.lock();
        try {
            complete = true;
            failure = cause;
            changed.signal();
        } finally {
            lock.unlock();
        }
        ended.tryEmitEmpty();
    }

    /** Completes when the body has come to its end, or the client is gone. */
    Mono<Void> ended() {
        return ended.asMono();
    }

    /** What follows is received and forgotten, so that a client which is still sending reads its answer. */
    void discard() {
        Subscription more = null;
        lock.lock();
        try {
            discarding = true;
            if (!waiting.isEmpty() || position < current.length) {
                waiting.clear();
            }
            if (!complete) {
                more = subscription;
            }
        } finally {
            lock.unlock();
        }
        if (more != null) {
            more.request(1);
        }
    }

    /** Whether the whole body has come. */
    boolean isComplete() {
        lock.lock();
        try {
            return complete;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    /** @throws Problem at the deadline */
    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (position == current.length && !next()) {
            return -1;
        }
        int count = Math.min(length, current.length - position);
        System.arraycopy(current, position, into, offset, count);
        position += count;
        return count;
    }

    private boolean next() throws IOException {
        Subscription more;
        lock.lock();
        try {
            while (waiting.isEmpty()) {
                if (failure != null) {
                    throw new IOException("the client is gone", failure);
                }
                if (complete) {
                    return false;
                }
                long left = deadlineNanos - System.nanoTime();
                if (left <= 0) {
                    throw Problem.of(Problem.Kind.TIMEOUT, "the body did not come in time");
                }
                var _ = changed.awaitNanos(left);
            }
            current = waiting.remove();
            position = 0;
            more = subscription;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            lock.unlock();
        }
        if (more != null) {
            more.request(1);
        }
        return true;
    }
}
