package dev.penstock.delivery;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.queue.QueueKey;
import dev.penstock.shaping.LimitReached;

/**
 * One session as an operator sees it.
 *
 * @param id           as in the delivery log
 * @param provider     whose hosts it is with, empty when that isn't known
 * @param peer         the host it is with or connects to; null before there is one
 * @param tls          null in clear, and before the session is open
 * @param phase        what is waited for while it comes up or is in a transaction: the answer to what
 * @param phaseTime    how long it has been there
 * @param waitingFor   whose slot it waits for; null when it waits for none
 * @param sinceMillis  when it came into this state, milliseconds since 1970
 * @param age          how long it has been there
 * @param transactions answered for so far
 * @param delivered    recipients whose mail was taken
 * @param deferred     recipients to be tried again
 * @param bounced      recipients refused for good, or too old
 * @param message      in hand; null for none
 */
public record SessionView(String id, QueueKey queue, String provider, MessageEvent.@Nullable Peer peer,
        MessageEvent.@Nullable Tls tls, State state, Phase phase, Duration phaseTime,
        @Nullable LimitReached waitingFor, long sinceMillis, Duration age, int transactions, int delivered,
        int deferred, int bounced, @Nullable MessageId message) {
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

    /** Transactions answered for in a second, since it began. */
    public double rate() {
        return age.isZero() ? 0 : transactions / (age.toNanos() / 1e9);
    }
}
