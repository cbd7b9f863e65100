package dev.penstock.message;

import java.util.Locale;

import org.jspecify.annotations.Nullable;

import dev.penstock.smtp.LocalPart;
import dev.penstock.smtp.Notify;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.units.HeapSize;

/**
 * One recipient of an envelope.
 *
 * @param address the mailbox as RCPT gave it, without angle brackets and source route: {@code "a b"@example.com}
 * @param domain  the domain in the form it is routed by: lower case, A-labels, or an address literal with its brackets
 * @param notifyOn what the sender wants to hear of (RFC 3461 4.1); null when it didn't say
 * @param orcpt   the recipient as the author wrote it (RFC 3461 4.2); null when not told
 */
public record Recipient(String address, String domain, @Nullable Notify notifyOn, @Nullable OriginalRecipient orcpt) {
    /** With nothing asked for. */
    public Recipient(String address, String domain) {
        this(address, domain, null, null);
    }

    /**
     * The mailbox in the form by which recipients are the same: its domain as it is routed by, the local part without
     * quotes (RFC 5321 2.4 and 4.1.2). The postmaster is the same in any letter case (4.5.1).
     *
     * @param caseSensitive whether {@code User} and {@code user} are two; they are unless their host says otherwise
     */
    public String mailbox(boolean caseSensitive) {
        String local = LocalPart.unquoted(address);
        boolean asWritten = caseSensitive && !local.equalsIgnoreCase("postmaster");
        return (asWritten ? local : local.toLowerCase(Locale.ROOT)) + '@' + domain;
    }

    /** This one with what another RCPT for the same mailbox asks for too; of two ORCPT the first is kept. */
    public Recipient with(Recipient repeat) {
        return new Recipient(address, domain, Notify.union(notifyOn, repeat.notifyOn),
                orcpt == null ? repeat.orcpt : orcpt);
    }

    /** What it takes in memory, about. */
    public long heapOctets() {
        return HeapSize.OBJECT + HeapSize.of(address) + HeapSize.of(domain)
                + (orcpt == null ? 0 : HeapSize.OBJECT + HeapSize.of(orcpt.address()));
    }
}
