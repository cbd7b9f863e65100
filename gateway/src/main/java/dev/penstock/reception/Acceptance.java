package dev.penstock.reception;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Envelope;
import dev.penstock.queue.TenantAccounts;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.QueuedDestination;

/** Takes over messages that are durable: the queue. Called on event loops and virtual threads: must return at once. */
@FunctionalInterface
public interface Acceptance {
    /**
     * Called for each destination of a message, in their order. The client hears that the message is ours when that is
     * done, or, should this throw, all the same: the message is in the spool.
     */
    void accepted(QueuedDestination destination);

    /**
     * As {@link #accepted(QueuedDestination)}, for a message that was taken into its tenant's account.
     *
     * @param taken places there, of all of its destinations; {@link #accepted} is called for all of them in one go
     */
    default void accepted(QueuedDestination destination, TenantAccounts.Taken taken) {
        accepted(destination);
    }

    /** Why nothing more is taken from the tenant now; null when something may be. */
    default @Nullable Reply refusal(String tenant) {
        return null;
    }

    /**
     * Takes places in its tenant's account for a message that is about to be made durable.
     *
     * @param size octets of content
     */
    default TenantAccounts.Answer take(Envelope envelope, long size) {
        return TenantAccounts.NOTHING;
    }

    /** The message was made durable, and is of this size. */
    default void settle(TenantAccounts.Taken taken, long size) {}

    /** Nothing came of the message. */
    default void giveBack(TenantAccounts.Taken taken) {}

    /** What the sender of a message that is taken should hear about it; empty for nothing. */
    default String notice(Envelope envelope) {
        return "";
    }

    /** Whether no new mail is taken any more, because the gateway is being emptied. */
    default boolean isDraining() {
        return false;
    }

    /** Whether there is room for another message, and another recipient of one. */
    default boolean hasRoom() {
        return true;
    }
}
