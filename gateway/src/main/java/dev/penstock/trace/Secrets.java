package dev.penstock.trace;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

import dev.penstock.smtp.Reply;

/**
 * What was said in a session and may be quoted to nobody: passwords, and what was made of them. Confined to its session.
 *
 * <p>Every {@link #TELLING} characters in a row of a secret are a part of it, kept as one number when the secret comes, so
 * that a text is looked through once, whatever was said before. What is kept is bounded ({@link #MAX_PARTS}); when a secret
 * has no room, every text passes for a quotation from then on.
 */
public final class Secrets {
    /** In place of a text that quotes a secret. */
    public static final String MASKED = "[masked]";

    /** So many characters of a secret in a row are a part of it. */
    private static final int TELLING = 6;
    /** Of a character, in a part: those below 1,024 are told apart, others may pass for one another. */
    private static final int BITS = 10;
    private static final long PART = (1L << TELLING * BITS) - 1;
    /**
     * Different ones of a session: logins with the longest tokens in use (4 KB), tried twice. A session takes 128 KB for
     * them at most, and usually 1 KB.
     */
    static final int MAX_PARTS = 8_192;
    /** Secrets that are shorter than a part, which are looked for one by one. */
    private static final int MAX_SHORT = 16;
    private static final int FIRST_TABLE = 64;

    /** Open addressing, half of it free at least; a place has the part's number plus 1. Its length is a power of two. */
    private long[] table = new long[0];
    private int parts;
    private final List<String> shortOnes = new ArrayList<>(0);
    private boolean full;

    /** A password, or what was made of one. */
    public void add(String secret) {
        if (secret.isEmpty() || full) {
            return;
        }
        if (secret.length() < TELLING) {
            addShort(secret);
            return;
        }
        long part = 0;
        for (int i = 0; i < secret.length() && !full; i++) {
            part = next(part, secret.charAt(i));
            if (i >= TELLING - 1) {
                addPart(part);
            }
        }
    }

    /** The password of a login, and what it is turned into on its way. */
    public void addLogin(String user, String password) {
        add(password);
        add(Base64.getEncoder().encodeToString(password.getBytes(UTF_8)));
        add(Base64.getEncoder().encodeToString(("\0" + user + "\0" + password).getBytes(UTF_8)));
    }

    /** Whether a part of a secret is in a text, as far as is known. */
    public boolean areIn(String text) {
        if (full) {
            return true;
        }
        for (String secret : shortOnes) {
            if (text.contains(secret)) {
                return true;
            }
        }
        if (parts == 0) {
            return false;
        }
        long part = 0;
        for (int i = 0; i < text.length(); i++) {
            part = next(part, text.charAt(i));
            if (i >= TELLING - 1 && table[place(part)] != 0) {
                return true;
            }
        }
        return false;
    }

    /** @return the text, or {@link #MASKED} when a part of a secret is in it */
    public String outOf(String text) {
        return areIn(text) ? MASKED : text;
    }

    /** @return the reply, with its code and status, and {@link #MASKED} for each line in which a part of a secret is */
    public Reply outOf(Reply reply) {
        return reply.lines().stream().anyMatch(this::areIn)
                ? new Reply(reply.code(), reply.status(), reply.lines().stream().map(this::outOf).toList())
                : reply;
    }

    private void addShort(String secret) {
        if (!shortOnes.contains(secret)) {
            if (shortOnes.size() == MAX_SHORT) {
                overflow();
            } else {
                shortOnes.add(secret);
            }
        }
    }

    private void addPart(long part) {
        if (table.length == 0) {
            table = new long[FIRST_TABLE];
        }
        int place = place(part);
        if (table[place] != 0) {
            return;
        }
        if (parts == MAX_PARTS) {
            overflow();
            return;
        }
        table[place] = part + 1;
        parts++;
        if (parts * 2 > table.length) {
            long[] smaller = table;
            table = new long[smaller.length * 2];
            for (long each : smaller) {
                if (each != 0) {
                    table[place(each - 1)] = each;
                }
            }
        }
    }

    private void overflow() {
        full = true;
        table = new long[0];
        shortOnes.clear();
    }

    /** Where a part is, or would be. */
    private int place(long part) {
        int last = table.length - 1;
        int place = Long.hashCode(part * 0x9e3779b97f4a7c15L) & last; // Fibonacci hashing: 2^64 by the golden ratio
        while (table[place] != 0 && table[place] != part + 1) {
            place = place + 1 & last;
        }
        return place;
    }

    private static long next(long part, char c) {
        return (part << BITS ^ c) & PART;
    }
}
