package dev.penstock.dkim;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

import dev.penstock.config.Canonicalization;

/**
 * SHA-256 of a canonicalised body (RFC 6376 3.4.3, 3.4.4, 3.7) that comes in pieces of any size. Confined to one thread at
 * a time. A line ends with CRLF; a CR or LF alone is an octet like others.
 *
 * <p>What can't be told yet is kept as three facts, whatever it was: so many line ends, then perhaps white space (relaxed
 * only), then perhaps a CR, all of which count only when something follows.
 */
public final class BodyHash {
    private static final byte[] CRLF = {'\r', '\n'};
    private static final int SCRATCH = 4 << 10; // octets
    private static final byte[] EMPTY = {};

    private final Canonicalization canonicalization;
    private final MessageDigest digest = sha256();
    private final byte[] scratch; // relaxed octets on their way to the digest
    private int filled;
    private long left; // of what l= counts
    private long lineEnds;
    private boolean space;
    private boolean cr;
    private boolean some; // has anything been hashed

    public BodyHash(Canonicalization canonicalization) {
        this(canonicalization, Long.MAX_VALUE);
    }

    /** @param limit octets of the canonicalised body that are hashed: {@code l=} of a signature that is verified */
    BodyHash(Canonicalization canonicalization, long limit) {
        this.canonicalization = canonicalization;
        this.left = limit;
        this.scratch = canonicalization == Canonicalization.RELAXED ? new byte[SCRATCH] : EMPTY;
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    public Canonicalization canonicalization() {
        return canonicalization;
    }

    /** Takes octets of the body; the array may be used again after the call. */
    public void update(byte[] octets, int offset, int length) {
        switch (canonicalization) {
            case SIMPLE -> simple(octets, offset, offset + length);
            case RELAXED -> relaxed(octets, offset, offset + length);
        }
    }

    /** All but the line ends at the very end of a piece is hashed as it is, in one go. */
    private void simple(byte[] octets, int from, int to) {
        int end = to;
        while (end > from && (octets[end - 1] == '\r' || octets[end - 1] == '\n')) {
            end--;
        }
        int i = from;
        if (end > from) {
            if (cr && octets[i] == '\n') {
                cr = false;
                lineEnds++;
                i++;
            }
            flushSimple();
            hash(octets, i, end - i);
        }
        for (i = Math.max(i, end); i < to; i++) {
            if (octets[i] == '\r') {
                if (cr) {
                    flushSimple();
                }
                cr = true;
            } else if (cr) {
                cr = false;
                lineEnds++;
            } else {
                flushSimple();
                hash(octets, i, 1);
            }
        }
    }

    private void flushSimple() {
        for (; lineEnds > 0; lineEnds--) {
            hash(CRLF, 0, CRLF.length);
        }
        if (cr) {
            hash(CRLF, 0, 1);
            cr = false;
        }
    }

    private void relaxed(byte[] octets, int from, int to) {
        for (int i = from; i < to;) {
            byte octet = octets[i];
            if (cr) {
                cr = false;
                if (octet == '\n') {
                    space = false; // at the end of a line
                    lineEnds++;
                    i++;
                    continue;
                }
                flushRelaxed();
                put((byte) '\r');
            }
            if (octet == ' ' || octet == '\t') {
                space = true;
                i++;
            } else if (octet == '\r') {
                cr = true;
                i++;
            } else {
                flushRelaxed();
                i = copy(octets, i, to);
            }
        }
    }

    /** @return where the next white space or CR is, or {@code to} */
    private int copy(byte[] octets, int from, int to) {
        byte[] out = scratch;
        int i = from;
        while (i < to) {
            if (filled == out.length) {
                emptyScratch();
            }
            int end = Math.min(to, i + out.length - filled);
            int at = filled;
            while (i < end) {
                byte octet = octets[i];
                if (octet == ' ' || octet == '\r' || octet == '\t') {
                    filled = at;
                    return i;
                }
                out[at++] = octet;
                i++;
            }
            filled = at;
        }
        return i;
    }

    private void flushRelaxed() {
        some = true;
        for (; lineEnds > 0; lineEnds--) {
            put((byte) '\r');
            put((byte) '\n');
        }
        if (space) {
            put((byte) ' ');
            space = false;
        }
    }

    private void put(byte octet) {
        if (filled == scratch.length) {
            emptyScratch();
        }
        scratch[filled++] = octet;
    }

    private void emptyScratch() {
        hash(scratch, 0, filled);
        filled = 0;
    }

    private void hash(byte[] octets, int offset, int length) {
        int counted = (int) Math.min(length, left);
        left -= counted;
        digest.update(octets, offset, counted);
    }

    /** The body has ended. To be asked once. */
    public byte[] finish() {
        switch (canonicalization) {
            case SIMPLE -> {
                if (cr) {
                    flushSimple();
                }
                hash(CRLF, 0, CRLF.length); // in place of all line ends at the end, or of the one that is missing
            }
            case RELAXED -> {
                if (cr) {
                    flushRelaxed();
                    put((byte) '\r');
                }
                emptyScratch();
                if (some) {
                    hash(CRLF, 0, CRLF.length);
                }
            }
        }
        return digest.digest();
    }

    /** Whether fewer octets came than were to be hashed. To be asked after {@link #finish}. */
    boolean isShort() {
        return left > 0;
    }
}
