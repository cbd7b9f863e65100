package dev.penstock.delivery;

import java.time.Instant;

/** Told which of our addresses a receiver takes no mail from. Thread-safe; returns at once. */
@FunctionalInterface
public interface SourceSuspensions {
    /** Keeps nothing. */
    SourceSuspensions NONE = (_, _, _, _) -> {};

    /**
     * The source is of no use there until then, however often it is said.
     *
     * @param source as in {@link dev.penstock.queue.QueueKey#source()}
     * @param where  the name of the provider, or of the site where no provider is known; empty for everywhere
     * @param reason for people
     */
    void suspend(String source, String where, Instant until, String reason);
}
