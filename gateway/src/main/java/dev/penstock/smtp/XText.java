package dev.penstock.smtp;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

/**
 * The encodings that carry addresses and identifiers in parameters: xtext (RFC 3461 4) and the two forms for
 * internationalized addresses (RFC 6533 3). Stateless. No decoder gives out a control character, so that nothing a
 * client writes as {@code +0D+0A} becomes a line of its own in a command, a report or a log.
 */
public final class XText {
    private static final char[] HEX = "0123456789ABCDEF".toCharArray();

    private XText() {}

    /**
     * The text that {@code encoded} stands for, its octets taken as UTF-8. Hexadecimal digits may be lower case.
     *
     * @return null when it isn't xtext, isn't UTF-8, or holds a control character
     */
    public static @Nullable String decode(String encoded) {
        int length = encoded.length();
        byte[] octets = new byte[length];
        int count = 0;
        boolean ascii = true;
        for (int i = 0; i < length; i++) {
            char c = encoded.charAt(i);
            if (c == '+') {
                int octet = i + 2 < length ? hex(encoded.charAt(i + 1)) << 4 | hex(encoded.charAt(i + 2)) : -1;
                if (octet < ' ' || octet == 127) {
                    return null;
                }
                octets[count++] = (byte) octet;
                ascii &= octet < 127;
                i += 2;
            } else if (c > ' ' && c < 127 && c != '=') {
                octets[count++] = (byte) c;
            } else {
                return null;
            }
        }
        if (ascii) {
            return new String(octets, 0, count, StandardCharsets.ISO_8859_1);
        }
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(octets, 0, count)).toString();
            return hasControl(text) ? null : text;
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /** The xtext of {@code text}'s octets in UTF-8. */
    public static String encode(String text) {
        if (isPlain(text)) {
            return text;
        }
        byte[] octets = text.getBytes(StandardCharsets.UTF_8);
        StringBuilder encoded = new StringBuilder(octets.length + 16);
        for (byte octet : octets) {
            if (octet > ' ' && octet < 127 && octet != '+' && octet != '=') {
                encoded.append((char) octet);
            } else {
                encoded.append('+').append(HEX[octet >> 4 & 15]).append(HEX[octet & 15]);
            }
        }
        return encoded.toString();
    }

    /**
     * The text that a utf-8-addr-xtext or utf-8-addr-unitext stands for, in which <code>\x{HHHH}</code> is the
     * character of that number.
     *
     * @return null when it is neither, or holds a control character
     */
    public static @Nullable String decodeUnicode(String encoded) {
        StringBuilder text = new StringBuilder(encoded.length());
        for (int i = 0; i < encoded.length();) {
            int c = encoded.codePointAt(i);
            if (c == '\\') {
                int close = encoded.indexOf('}', i);
                int point = encoded.startsWith("x{", i + 1) && close > 0 ? point(encoded, i + 3, close) : -1;
                if (point < 0) {
                    return null;
                }
                text.appendCodePoint(point);
                i = close + 1;
            } else if (c > ' ' && c != '+' && c != '=' && isCharacter(c)) {
                text.appendCodePoint(c);
                i += Character.charCount(c);
            } else {
                return null;
            }
        }
        return text.toString();
    }

    /** The utf-8-addr-xtext of {@code text}: ASCII only, so that any server takes it. */
    public static String encodeUnicode(String text) {
        if (isPlain(text) && text.indexOf('\\') < 0) {
            return text;
        }
        StringBuilder encoded = new StringBuilder(text.length() + 32);
        text.codePoints().forEach(c -> {
            if (c > ' ' && c < 127 && c != '+' && c != '=' && c != '\\') {
                encoded.append((char) c);
            } else {
                encoded.append("\\x{").append(Integer.toHexString(c).toUpperCase(Locale.ROOT)).append('}');
            }
        });
        return encoded.toString();
    }

    private static int point(String text, int from, int to) {
        if (to - from < 2 || to - from > 6) {
            return -1;
        }
        int point = 0;
        for (int i = from; i < to; i++) {
            int digit = hex(text.charAt(i));
            if (digit < 0) {
                return -1;
            }
            point = point << 4 | digit;
        }
        return isCharacter(point) ? point : -1;
    }

    /** Neither a control character nor half of a pair nor beyond Unicode. */
    private static boolean isCharacter(int point) {
        return Character.isValidCodePoint(point) && !Character.isISOControl(point)
                && (point < Character.MIN_SURROGATE || point > Character.MAX_SURROGATE);
    }

    private static boolean hasControl(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isISOControl(text.charAt(i))) {
                return true;
            }
        }
        return false;
    }

    /** Whether xtext leaves it as it is. */
    private static boolean isPlain(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c <= ' ' || c >= 127 || c == '+' || c == '=') {
                return false;
            }
        }
        return true;
    }

    /** @return negative when {@code c} isn't a digit, also when shifted and or-ed with another */
    private static int hex(char c) {
        if (c >= '0' && c <= '9') {
            return c - '0';
        }
        int letter = c | 0x20;
        return c < 128 && letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
    }
}
