package dev.penstock.testing;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

import org.jspecify.annotations.Nullable;

import dev.penstock.smtp.Reply;
import dev.penstock.smtp.ReplyParser;

/** Replies from what stands on the wire. Stateless. */
public final class Replies {
    private Replies() {}

    /** @param line as it comes, with or without an enhanced status; one that says that others follow is the last all the same */
    public static Reply reply(String line) {
        String whole = line.substring(0, 3) + " " + line.substring(4) + "\r\n";
        @Nullable
        Reply reply = new ReplyParser().parse(ByteBuffer.wrap(whole.getBytes(StandardCharsets.UTF_8)));
        if (reply == null) {
            throw new IllegalArgumentException("no reply: " + line);
        }
        return reply;
    }
}
