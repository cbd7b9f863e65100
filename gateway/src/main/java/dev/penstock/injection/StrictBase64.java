package dev.penstock.injection;

import java.util.Arrays;
import java.util.Base64;

/**
 * Base64 as RFC 4648 4 has it, line breaks and blanks allowed anywhere (RFC 2045 6.8). Anything else is an error: a
 * decoder that skips what it doesn't know makes other octets of it. Stateless.
 */
final class StrictBase64 {
    private StrictBase64() {}

    /** @throws IllegalArgumentException when it isn't base64; the message is for the client */
    static byte[] decode(String text) {
        byte[] digits = new byte[text.length()];
        int count = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '-' || c == '_') {
                throw new IllegalArgumentException("character " + (i + 1) + " is '" + c
                        + "', of the URL-safe alphabet; + and / are expected");
            }
            if (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
                    || c == '=') {
                digits[count++] = (byte) c;
            } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
                throw new IllegalArgumentException("character " + (i + 1) + " isn't one of base64");
            }
        }
        return Base64.getDecoder().decode(count == digits.length ? digits : Arrays.copyOf(digits, count));
    }
}
