package dev.penstock.message;

/**
 * Where a message came from.
 *
 * @param protocol the "with" keyword of its trace line (RFC 3848): SMTP, ESMTP, or LOCAL for reports made here
 * @param address  the client's address and port, empty for LOCAL
 * @param helo     the name the client gave itself, empty for LOCAL
 */
public record Origin(String protocol, String address, String helo) {
    public static final Origin LOCAL = new Origin("LOCAL", "", "");
}
