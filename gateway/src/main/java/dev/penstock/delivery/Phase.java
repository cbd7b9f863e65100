package dev.penstock.delivery;

import dev.penstock.config.ReplyPhase;

/** Where in a session something happened, in protocol order. */
public enum Phase {
    /** Before any host was known. */
    ROUTE(""),
    CONNECT(""),
    GREETING(""),
    HELLO("EHLO"),
    /** To a host that doesn't know EHLO. */
    HELO("HELO"),
    /** EHLO of LMTP (RFC 2033 4.1). */
    LHLO("LHLO"),
    /** The command and the handshake. */
    STARTTLS("STARTTLS"),
    AUTH("AUTH"),
    RSET("RSET"),
    MAIL("MAIL FROM"),
    RCPT("RCPT TO"),
    DATA("DATA"),
    /** Content on its way, the end of data not yet sent in full. */
    CONTENT("DATA"),
    /** The end of data is sent: from here the host may have taken the message, whatever follows. */
    END_OF_DATA("."),
    QUIT("QUIT");

    private final String command;

    Phase(String command) {
        this.command = command;
    }

    /** As rules about replies have it. */
    public ReplyPhase ofReply() {
        return switch (this) {
            case ROUTE, CONNECT, GREETING -> ReplyPhase.GREETING;
            case HELLO, HELO, LHLO, STARTTLS, AUTH -> ReplyPhase.HELLO;
            case RSET, MAIL -> ReplyPhase.MAIL;
            case RCPT -> ReplyPhase.RCPT;
            case DATA -> ReplyPhase.DATA;
            case CONTENT, END_OF_DATA, QUIT -> ReplyPhase.END_OF_DATA;
        };
    }

    /** The command whose answer is awaited, empty when there is none. */
    public String command() {
        return command;
    }
}
