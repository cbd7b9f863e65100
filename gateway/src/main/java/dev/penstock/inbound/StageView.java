package dev.penstock.inbound;

import org.jspecify.annotations.Nullable;

/**
 * What the stages see of a {@link Session}, whose state is its own to change: what they want of it they tell by a
 * {@link Verdict}. Confined to the session's event loop.
 */
interface StageView {
    /** Of the log and of events. */
    String id();

    Settings settings();

    /** Between MAIL and the end of its message; null otherwise. */
    @Nullable
    MailTransaction transaction();

    /** How many were accepted. */
    int messages();

    /** Octets read of the message that is being received. */
    long messageOctets();

    /** For how long the client has waited for us in all, nanoseconds. */
    long stoppedNanos();

    /** Whether the client is what is waited for. */
    boolean isClientsTurn();
}
