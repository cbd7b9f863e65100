package dev.penstock.smtp;

import org.jspecify.annotations.Nullable;

/**
 * Where reports about a message go (RFC 5321 4.1.2). Immutable.
 *
 * @param mailbox null for the null reverse path {@code <>}
 */
public record ReversePath(@Nullable Mailbox mailbox) {
    public static final ReversePath NULL = new ReversePath(null);

    /** Without angle brackets; empty for {@code <>}. */
    public String address() {
        return mailbox == null ? "" : mailbox.address();
    }
}
