package dev.penstock.delivery;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageEvent;
import dev.penstock.queue.QueueKey;

/**
 * One session as an operator sees it.
 *
 * @param id           as in the delivery log
 * @param peer         null while connecting
 * @param sinceMillis  when it came into this state, milliseconds since 1970
 * @param transactions answered for so far
 */
public record SessionView(String id, QueueKey queue, MessageEvent.@Nullable Peer peer, State state, long sinceMillis,
        int transactions) {
    /** What a session is doing. */
    public enum State {
        /** Up to the answer to EHLO. */
        CONNECTING,
        /** In a transaction. */
        BUSY,
        /** For its message slot. */
        WAITING,
        /** Open, nothing to send. */
        IDLE,
        /** Saying QUIT. */
        CLOSING
    }
}
