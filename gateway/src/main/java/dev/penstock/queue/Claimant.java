package dev.penstock.queue;

/**
 * Who waits for items that others have in hand: an operator's job. Called on the threads of those, with no lock held; must
 * return at once and not throw.
 */
public interface Claimant {
    /**
     * The item is the claimant's now, who gives it back by exactly one of {@link MailQueue#order}, {@link MailQueue#finished},
     * {@link MailQueue#retry}, {@link MailQueue#retryReport} and {@link MailQueue#requeue}.
     *
     * @param reportAlone whether nothing is to be delivered: its sender is owed a report
     */
    void has(QueueItem item, boolean reportAlone);

    /** The item was finished. */
    void gone(QueueItem item);

    /** What came of a claim. */
    enum Answer {
        /** The item is the claimant's now. */
        TAKEN,
        /** Likewise, and nothing of it is to be delivered: its sender is owed a report. */
        TAKEN_FOR_REPORT,
        /** Somebody has it in hand, and hears nothing of this: the claimant is called when he is done with it. */
        LATER,
        /** It is just moving: to be claimed again. */
        AGAIN,
        /** It was finished. */
        GONE
    }
}
