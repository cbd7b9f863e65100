package dev.penstock.spool;

import java.util.List;

/**
 * What attempts have left of one destination.
 *
 * @param attempts   attempts made
 * @param nextMillis when the next is due, milliseconds since 1970; 0 when at once
 * @param recipients the recipients an attempt has decided something about, by ascending index
 * @param orders     what operators have ordered besides
 */
public record AttemptState(int attempts, long nextMillis, List<RecipientState> recipients, Orders orders) {
    public AttemptState {
        recipients = List.copyOf(recipients);
    }

    /** With nothing ordered. */
    public AttemptState(int attempts, long nextMillis, List<RecipientState> recipients) {
        this(attempts, nextMillis, recipients, Orders.NONE);
    }

    /** Where a recipient stands. */
    public enum Status {
        DEFERRED,
        DELIVERED,
        BOUNCED,
        EXPIRED,
        /** Deferred, and the sender has been told so. */
        DELAYED,
        /** Delivered, and the sender, who wants to hear of it, hasn't been told yet. */
        DELIVERED_REPORT_OWED,
        /** As {@link #DELIVERED_REPORT_OWED}, by a host that passes it on and doesn't tell more. */
        RELAYED_REPORT_OWED;

        /** Whether nothing is left to be done. */
        public boolean isFinal() {
            return this == DELIVERED || this == BOUNCED || this == EXPIRED;
        }

        /** Whether nothing but a report is left to be done. */
        public boolean isReportOwed() {
            return this == DELIVERED_REPORT_OWED || this == RELAYED_REPORT_OWED;
        }
    }

    /**
     * @param recipient index into the envelope's recipients
     * @param lastReply the reply or failure that decided it, on one line
     */
    public record RecipientState(int recipient, Status status, String lastReply) {}
}
