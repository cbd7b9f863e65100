package dev.penstock.callout;

import java.io.IOException;

/** A question wasn't asked since too many are unanswered. Has no stack trace: there may be very many. */
public final class OverloadException extends IOException {
    /** @param whom that has {@code limit} questions to answer */
    public OverloadException(String whom, int limit) {
        super(limit + " questions to " + whom + " are unanswered");
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }
}
