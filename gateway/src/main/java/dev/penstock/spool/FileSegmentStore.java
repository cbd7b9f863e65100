package dev.penstock.spool;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.PrivateFiles;
import dev.penstock.units.WholeFile;

/**
 * Segments as files {@code data-<number>.seg} and {@code data-<number>.idx} of one directory, which no second process
 * may use: a lock on {@value #LOCK_FILE} keeps it out. Thread-safe.
 *
 * <p>Room is made by writing zeros, not by growing the file: an fdatasync over octets that were written before has
 * no metadata to bring along, and took half the time when measured (docs/spool-format.md). A thread writes them ahead of
 * whoever appends; what isn't used is cut off when the segment is sealed.
 */
class FileSegmentStore implements SegmentStore {
    private static final Logger log = LoggerFactory.getLogger(FileSegmentStore.class);
    static final String LOCK_FILE = "spool.lock";
    static final String QUARANTINE = "quarantine";
    private static final Pattern NAME = Pattern.compile("data-(\\d{1,18})\\.(seg|idx)");
    private static final String UNPUBLISHED = ".tmp";
    private static final int ZERO_SLICE = 1 << 20;
    private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(ZERO_SLICE).asReadOnlyBuffer();
    /** Zeros are written this far ahead: 8 MB are some 2,000 messages, and written in 10 ms or so. */
    private static final long ROOM_AHEAD = 8 << 20;

    private final Path directory;
    private final FileChannel lockChannel;
    private final FileStore fileStore;
    private final long segmentSize;
    private final RoomAhead roomAhead = new RoomAhead();

    /**
     * @param segmentSize octets up to which room is made ahead in a segment
     * @throws IOException when the directory can't be used, or another process does
     */
    FileSegmentStore(Path directory, long segmentSize) throws IOException {
        this.directory = directory;
        this.segmentSize = segmentSize;
        PrivateFiles.createDirectories(directory);
        PrivateFiles.mustBelongToUs(directory, "data-", UNPUBLISHED);
        shutOthersOut();
        fileStore = Files.getFileStore(directory);
        lockChannel = PrivateFiles.open(directory.resolve(LOCK_FILE), CREATE, WRITE);
        try {
            lock();
            dropUnpublished();
            roomAhead.thread.start();
        } catch (IOException | RuntimeException e) {
            lockChannel.close();
            throw e;
        }
    }

    /** A directory of an earlier release, or made by hand, may let them in. */
    private void shutOthersOut() {
        try {
            PrivateFiles.shutOthersOut(directory);
            if (PrivateFiles.isGroupWritable(directory)) {
                log.warn("event=spool-directory-open directory={} effect=\"its group may delete mail\"", directory);
            }
        } catch (IOException e) {
            log.warn("event=spool-directory-open directory={} error={} effect=\"others may read mail\"", directory,
                    e.toString());
        }
    }

    private void lock() throws IOException {
        @SuppressWarnings("resource") // closing the channel releases it
        FileLock lock;
        try {
            lock = lockChannel.tryLock();
        } catch (OverlappingFileLockException _) {
            lock = null;
        }
        if (lock == null) {
            throw new IOException("the spool " + directory.toAbsolutePath() + " is in use by another process");
        }
    }

    private void dropUnpublished() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "data-*" + UNPUBLISHED)) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
    }

    static Path file(Path directory, Kind kind, long number) {
        return directory.resolve("data-%06d.%s".formatted(number, kind == Kind.DATA ? "seg" : "idx"));
    }

    /** Of a spool that somebody else may write, or may have linked for a copy; what is no file isn't waited for. */
    static FileChannel openToRead(Path file) throws IOException {
        WholeFile.mustBeFile(file);
        return FileChannel.open(file, READ, LinkOption.NOFOLLOW_LINKS);
    }

    /** The published numbers in a directory that needn't be locked. */
    static List<Long> list(Path directory, Kind kind) throws IOException {
        List<Long> numbers = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "data-*")) {
            for (Path file : files) {
                Matcher name = NAME.matcher(file.getFileName().toString());
                if (name.matches()) {
                    long number = Long.parseLong(name.group(1));
                    if (file.equals(file(directory, kind, number))) { // and not the other kind, nor fewer digits
                        numbers.add(number);
                    }
                }
            }
        }
        Collections.sort(numbers);
        return numbers;
    }

    @Override
    public List<Long> list(Kind kind) throws IOException {
        return list(directory, kind);
    }

    @Override
    public Segment create(Kind kind, long number, long room) throws IOException {
        Path unpublished = unpublished(kind, number);
        FileChannel channel;
        try {
            channel = PrivateFiles.open(unpublished, CREATE_NEW, READ, WRITE);
        } catch (FileAlreadyExistsException _) {
            Files.delete(unpublished); // an attempt of this process that failed half-way
            return create(kind, number, room);
        } catch (IOException e) {
            throw classify(e);
        }
        FileSegment segment = new FileSegment(number, channel, false, this);
        try {
            segment.makeRoom(room);
        } catch (IOException e) {
            channel.close();
            Files.delete(unpublished);
            throw e;
        }
        return segment;
    }

    @Override
    public void publish(Kind kind, long number) throws IOException {
        try {
            Files.move(unpublished(kind, number), file(directory, kind, number), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw classify(e);
        }
        syncDirectory(directory);
    }

    @Override
    public Segment open(Kind kind, long number) throws IOException {
        return new FileSegment(number, PrivateFiles.open(file(directory, kind, number), READ, WRITE), true, this);
    }

    @Override
    public void delete(Kind kind, long number) throws IOException {
        Files.deleteIfExists(file(directory, kind, number));
        Files.deleteIfExists(unpublished(kind, number));
    }

    @Override
    public void syncDeletes() throws IOException {
        syncDirectory(directory);
    }

    @Override
    public long usableSpace() throws IOException {
        return fileStore.getUsableSpace();
    }

    @Override
    public boolean setAside(String name, ByteBuffer octets, String note) throws IOException {
        Path quarantine = directory.resolve(QUARANTINE);
        PrivateFiles.createDirectory(quarantine);
        Path target = quarantine.resolve(name + ".bin");
        if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        Path unfinished = quarantine.resolve(name + UNPUBLISHED);
        try (FileChannel channel = PrivateFiles.createAnew(unfinished)) {
            while (octets.hasRemaining()) {
                channel.write(octets);
            }
            channel.force(true);
        }
        try (FileChannel channel = PrivateFiles.createAnew(quarantine.resolve(name + ".txt"))) {
            ByteBuffer text = UTF_8.encode(note + "\n");
            while (text.hasRemaining()) {
                channel.write(text);
            }
        }
        Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
        syncDirectory(quarantine);
        log.warn("event=spool-quarantine file={} note={}", target, note);
        return true;
    }

    @Override
    public void close() throws IOException {
        roomAhead.close();
        lockChannel.close();
    }

    @Override
    public String toString() {
        return directory.toString();
    }

    private Path unpublished(Kind kind, long number) {
        Path file = file(directory, kind, number);
        return file.resolveSibling(file.getFileName() + UNPUBLISHED);
    }

    private static void syncDirectory(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, READ)) {
            channel.force(true);
        }
    }

    static void readFully(long number, FileChannel channel, long position, ByteBuffer into) throws IOException {
        long at = position;
        while (into.hasRemaining()) {
            int count = channel.read(into, at);
            if (count < 0) {
                throw new EOFException("segment " + number + " ends at " + channel.size() + ", wanted " + at);
            }
            at += count;
        }
    }

    private IOException classify(IOException e) {
        return isNoSpace(e) ? new NoSpaceException("no room in " + directory, e) : e;
    }

    /** The JDK tells ENOSPC and EDQUOT only by the system's words, which a locale may translate: then ask the system. */
    private boolean isNoSpace(IOException e) {
        if (e instanceof NoSpaceException) {
            return true;
        }
        String message = String.valueOf(e.getMessage());
        if (message.contains("No space left") || message.contains("quota exceeded")) {
            return true;
        }
        try {
            return usableSpace() < ZERO_SLICE;
        } catch (IOException _) {
            return false;
        }
    }

    /** Writes zeros, as many of {@code slice} as go at once. */
    int writeZeros(FileChannel channel, ByteBuffer slice, long position) throws IOException {
        return channel.write(slice, position);
    }

    /** The thread that makes room in segments before it is needed. {@link #want} and {@link #close} are for any thread. */
    private static final class RoomAhead implements Runnable {
        private static final long LOG_NANOS = 60_000_000_000L; // how often a failure that goes on is logged
        private static final long RETRY_NANOS = 250_000_000;

        final Thread thread = Thread.ofPlatform().name("spool-room").daemon().unstarted(this);
        private final AtomicReference<@Nullable FileSegment> wanted = new AtomicReference<>();
        private volatile boolean closing;
        private long failures;
        private long failureLogged;

        void want(FileSegment segment) {
            if (wanted.getAndSet(segment) != segment) {
                LockSupport.unpark(thread);
            }
        }

        void close() {
            closing = true;
            LockSupport.unpark(thread);
            boolean interrupted = false;
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException _) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void run() {
            while (!closing) {
                FileSegment segment = wanted.getAndSet(null);
                if (segment == null) {
                    LockSupport.park(this);
                } else {
                    makeRoom(segment);
                }
            }
        }

        /** Not synced here: a sync error is reported once for each open file, and who appends has to see it. */
        private void makeRoom(FileSegment segment) {
            try {
                segment.makeRoomAhead();
            } catch (ClosedChannelException _) {
                // nothing is appended any more
            } catch (NoSpaceException _) {
                rest(); // who appends finds out, and says so
            } catch (IOException e) {
                rest();
                // Nothing was lost by it. When the disk is really ill, who appends finds out.
                long now = System.nanoTime();
                if (failures++ == 0 || now - failureLogged > LOG_NANOS) {
                    failureLogged = now;
                    log.warn("event=spool-room failures={} why={}", failures, e.getMessage());
                }
            }
        }

        private void rest() {
            long until = System.nanoTime() + RETRY_NANOS;
            for (long left = RETRY_NANOS; left > 0 && !closing; left = until - System.nanoTime()) {
                LockSupport.parkNanos(this, left);
            }
        }
    }

    private static final class FileSegment implements Segment {
        private final long number;
        private final FileChannel channel;
        private final FileSegmentStore store;
        /** Guards {@link #allocated} and the growth of the file, so that zeros never land on records. */
        private final Object growth = new Object();
        private volatile long tail;
        private volatile long allocated;
        /** Nothing is appended any more; set under {@link #growth}. */
        private volatile boolean sealed;
        /** Whether room is made ahead; belongs to who appends. */
        private boolean growing;

        FileSegment(long number, FileChannel channel, boolean sealed, FileSegmentStore store) throws IOException {
            this.number = number;
            this.sealed = sealed;
            this.channel = channel;
            this.store = store;
            this.tail = channel.size();
            this.allocated = tail;
        }

        @Override
        public long number() {
            return number;
        }

        @Override
        public long append(ByteBuffer octets, long spare) throws IOException {
            if (sealed) {
                throw new IOException("segment " + number + " is sealed");
            }
            long start = tail;
            long end = start + octets.remaining();
            if (spare > 0) {
                growing = true;
                if (allocated < end + spare) {
                    makeRoom(end - start + spare);
                }
            }
            long before = allocated;
            if (end > before) {
                synchronized (growth) {
                    before = allocated;
                    allocated = Math.max(before, end);
                }
            }
            long position = start;
            try {
                while (octets.hasRemaining()) {
                    position += channel.write(octets, position);
                }
            } catch (IOException e) {
                takeBack(start, position, before, e);
                throw store.classify(e);
            }
            tail = end;
            if (growing && allocated < Math.min(end + ROOM_AHEAD / 2, store.segmentSize)) {
                store.roomAhead.want(this);
            }
            return start;
        }

        /** Leaves nothing of an append that ended at {@code position}, and the room that there was before it. */
        private void takeBack(long start, long position, long room, IOException why) {
            try {
                synchronized (growth) {
                    channel.truncate(Math.max(start, room));
                    allocated = Math.max(start, room);
                    for (long at = start; at < Math.min(position, room);) {
                        at += writeZeros(at, Math.min(position, room));
                    }
                }
            } catch (IOException e) {
                why.addSuppressed(e);
            }
        }

        /** @throws NoSpaceException when there isn't as much room behind the end */
        void makeRoom(long octets) throws IOException {
            growing |= octets > 0;
            while (allocated < tail + octets) {
                if (!grow(tail + octets)) {
                    throw new IOException("segment " + number + " is sealed");
                }
            }
        }

        void makeRoomAhead() throws IOException {
            long wanted;
            do {
                wanted = Math.min(tail + ROOM_AHEAD, store.segmentSize);
            } while (allocated < wanted && grow(wanted));
        }

        /**
         * Writes some zeros, one slice at most.
         *
         * @return false when the segment is sealed and grows no more
         */
        private boolean grow(long wanted) throws IOException {
            synchronized (growth) {
                if (!sealed && allocated < wanted) {
                    try {
                        allocated += writeZeros(allocated, wanted);
                    } catch (IOException e) {
                        throw store.classify(e);
                    }
                }
                return !sealed;
            }
        }

        private int writeZeros(long from, long to) throws IOException {
            return store.writeZeros(channel, ZEROS.duplicate().limit((int) Math.min(ZERO_SLICE, to - from)), from);
        }

        @Override
        public long room() {
            return allocated - tail;
        }

        @Override
        public void sync() throws IOException {
            channel.force(false);
        }

        @Override
        public void seal(long end) throws IOException {
            synchronized (growth) {
                sealed = true;
                channel.truncate(end);
                tail = end;
                allocated = end;
            }
            channel.force(true);
        }

        @Override
        public void read(long position, ByteBuffer into) throws IOException {
            readFully(number, channel, position, into);
        }

        @Override
        public long end() {
            return tail;
        }

        /** By writing them again, so that the sync has them to do. */
        @Override
        public void secure(long from, long to) throws IOException {
            ByteBuffer slice = ByteBuffer.allocate((int) Math.min(ZERO_SLICE, to - from));
            for (long at = from; at < to; at += slice.limit()) {
                read(at, slice.clear().limit((int) Math.min(slice.capacity(), to - at)));
                slice.flip();
                while (slice.hasRemaining()) {
                    channel.write(slice, at + slice.position());
                }
            }
            channel.force(false);
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
