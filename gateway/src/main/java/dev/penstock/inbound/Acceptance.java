package dev.penstock.inbound;

import java.util.List;

import dev.penstock.message.Envelope;
import dev.penstock.spool.SpoolEntry;

/** Takes over a message that is durable. Called on event loops: must return at once. */
@FunctionalInterface
public interface Acceptance {
    /**
     * The client hears 250 when this returns, or, should it throw, all the same: the message is in the spool.
     *
     * @param size    octets of content, trace header included
     * @param entries one for each of {@link Envelope#destinations()}, in their order
     */
    void accepted(Envelope envelope, long size, List<SpoolEntry> entries);

    /** Whether there is room for another message, and another recipient of one. */
    default boolean hasRoom() {
        return true;
    }
}
