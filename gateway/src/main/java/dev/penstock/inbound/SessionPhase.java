package dev.penstock.inbound;

/** Of a {@link Session}: what its input means. */
enum SessionPhase {
    /** Nothing may come before the greeting. */
    GREETING,
    /** For TLS; nothing but its handshake may come. */
    HANDSHAKE,
    COMMANDS,
    /** Lines are responses of a SASL exchange. */
    AUTH,
    DATA,
    /** Octets of a chunk (BDAT). */
    CHUNK,
    /** The last reply is on its way; input is thrown away. */
    CLOSING,
    CLOSED
}
