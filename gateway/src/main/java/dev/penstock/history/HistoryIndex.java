package dev.penstock.history;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.logging.Level;
import java.util.stream.Stream;

import org.apache.lucene.document.IntPoint;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.index.CorruptIndexException;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexFormatTooNewException;
import org.apache.lucene.index.IndexFormatTooOldException;
import org.apache.lucene.index.IndexNotFoundException;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.IndexableField;
import org.apache.lucene.index.LogByteSizeMergePolicy;
import org.apache.lucene.index.SerialMergeScheduler;
import org.apache.lucene.store.AlreadyClosedException;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.store.FilterDirectory;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.IndexInput;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.HistoryConfig;
import dev.penstock.units.PrivateFiles;

/**
 * The index on disk: partitions by time, each a Lucene index in a directory of its own, of which the newest is written.
 * Confined to the thread that indexes.
 *
 * <p>A document is a block of lines of the delivery log: the {@link Key}s of its lines, as points, and where it lies. A commit
 * holds the places too up to which the log is indexed ({@link LogPlaces}), so a crash loses what was added since the last
 * commit and the log's lines give it again, no line twice. A partition that can't be read is dropped with all newer ones,
 * and the log is read again from there.
 *
 * <p>Size and age are kept by dropping the oldest partition whole.
 */
final class HistoryIndex implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(HistoryIndex.class);

    /** Lucene warns there that vectors could be faster, which nobody has here. Held, since levels go with loggers. */
    private static final java.util.logging.Logger VECTORS = java.util.logging.Logger
            .getLogger("org.apache.lucene.internal.vectorization.VectorizationProvider");

    static {
        VECTORS.setLevel(Level.OFF);
    }

    /** What a block is found by. */
    static final String KEYS = "k";
    /** The number of its file, then its offset there. */
    static final String PLACE = "p";
    static final String LENGTH = "l";
    /** The times of its first and last event by time. */
    static final String MIN = "a";
    static final String MAX = "z";
    static final int OFFSET_BITS = 40; // a file of the log has 1 TB at most
    static final long OFFSET_MASK = (1L << OFFSET_BITS) - 1;

    /** Of the whole size, for one partition: so much goes at one time. */
    static final int PARTITIONS = 8;
    private static final Duration LONGEST_PARTITION = Duration.ofDays(1);
    private static final String PREFIX = "partition-";
    private static final String LOCK = "history.lock";
    private static final String SEGMENTS = "segments"; // what a Lucene index begins with
    private static final String BORN = "born";
    private static final String BEGUN = "begun";
    private static final String NEWEST = "newest";

    private static final Duration COMMIT_INTERVAL = Duration.ofSeconds(10);
    private static final int COMMIT_BLOCKS = 4_096; // a quarter of a million events, about 5 MB
    private static final double BUFFER_MEGABYTES = 16;
    /** Segments are merged ten at a time, up to a size that is merged in far less than a second. */
    private static final double SMALLEST_MERGE_MEGABYTES = 0.25;
    private static final double LARGEST_MERGE_MEGABYTES = 32;

    private final Path directory;
    private final HistoryConfig config;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final Counters counters;
    private final FileChannel lock;
    private final List<Partition> closed = new ArrayList<>(); // the oldest first
    private Partition current;
    private IndexWriter writer;
    private LogPlaces places;
    private long born;
    private boolean unshown;
    private boolean uncommitted;
    private long lastCommit;
    private int blocks; // since the last commit
    private final Shown shown;

    private final List<IndexableField> document = new ArrayList<>();
    private final List<IntPoint> points = new ArrayList<>();
    private final NumericDocValuesField place = new NumericDocValuesField(PLACE, 0);
    private final NumericDocValuesField length = new NumericDocValuesField(LENGTH, 0);
    private final NumericDocValuesField min = new NumericDocValuesField(MIN, 0);
    private final NumericDocValuesField max = new NumericDocValuesField(MAX, 0);

    /** One part of the index. */
    private static final class Partition {
        final int number;
        final Path path;
        final Directory files;
        @Nullable
        DirectoryReader reader;
        Map<Integer, String> names = Map.of();
        Map<String, String> commit = Map.of();
        long begun;
        long newest = Long.MIN_VALUE;
        long octets;

        Partition(int number, Path path) throws IOException {
            this(number, path, FSDirectory.open(path));
        }

        Partition(int number, Path path, Directory files) {
            this.number = number;
            this.path = path;
            this.files = files;
        }
    }

    /** A partition for those who only read: a directory that is gone isn't made again, as Lucene does where it opens one. */
    static final class Looked extends FilterDirectory {
        private final Path path;

        /** @param index of which it is a part; it must be there */
        Looked(Path index, Path path) throws IOException {
            super(FSDirectory.open(index));
            this.path = path;
        }

        @Override
        public String[] listAll() throws IOException {
            return FSDirectory.listAll(path);
        }

        @Override
        public long fileLength(String name) throws IOException {
            return Files.size(path.resolve(name));
        }

        @Override
        public IndexInput openInput(String name, IOContext context) throws IOException {
            return in.openInput(path.getFileName() + "/" + name, context);
        }
    }

    /**
     * Opens the index, or begins one.
     *
     * @throws IOException when the directory can't be used, or another process uses it
     */
    HistoryIndex(HistoryConfig config, InstantSource clock, LongSupplier nanoTime, Counters counters, Shown shown)
            throws IOException {
        this.shown = shown;
        this.directory = config.directory();
        this.config = config;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.counters = counters;
        PrivateFiles.createDirectories(directory);
        lock = lock(directory);
        try {
            openPartitions();
            Partition newest = closed.isEmpty() ? null : closed.removeLast();
            if (newest == null) {
                born = clock.millis();
                places = new LogPlaces();
                current = begin(0);
            } else {
                born = Long.parseLong(newest.commit.getOrDefault(BORN, "0"));
                places = LogPlaces.of(newest.commit);
                current = newest;
            }
            writer = writer(current);
            if (newest == null) {
                write();
            }
            lastCommit = nanoTime.getAsLong();
            publish();
            measure();
        } catch (IOException | RuntimeException | Error e) {
            letGo();
            lock.close();
            throw e;
        }
    }

    /** @throws IOException when somebody else has it */
    static FileChannel lock(Path directory) throws IOException {
        FileChannel channel = PrivateFiles.open(directory.resolve(LOCK), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        try {
            if (channel.tryLock() != null) {
                return channel;
            }
        } catch (OverlappingFileLockException _) {
            // another index of this process
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        channel.close();
        throw new FileSystemException(directory.toString(), null, "is in use by another process");
    }

    private void openPartitions() throws IOException {
        boolean damaged = false;
        for (Path path : partitions(directory)) {
            if (damaged || isUnfinished(path)) {
                delete(path);
                continue;
            }
            Partition partition = new Partition(number(path), path);
            try {
                read(partition);
                closed.add(partition);
            } catch (CorruptIndexException | IndexFormatTooOldException | IndexFormatTooNewException
                    | NoSuchFileException | EOFException e) {
                log.warn("event=history-damaged partition={} effect=\"the log is read again from there\" why={}",
                        path.getFileName(), e.toString());
                counters.failures.incrementAndGet();
                damaged = true;
                partition.files.close();
                delete(path);
            }
        }
    }

    private static void read(Partition partition) throws IOException {
        DirectoryReader reader = DirectoryReader.open(partition.files);
        partition.reader = reader;
        partition.commit = reader.getIndexCommit().getUserData();
        partition.names = LogPlaces.of(partition.commit).names();
        partition.begun = Long.parseLong(partition.commit.getOrDefault(BEGUN, "0"));
        partition.newest = Long.parseLong(partition.commit.getOrDefault(NEWEST, Long.toString(Long.MIN_VALUE)));
    }

    /** Those of a directory, the oldest first. */
    private static List<Path> partitions(Path directory) throws IOException {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory, PREFIX + "*")) {
            for (Path path : paths) {
                if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS) && number(path) >= 0) {
                    found.add(path);
                }
            }
        }
        found.sort(Comparator.comparingInt(HistoryIndex::number));
        return found;
    }

    /** -1 for what isn't ours. */
    private static int number(Path path) {
        String digits = String.valueOf(path.getFileName()).substring(PREFIX.length());
        return digits.matches("\\d{1,9}") ? Integer.parseInt(digits) : -1;
    }

    /** Begun and never committed, or half deleted. */
    private static boolean isUnfinished(Path path) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path, SEGMENTS + "_*")) {
            return !files.iterator().hasNext();
        }
    }

    /** The index as others see it without writing to it: as of its last commit, also while a gateway writes it. */
    static Snapshot look(Path directory) throws IOException {
        long born = 0;
        List<Snapshot.View> views = new ArrayList<>();
        try {
            for (Path path : partitions(directory).reversed()) {
                Partition partition = new Partition(number(path), path, new Looked(directory, path));
                try {
                    read(partition);
                } catch (IndexNotFoundException | NoSuchFileException _) {
                    continue; // just begun, or just dropped
                }
                DirectoryReader reader = partition.reader;
                if (reader != null) {
                    views.add(new Snapshot.View(partition.number, reader, partition.names));
                    born = Long.parseLong(partition.commit.getOrDefault(BORN, "0"));
                }
            }
            return new Snapshot(born, views);
        } catch (IOException | RuntimeException e) {
            new Snapshot(born, views).letGo();
            throw e;
        }
    }

    /** Deletes all there is of an index, which nobody may have open. */
    static void deleteAll(Path directory) throws IOException {
        for (Path path : partitions(directory)) {
            delete(path);
        }
    }

    /** First what makes it an index, so that what a crash leaves of it isn't taken for one. */
    private static void delete(Path path) throws IOException {
        List<Path> all = new ArrayList<>();
        try (Stream<Path> files = Files.list(path)) {
            files.forEach(all::add);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        all.sort(Comparator.comparing(file -> !String.valueOf(file.getFileName()).startsWith(SEGMENTS)));
        for (Path file : all) {
            Files.deleteIfExists(file);
        }
        Files.deleteIfExists(path);
    }

    private Partition begin(int number) throws IOException {
        Path path = directory.resolve(PREFIX + "%09d".formatted(number));
        PrivateFiles.createDirectory(path);
        Partition partition = new Partition(number, path);
        partition.begun = clock.millis();
        return partition;
    }

    private static IndexWriter writer(Partition partition) throws IOException {
        LogByteSizeMergePolicy merges = new LogByteSizeMergePolicy(); // keeps the blocks' order
        merges.setMinMergeMB(SMALLEST_MERGE_MEGABYTES);
        merges.setMaxMergeMB(LARGEST_MERGE_MEGABYTES);
        return new IndexWriter(partition.files, new IndexWriterConfig().setMergePolicy(merges)
                .setMergeScheduler(new SerialMergeScheduler()).setRAMBufferSizeMB(BUFFER_MEGABYTES)
                .setCommitOnClose(false));
    }

    LogPlaces places() {
        return places;
    }

    /** Adds a block of lines. */
    void add(int file, long offset, int octets, LineKeys block) throws IndexFailure {
        int[] keys = block.keys();
        while (points.size() < keys.length) {
            points.add(new IntPoint(KEYS, 0));
        }
        document.clear();
        for (int i = 0; i < keys.length; i++) {
            IntPoint point = points.get(i);
            point.setIntValue(keys[i]);
            document.add(point);
        }
        place.setLongValue((long) file << OFFSET_BITS | offset);
        length.setLongValue(octets);
        min.setLongValue(block.min());
        max.setLongValue(block.max());
        document.add(place);
        document.add(length);
        document.add(min);
        document.add(max);
        try {
            writer.addDocument(document);
        } catch (IOException | AlreadyClosedException e) {
            throw new IndexFailure(e);
        }
        current.newest = Math.max(current.newest, block.max());
        blocks++;
        changed();
    }

    /** There is something to commit. */
    void changed() {
        uncommitted = true;
        unshown = true;
    }

    /** Commits what is due. */
    void tend() throws IndexFailure {
        long now = nanoTime.getAsLong();
        if (uncommitted && (blocks >= COMMIT_BLOCKS || now - lastCommit >= COMMIT_INTERVAL.toNanos())) {
            commit();
        }
    }

    /** Makes findable what was added since the last commit; that takes a segment, so it is done when somebody searches. */
    void show() throws IndexFailure {
        if (!unshown) {
            return;
        }
        try {
            publish();
        } catch (IOException | AlreadyClosedException e) {
            throw new IndexFailure(e);
        }
    }

    /**
     * Makes durable and findable what was added, then ends the partition when it is large or old, and drops what is too much.
     */
    void commit() throws IndexFailure {
        try {
            write();
            current.octets = octets(current.path);
            if (isFull()) {
                endPartition();
            }
            dropOldest();
            publish(); // if nobody asks, too: a reader keeps the files of segments that were merged
        } catch (IOException | AlreadyClosedException e) {
            throw new IndexFailure(e);
        }
    }

    private void write() throws IOException {
        Map<String, String> commit = new HashMap<>();
        commit.put(BORN, Long.toString(born));
        commit.put(BEGUN, Long.toString(current.begun));
        commit.put(NEWEST, Long.toString(current.newest));
        places.write(commit);
        writer.setLiveCommitData(commit.entrySet());
        writer.commit();
        uncommitted = false;
        blocks = 0;
        lastCommit = nanoTime.getAsLong();
    }

    private boolean isFull() {
        long span = Math.min(LONGEST_PARTITION.toMillis(), config.maxAge().toMillis() / PARTITIONS);
        return current.newest != Long.MIN_VALUE && (current.octets >= config.maxSize().bytes() / PARTITIONS
                || Math.abs(clock.millis() - current.begun) >= span);
    }

    private void endPartition() throws IOException {
        publish();
        writer.close();
        Partition next = begin(current.number + 1);
        IndexWriter its = writer(next);
        current.names = Map.copyOf(places.names());
        closed.add(current);
        current = next;
        writer = its;
        write();
        publish();
    }

    /** By size, by age, and when all files are gone that it tells of. */
    private void dropOldest() throws IOException {
        long oldest = clock.millis() - config.maxAge().toMillis();
        long sum = current.octets + closed.stream().mapToLong(one -> one.octets).sum();
        closed.forEach(this::forgetGone);
        while (!closed.isEmpty()) {
            Partition first = closed.getFirst();
            if (sum <= config.maxSize().bytes() && first.newest >= oldest && !first.names.isEmpty()) {
                break;
            }
            sum -= first.octets;
            closed.removeFirst();
            publish();
            DirectoryReader reader = first.reader;
            if (reader != null) {
                reader.decRef();
            }
            first.files.close();
            delete(first.path);
            log.info("event=history-partition-dropped partition={} octets={}", first.path.getFileName(), first.octets);
        }
        counters.octets = sum;
        counters.partitions = closed.size() + 1;
    }

    /** A file that is gone comes back under another number. */
    private void forgetGone(Partition partition) {
        if (!partition.names.values().stream().allMatch(name -> places.find(name) != null)) {
            Map<Integer, String> left = new HashMap<>(partition.names);
            left.values().removeIf(name -> places.find(name) == null);
            partition.names = Map.copyOf(left);
        }
    }

    private void measure() throws IOException {
        long sum = 0;
        for (Partition partition : closed) {
            partition.octets = octets(partition.path);
            sum += partition.octets;
        }
        current.octets = octets(current.path);
        counters.octets = sum + current.octets;
        counters.partitions = closed.size() + 1;
    }

    private static long octets(Path path) throws IOException {
        long sum = 0;
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                try {
                    sum += Files.size(file);
                } catch (NoSuchFileException _) {
                    // merged meanwhile
                }
            }
        }
        return sum;
    }

    /** Each snapshot holds its readers; each partition holds its newest one. */
    private void publish() throws IOException {
        DirectoryReader before = current.reader;
        DirectoryReader now = before == null
                ? DirectoryReader.open(writer)
                : DirectoryReader.openIfChanged(before, writer);
        if (now != null) {
            current.reader = now;
            if (before != null) {
                before.decRef();
            }
        }
        List<Snapshot.View> views = new ArrayList<>();
        DirectoryReader newest = current.reader;
        if (newest != null) {
            views.add(new Snapshot.View(current.number, newest, Map.copyOf(places.names())));
        }
        for (Partition partition : closed.reversed()) {
            DirectoryReader reader = partition.reader;
            if (reader != null) {
                views.add(new Snapshot.View(partition.number, reader, partition.names));
            }
        }
        shown.replace(new Snapshot(born, List.copyOf(views)));
        unshown = false;
    }

    /** Closes without a commit: what was added since the last one is lost, and what was shown goes on being found. */
    @Override
    public void close() throws IOException {
        try {
            writer.rollback();
        } finally {
            letGo();
            lock.close();
        }
    }

    /** The partitions' own holds; a snapshot keeps its own. */
    private void letGo() throws IOException {
        List<Partition> all = new ArrayList<>(closed);
        if (current != null) {
            all.add(current);
        }
        for (Partition partition : all) {
            DirectoryReader reader = partition.reader;
            partition.reader = null;
            if (reader != null) {
                reader.decRef();
            }
            partition.files.close();
        }
    }
}
