package dev.penstock.spool;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
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
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.PrivateFiles;
import dev.penstock.units.WholeFile;

/**
 * Segments as files {@code data-<number>.seg} and {@code data-<number>.idx} of one directory, which no second process
 * may use. Thread-safe.
 *
 * <p>Room is reserved by writing zeros, not by growing the file: an fdatasync over octets that were written before has
 * no metadata to bring along, and took half the time when measured (docs/spool-format.md).
 */
final class FileSegmentStore implements SegmentStore {
    private static final Logger log = LoggerFactory.getLogger(FileSegmentStore.class);
    static final String LOCK_FILE = "spool.lock";
    static final String QUARANTINE = "quarantine";
    private static final Pattern NAME = Pattern.compile("data-(\\d{1,18})\\.(seg|idx)");
    private static final String UNPUBLISHED = ".tmp";
    private static final int ZERO_SLICE = 1 << 20;

    private final Path directory;
    private final FileChannel lockChannel;
    private final FileStore fileStore;

    /** @throws IOException when the directory can't be used, or another process does */
    FileSegmentStore(Path directory) throws IOException {
        this.directory = directory;
        PrivateFiles.createDirectories(directory);
        PrivateFiles.mustBelongToUs(directory, "data-", UNPUBLISHED);
        shutOthersOut();
        fileStore = Files.getFileStore(directory);
        lockChannel = PrivateFiles.open(directory.resolve(LOCK_FILE), CREATE, WRITE);
        try {
            lock();
            dropUnpublished();
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
    public Segment create(Kind kind, long number) throws IOException {
        Path unpublished = unpublished(kind, number);
        try {
            return new FileSegment(number, PrivateFiles.open(unpublished, CREATE_NEW, READ, WRITE), this);
        } catch (FileAlreadyExistsException _) {
            Files.delete(unpublished); // an attempt of this process that failed half-way
            return create(kind, number);
        } catch (IOException e) {
            throw classify(e);
        }
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
        return new FileSegment(number, PrivateFiles.open(file(directory, kind, number), READ, WRITE), this);
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

    private static final class FileSegment implements Segment {
        private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(ZERO_SLICE).asReadOnlyBuffer();

        private final long number;
        private final FileChannel channel;
        private final FileSegmentStore store;
        /** Guards {@link #allocated} and the growth of the file, so that zeros never land on records. */
        private final Object growth = new Object();
        private volatile long tail;
        private volatile long allocated;

        FileSegment(long number, FileChannel channel, FileSegmentStore store) throws IOException {
            this.number = number;
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
        public long append(ByteBuffer octets) throws IOException {
            long start = tail;
            long end = start + octets.remaining();
            if (end > allocated) {
                synchronized (growth) {
                    allocated = Math.max(allocated, end);
                }
            }
            long position = start;
            try {
                while (octets.hasRemaining()) {
                    position += channel.write(octets, position);
                }
            } catch (IOException e) {
                truncate(start);
                throw store.classify(e);
            }
            tail = end;
            return start;
        }

        @Override
        public void reserve(long octets) throws IOException {
            while (true) {
                synchronized (growth) {
                    long missing = tail + octets - allocated;
                    if (missing <= 0) {
                        return;
                    }
                    ByteBuffer slice = ZEROS.duplicate();
                    slice.limit((int) Math.min(ZERO_SLICE, missing));
                    long position = allocated;
                    try {
                        while (slice.hasRemaining()) {
                            position += channel.write(slice, position);
                        }
                    } catch (IOException e) {
                        allocated = position;
                        throw store.classify(e);
                    }
                    allocated = position;
                }
            }
        }

        @Override
        public long reserved() {
            return allocated - tail;
        }

        @Override
        public void sync() throws IOException {
            channel.force(false);
        }

        @Override
        public void seal() throws IOException {
            truncate(tail);
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

        @Override
        public void rewrite(long from, long to) throws IOException {
            ByteBuffer slice = ByteBuffer.allocate((int) Math.min(ZERO_SLICE, to - from));
            for (long at = from; at < to; at += slice.limit()) {
                read(at, slice.clear().limit((int) Math.min(slice.capacity(), to - at)));
                slice.flip();
                while (slice.hasRemaining()) {
                    channel.write(slice, at + slice.position());
                }
            }
        }

        @Override
        public void truncate(long position) throws IOException {
            synchronized (growth) {
                channel.truncate(position);
                tail = position;
                allocated = position;
            }
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
