package dev.penstock.smtp;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * An SMTP reply (RFC 5321 4.2). Immutable. Control characters in the text become {@code ?}, those of ISO 6429's C1 and the
 * separators of lines too: no text, wherever it came from, can end the reply early and say something else after it, or speak
 * to the terminal of someone who reads it in a log.
 *
 * @param code   200 to 599
 * @param status null when the reply has none, as the greeting and the answer to EHLO
 * @param lines  one at least, without code and status
 */
public record Reply(int code, @Nullable EnhancedStatus status, List<String> lines) {
    public Reply {
        if (code < 200 || code > 599) {
            throw new IllegalArgumentException("not a reply code: " + code);
        }
        if (lines.isEmpty()) {
            throw new IllegalArgumentException("a reply needs a line");
        }
        // Nearly every reply has one line, and every message has four replies.
        lines = lines.size() == 1 ? List.of(clean(lines.getFirst())) : lines.stream().map(Reply::clean).toList();
    }

    /** @param status empty for none */
    public static Reply of(int code, String status, String text) {
        return new Reply(code, status.isEmpty() ? null : EnhancedStatus.parse(status), List.of(text));
    }

    /** Done, or go on: 2xx and 3xx. */
    public boolean isPositive() {
        return code < 400;
    }

    /** 3xx: go on (RFC 5321 4.2.1, positive intermediate). */
    public boolean isIntermediate() {
        return code >= 300 && code < 400;
    }

    /** 4xx. */
    public boolean isTransient() {
        return code >= 400 && code < 500;
    }

    /** 5xx. */
    public boolean isPermanent() {
        return code >= 500;
    }

    /** The lines, joined by a space. */
    public String text() {
        return lines.size() == 1 ? lines.getFirst() : String.join(" ", lines);
    }

    /** Characters of all lines. */
    public int textLength() {
        int length = 0;
        for (String line : lines) {
            length += line.length();
        }
        return length;
    }

    /** The same with so many characters at most: whole lines as long as they fit, and of the first one what does. */
    public Reply cutTo(int characters) {
        List<String> kept = new ArrayList<>();
        int left = characters;
        for (String line : lines) {
            if (line.length() > left) {
                break;
            }
            kept.add(line);
            left -= line.length();
        }
        if (kept.isEmpty()) {
            String first = lines.getFirst();
            int end = Character.isHighSurrogate(first.charAt(characters - 1)) ? characters - 1 : characters;
            kept.add(first.substring(0, end));
        }
        return new Reply(code, status, kept);
    }

    /** {@code 550 5.1.1 text}. */
    public String oneLine() {
        String text = text();
        return code + (status == null ? "" : " " + status) + (text.isEmpty() ? "" : " " + text);
    }

    /** As it goes over the wire, every line with code and status (RFC 2034 4) and CRLF. */
    public byte[] encode() {
        StringBuilder wire = new StringBuilder(64 * lines.size());
        for (int i = 0; i < lines.size(); i++) {
            wire.append(code).append(i < lines.size() - 1 ? '-' : ' ');
            if (status != null) {
                wire.append(status).append(' ');
            }
            wire.append(lines.get(i)).append("\r\n");
        }
        return wire.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static String clean(String line) {
        for (int i = 0; i < line.length(); i++) {
            if (isControl(line.charAt(i))) {
                StringBuilder clean = new StringBuilder(line);
                for (int j = i; j < line.length(); j++) {
                    if (isControl(line.charAt(j))) {
                        clean.setCharAt(j, '?');
                    }
                }
                return clean.toString();
            }
        }
        return line;
    }

    private static boolean isControl(char c) {
        return c < ' ' && c != '\t' || c >= 0x7f && c <= 0x9f || c == '\u2028' || c == '\u2029';
    }
}
