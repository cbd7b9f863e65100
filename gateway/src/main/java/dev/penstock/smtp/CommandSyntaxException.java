package dev.penstock.smtp;

/** A command is written wrongly. Has no stack trace: what it tells is about the client's text. */
final class CommandSyntaxException extends RuntimeException {
    private final transient Reply reply;

    /** @param text of the reply, which has the code 501 5.5.4 */
    CommandSyntaxException(String text) {
        super(text, null, false, false);
        this.reply = Reply.of(501, "5.5.4", text);
    }

    Reply reply() {
        return reply;
    }
}
