package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;

import org.jspecify.annotations.Nullable;

/** A store that fails when told to. Thread-safe. In this package because the store interface is the spool's own. */
final class FaultySegmentStore implements SegmentStore {
    private final SegmentStore real;
    /** Octets that may still be written, or promised as room; each uses some up. */
    volatile long room = Long.MAX_VALUE;
    volatile boolean syncFails;
    volatile boolean writeFails;
    volatile boolean readFails;
    /** A segment that is made ahead has no room. */
    volatile boolean spareFails;
    final AtomicInteger sparesFailed = new AtomicInteger();
    /** Syncs wait for it. */
    volatile @Nullable CountDownLatch stall;

    FaultySegmentStore(SegmentStore real) {
        this.real = real;
    }

    /** Told of what is made durable again. */
    volatile BiConsumer<Long, Long> onSecure = (_, _) -> {};

    private synchronized void use(long octets) throws NoSpaceException {
        if (room < octets) {
            throw new NoSpaceException("no room, says the test", new IOException("No space left on device"));
        }
        if (room != Long.MAX_VALUE) {
            room -= octets;
        }
    }

    @Override
    public List<Long> list(Kind kind) throws IOException {
        return real.list(kind);
    }

    @Override
    public Segment create(Kind kind, long number, long promised) throws IOException {
        if (spareFails && Thread.currentThread().getName().equals("spool-maintenance")) {
            sparesFailed.incrementAndGet();
            throw new IOException("Input/output error, says the test");
        }
        use(1 + promised);
        return new FaultySegment(real.create(kind, number, promised), promised);
    }

    @Override
    public void publish(Kind kind, long number) throws IOException {
        real.publish(kind, number);
    }

    @Override
    public Segment open(Kind kind, long number) throws IOException {
        return new FaultySegment(real.open(kind, number), 0);
    }

    @Override
    public void delete(Kind kind, long number) throws IOException {
        real.delete(kind, number);
    }

    @Override
    public void syncDeletes() throws IOException {
        real.syncDeletes();
    }

    @Override
    public long usableSpace() {
        return room;
    }

    @Override
    public boolean setAside(String name, ByteBuffer octets, String note) throws IOException {
        return real.setAside(name, octets, note);
    }

    @Override
    public void close() throws IOException {
        real.close();
    }

    private final class FaultySegment implements Segment {
        private final Segment segment;
        private final AtomicLong promised;

        FaultySegment(Segment segment, long promised) {
            this.segment = segment;
            this.promised = new AtomicLong(promised);
        }

        @Override
        public long number() {
            return segment.number();
        }

        @Override
        public long append(ByteBuffer octets, long spare) throws IOException {
            if (writeFails) {
                throw new IOException("Input/output error, says the test");
            }
            int length = octets.remaining();
            long missing = length + spare - promised.get();
            if (missing > 0) {
                use(missing);
                promised.addAndGet(missing);
            }
            long position = segment.append(octets, spare);
            promised.addAndGet(-length);
            return position;
        }

        @Override
        public long room() {
            return promised.get();
        }

        @Override
        public void sync() throws IOException {
            CountDownLatch wait = stall;
            if (wait != null) {
                try {
                    wait.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
            if (syncFails) {
                throw new IOException("fdatasync failed, says the test");
            }
            segment.sync();
        }

        @Override
        public void seal(long end) throws IOException {
            segment.seal(end);
        }

        @Override
        public void read(long position, ByteBuffer into) throws IOException {
            if (readFails) {
                throw new IOException("Input/output error, says the test");
            }
            segment.read(position, into);
        }

        @Override
        public long end() {
            return segment.end();
        }

        @Override
        public void secure(long from, long to) throws IOException {
            onSecure.accept(from, to);
            segment.secure(from, to);
        }

        @Override
        public void close() throws IOException {
            segment.close();
        }
    }
}
