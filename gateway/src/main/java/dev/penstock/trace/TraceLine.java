package dev.penstock.trace;

/**
 * One line of a session as it is shown: printable, without secrets and without line end. Immutable.
 *
 * @param session its id, as in the log and in the delivery log
 * @param nanos   since the session began
 * @param header  whether it is of a message's header section, which not every watcher wants
 */
public record TraceLine(String session, Direction direction, long nanos, Speaker speaker, boolean header,
        String text) {
    /** What a line takes beside its text, by which rings are bounded: the record and its place in the ring. */
    private static final int OVERHEAD = 64;

    /** Octets that it takes up in a ring, about. */
    int weight() {
        return OVERHEAD + text.length();
    }
}
