package dev.penstock.message;

/**
 * One recipient of an envelope.
 *
 * @param address the mailbox as RCPT gave it, without angle brackets and source route: {@code "a b"@example.com}
 * @param domain  the domain in the form it is routed by: lower case, A-labels, or an address literal with its brackets
 */
public record Recipient(String address, String domain) {}
