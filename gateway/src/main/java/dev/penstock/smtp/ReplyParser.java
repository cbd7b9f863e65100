package dev.penstock.smtp;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Reads replies from bytes that come in pieces. Confined to its connection; bounded by the two limits it is made with.
 *
 * <p>Lenient where servers are known to be sloppy and nothing can be misread: a bare LF ends a line, a missing space
 * after the code is an empty text, and of different codes in one reply the last counts (as in Postfix).
 */
public final class ReplyParser {
    /** RFC 5321 4.5.3.1.5 says 512; servers that put URLs into their refusals don't keep to it. */
    public static final int DEFAULT_MAX_LINE_LENGTH = 2048;
    /** An answer to EHLO has some 20 lines at most. */
    public static final int DEFAULT_MAX_LINES = 128;

    private final int maxLineLength;
    private final int maxLines;
    private final List<String> lines = new ArrayList<>();
    private byte[] line = new byte[128];
    private int length;

    public ReplyParser() {
        this(DEFAULT_MAX_LINE_LENGTH, DEFAULT_MAX_LINES);
    }

    /**
     * @param maxLineLength octets of a line without its line end
     * @param maxLines      of one reply
     */
    public ReplyParser(int maxLineLength, int maxLines) {
        this.maxLineLength = maxLineLength;
        this.maxLines = maxLines;
    }

    /**
     * Takes bytes up to the end of one reply and no further.
     *
     * @return null when more input is needed; what was read is kept
     * @throws ReplySyntaxException when the input isn't a reply or passes a limit; the parser is of no use then
     */
    public @Nullable Reply parse(ByteBuffer in) {
        while (in.hasRemaining()) {
            byte b = in.get();
            if (b == '\n') {
                Reply reply = endOfLine();
                if (reply != null) {
                    return reply;
                }
            } else {
                append(b);
            }
        }
        return null;
    }

    /** Whether a reply has begun and not ended. */
    public boolean inReply() {
        return length > 0 || !lines.isEmpty();
    }

    private void append(byte b) {
        if (length == maxLineLength + 1) { // one more for the CR
            throw new ReplySyntaxException("reply line longer than " + maxLineLength + " octets");
        }
        if (length == line.length) {
            line = Arrays.copyOf(line, Math.min(length * 2, maxLineLength + 1));
        }
        line[length++] = b;
    }

    private @Nullable Reply endOfLine() {
        if (length > 0 && line[length - 1] == '\r') {
            length--;
        }
        if (length > maxLineLength) {
            throw new ReplySyntaxException("reply line longer than " + maxLineLength + " octets");
        }
        String text = new String(line, 0, length, StandardCharsets.UTF_8);
        length = 0;
        int code = code(text);
        char separator = text.length() > 3 ? text.charAt(3) : ' ';
        if (code < 0 || separator != ' ' && separator != '-') {
            throw new ReplySyntaxException("not a reply: \"" + excerpt(text) + "\"");
        }
        if (lines.size() == maxLines) {
            throw new ReplySyntaxException("reply of more than " + maxLines + " lines");
        }
        lines.add(text.length() > 4 ? text.substring(4) : "");
        if (separator == '-') {
            return null;
        }
        Reply reply = reply(code);
        lines.clear();
        return reply;
    }

    private Reply reply(int code) {
        EnhancedStatus status = null;
        for (int i = 0; i < lines.size(); i++) {
            String text = lines.get(i);
            EnhancedStatus found = EnhancedStatus.parsePrefix(text);
            // RFC 2034 4: its class is the first digit of the code, and all lines have the same
            if (found != null && found.klass() == code / 100 && (status == null || status.equals(found))) {
                status = found;
                int end = EnhancedStatus.lengthOfPrefix(text);
                lines.set(i, end < text.length() ? text.substring(end + 1) : "");
            }
        }
        return new Reply(code, status, lines);
    }

    private static int code(String text) {
        if (text.length() < 3) {
            return -1;
        }
        int code = 0;
        for (int i = 0; i < 3; i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return -1;
            }
            code = code * 10 + c - '0';
        }
        return code >= 200 && code <= 599 ? code : -1;
    }

    private static String excerpt(String text) {
        String start = text.length() > 80 ? text.substring(0, 80) + "…" : text;
        return start.replaceAll("\\p{Cntrl}", "?");
    }
}
