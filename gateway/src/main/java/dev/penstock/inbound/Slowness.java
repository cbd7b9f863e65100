package dev.penstock.inbound;

/** How a client has taken longer than it may; it hears 421 4.4.2 and is closed. */
public enum Slowness {
    /** Said nothing for {@code command-timeout}, or that of stress. */
    SILENT,
    /** Took longer than {@code command-deadline} from the first octet of a command line to its end. */
    COMMAND,
    /** Took longer than {@code data-timeout} from 354 to the end of data. */
    DATA,
    /** Brought a message at less than {@code min-data-rate}. */
    DATA_RATE,
    /** Had no message accepted within {@code session-deadline}. */
    SESSION
}
