package dev.penstock.local;

import java.time.Duration;

import dev.penstock.smtp.Reply;

/** Asks a domain's store whether it has a recipient. Thread-safe. */
@FunctionalInterface
public interface CallAhead {
    /**
     * Blocks its virtual thread, hardly longer than {@code within}. Never throws.
     *
     * @param domain  as {@link dev.penstock.message.Recipient#domain()}
     * @param mailbox as RCPT gives it
     */
    Answer ask(String domain, String mailbox, Duration within);

    /** What the store says. */
    sealed interface Answer {
        /** It takes mail for the recipient. */
        record Yes() implements Answer {}

        /** @param reply a permanent one: for an unknown recipient, or because it takes no mail for a known one */
        record No(Reply reply) implements Answer {}

        /** @param why it can't be told now */
        record Unknown(String why) implements Answer {}
    }
}
