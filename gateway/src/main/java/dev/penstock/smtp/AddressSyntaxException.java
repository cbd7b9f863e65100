package dev.penstock.smtp;

/** A text is no mailbox or path. Has no stack trace: what it tells is about the text. */
public final class AddressSyntaxException extends RuntimeException {
    public AddressSyntaxException(String message) {
        super(message, null, false, false);
    }
}
