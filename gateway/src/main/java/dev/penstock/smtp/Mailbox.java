package dev.penstock.smtp;

/**
 * A mailbox (RFC 5321 4.1.2). Immutable.
 *
 * @param address   as it was written, without angle brackets and source route: {@code "a b"@example.com}
 * @param localPart as it was written, quotes included
 * @param domain    the form to route by: lower case, A-labels, or an address literal in its brackets with the tag
 *                  written {@code IPv6:}; empty for the bare {@code Postmaster} of RFC 5321 4.1.1.3
 * @param utf8      whether the address has octets above 127 and so needs SMTPUTF8 (RFC 6531 3.2)
 */
public record Mailbox(String address, String localPart, String domain, boolean utf8) {}
