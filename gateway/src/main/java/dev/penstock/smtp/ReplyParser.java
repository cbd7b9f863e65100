package dev.penstock.smtp;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Reads replies from bytes that come in pieces. Confined to its connection.
 *
 * <p>Only the code counts (RFC 5321 4.2), so length never makes a reply unreadable: what passes a limit is text left out.
 * Nor does a reply that never ends: its code is that of what came, and nothing behind it can be read.
 *
 * <p>Lenient where servers are known to be sloppy and nothing can be misread: a bare LF ends a line, a missing space
 * after the code is an empty text, and of different codes in one reply the last counts (as in Postfix).
 */
public final class ReplyParser {
    /** RFC 5321 4.5.3.1.5 says 512; servers that put URLs into their refusals don't keep to it. */
    public static final int DEFAULT_MAX_LINE_LENGTH = 2048;
    /** An answer to EHLO has some 20 lines at most. */
    public static final int DEFAULT_MAX_LINES = 128;
    /** All that may be kept of one reply, which goes into the delivery log and into reports. */
    private static final int MAX_KEPT = 32 << 10;
    /** What is longer has no end: 1,024 lines of 1,024 octets. */
    private static final int MAX_OCTETS = 1 << 20;
    private static final int CODE_LENGTH = 3;
    private static final int NONE = -1;

    private final int maxLineLength;
    private final int maxLines;
    private final int maxOctets;
    private final List<String> lines = new ArrayList<>();
    private byte[] line = new byte[128];
    /** Octets kept of the line, one more than its limit at most. */
    private int length;
    private boolean cut;
    /** Octets of the lines kept. */
    private int kept;
    /** Octets of the reply, and its code as the last whole line has it. */
    private int octets;
    private int code = NONE;
    private boolean endless;

    public ReplyParser() {
        this(DEFAULT_MAX_LINE_LENGTH, DEFAULT_MAX_LINES);
    }

    /**
     * @param maxLineLength octets kept of a line without its line end, code included
     * @param maxLines      kept of one reply
     */
    public ReplyParser(int maxLineLength, int maxLines) {
        this(maxLineLength, maxLines, MAX_OCTETS);
    }

    /** @param maxOctets of a reply that ends */
    ReplyParser(int maxLineLength, int maxLines, int maxOctets) {
        this.maxLineLength = maxLineLength;
        this.maxLines = maxLines;
        this.maxOctets = maxOctets;
    }

    /**
     * Takes bytes up to the end of one reply and no further.
     *
     * @return null when more input is needed; what was read is kept
     * @throws ReplySyntaxException when the input isn't a reply, or is the rest of one without end; the parser is of no use
     *                              then
     */
    public @Nullable Reply parse(ByteBuffer in) {
        if (endless) {
            throw new ReplySyntaxException("reply without end");
        }
        while (in.hasRemaining()) {
            byte b = in.get();
            octets++;
            if (b == '\n') {
                Reply reply = endOfLine();
                if (reply != null) {
                    return reply;
                }
            } else {
                append(b);
            }
            if (octets >= maxOctets) {
                return withoutEnd();
            }
        }
        return null;
    }

    /** Whether a reply has begun and not ended. */
    public boolean inReply() {
        return octets > 0;
    }

    private void append(byte b) {
        if (length > maxLineLength) { // one more for the CR
            if (!cut && code() < 0) {
                throw notAReply();
            }
            cut = true;
            return;
        }
        if (length == line.length) {
            line = Arrays.copyOf(line, Math.min(length * 2, maxLineLength + 1));
        }
        line[length++] = b;
    }

    private @Nullable Reply endOfLine() {
        if (!cut && length > 0 && line[length - 1] == '\r') {
            length--;
        }
        char separator = length > CODE_LENGTH ? (char) (line[CODE_LENGTH] & 0xff) : ' ';
        code = code();
        if (code < 0 || separator != ' ' && separator != '-') {
            throw notAReply();
        }
        keepLine();
        length = 0;
        cut = false;
        return separator == '-' ? null : reply();
    }

    private Reply withoutEnd() {
        if (length >= CODE_LENGTH) {
            if (code() < 0) {
                throw notAReply();
            }
            code = code();
            keepLine();
        }
        if (code < 0) {
            throw notAReply();
        }
        Reply reply = reply();
        endless = true;
        octets = maxOctets;
        return reply;
    }

    /** Whether the last reply was cut off: what follows is the rest of it. */
    public boolean isEndless() {
        return endless;
    }

    private void keepLine() {
        int end = Math.min(length, maxLineLength);
        while (end < length && end > 0 && (line[end] & 0xc0) == 0x80) { // no half of a character
            end--;
        }
        int from = Math.min(CODE_LENGTH + 1, end);
        if (lines.isEmpty() || lines.size() < maxLines && kept + end - from <= MAX_KEPT) {
            lines.add(new String(line, from, end - from, StandardCharsets.UTF_8));
            kept += end - from;
        }
    }

    private Reply reply() {
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
        Reply reply = new Reply(code, status, lines);
        lines.clear();
        kept = 0;
        octets = 0;
        code = NONE;
        return reply;
    }

    /** @return {@link #NONE} when the line doesn't begin with one */
    private int code() {
        if (length < CODE_LENGTH) {
            return NONE;
        }
        int number = 0;
        for (int i = 0; i < CODE_LENGTH; i++) {
            byte c = line[i];
            if (c < '0' || c > '9') {
                return NONE;
            }
            number = number * 10 + c - '0';
        }
        return number >= 200 && number <= 599 ? number : NONE;
    }

    private ReplySyntaxException notAReply() {
        return new ReplySyntaxException(
                "not a reply: \"" + excerpt(new String(line, 0, length, StandardCharsets.UTF_8)) + "\"");
    }

    private static String excerpt(String text) {
        String start = text.length() > 80 ? text.substring(0, 80) + "…" : text;
        return start.replaceAll("\\p{Cntrl}", "?");
    }
}
