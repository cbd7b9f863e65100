package dev.penstock.history;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.EventsConfig.Compression;
import dev.penstock.events.LogFile;
import dev.penstock.history.LogPlaces.Place;

/**
 * Reads the delivery log's lines, from where the index ends, into the index. Confined to the thread that indexes.
 *
 * <p>Only whole lines are taken: what a crash has torn, at the end of a file, never becomes one. A file that was rotated,
 * compressed or renamed back meanwhile is known by its name; one that was deleted is gone. A line that is none of ours is
 * counted and passed over. A file that can't be read is told of once, and tried again when it has changed or a minute is over.
 *
 * <p>The directory is listed when it has changed; in between the files are looked at from which more may come.
 */
final class LogFollower {
    private static final Logger log = LoggerFactory.getLogger(LogFollower.class);

    /** A block: so many lines that reading them for somebody takes a tenth of a millisecond. */
    static final int BLOCK_LINES = 64;
    private static final int BLOCK_OCTETS = 64 << 10;
    private static final int BUFFER = 512 << 10;
    /** An event for 100,000 recipients is shorter. */
    private static final int LONGEST_LINE = 16 << 20;
    /** Until a file that couldn't be read is tried again though it hasn't changed. */
    static final Duration RETRY = Duration.ofMinutes(1);
    /** So coarse is the time of a directory's last change at most: within it another change may not show. */
    static final Duration COARSEST_TIME = Duration.ofSeconds(2);

    /** How the directory is listed: {@link LogFile#in}. */
    @FunctionalInterface
    interface Listing {
        Collection<LogFile> in(Path directory) throws IOException;
    }

    private final Path directory;
    private final Listing listing;
    private final HistoryIndex index;
    private final Counters counters;
    private final LineKeys keys = new LineKeys();
    private byte[] buffer = new byte[BUFFER];
    /** How long files were when they were read to their ends. */
    private final Map<String, Long> ends = new HashMap<>();
    private final Map<String, Unreadable> unreadable = new HashMap<>();
    private final LongSupplier nanoTime;
    /** From which more may come, in the order of their numbers. */
    private List<LogFile> files = new ArrayList<>();
    private @Nullable FileTime directoryChanged;
    private long changeNoticed;
    /** Whether the directory was listed so long after its last change that another one will show. */
    private boolean listed;

    /**
     * A file that couldn't be read.
     *
     * @param again when it is tried again as it is
     */
    private record Unreadable(long size, FileTime modified, long again) {}

    /** @param directory of the log; there need not be one yet */
    LogFollower(Path directory, HistoryIndex index, LongSupplier nanoTime, Counters counters) {
        this(directory, LogFile::in, index, nanoTime, counters);
    }

    LogFollower(Path directory, Listing listing, HistoryIndex index, LongSupplier nanoTime, Counters counters) {
        this.directory = directory;
        this.listing = listing;
        this.index = index;
        this.nanoTime = nanoTime;
        this.counters = counters;
    }

    /**
     * Reads what there is.
     *
     * @param stop asked now and then whether to leave the rest
     * @return whether it has read to the end of every file
     */
    boolean round(BooleanSupplier stop) throws IOException {
        listIfChanged();
        boolean whole = true;
        for (LogFile file : files) {
            try {
                if (isWorthATry(file)) {
                    whole &= follow(file, stop);
                    unreadable.remove(file.name());
                }
            } catch (IndexFailure e) {
                throw e;
            } catch (NoSuchFileException _) {
                whole = false; // it has another form by now: the next round finds it
                listed = false;
            } catch (IOException | LinkageError e) { // LinkageError: zstd's native library can't be loaded here
                if (remember(file) == null) {
                    counters.failures.incrementAndGet();
                    log.warn("event=history-log-unreadable file={} effect=\"its events are not found\" why={}",
                            file.path(), e.toString());
                }
            }
        }
        files.removeIf(this::isDone);
        index.tend();
        counters.behindSince.set(whole ? 0 : Math.max(1, keys.last()));
        return whole;
    }

    private void listIfChanged() throws IOException {
        FileTime changed = null;
        try {
            changed = Files.getLastModifiedTime(directory); // before it is listed
        } catch (NoSuchFileException _) {
            // there is none yet
        }
        long now = nanoTime.getAsLong();
        if (changed == null || !changed.equals(directoryChanged)) {
            directoryChanged = changed;
            changeNoticed = now;
            listed = false;
        }
        if (!listed) {
            refresh();
            listed = changed != null && now - changeNoticed >= COARSEST_TIME.toNanos();
        }
    }

    private void refresh() throws IOException {
        LogPlaces places = index.places();
        Collection<LogFile> found = new ArrayList<>(list());
        Set<String> names = found.stream().map(LogFile::name).collect(Collectors.toCollection(HashSet::new));
        for (String name : places.seen()) {
            if (!names.contains(name)) {
                LogFile file = LogFile.find(directory, name); // it took another form while the directory was listed
                if (file != null) {
                    found.add(file);
                    names.add(name);
                }
            }
        }
        if (!names.containsAll(places.seen())) {
            places.keepOnly(names);
            index.changed();
        }
        ends.keySet().retainAll(names);
        unreadable.keySet().retainAll(names);
        files = inOrder(found, places);
    }

    private boolean isDone(LogFile file) {
        Place place = index.places().find(file.name());
        return place != null && place.done() && file.compression() != Compression.NONE;
    }

    private boolean isWorthATry(LogFile file) throws IOException {
        Unreadable last = unreadable.get(file.name());
        return last == null || nanoTime.getAsLong() - last.again >= 0 || Files.size(file.path()) != last.size
                || !Files.getLastModifiedTime(file.path()).equals(last.modified);
    }

    /** @return what was known of it; null when it could be read till now */
    private @Nullable Unreadable remember(LogFile file) {
        long again = nanoTime.getAsLong() + RETRY.toNanos();
        long size = -1;
        FileTime modified = FileTime.fromMillis(0);
        try {
            size = Files.size(file.path());
            modified = Files.getLastModifiedTime(file.path());
        } catch (IOException _) {
            // gone, which the next listing shows
        }
        return unreadable.put(file.name(), new Unreadable(size, modified, again));
    }

    private Collection<LogFile> list() throws IOException {
        try {
            return listing.in(directory);
        } catch (NoSuchFileException _) {
            return List.of();
        }
    }

    /** Those that are known by their numbers, then the others by their names. */
    private static List<LogFile> inOrder(Collection<LogFile> files, LogPlaces places) {
        List<LogFile> sorted = new ArrayList<>(files);
        sorted.sort(Comparator.<LogFile>comparingInt(file -> {
            Place place = places.find(file.name());
            return place == null ? Integer.MAX_VALUE : place.number();
        }).thenComparing(LogFile::name));
        return sorted;
    }

    /** @return whether it has read to the file's end */
    private boolean follow(LogFile file, BooleanSupplier stop) throws IOException {
        LogPlaces places = index.places();
        Place place = places.of(file.name());
        boolean compressed = file.compression() != Compression.NONE;
        if (compressed && place.done()) {
            return true;
        }
        Long end = ends.get(file.name());
        if (compressed || end == null || Files.size(file.path()) != end) {
            if (!read(file, place, stop)) {
                return false;
            }
        }
        if (compressed) {
            places.done(file.name());
            index.changed();
        }
        return true;
    }

    /** @return whether it has read to the file's end */
    private boolean read(LogFile file, Place place, BooleanSupplier stop) throws IOException {
        long at = place.offset();
        try (LogFile.Lines lines = file.open()) {
            while (!stop.getAsBoolean()) {
                int octets = lines.read(at, buffer, 0, buffer.length);
                int whole = afterLastLine(octets);
                if (whole == 0 && octets == buffer.length) {
                    if (buffer.length < LONGEST_LINE) {
                        buffer = Arrays.copyOf(buffer, buffer.length * 2);
                        continue;
                    }
                    counters.skipped.incrementAndGet();
                    whole = octets;
                } else {
                    index(place.number(), at, whole);
                }
                if (whole > 0) {
                    at += whole;
                    index.places().advance(file.name(), at);
                    index.changed();
                    index.tend();
                    counters.behindSince.set(Math.max(1, keys.last()));
                }
                if (octets < buffer.length) {
                    ends.put(file.name(), at + octets - whole);
                    return true;
                }
            }
        }
        return false;
    }

    private int afterLastLine(int octets) {
        int end = octets;
        while (end > 0 && buffer[end - 1] != '\n') {
            end--;
        }
        return end;
    }

    /** Indexes the lines that the buffer begins with. */
    private void index(int file, long offset, int octets) throws IndexFailure {
        int begin = 0;
        keys.clear();
        for (int line = 0; line < octets;) {
            int end = LineKeys.end(buffer, line);
            if (!keys.add(buffer, line, end)) {
                counters.skipped.incrementAndGet();
            }
            line = end + 1;
            if (keys.lines() == BLOCK_LINES || line - begin >= BLOCK_OCTETS || line == octets) {
                if (keys.lines() > 0) {
                    index.add(file, offset + begin, line - begin, keys);
                    counters.events.addAndGet(keys.lines());
                }
                keys.clear();
                begin = line;
            }
        }
    }
}
