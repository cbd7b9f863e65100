package dev.penstock.smtp;

/** How much of the message a failure report returns: RET of MAIL (RFC 3461 4.3). */
public enum Ret {
    FULL,
    HDRS
}
