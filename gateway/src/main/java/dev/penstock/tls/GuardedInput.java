package dev.penstock.tls;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * What comes under TLS, with as many updates of keys, tickets and the like as {@link GuardedSslHandler} allows: against the
 * data that came, in all. Confined to its reader.
 */
final class GuardedInput extends FilterInputStream {
    private long derivations;
    private long octets; // of data

    GuardedInput(InputStream in) {
        super(in);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    /** @throws KeyDerivations.TooManyUpdatesException when the other side does nothing else */
    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        long allowed = KeyDerivations.PER_UPDATE
                * (GuardedSslHandler.MAX_IDLE_RECORDS + octets / GuardedSslHandler.OCTETS_PER_IDLE_RECORD);
        return KeyDerivations.<IOException>atMost(Math.clamp(allowed - derivations, 0, Integer.MAX_VALUE), () -> {
            try {
                int count = in.read(into, offset, length);
                octets += Math.max(count, 0);
                return count;
            } finally {
                derivations += KeyDerivations.soFar();
            }
        });
    }
}
