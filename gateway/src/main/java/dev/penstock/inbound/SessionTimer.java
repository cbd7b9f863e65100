package dev.penstock.inbound;

import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.InboundConfig;

/**
 * A session's one timer for all of its deadlines, which looks at the clock and starts itself again: input doesn't touch
 * it. Confined to the session's event loop.
 */
final class SessionTimer {
    private static final long RECHECK_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final ClientConnection connection;
    private final ProgressGuard progress;
    private final Runnable due;
    private @Nullable Future<?> timer;

    /** @param due is called at each look */
    SessionTimer(ClientConnection connection, ProgressGuard progress, Runnable due) {
        this.connection = connection;
        this.progress = progress;
        this.due = due;
    }

    /** To the first deadline; {@code pressed} as in {@link ProgressGuard#nanosLeft}. */
    void start(InboundConfig config, boolean pressed) {
        long left = Math.min(progress.nanosLeft(connection.nanoTime(), config, pressed),
                ProgressGuard.periodNanos(config));
        timer = connection.schedule(due, Math.max(left, 1));
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
