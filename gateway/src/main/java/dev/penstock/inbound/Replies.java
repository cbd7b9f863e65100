package dev.penstock.inbound;

import dev.penstock.smtp.Reply;

/** The replies of the SMTP server, in the words of Postfix where it has them. Immutable. */
final class Replies {
    static final byte[] OK = encoded(250, "2.0.0", "Ok");
    static final byte[] SENDER_OK = encoded(250, "2.1.0", "Ok");
    static final byte[] RECIPIENT_OK = encoded(250, "2.1.5", "Ok");
    static final byte[] START_DATA = encoded(354, "", "End data with <CR><LF>.<CR><LF>");
    static final byte[] BYE = encoded(221, "2.0.0", "Bye");
    static final byte[] HELP = encoded(214, "2.0.0",
            "EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT");
    static final byte[] START_TLS = encoded(220, "2.0.0", "Ready to start TLS");
    static final byte[] AUTHENTICATED = encoded(235, "2.7.0", "Authentication successful");
    static final byte[] CANNOT_VERIFY = encoded(252, "2.1.5", "Cannot VRFY, but will take mail for the address");

    static final byte[] NOT_RECOGNIZED = encoded(500, "5.5.2", "Error: command not recognized");
    static final byte[] NOT_IMPLEMENTED = encoded(502, "5.5.1", "Error: command not implemented");
    static final byte[] COMMAND_TOO_LONG = encoded(500, "5.5.2", "Error: line too long");
    static final byte[] HELLO_FIRST = encoded(503, "5.5.1", "Error: send HELO/EHLO first");
    static final byte[] NESTED_MAIL = encoded(503, "5.5.1", "Error: nested MAIL command");
    static final byte[] NEED_MAIL = encoded(503, "5.5.1", "Error: need MAIL command");
    static final byte[] NEED_RCPT = encoded(503, "5.5.1", "Error: need RCPT command");
    static final byte[] NO_VALID_RECIPIENTS = encoded(554, "5.5.1", "Error: no valid recipients");
    static final byte[] NEEDS_SMTPUTF8 = encoded(553, "5.6.7", "Error: address needs SMTPUTF8 at MAIL");
    static final byte[] NO_TLS = encoded(502, "5.5.1", "Error: TLS is not offered here");
    static final byte[] TLS_ACTIVE = encoded(503, "5.5.1", "Error: TLS already active");
    static final byte[] TLS_FIRST = encoded(530, "5.7.0", "Must issue a STARTTLS command first");
    static final byte[] AUTH_FIRST = encoded(530, "5.7.0", "Authentication required");
    static final byte[] NO_AUTH = encoded(503, "5.5.1", "Error: authentication not enabled");
    static final byte[] AUTH_ACTIVE = encoded(503, "5.5.1", "Error: already authenticated");
    static final byte[] IN_TRANSACTION = encoded(503, "5.5.1", "Error: MAIL transaction in progress");
    static final byte[] NO_SUCH_MECHANISM = encoded(504, "5.5.4", "Error: authentication mechanism not offered");
    static final byte[] AUTH_TOO_LONG = encoded(500, "5.5.6", "Error: authentication exchange line too long"); // RFC 4954 6
    static final byte[] AUTH_CANCELLED = encoded(501, "5.7.0", "Authentication cancelled");
    static final byte[] AUTH_MALFORMED = encoded(501, "5.5.2", "Error: malformed authentication response");
    static final byte[] AUTH_FAILED = encoded(535, "5.7.8", "Error: authentication credentials invalid");
    static final byte[] AUTH_UNAVAILABLE = encoded(454, "4.7.0", "Temporary authentication failure");
    static final byte[] XCLIENT_FORBIDDEN = encoded(550, "5.7.0", "Error: insufficient authorization");
    static final byte[] XCLIENT_BAD_ADDRESS = encoded(501, "5.5.4",
            "Error: XCLIENT needs addresses and ports as numbers");
    static final byte[] DATA_AFTER_BDAT = encoded(503, "5.5.1", "Error: DATA after BDAT");
    static final byte[] CHUNKING_BEGUN = encoded(503, "5.5.1", "Error: the message has begun with BDAT");
    static final byte[] FAILED_CHUNK = encoded(503, "5.5.1", "Error: a chunk was refused, send RSET");
    static final byte[] BAD_HOLD = encoded(501, "5.5.4", "Error: hold is too long or in the past");
    static final byte[] BAD_DELIVER_BY = encoded(501, "5.5.4", "Error: BY needs a positive time to return a message");
    static final byte[] TOO_MANY_RECIPIENTS = encoded(452, "4.5.3", "Error: too many recipients");
    static final byte[] SIZE_TOO_BIG = encoded(552, "5.3.4", "Message size exceeds fixed limit");
    static final byte[] NO_MEMORY = encoded(452, "4.3.1", "Insufficient system memory");

    static final Reply QUEUE_FULL = Reply.of(452, "4.3.1", "Insufficient system storage: the queue is full");
    static final Reply NO_ROOM = Reply.of(452, "4.3.1", "Insufficient system memory");
    static final Reply RECIPIENT_NEEDS_SMTPUTF8 = Reply.of(553, "5.6.7", "Error: address needs SMTPUTF8 at MAIL");
    static final Reply HEADER_TOO_BIG = Reply.of(552, "5.3.4", "Error: message header too big");
    static final Reply TOO_BIG = Reply.of(552, "5.3.4", "Error: message file too big");
    static final Reply LINE_TOO_LONG = Reply.of(500, "5.5.2", "Error: line of content too long");
    static final Reply BARE_CR = Reply.of(550, "5.5.2", "Error: bare <CR> received");
    static final Reply BARE_LF = Reply.of(550, "5.5.2", "Error: bare <LF> received");
    static final Reply NUL = Reply.of(550, "5.5.2", "Error: NUL octet received");
    static final Reply LOOP = Reply.of(554, "5.4.6", "Error: too many hops");

    final byte[] helo;
    final byte[] shuttingDown;
    final byte[] ended;
    final byte[] timeout;
    final byte[] noMemory;
    final byte[] tooSlow;
    final byte[] tooManyErrors;
    final byte[] tooManyMessages;
    final byte[] outOfStep;
    final byte[] earlyTalk;
    final byte[] failed;
    final byte[] foreign;
    final byte[] chunkTooBig;
    final Reply noPostmaster;
    final Reply draining;

    Replies(String hostname) {
        helo = encoded(250, "", hostname);
        shuttingDown = encoded(421, "4.3.2", hostname + " Service shutting down");
        ended = encoded(421, "4.3.2", hostname + " Service closes this session");
        timeout = encoded(421, "4.4.2", hostname + " Error: timeout exceeded");
        noMemory = encoded(421, "4.3.1", hostname + " Error: insufficient system memory");
        tooSlow = encoded(421, "4.3.1", hostname + " Error: too slow while memory is short");
        tooManyErrors = encoded(421, "4.7.0", hostname + " Error: too many errors");
        tooManyMessages = encoded(421, "4.3.2", hostname + " Error: too many messages in one session");
        outOfStep = encoded(554, "5.5.0", "Error: SMTP protocol synchronization");
        earlyTalk = encoded(554, "5.5.1", hostname + " Error: wait for the greeting");
        failed = encoded(421, "4.3.0", hostname + " Error: internal failure");
        foreign = encoded(521, "5.5.1", hostname + " Error: this is an SMTP server");
        noPostmaster = Reply.of(554, "5.7.1", "<postmaster>: Relay access denied: " + hostname
                + " is no local domain, and no address is configured for its postmaster");
        draining = Reply.of(421, "4.3.2", hostname + " Service is being drained, try another host or later");
        chunkTooBig = encoded(552, "5.3.4", "Error: chunk exceeds fixed limit");
    }

    static byte[] encoded(int code, String status, String text) {
        return Reply.of(code, status, text).encode();
    }
}
