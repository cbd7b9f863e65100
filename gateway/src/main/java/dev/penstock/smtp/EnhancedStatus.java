package dev.penstock.smtp;

import org.jspecify.annotations.Nullable;

/** An enhanced status code (RFC 3463): {@code 5.1.1}. Immutable. */
public record EnhancedStatus(int klass, int subject, int detail) {
    private static final int MAX_NUMBER = 999; // RFC 3463 2: subject and detail have up to three digits

    public EnhancedStatus {
        if (klass != 2 && klass != 4 && klass != 5 || subject < 0 || subject > MAX_NUMBER || detail < 0
                || detail > MAX_NUMBER) {
            throw new IllegalArgumentException("not an enhanced status: " + klass + "." + subject + "." + detail);
        }
    }

    /** @return null when {@code text} isn't one enhanced status and nothing else */
    public static @Nullable EnhancedStatus parse(String text) {
        return text.length() == lengthOfPrefix(text) ? parsePrefix(text) : null;
    }

    /** The status that {@code text} begins with, followed by a space or the end; null when there is none. */
    static @Nullable EnhancedStatus parsePrefix(String text) {
        int end = lengthOfPrefix(text);
        if (end == 0) {
            return null;
        }
        int dot = text.indexOf('.', 2);
        return new EnhancedStatus(text.charAt(0) - '0', Integer.parseInt(text, 2, dot, 10),
                Integer.parseInt(text, dot + 1, end, 10));
    }

    /** 0 when {@code text} begins with none. */
    static int lengthOfPrefix(String text) {
        if (text.length() < 5 || text.charAt(1) != '.' || "245".indexOf(text.charAt(0)) < 0) {
            return 0;
        }
        int dot = endOfNumber(text, 2);
        if (dot == 2 || dot >= text.length() || text.charAt(dot) != '.') {
            return 0;
        }
        int end = endOfNumber(text, dot + 1);
        return end > dot + 1 && (end == text.length() || text.charAt(end) == ' ') ? end : 0;
    }

    private static int endOfNumber(String text, int from) {
        int end = from;
        while (end < text.length() && end - from < 3 && text.charAt(end) >= '0' && text.charAt(end) <= '9') {
            end++;
        }
        return end;
    }

    @Override
    public String toString() {
        return klass + "." + subject + "." + detail;
    }
}
