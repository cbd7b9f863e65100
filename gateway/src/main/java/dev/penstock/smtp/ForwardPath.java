package dev.penstock.smtp;

/** Where a message goes (RFC 5321 4.1.2). Immutable. */
public record ForwardPath(Mailbox mailbox) {
    /** Without angle brackets. */
    public String address() {
        return mailbox.address();
    }

    /** {@code <Postmaster>} without a domain: whoever looks after the server spoken to (RFC 5321 4.1.1.3). */
    public boolean isLocalPostmaster() {
        return mailbox.domain().isEmpty();
    }
}
