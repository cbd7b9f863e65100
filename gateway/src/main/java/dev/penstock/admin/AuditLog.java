package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;

import dev.penstock.config.AdminConfig;
import dev.penstock.units.PrivateFiles;
import dev.penstock.verbs.JobView;

/**
 * Who has changed what, and why: {@code audit-*.jsonl}, a line when a request begins and one when it has ended, each synced.
 * Thread-safe: one lock, under which lines are written. A request whose line can't be written isn't done.
 *
 * <p>Files end by size and are deleted by age. Their names sort by time; a start always begins a new one, because the last
 * line of one that a crash ended may be torn. Ids ascend over restarts, and over clocks that jump back.
 */
public final class AuditLog implements Audit, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(AuditLog.class);
    private static final String PREFIX = "audit-";
    private static final String SUFFIX = ".jsonl";
    private static final DateTimeFormatter NAME = DateTimeFormatter
            .ofPattern("'" + PREFIX + "'yyyyMMdd'T'HHmmss.SSS'Z" + SUFFIX + "'").withZone(ZoneOffset.UTC);
    private static final int NUMBERS_A_MILLISECOND = 20; // bits

    private static final Duration TIDY_EVERY = Duration.ofDays(1);

    private final Path directory;
    private final InstantSource clock;
    private final Opener opener;
    private final LongAdder refused = new LongAdder();
    private final LongAdder unfinished = new LongAdder();
    private final ReentrantLock lock = new ReentrantLock();
    private volatile AdminConfig config;
    // Guarded by the lock.
    private @Nullable FileChannel channel;
    private @Nullable Path path;
    private long size;
    private long lastId;
    private Instant tidied = Instant.EPOCH;

    /** Creates a file that must not exist yet, for appending. */
    @FunctionalInterface
    interface Opener {
        FileChannel open(Path file) throws IOException;
    }

    /** One line: the request of an id, or its result; of a job that is over both. */
    record Line(String id, Instant at, Audit.@Nullable Request request, Audit.@Nullable Result result) {}

    /**
     * Some entries, newest first.
     *
     * @param next what the next page begins before; null when there is none
     */
    public record Page(List<Entry> entries, @Nullable String next) {
        public Page {
            entries = List.copyOf(entries);
        }
    }

    /** @throws IOException when the directory can't be made, or not be read */
    public AuditLog(Path directory, AdminConfig config, InstantSource clock) throws IOException {
        this(directory, config, clock, AuditLog::create);
    }

    AuditLog(Path directory, AdminConfig config, InstantSource clock, Opener opener) throws IOException {
        this.directory = directory;
        this.config = config;
        this.clock = clock;
        this.opener = opener;
        PrivateFiles.createDirectories(directory);
        lastId = newestId();
        tidy();
    }

    private static FileChannel create(Path file) throws IOException {
        return PrivateFiles.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    /** Applies {@code changed} from the next line on, and to the files that are there. */
    public void reconfigure(AdminConfig changed) {
        lock.lock();
        try {
            config = changed;
            tidy();
        } finally {
            lock.unlock();
        }
    }

    /** Deletes files that are too old, once a day; for whoever looks now and again. */
    public void look() {
        lock.lock();
        try {
            if (!clock.instant().isBefore(tidied.plus(TIDY_EVERY))) {
                tidy();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Requests that weren't done because they couldn't be recorded. */
    public long refused() {
        return refused.sum();
    }

    /** Requests that were done and whose result couldn't be recorded. */
    public long unfinished() {
        return unfinished.sum();
    }

    @Override
    public Pending begin(Request request) throws IOException {
        String id;
        lock.lock();
        try {
            Instant now = clock.instant();
            long number = Math.max(now.toEpochMilli() << NUMBERS_A_MILLISECOND, lastId + 1);
            id = text(number);
            append(new Line(id, now, request, null));
            lastId = number;
        } catch (IOException e) {
            refused.increment();
            log.error("event=audit-failed verb={} why={} effect=\"it isn't done\"", request.verb(), e.toString());
            throw e;
        } finally {
            lock.unlock();
        }
        return new Pending() {
            @Override
            public String id() {
                return id;
            }

            @Override
            public void end(Result result) {
                lock.lock();
                try {
                    append(new Line(id, clock.instant(), null, result));
                } catch (IOException e) {
                    unfinished.increment();
                    log.error("event=audit-result-lost request={} status={} why={}", id, result.status(),
                            e.toString());
                } finally {
                    lock.unlock();
                }
            }
        };
    }

    /** Remembers in one line what a job has come to; what can't be is logged. */
    public void jobOver(JobView job) {
        lock.lock();
        try {
            Instant now = clock.instant();
            long number = Math.max(now.toEpochMilli() << NUMBERS_A_MILLISECOND, lastId + 1);
            lastId = number;
            append(new Line(text(number), now, AuditedRequest.ofJob(job), AuditedRequest.result(job)));
        } catch (IOException e) {
            unfinished.increment();
            log.error("event=audit-result-lost request={} status={} why={}", job.id(), job.state().word(),
                    e.toString());
        } finally {
            lock.unlock();
        }
    }

    /** Sixteen hexadecimal digits, so that they sort as they ascend. */
    private static String text(long number) {
        return String.format("%016x", number);
    }

    private void append(Line line) throws IOException {
        byte[] octets = (AdminJson.writeText(line) + '\n').getBytes(UTF_8);
        FileChannel file = channel;
        if (file != null && (size > 0 && size + octets.length > config.auditFileSize().bytes() || isGone())) {
            close();
            file = null;
        }
        if (file == null) {
            file = begin();
            channel = file;
            size = 0;
            tidy();
        }
        try {
            ByteBuffer rest = ByteBuffer.wrap(octets);
            while (rest.hasRemaining()) {
                file.write(rest, size + octets.length - rest.remaining());
            }
            file.force(true);
            size += octets.length;
        } catch (IOException e) {
            forget(file);
            throw e;
        }
    }

    /** What was written of a line that couldn't be written whole is taken back; the next line begins a file where it can't. */
    private void forget(FileChannel file) {
        try {
            file.truncate(size);
        } catch (IOException e) {
            log.warn("event=audit-file-left file={} why={}", path, e.toString());
            close();
        }
    }

    /** Whether the current file was moved away or deleted. */
    private boolean isGone() {
        Path current = path;
        return current == null || !Files.exists(current);
    }

    private FileChannel begin() throws IOException {
        Instant at = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        List<Path> files = files();
        if (!files.isEmpty()) {
            Instant newest = time(files.getLast());
            at = at.isAfter(newest) ? at : newest.plusMillis(1); // clocks jump back, files end as they begin
        }
        Path next = directory.resolve(NAME.format(at));
        FileChannel file = opener.open(next);
        path = next;
        try (FileChannel entry = FileChannel.open(directory, StandardOpenOption.READ)) {
            entry.force(true);
        }
        return file;
    }

    private static Instant time(Path file) {
        try {
            return Instant.from(NAME.parse(file.getFileName().toString()));
        } catch (DateTimeException _) {
            return Instant.EPOCH; // somebody else's
        }
    }

    /** By name, which is by time. */
    private List<Path> files() throws IOException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(directory, PREFIX + "*" + SUFFIX)) {
            found.forEach(files::add);
        } catch (NoSuchFileException _) {
            return List.of();
        }
        files.sort(Comparator.comparing(Path::getFileName));
        return files;
    }

    private void tidy() {
        tidied = clock.instant();
        Duration keep = config.auditKeep();
        try {
            for (Path file : files()) {
                if (!file.equals(path)
                        && Files.getLastModifiedTime(file).toInstant().plus(keep).isBefore(clock.instant())) {
                    Files.deleteIfExists(file);
                    log.info("event=audit-file-deleted file={} keep={}", file, keep);
                }
            }
        } catch (IOException e) {
            log.warn("event=audit-files-not-tidied why={}", e.toString());
        }
    }

    private long newestId() throws IOException {
        for (Path file : files().reversed()) {
            long[] newest = {0};
            lines(file, line -> newest[0] = Math.max(newest[0], Long.parseUnsignedLong(line.id, 16)));
            if (newest[0] > 0) {
                return newest[0];
            }
        }
        return 0;
    }

    /**
     * Reads entries, newest first, file by file and line by line: holds no more than a page. Blocks.
     *
     * @param before an id: only older ones; null for all
     * @param limit  how many at most
     */
    public Page read(Predicate<Entry> wanted, @Nullable String before, int limit) throws IOException {
        List<Entry> found = new ArrayList<>();
        Map<String, Result> results = new HashMap<>(); // whose request is in this file or one before
        for (Path file : files().reversed()) {
            Found of = new Found(wanted, before, limit + 1 - found.size());
            try {
                lines(file, of::add);
            } catch (NoSuchFileException _) {
                continue; // deleted meanwhile
            }
            for (Entry entry : of.end(results)) {
                if (found.size() == limit) {
                    return new Page(found, found.getLast().id());
                }
                found.add(entry);
            }
        }
        return new Page(found, null);
    }

    /** The newest entries of one file that are wanted, whatever its size. Confined to one thread. */
    private static final class Found {
        private final Predicate<Entry> wanted;
        private final @Nullable String before;
        private final int most;
        private final TreeMap<String, Entry> newest = new TreeMap<>();
        /** Whose result hasn't been read yet: it is under way, in a file after this one, or was lost. */
        private final Map<String, Line> open = new HashMap<>();
        /** Of requests in a file before this one. */
        private final Map<String, Result> results = new HashMap<>();

        Found(Predicate<Entry> wanted, @Nullable String before, int most) {
            this.wanted = wanted;
            this.before = before;
            this.most = most;
        }

        void add(Line line) {
            if (line.request != null) {
                open.put(line.id, line);
            }
            if (line.result != null) {
                Line begun = open.remove(line.id);
                if (begun == null) {
                    results.put(line.id, line.result);
                } else {
                    keep(begun, line.result);
                }
            }
        }

        private void keep(Line begun, @Nullable Result result) {
            Request request = begun.request;
            if (request == null || before != null && begun.id.compareTo(before) >= 0) {
                return;
            }
            Entry entry = new Entry(begun.id, begun.at, request, result);
            if (wanted.test(entry)) {
                newest.put(entry.id(), entry);
                if (newest.size() > most) {
                    newest.pollFirstEntry();
                }
            }
        }

        /** @param later results in files after this one; those of files before it are put there */
        List<Entry> end(Map<String, Result> later) {
            open.values().forEach(begun -> keep(begun, later.remove(begun.id)));
            later.putAll(results);
            return List.copyOf(newest.descendingMap().values());
        }
    }

    /** What isn't a line of ours, as one that was torn, is passed over. */
    private static void lines(Path file, Consumer<Line> each) throws IOException {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(Files.newInputStream(file), UTF_8))) {
            for (String text = in.readLine(); text != null; text = in.readLine()) {
                try {
                    Line line = AdminJson.MAPPER.readValue(text, Line.class);
                    Long.parseUnsignedLong(line.id, 16);
                    each.accept(line);
                } catch (JacksonException | IllegalArgumentException _) {
                    // not ours
                }
            }
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            FileChannel file = channel;
            channel = null;
            path = null;
            if (file != null) {
                file.close();
            }
        } catch (IOException e) {
            log.warn("event=audit-file-left file={} why={}", path, e.toString());
        } finally {
            lock.unlock();
        }
    }
}
