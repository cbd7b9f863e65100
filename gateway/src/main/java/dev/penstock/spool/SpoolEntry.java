package dev.penstock.spool;

/**
 * The spool's handle for one destination of one message: as small as it can be, because there is one for each of
 * millions of queued destinations. Its fields belong to the spool.
 */
public final class SpoolEntry {
    final SpooledMessage message;
    final int part;

    SpoolEntry(SpooledMessage message, int part) {
        this.message = message;
        this.part = part;
    }

    /** {@link dev.penstock.message.MessageId#value()} of the message. */
    public long messageId() {
        return message.id;
    }

    /** {@link dev.penstock.message.Destination#part()}. */
    public int part() {
        return part;
    }
}
