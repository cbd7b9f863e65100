package dev.penstock.message;

/**
 * Where a message came from.
 *
 * @param protocol the "with" keyword of its trace line (RFC 3848, RFC 6531): SMTP, ESMTP, ESMTPS, ESMTPSA, UTF8SMTP …,
 *                 HTTP for injected mail, or LOCAL for reports made here
 * @param address  the client's address and port, empty for LOCAL
 * @param helo     the name the client gave itself, empty for LOCAL
 * @param identity who it has proved to be, empty when it hasn't
 */
public record Origin(String protocol, String address, String helo, String identity) {
    public static final Origin LOCAL = new Origin("LOCAL", "", "");

    /** Of a client that hasn't proved to be anybody. */
    public Origin(String protocol, String address, String helo) {
        this(protocol, address, helo, "");
    }
}
