package dev.penstock.spool;

import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;

/**
 * A destination of a message in the spool as the queue takes it in, new or recovered.
 *
 * @param entry             the spool's handle
 * @param envelope          the message's; valid only during the call where memory matters
 * @param domain            as {@link Destination#domain()}
 * @param attempts          made so far
 * @param nextAttemptMillis when the next is due, milliseconds since 1970; 0 when never attempted
 * @param size              octets of content
 * @param orders            what operators have ordered for it
 */
public record QueuedDestination(SpoolEntry entry, Envelope envelope, String domain, int attempts,
        long nextAttemptMillis, long size, Orders orders) {
    /** With nothing ordered. */
    public QueuedDestination(SpoolEntry entry, Envelope envelope, String domain, int attempts, long nextAttemptMillis,
            long size) {
        this(entry, envelope, domain, attempts, nextAttemptMillis, size, Orders.NONE);
    }
}
