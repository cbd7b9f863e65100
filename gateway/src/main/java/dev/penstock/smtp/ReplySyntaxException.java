package dev.penstock.smtp;

/** What the server sent is no SMTP reply: nothing more of this session can be understood. */
public final class ReplySyntaxException extends RuntimeException {
    public ReplySyntaxException(String message) {
        super(message);
    }
}
