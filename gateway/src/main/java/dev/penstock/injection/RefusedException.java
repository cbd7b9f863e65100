package dev.penstock.injection;

import dev.penstock.smtp.Reply;

/** One message can't be made or kept; the reply is told for each of its recipients. */
final class RefusedException extends RuntimeException {
    private final transient Reply reply;

    RefusedException(Reply reply) {
        super(reply.oneLine(), null, false, false);
        this.reply = reply;
    }

    /** What is wrong with the content: 554 5.6.0. */
    static RefusedException content(String detail) {
        return new RefusedException(Reply.of(554, "5.6.0", detail));
    }

    Reply reply() {
        return reply;
    }
}
