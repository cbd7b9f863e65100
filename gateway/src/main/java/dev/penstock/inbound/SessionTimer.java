package dev.penstock.inbound;

import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

/**
 * A session's one timer for all of its deadlines, which looks at the clock and starts itself again: input doesn't touch
 * it. Confined to the session's event loop.
 */
final class SessionTimer {
    private static final long RECHECK_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final ClientConnection connection;
    private final LongSupplier nanosToLook;
    private final Runnable due;
    private @Nullable Future<?> timer;

    /**
     * @param nanosToLook until the first deadline
     * @param due         is called at each look
     */
    SessionTimer(ClientConnection connection, LongSupplier nanosToLook, Runnable due) {
        this.connection = connection;
        this.nanosToLook = nanosToLook;
        this.due = due;
    }

    void start() {
        timer = connection.schedule(due, nanosToLook.getAsLong());
    }

    /** When a deadline is over, but can't be told yet. */
    void again() {
        timer = connection.schedule(due, RECHECK_NANOS);
    }

    void cancel() {
        if (timer != null) {
            timer.cancel(false);
        }
    }
}
