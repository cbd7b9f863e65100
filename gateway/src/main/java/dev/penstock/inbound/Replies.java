package dev.penstock.inbound;

import dev.penstock.smtp.Reply;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;

/** The replies of the SMTP server, in the words of Postfix where it has them. Immutable. */
final class Replies {
    static final byte[] OK = encoded(250, "2.0.0", "Ok");
    static final byte[] SENDER_OK = encoded(250, "2.1.0", "Ok");
    static final byte[] RECIPIENT_OK = encoded(250, "2.1.5", "Ok");
    static final byte[] START_DATA = encoded(354, "", "End data with <CR><LF>.<CR><LF>");
    static final byte[] BYE = encoded(221, "2.0.0", "Bye");
    static final byte[] HELP = encoded(214, "2.0.0", "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
    static final byte[] CANNOT_VERIFY = encoded(252, "2.1.5", "Cannot VRFY, but will take mail for the address");

    static final byte[] NOT_RECOGNIZED = encoded(500, "5.5.2", "Error: command not recognized");
    static final byte[] NOT_IMPLEMENTED = encoded(502, "5.5.1", "Error: command not implemented");
    static final byte[] COMMAND_TOO_LONG = encoded(500, "5.5.2", "Error: line too long");
    static final byte[] HELLO_FIRST = encoded(503, "5.5.1", "Error: send HELO/EHLO first");
    static final byte[] NESTED_MAIL = encoded(503, "5.5.1", "Error: nested MAIL command");
    static final byte[] NEED_MAIL = encoded(503, "5.5.1", "Error: need MAIL command");
    static final byte[] NEED_RCPT = encoded(503, "5.5.1", "Error: need RCPT command");
    static final byte[] NO_VALID_RECIPIENTS = encoded(554, "5.5.1", "Error: no valid recipients");
    static final byte[] NEEDS_SMTPUTF8 = encoded(553, "5.6.7", "Address needs SMTPUTF8, which isn't offered");
    static final byte[] TOO_MANY_RECIPIENTS = encoded(452, "4.5.3", "Error: too many recipients");
    static final byte[] SIZE_TOO_BIG = encoded(552, "5.3.4", "Message size exceeds fixed limit");
    static final byte[] NO_MEMORY = encoded(452, "4.3.1", "Insufficient system memory");

    static final Reply TOO_BIG = Reply.of(552, "5.3.4", "Error: message file too big");
    static final Reply LINE_TOO_LONG = Reply.of(500, "5.5.2", "Error: line of content too long");
    static final Reply BARE_CR = Reply.of(550, "5.5.2", "Error: bare <CR> received");
    static final Reply BARE_LF = Reply.of(550, "5.5.2", "Error: bare <LF> received");
    static final Reply NUL = Reply.of(550, "5.5.2", "Error: NUL octet received");
    static final Reply LOOP = Reply.of(554, "5.4.6", "Error: too many hops");

    private static final Reply SPOOL_FULL = Reply.of(452, "4.3.1", "Insufficient system storage");
    private static final Reply SPOOL_FAILED = Reply.of(451, "4.3.0", "Error: queue file write error");
    private static final Reply SPOOL_CLOSED = Reply.of(421, "4.3.2", "Service shutting down");

    final byte[] greeting;
    final byte[] helo;
    final byte[] shuttingDown;
    final byte[] timeout;
    final byte[] tooManyErrors;
    final byte[] tooManySessions;
    final byte[] tooManyFromAddress;
    final byte[] tooManyMessages;
    final byte[] outOfStep;

    Replies(String hostname) {
        greeting = encoded(220, "", hostname + " ESMTP Penstock");
        helo = encoded(250, "", hostname);
        shuttingDown = encoded(421, "4.3.2", hostname + " Service shutting down");
        timeout = encoded(421, "4.4.2", hostname + " Error: timeout exceeded");
        tooManyErrors = encoded(421, "4.7.0", hostname + " Error: too many errors");
        tooManySessions = encoded(421, "4.3.2", hostname + " Error: too many sessions");
        tooManyFromAddress = encoded(421, "4.3.2", hostname + " Error: too many sessions from your address");
        tooManyMessages = encoded(421, "4.3.2", hostname + " Error: too many messages in one session");
        outOfStep = encoded(554, "5.5.0", "Error: SMTP protocol synchronization");
    }

    static Reply of(SpoolException.Reason reason) {
        return switch (reason) {
            case FULL -> SPOOL_FULL;
            case OVERLOADED, FAILED -> SPOOL_FAILED;
            case CLOSED -> SPOOL_CLOSED;
        };
    }

    /** For states other than READY. */
    static Reply of(SpoolHealth.State state) {
        return switch (state) {
            case READY -> throw new IllegalArgumentException("nothing is wrong");
            case FULL -> SPOOL_FULL;
            case FAILED -> SPOOL_FAILED;
            case CLOSED -> SPOOL_CLOSED;
        };
    }

    static byte[] encoded(int code, String status, String text) {
        return Reply.of(code, status, text).encode();
    }
}
