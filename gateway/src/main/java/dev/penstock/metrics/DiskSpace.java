package dev.penstock.metrics;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.meters.PartMeters;

/**
 * How much the file systems below some directories hold and have left. Looked at by the {@link Watch}; thread-safe to read, so
 * that a scrape waits for no disk.
 */
public final class DiskSpace {
    private static final Logger log = LoggerFactory.getLogger(DiskSpace.class);

    private final Map<String, Place> places;
    private final Set<String> unknown = new HashSet<>(); // confined to the watch's thread
    private volatile Map<String, Space> spaces = Map.of();

    /**
     * A directory.
     *
     * @param reserve octets that are to stay free there: with less nothing more is taken; 0 where that is of no account
     */
    public record Place(Path directory, LongSupplier reserve) {}

    /**
     * Of the file system below one, in octets.
     *
     * @param free what this process may use of it
     */
    public record Space(long free, long size, long reserve) {}

    /** @param places by what they are for, as the label has it */
    public DiskSpace(Map<String, Place> places) {
        this.places = Map.copyOf(places);
    }

    /** Asks the system. A directory that can't be asked about has no figures until it can, which is told once. */
    public void look() {
        Map<String, Space> now = new LinkedHashMap<>();
        places.forEach((name, place) -> {
            try {
                FileStore store = Files.getFileStore(place.directory);
                now.put(name, new Space(store.getUsableSpace(), store.getTotalSpace(), place.reserve.getAsLong()));
                unknown.remove(name);
            } catch (IOException e) {
                if (unknown.add(name)) {
                    log.warn("event=disk-space-unknown directory={} file={} why={}", name, place.directory,
                            e.toString());
                }
            }
        });
        spaces = Map.copyOf(now);
    }

    /** As of the last look, by what it is for. */
    public Map<String, Space> spaces() {
        return spaces;
    }

    public PartMeters<Map<String, Space>> meters() {
        PartMeters<Map<String, Space>> part = PartMeters.of("penstock.disk.", this::spaces);
        gauge(part, "free.bytes", "Octets that this process may use of the file system below a directory", Space::free);
        gauge(part, "size.bytes", "Octets that the file system holds", Space::size);
        gauge(part, "reserve.bytes", "Octets of it that are to stay free: with less no mail is taken", Space::reserve);
        return part;
    }

    private static void gauge(PartMeters<Map<String, Space>> part, String name, String help,
            ToLongFunction<Space> figure) {
        part.gauges(name, help, List.of("directory"), spaces -> {
            Map<List<String>, Long> figures = new LinkedHashMap<>();
            spaces.forEach((directory, space) -> figures.put(List.of(directory), figure.applyAsLong(space)));
            return figures;
        });
    }
}
