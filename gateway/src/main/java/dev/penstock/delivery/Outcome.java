package dev.penstock.delivery;

/** What became of one recipient in one attempt. */
public sealed interface Outcome {
    Reason reason();

    BlastRadius radius();

    /** Whether it may lead to the address being written to no more: only when there is nobody there. */
    default boolean maySuppress() {
        return this instanceof Bounced && reason().meaning().isOfAddress();
    }

    /** The host has taken the message for this recipient. */
    record Delivered(Reason reason) implements Outcome {
        @Override
        public BlastRadius radius() {
            return BlastRadius.RECIPIENT;
        }
    }

    /** To be tried again after the retry interval; counts as an attempt. */
    record Deferred(Reason reason, BlastRadius radius) implements Outcome {}

    /** Refused for good: the sender gets a report. */
    record Bounced(Reason reason, BlastRadius radius) implements Outcome {}

    /** Given up because of its age: the sender gets a report. */
    record Expired(Reason reason, BlastRadius radius) implements Outcome {}

    /** Nothing was decided, through no fault of the message: to be tried again at once, no attempt is counted. */
    record Untried(Reason reason, BlastRadius radius) implements Outcome {}
}
