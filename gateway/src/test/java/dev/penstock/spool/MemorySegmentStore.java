package dev.penstock.spool;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Segments in memory, with what a disk and a page cache do to them when the power goes. Confined to one schedule. Every
 * call that would go to the disk asks {@link Steps} first, which may let others run, take its time, or fail.
 *
 * <p>What was written and not synced is lost at a crash of the machine, wholly or in part, sector by sector; what was
 * dirty when a sync failed stays doubtful for good, though later syncs succeed. Names, too: a deletion or a publication
 * whose directory wasn't synced may have happened or not, each by itself.
 */
final class MemorySegmentStore implements SegmentStore {
    private static final int SECTOR = 512;
    /** Room is made so far ahead of what is asked for, while there is any. */
    private static final int AHEAD = 4 << 10;

    /** Said before each call takes effect, and before a sync returns. */
    interface Steps {
        void step(Call call, Kind kind, long number) throws IOException;
    }

    /** What is asked of the disk. */
    enum Call {
        CREATE,
        PUBLISH,
        PUBLISHED,
        OPEN,
        DELETE,
        SYNC_DELETES,
        APPEND,
        MAKE_ROOM,
        SYNC,
        SYNCED,
        SEAL,
        READ
    }

    /** How a crash treats what wasn't synced. */
    enum Crash {
        /** Only the process ends: the page cache stays. */
        PROCESS,
        /** The machine ends before anything of it was written back. */
        LOSES_ALL,
        /** The machine ends while it was being written back. */
        LOSES_SOME
    }

    private record Name(Kind kind, long number) implements Comparable<Name> {
        @Override
        public int compareTo(Name other) {
            return kind == other.kind ? Long.compare(number, other.number) : kind.compareTo(other.kind);
        }
    }

    private final Map<Name, File> names = new TreeMap<>();
    private final Map<Name, File> durableNames = new TreeMap<>();
    private final Map<Name, File> unpublished = new TreeMap<>();
    private final Set<String> asides = new HashSet<>();
    private final Steps steps;
    /** Octets that may be in use. */
    long room = Long.MAX_VALUE;
    private boolean gone;

    MemorySegmentStore(Steps steps) {
        this.steps = steps;
    }

    /** What the next process finds; this one finds nothing any more. */
    MemorySegmentStore crash(Crash kind, SplittableRandom random, Steps nextSteps) {
        gone = true;
        MemorySegmentStore next = new MemorySegmentStore(nextSteps);
        next.asides.addAll(asides);
        if (kind == Crash.PROCESS) {
            names.forEach((name, file) -> next.names.put(name, file.afterRestart(file.doubtful, random)));
            durableNames.forEach((name, file) -> next.durableNames.put(name,
                    names.get(name) == file ? Objects.requireNonNull(next.names.get(name)) : file));
            return next;
        }
        Set<Name> all = new HashSet<>(names.keySet());
        all.addAll(durableNames.keySet());
        for (Name name : all.stream().sorted().toList()) {
            File now = names.get(name);
            File durable = durableNames.get(name);
            File found = now == durable || kind == Crash.LOSES_ALL || random.nextBoolean() ? durable : now;
            if (found != null) {
                File left = found.afterPowerLoss(kind, random);
                next.names.put(name, left);
                next.durableNames.put(name, left);
            }
        }
        return next;
    }

    private void step(Call call, Kind kind, long number) throws IOException {
        if (gone) {
            throw new IOException("the machine is gone");
        }
        steps.step(call, kind, number);
        if (gone) {
            throw new IOException("the machine has just gone");
        }
    }

    private void use(long octets) throws NoSpaceException {
        if (octets > usableSpace()) {
            throw new NoSpaceException("no room, says the test", new IOException("No space left on device"));
        }
    }

    @Override
    public List<Long> list(Kind kind) throws IOException {
        step(Call.OPEN, kind, 0);
        return names.keySet().stream().filter(name -> name.kind == kind).map(Name::number).sorted().toList();
    }

    @Override
    public Segment create(Kind kind, long number, long room) throws IOException {
        step(Call.CREATE, kind, number);
        use(1 + room);
        File file = new File();
        MemorySegment segment = new MemorySegment(kind, number, file);
        segment.makeRoom(room);
        unpublished.put(new Name(kind, number), file);
        return segment;
    }

    @Override
    public void publish(Kind kind, long number) throws IOException {
        step(Call.PUBLISH, kind, number);
        Name name = new Name(kind, number);
        File file = unpublished.remove(name);
        if (file == null) {
            throw new IOException("nothing to publish: " + name);
        }
        names.put(name, file);
        step(Call.PUBLISHED, kind, number);
        directorySynced();
    }

    private void directorySynced() {
        durableNames.clear();
        durableNames.putAll(names);
    }

    @Override
    public Segment open(Kind kind, long number) throws IOException {
        step(Call.OPEN, kind, number);
        File file = names.get(new Name(kind, number));
        if (file == null) {
            throw new IOException("no such segment: " + kind + " " + number);
        }
        return new MemorySegment(kind, number, file);
    }

    @Override
    public void delete(Kind kind, long number) throws IOException {
        step(Call.DELETE, kind, number);
        names.remove(new Name(kind, number));
        unpublished.remove(new Name(kind, number));
    }

    @Override
    public void syncDeletes() throws IOException {
        step(Call.SYNC_DELETES, Kind.DATA, 0);
        directorySynced();
    }

    @Override
    public long usableSpace() {
        if (room == Long.MAX_VALUE) {
            return room;
        }
        long used = 0;
        for (File file : names.values()) {
            used += file.length;
        }
        for (File file : unpublished.values()) {
            used += file.length;
        }
        return Math.max(0, room - used);
    }

    @Override
    public boolean setAside(String name, ByteBuffer octets, String note) {
        return asides.add(name);
    }

    @Override
    public void close() {
        // nothing is held
    }

    /** Octets as the process sees them, and as the medium has them. */
    private static final class File {
        private byte[] octets = new byte[SECTOR];
        private int length;
        private byte[] medium = new byte[0];
        private BitSet dirty = new BitSet();
        private BitSet syncing = new BitSet();
        private BitSet doubtful = new BitSet();

        void write(int at, ByteBuffer from) {
            int count = from.remaining();
            grow(at + count);
            from.get(octets, at, count);
            touch(at, at + count);
            length = Math.max(length, at + count);
        }

        private void grow(int size) {
            if (size > octets.length) {
                octets = Arrays.copyOf(octets, Math.max(size, octets.length * 2));
            }
        }

        private void touch(int from, int to) {
            dirty.set(from / SECTOR, (to + SECTOR - 1) / SECTOR);
        }

        void truncate(int to) {
            int from = Math.min(to, length);
            Arrays.fill(octets, from, length, (byte) 0);
            touch(from, Math.max(from, length));
            length = to;
        }

        /** Writes back what is dirty now; {@code slowly} runs while that goes on. */
        void sync(Slowly slowly) throws IOException {
            BitSet covered = (BitSet) dirty.clone();
            byte[] image = Arrays.copyOf(octets, length);
            syncing.or(covered);
            dirty.clear();
            try {
                slowly.run();
            } catch (IOException e) {
                doubtful.or(covered);
                syncing.andNot(covered);
                throw e;
            }
            byte[] written = Arrays.copyOf(image, image.length);
            for (int i = 0; i < image.length; i += SECTOR) {
                if (!covered.get(i / SECTOR)) {
                    int end = Math.min(i + SECTOR, image.length);
                    Arrays.fill(written, i, end, (byte) 0);
                    if (i < medium.length) {
                        System.arraycopy(medium, i, written, i, Math.min(end, medium.length) - i);
                    }
                }
            }
            medium = written;
            syncing.andNot(covered);
            doubtful.andNot(covered);
        }

        /** The page cache stays, but nobody knows what it holds of pages whose writing failed. */
        File afterRestart(BitSet lost, SplittableRandom random) {
            File next = new File();
            next.octets = Arrays.copyOf(octets, octets.length);
            next.length = length;
            next.medium = medium;
            next.dirty = (BitSet) dirty.clone();
            next.dirty.or(syncing);
            next.dirty.or(doubtful);
            lost.stream().filter(_ -> random.nextBoolean()).forEach(sector -> restore(next.octets, sector));
            return next;
        }

        File afterPowerLoss(Crash kind, SplittableRandom random) {
            File next = new File();
            BitSet lost = (BitSet) dirty.clone();
            lost.or(syncing);
            lost.or(doubtful);
            boolean some = kind == Crash.LOSES_SOME;
            boolean prefix = some && random.nextBoolean();
            int keptSectors = prefix ? random.nextInt(length / SECTOR + 2) : 0;
            next.octets = Arrays.copyOf(octets, Math.max(octets.length, medium.length));
            next.length = some && random.nextBoolean() ? Math.max(length, 0) : medium.length;
            lost.stream().filter(sector -> !some || (prefix ? sector >= keptSectors : random.nextBoolean()))
                    .forEach(sector -> restore(next.octets, sector));
            Arrays.fill(next.octets, Math.min(next.length, next.octets.length), next.octets.length, (byte) 0);
            next.medium = Arrays.copyOf(next.octets, next.length);
            return next;
        }

        private void restore(byte[] into, int sector) {
            int from = sector * SECTOR;
            int to = Math.min(from + SECTOR, into.length);
            if (from < to) {
                Arrays.fill(into, from, to, (byte) 0);
                if (from < medium.length) {
                    System.arraycopy(medium, from, into, from, Math.min(to, medium.length) - from);
                }
            }
        }

        private interface Slowly {
            void run() throws IOException;
        }
    }

    private final class MemorySegment implements Segment {
        private final Kind kind;
        private final long number;
        private final File file;
        private long tail;
        private boolean closed;

        MemorySegment(Kind kind, long number, File file) {
            this.kind = kind;
            this.number = number;
            this.file = file;
            this.tail = file.length;
        }

        @Override
        public long number() {
            return number;
        }

        @Override
        public long append(ByteBuffer octets, long spare) throws IOException {
            if (spare > 0) {
                makeRoom(octets.remaining() + spare);
            }
            step(Call.APPEND, kind, number);
            use(Math.max(0, octets.remaining() - room()));
            long start = tail;
            tail += octets.remaining();
            file.write((int) start, octets);
            return start;
        }

        private void makeRoom(long octets) throws IOException {
            long missing = tail + octets - file.length;
            if (missing > 0) {
                step(Call.MAKE_ROOM, kind, number);
                use(missing);
                long more = missing + AHEAD <= usableSpace() ? missing + AHEAD : missing;
                file.write(file.length, ByteBuffer.allocate((int) more));
            }
        }

        @Override
        public long room() {
            return file.length - tail;
        }

        @Override
        public void sync() throws IOException {
            step(Call.SYNC, kind, number);
            file.sync(() -> step(Call.SYNCED, kind, number));
        }

        @Override
        public void seal(long end) throws IOException {
            step(Call.SEAL, kind, number);
            file.truncate((int) end);
            tail = end;
            sync();
        }

        @Override
        public void read(long position, ByteBuffer into) throws IOException {
            step(Call.READ, kind, number);
            if (closed) {
                throw new ClosedChannelException();
            }
            if (position + into.remaining() > file.length) {
                throw new EOFException("segment " + number + " ends before");
            }
            into.put(file.octets, (int) position, into.remaining());
        }

        @Override
        public long end() {
            return tail;
        }

        @Override
        public void secure(long from, long to) throws IOException {
            step(Call.APPEND, kind, number);
            file.write((int) from, ByteBuffer.wrap(file.octets, (int) from, (int) (to - from)).slice());
            sync();
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
