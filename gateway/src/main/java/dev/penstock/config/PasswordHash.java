package dev.penstock.config;

import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is kept of a password, in the form that the credentials file and most others write it. Immutable. */
public sealed interface PasswordHash {
    /** The form of the file. {@code toString} says only what it costs, so that a hash never gets into a log. */
    String text();

    /** A hash that costs the same and that no password is known for. */
    PasswordHash unmatched();

    /** Reads a hash; {@link IllegalArgumentException} tells what was expected, without the hash itself. */
    static PasswordHash parse(String text) {
        if (text.startsWith("$argon2")) {
            return Argon2id.parse(text);
        }
        if (text.startsWith("$2")) {
            return Bcrypt.parse(text);
        }
        throw new IllegalArgumentException("expected a hash, $argon2id$… or $2b$…; penstock user writes one");
    }

    /**
     * Argon2id, version 1.3, in PHC string form (RFC 9106).
     *
     * @param memory      KiB
     * @param iterations  passes over the memory
     * @param parallelism lanes
     * @param salt        base64 without padding
     * @param hash        base64 without padding
     */
    record Argon2id(int memory, int iterations, int parallelism, String salt, String hash) implements PasswordHash {
        /** OWASP Password Storage Cheat Sheet, the least it recommends: 19 MiB, 2 passes, 1 lane. */
        public static final int DEFAULT_MEMORY = 19 * 1024;
        public static final int DEFAULT_ITERATIONS = 2;
        public static final int DEFAULT_PARALLELISM = 1;
        /** Octets; RFC 9106 3.1 recommends it. */
        public static final int SALT_LENGTH = 16;
        /** Octets. */
        public static final int HASH_LENGTH = 32;

        private static final int MAX_MEMORY = 64 * 1024; // KiB, RFC 9106 4, second recommendation; bounds the heap
        private static final int MAX_ITERATIONS = 16;
        private static final int MAX_PARALLELISM = 16;
        private static final int MIN_SALT = 8; // RFC 9106 3.1
        private static final int MIN_HASH = 16;
        private static final int MAX_OCTETS = 64;
        private static final String FORM = "$argon2id$v=19$m=19456,t=2,p=1$salt$hash";
        private static final Pattern PHC = Pattern.compile(
                "\\$argon2id\\$v=19\\$m=(\\d{1,7}),t=(\\d{1,4}),p=(\\d{1,4})\\$([A-Za-z0-9+/]+)\\$([A-Za-z0-9+/]+)");

        private static Argon2id parse(String text) {
            Matcher phc = PHC.matcher(text);
            if (!phc.matches()) {
                throw new IllegalArgumentException("expected an Argon2id hash like " + FORM);
            }
            int memory = Integer.parseInt(phc.group(1));
            int iterations = Integer.parseInt(phc.group(2));
            int parallelism = Integer.parseInt(phc.group(3));
            inRange("p", parallelism, 1, MAX_PARALLELISM);
            inRange("m", memory, 8 * parallelism, MAX_MEMORY); // RFC 9106 3.1
            inRange("t", iterations, 1, MAX_ITERATIONS);
            inRange("the salt's length in octets", octets(phc.group(4)), MIN_SALT, MAX_OCTETS);
            inRange("the hash's length in octets", octets(phc.group(5)), MIN_HASH, MAX_OCTETS);
            return new Argon2id(memory, iterations, parallelism, phc.group(4), phc.group(5));
        }

        private static int octets(String base64) {
            try {
                return Base64.getDecoder().decode(base64).length;
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("salt and hash have to be base64 without padding", e);
            }
        }

        private static void inRange(String what, int value, int min, int max) {
            if (value < min || value > max) {
                throw new IllegalArgumentException(
                        what + " is " + value + ", out of range; allowed: " + min + " to " + max);
            }
        }

        @Override
        public String text() {
            return "$argon2id$v=19$m=" + memory + ",t=" + iterations + ",p=" + parallelism + "$" + salt + "$" + hash;
        }

        @Override
        public PasswordHash unmatched() {
            return new Argon2id(memory, iterations, parallelism, "A".repeat(salt.length()), "A".repeat(hash.length()));
        }

        @Override
        public String toString() {
            return "argon2id m=" + memory + " t=" + iterations + " p=" + parallelism;
        }
    }

    /**
     * bcrypt, as crypt(3) writes it.
     *
     * @param text {@code $2a$}, {@code $2b$} or {@code $2y$}, cost, 53 characters of salt and hash
     */
    record Bcrypt(String text) implements PasswordHash {
        private static final int PREFIX_LENGTH = "$2b$10$".length();
        private static final int MAX_COST = 14; // about a second; more would hold up everybody's logins
        private static final Pattern CRYPT = Pattern.compile("\\$2[aby]\\$(\\d\\d)\\$[./A-Za-z0-9]{53}");

        private static Bcrypt parse(String text) {
            Matcher crypt = CRYPT.matcher(text);
            if (!crypt.matches()) {
                throw new IllegalArgumentException("expected a bcrypt hash: $2a$, $2b$ or $2y$, a cost of two digits, "
                        + "$ and 53 characters");
            }
            int cost = Integer.parseInt(crypt.group(1));
            if (cost < 4 || cost > MAX_COST) {
                throw new IllegalArgumentException(
                        "the cost is " + cost + ", out of range; allowed: 4 to " + MAX_COST);
            }
            return new Bcrypt(text);
        }

        @Override
        public PasswordHash unmatched() {
            return new Bcrypt(text.substring(0, PREFIX_LENGTH) + ".".repeat(text.length() - PREFIX_LENGTH));
        }

        @Override
        public String toString() {
            return "bcrypt " + text.substring(4, 6);
        }
    }
}
