package dev.penstock.inbound;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a session's tasks on its event loop. A fault in one of them, ours or a plugin's, is told to the session, which it
 * ends, and to nobody else. Any thread may call {@link #hop} and what uses it; the rest is confined to the loop.
 */
final class LoopTasks {
    private static final Logger log = LoggerFactory.getLogger(LoopTasks.class);

    private final ClientConnection connection;
    private final String sessionId;
    private final Consumer<Throwable> failed;

    LoopTasks(ClientConnection connection, String sessionId, Consumer<Throwable> failed) {
        this.connection = connection;
        this.sessionId = sessionId;
        this.failed = failed;
    }

    /** Whether the answer is there, and is one: a failure is told like one that comes late. */
    static boolean isGiven(CompletableFuture<?> answer) {
        return answer.state() == Future.State.SUCCESS;
    }

    void now(Runnable task) {
        try {
            task.run();
        } catch (Throwable e) {
            failed.accept(e);
        }
    }

    private <T> void now(BiConsumer<T, @Nullable Throwable> then, T value, @Nullable Throwable failure) {
        try {
            then.accept(value, failure);
        } catch (Throwable e) {
            failed.accept(e);
        }
    }

    /** After what runs on the loop now; not at all when the loop has ended. */
    void hop(Runnable task) {
        try {
            connection.execute(() -> now(task));
        } catch (RejectedExecutionException e) {
            log.debug("event=session-gone session={}", sessionId);
        }
    }

    void later(long delayNanos, Runnable task) {
        var _ = connection.schedule(() -> now(task), delayNanos);
    }

    /** Hops when the answer is there, or has failed. */
    <T> void when(CompletableFuture<T> answer, BiConsumer<T, @Nullable Throwable> then) {
        var _ = answer.whenComplete((value, failure) -> hop(() -> then.accept(value, failure)));
    }

    /** As {@link #when}, but {@code then} is called in any case: on the caller's thread when the loop has ended. */
    <T> void always(CompletableFuture<T> commit, BiConsumer<T, @Nullable Throwable> then) {
        var _ = commit.whenComplete((value, failure) -> {
            try {
                connection.execute(() -> now(then, value, failure));
            } catch (RejectedExecutionException e) {
                then.accept(value, failure);
            }
        });
    }
}
