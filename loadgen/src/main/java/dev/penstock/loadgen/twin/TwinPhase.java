package dev.penstock.loadgen.twin;

/** Where in a session a receiver answers. */
public enum TwinPhase {
    /** The connection is there: the greeting. */
    GREETING,
    /** EHLO or HELO. */
    HELLO,
    MAIL,
    RCPT,
    /** The end of data. */
    CONTENT
}
