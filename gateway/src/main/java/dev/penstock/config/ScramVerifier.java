package dev.penstock.config;

import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a server keeps of a password for SCRAM-SHA-256 (RFC 5802 2.2, RFC 7677), in the form that PostgreSQL writes and
 * RFC 5803 describes. Immutable.
 *
 * @param salt      base64
 * @param storedKey base64
 * @param serverKey base64
 */
public record ScramVerifier(int iterations, String salt, String storedKey, String serverKey) {
    /** Named by RFC 7677 4 as the least. */
    public static final int MIN_ITERATIONS = 4_096;
    public static final int MAX_ITERATIONS = 10_000_000;
    /** The least that XEP-0438 recommends; every login costs the client so many HMACs. */
    public static final int DEFAULT_ITERATIONS = 10_000;
    /** Octets. */
    public static final int SALT_LENGTH = 16;

    private static final int KEY_LENGTH = 32; // SHA-256
    private static final int MAX_SALT = 64;
    private static final String BASE64 = "([A-Za-z0-9+/]+={0,2})";
    private static final Pattern FORM = Pattern
            .compile("SCRAM-SHA-256\\$(\\d{1,8}):" + BASE64 + "\\$" + BASE64 + ":" + BASE64);

    /** Reads a verifier; {@link IllegalArgumentException} tells what was expected, without the verifier itself. */
    public static ScramVerifier parse(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new IllegalArgumentException(
                    "expected SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey with base64; penstock user writes it");
        }
        int iterations = Integer.parseInt(form.group(1));
        if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
            throw new IllegalArgumentException(iterations + " iterations are out of range; allowed: " + MIN_ITERATIONS
                    + " to " + MAX_ITERATIONS);
        }
        int salt = octets(form.group(2));
        if (salt < 1 || salt > MAX_SALT) {
            throw new IllegalArgumentException("the salt has " + salt + " octets; allowed: 1 to " + MAX_SALT);
        }
        if (octets(form.group(3)) != KEY_LENGTH || octets(form.group(4)) != KEY_LENGTH) {
            throw new IllegalArgumentException("StoredKey and ServerKey have to be " + KEY_LENGTH + " octets each");
        }
        return new ScramVerifier(iterations, form.group(2), form.group(3), form.group(4));
    }

    private static int octets(String base64) {
        try {
            return Base64.getDecoder().decode(base64).length;
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("salt and keys have to be base64", e);
        }
    }

    /** The form of the file. {@code toString} leaves the keys out, so that they never get into a log. */
    public String text() {
        return "SCRAM-SHA-256$" + iterations + ":" + salt + "$" + storedKey + ":" + serverKey;
    }

    @Override
    public String toString() {
        return "SCRAM-SHA-256 i=" + iterations;
    }
}
