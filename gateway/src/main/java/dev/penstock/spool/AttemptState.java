package dev.penstock.spool;

import java.util.List;

/**
 * What attempts have left of one destination.
 *
 * @param attempts   attempts made
 * @param nextMillis when the next is due, milliseconds since 1970; 0 when at once
 * @param recipients the recipients an attempt has decided something about, by ascending index
 */
public record AttemptState(int attempts, long nextMillis, List<RecipientState> recipients) {
    public AttemptState {
        recipients = List.copyOf(recipients);
    }

    /** Where a recipient stands. */
    public enum Status {
        DEFERRED,
        DELIVERED,
        BOUNCED,
        EXPIRED,
        /** Deferred, and the sender has been told so. */
        DELAYED;

        /** Whether nothing more will be tried. */
        public boolean isFinal() {
            return this != DEFERRED && this != DELAYED;
        }
    }

    /**
     * @param recipient index into the envelope's recipients
     * @param lastReply the reply or failure that decided it, on one line
     */
    public record RecipientState(int recipient, Status status, String lastReply) {}
}
