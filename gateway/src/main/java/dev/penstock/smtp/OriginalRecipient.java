package dev.penstock.smtp;

/**
 * The recipient as the message's author wrote it: ORCPT of RCPT (RFC 3461 4.2). Immutable.
 *
 * @param type    the address type, {@code rfc822} or {@code utf-8} (RFC 6533)
 * @param address decoded from xtext or utf-8-addr-xtext
 */
public record OriginalRecipient(String type, String address) {}
