package dev.penstock.smtp;

import org.jspecify.annotations.Nullable;

/**
 * What a recipient's sender wants to hear of: NOTIFY of RCPT (RFC 3461 4.1). All false is NEVER. Immutable.
 *
 * @param usualDelay to hear of a delay where that is told to those who ask for nothing; only of requests joined, of which
 *                   one said nothing
 */
public record Notify(boolean success, boolean failure, boolean delay, boolean usualDelay) {
    public static final Notify NEVER = new Notify(false, false, false);

    /** As one request says it. */
    public Notify(boolean success, boolean failure, boolean delay) {
        this(success, failure, delay, false);
    }

    /** As RCPT has it: {@code SUCCESS,FAILURE,DELAY}. */
    public String keywords() {
        if (never()) {
            return "NEVER";
        }
        String keywords = (success ? ",SUCCESS" : "") + (failure ? ",FAILURE" : "") + (delay ? ",DELAY" : "");
        return keywords.substring(1);
    }

    /**
     * All that two requests for one recipient ask for: neither's success or failure goes untold. Null stands for a request
     * that says nothing, which is to hear of failures, and of delays where that is usual (RFC 3461 4.1), and is more than NEVER.
     */
    public static @Nullable Notify union(@Nullable Notify one, @Nullable Notify other) {
        if (one == null || other == null) {
            Notify said = one == null ? other : one;
            return said == null || said.never() ? null : new Notify(said.success, true, said.delay, true);
        }
        return new Notify(one.success || other.success, one.failure || other.failure, one.delay || other.delay,
                one.usualDelay || other.usualDelay);
    }

    public boolean never() {
        return !success && !failure && !delay;
    }
}
