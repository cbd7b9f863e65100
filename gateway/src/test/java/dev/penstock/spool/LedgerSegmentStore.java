package dev.penstock.spool;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Segments as ledgers of a replicated log, which can append, seal, fence, read and delete, and nothing else: nothing is
 * written in place or ahead. Thread-safe. Each store is one node's hold on the log: the next node's fences it off.
 *
 * <p>An append reaches the log at the next sync. Of those that were on their way when their writer was fenced off, the
 * first few may have reached it.
 */
final class LedgerSegmentStore implements SegmentStore {
    /** What a node asks for beyond what it needs, while there is that much. */
    private static final int LEASE = 16 << 10;

    /** The log that the nodes share. */
    static final class Log {
        private final Map<Name, Ledger> published = new TreeMap<>();
        private final Map<Name, Ledger> unpublished = new TreeMap<>();
        private final Set<String> asides = new HashSet<>();
        private final SplittableRandom random;
        private int owner;
        /** Octets that may still be appended or promised. */
        private long room = Long.MAX_VALUE;
        private boolean syncFails;

        Log(long seed) {
            random = new SplittableRandom(seed);
        }

        synchronized void room(long octets) {
            room = octets;
        }

        synchronized void failSyncs(boolean fail) {
            syncFails = fail;
        }

        private synchronized int fence() {
            for (Ledger ledger : published.values()) {
                ledger.fence(random);
            }
            unpublished.clear();
            return ++owner;
        }
    }

    private record Name(Kind kind, long number) implements Comparable<Name> {
        @Override
        public int compareTo(Name other) {
            return kind == other.kind ? Long.compare(number, other.number) : kind.compareTo(other.kind);
        }
    }

    private final Log log;
    private final int node;

    /** Takes the log over from whoever has it. */
    LedgerSegmentStore(Log log) {
        this.log = log;
        this.node = log.fence();
    }

    private void mustOwn() throws IOException {
        if (log.owner != node) {
            throw new IOException("fenced off: another node has the log");
        }
    }

    private void use(long octets) throws NoSpaceException {
        if (octets > log.room) {
            throw new NoSpaceException("the log is full, says the test", new IOException("quota"));
        }
        log.room -= log.room == Long.MAX_VALUE ? 0 : octets;
    }

    @Override
    public List<Long> list(Kind kind) throws IOException {
        synchronized (log) {
            mustOwn();
            return log.published.keySet().stream().filter(name -> name.kind == kind).map(Name::number).toList();
        }
    }

    @Override
    public Segment create(Kind kind, long number, long room) throws IOException {
        synchronized (log) {
            mustOwn();
            use(room);
            Ledger ledger = new Ledger();
            log.unpublished.put(new Name(kind, number), ledger);
            return new LedgerSegment(number, ledger, room);
        }
    }

    @Override
    public void publish(Kind kind, long number) throws IOException {
        synchronized (log) {
            mustOwn();
            Name name = new Name(kind, number);
            Ledger ledger = log.unpublished.remove(name);
            if (ledger == null) {
                throw new IOException("nothing to publish: " + name);
            }
            log.published.put(name, ledger);
        }
    }

    @Override
    public Segment open(Kind kind, long number) throws IOException {
        synchronized (log) {
            mustOwn();
            Ledger ledger = log.published.get(new Name(kind, number));
            if (ledger == null) {
                throw new IOException("no such segment: " + kind + " " + number);
            }
            ledger.fence(log.random);
            return new LedgerSegment(number, ledger, 0);
        }
    }

    @Override
    public void delete(Kind kind, long number) throws IOException {
        synchronized (log) {
            mustOwn();
            log.published.remove(new Name(kind, number));
            log.unpublished.remove(new Name(kind, number));
        }
    }

    @Override
    public void syncDeletes() {
        // a deletion is durable when it returns
    }

    @Override
    public long usableSpace() {
        synchronized (log) {
            return log.room;
        }
    }

    @Override
    public boolean setAside(String name, ByteBuffer octets, String note) {
        synchronized (log) {
            return log.asides.add(name);
        }
    }

    @Override
    public void close() {
        // the next node needn't ask
    }

    /** What the log has of one segment, and what is on its way there. Guarded by the log. */
    private static final class Ledger {
        private final ByteArrayOutputStream octets = new ByteArrayOutputStream();
        private final List<byte[]> onTheirWay = new ArrayList<>();
        private int end;
        private boolean closed;

        int appended() {
            return octets.size() + onTheirWay.stream().mapToInt(append -> append.length).sum();
        }

        void arrive(int appends) {
            for (int i = 0; i < appends; i++) {
                octets.writeBytes(onTheirWay.removeFirst());
            }
        }

        void fence(SplittableRandom random) {
            if (!closed) {
                arrive(random.nextInt(onTheirWay.size() + 1));
                seal(octets.size());
            }
        }

        void seal(int at) {
            onTheirWay.clear();
            end = at;
            closed = true;
        }
    }

    private final class LedgerSegment implements Segment {
        private final long number;
        private final Ledger ledger;
        private long room;

        LedgerSegment(long number, Ledger ledger, long room) {
            this.number = number;
            this.ledger = ledger;
            this.room = room;
        }

        private void mustBeOpen() throws IOException {
            mustOwn();
            if (ledger.closed) {
                throw new IOException("segment " + number + " is sealed");
            }
        }

        @Override
        public long number() {
            return number;
        }

        @Override
        public long append(ByteBuffer octets, long spare) throws IOException {
            synchronized (log) {
                mustBeOpen();
                long missing = octets.remaining() + spare - room;
                if (missing > 0) {
                    long leased = spare > 0 && log.room >= missing + LEASE ? missing + LEASE : missing;
                    use(leased);
                    room += leased;
                }
                long position = ledger.appended();
                byte[] append = new byte[octets.remaining()];
                octets.get(append);
                ledger.onTheirWay.add(append);
                room -= append.length;
                return position;
            }
        }

        @Override
        public long room() {
            synchronized (log) {
                return room;
            }
        }

        @Override
        public void sync() throws IOException {
            synchronized (log) {
                mustBeOpen();
                if (log.syncFails) {
                    throw new IOException("too few replicas, says the test");
                }
                ledger.arrive(ledger.onTheirWay.size());
            }
        }

        @Override
        public void seal(long end) throws IOException {
            synchronized (log) {
                mustOwn();
                if (!ledger.closed) {
                    sync();
                }
                ledger.seal((int) end);
            }
        }

        @Override
        public void read(long position, ByteBuffer into) throws IOException {
            synchronized (log) {
                if (position + into.remaining() > end()) {
                    throw new EOFException("segment " + number + " ends before");
                }
                ByteArrayOutputStream all = new ByteArrayOutputStream();
                all.writeBytes(ledger.octets.toByteArray());
                ledger.onTheirWay.forEach(all::writeBytes);
                into.put(all.toByteArray(), (int) position, into.remaining());
            }
        }

        @Override
        public long end() {
            synchronized (log) {
                return ledger.closed ? ledger.end : ledger.appended();
            }
        }

        @Override
        public void secure(long from, long to) {
            // what a ledger that was fenced gives to read is on as many replicas as it should be
        }

        @Override
        public void close() {
            // nothing is held
        }
    }
}
