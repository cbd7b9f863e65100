package dev.penstock.inbound;

/** What a {@link Session} waits for before it takes more of its input. */
enum Wait {
    NONE,
    /** For a policy, or for who checks credentials. */
    ANSWER,
    /** For the message to be durable. */
    COMMIT,
    /** For the spool to catch up. */
    SPOOL,
    /** For other messages to leave memory. */
    MEMORY,
    /** Because of an error. */
    PENALTY,
    /** For the client to read replies. */
    CLIENT
}
