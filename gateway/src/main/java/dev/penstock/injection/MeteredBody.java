package dev.penstock.injection;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;

import dev.penstock.http.Problem;

/** Counts and digests what is read of a body, after decompression, and stops at the limits. Confined to the request's thread. */
final class MeteredBody extends FilterInputStream {
    private final MessageDigest digest = Digests.sha256();
    private final Utf8Check utf8 = new Utf8Check();
    private final long most;
    private final RequestMemory.Share share;
    private long octets;

    /** @param most octets */
    MeteredBody(InputStream in, long most, RequestMemory.Share share) {
        super(in);
        this.most = most;
        this.share = share;
    }

    static Problem tooLarge(long most) {
        return Problem.of(Problem.Kind.TOO_LARGE, "a body has at most " + most + " octets, decompressed");
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        int count = super.read(into, offset, length);
        if (count > 0) {
            octets += count;
            if (octets > most) {
                throw tooLarge(most);
            }
            share.need((long) count * RequestMemory.BODY);
            if (!utf8.accepts(into, offset, count)) {
                throw Problem.of(Problem.Kind.INVALID, "the body isn't in UTF-8");
            }
            digest.update(into, offset, count);
        }
        return count;
    }

    /** Of all that was read; the reader has read to the end. */
    byte[] hash() {
        return digest.digest();
    }
}
