package dev.penstock.config;

/** Which of our commands was answered. */
public enum ReplyPhase {
    /** The connection. */
    GREETING,
    /** EHLO, HELO, LHLO, STARTTLS. */
    HELLO,
    /** MAIL, and the RSET before it. */
    MAIL,
    RCPT,
    /** The command. */
    DATA,
    /** The content. */
    END_OF_DATA
}
