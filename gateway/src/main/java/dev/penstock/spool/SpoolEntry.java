package dev.penstock.spool;

/**
 * The spool's handle for one destination of one message: as small as it can be, because there is one for each of
 * millions of queued destinations. Its fields belong to the spool.
 */
public final class SpoolEntry {
    final SpooledMessage message;
    final int destination;

    SpoolEntry(SpooledMessage message, int destination) {
        this.message = message;
        this.destination = destination;
    }

    /** Of a message that lies in no spool, for a queue that is driven without one: a simulation's. */
    public static SpoolEntry withoutSpool(long messageId, int destination) {
        return new SpoolEntry(new SpooledMessage(messageId), destination);
    }

    /** {@link dev.penstock.message.MessageId#value()} of the message. */
    public long messageId() {
        return message.id;
    }

    /** {@link dev.penstock.message.Destination#index()}. */
    public int destination() {
        return destination;
    }
}
