package dev.penstock.injection;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A disk that gets full and whose syncs fail, as told. Thread-safe. */
final class FaultyDisk extends Journal.Disk {
    private final AtomicLong room = new AtomicLong(Long.MAX_VALUE);
    private final AtomicInteger syncs = new AtomicInteger();
    private volatile boolean failSyncs;

    /** Octets that may still be written. */
    void roomFor(long octets) {
        room.set(octets);
    }

    void failSyncs(boolean fail) {
        failSyncs = fail;
    }

    int syncs() {
        return syncs.get();
    }

    @Override
    int write(FileChannel channel, ByteBuffer octets, long at) throws IOException {
        int length = (int) Math.min(octets.remaining(), room.get());
        if (length == 0) {
            throw new IOException("No space left on device");
        }
        ByteBuffer part = octets.slice(octets.position(), length);
        int written = super.write(channel, part, at);
        octets.position(octets.position() + written);
        if (room.get() != Long.MAX_VALUE) {
            room.addAndGet(-written);
        }
        return written;
    }

    @Override
    void force(FileChannel channel) throws IOException {
        syncs.incrementAndGet();
        if (failSyncs) {
            throw new IOException("Input/output error");
        }
        super.force(channel);
    }
}
