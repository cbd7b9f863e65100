package dev.penstock.dkim;

import org.jspecify.annotations.Nullable;

import dev.penstock.smtp.Reply;

/** A message isn't signed and must not be sent without: the client hears the reply. */
public final class SigningException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final transient Reply reply;

    SigningException(Reply reply, @Nullable Throwable cause) {
        super(reply.oneLine(), cause);
        this.reply = reply;
    }

    public Reply reply() {
        return reply;
    }
}
