package dev.penstock.reception;

import dev.penstock.smtp.Reply;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;

/** What clients hear when the spool doesn't keep their message, in the words of Postfix. Stateless. */
public final class SpoolReplies {
    /** Whatever went wrong, the client may try again. */
    public static final Reply FAILED = Reply.of(451, "4.3.0", "Error: queue file write error");
    private static final Reply FULL = Reply.of(452, "4.3.1", "Insufficient system storage");
    private static final Reply CLOSED = Reply.of(421, "4.3.2", "Service shutting down");

    private SpoolReplies() {}

    public static Reply of(SpoolException.Reason reason) {
        return switch (reason) {
            case FULL -> FULL;
            case OVERLOADED, FAILED -> FAILED;
            case CLOSED -> CLOSED;
        };
    }

    /** For states other than READY. */
    public static Reply of(SpoolHealth.State state) {
        return switch (state) {
            case READY -> throw new IllegalArgumentException("nothing is wrong");
            case FULL -> FULL;
            case FAILED -> FAILED;
            case CLOSED -> CLOSED;
        };
    }

    /** Whether the spool is closed, so that the server is about to be. */
    public static boolean isClosed(Reply reply) {
        return reply.equals(CLOSED);
    }
}
