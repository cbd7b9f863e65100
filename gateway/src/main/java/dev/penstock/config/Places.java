package dev.penstock.config;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/** Which keys are written where, noted while the files are read. Confined to the thread that reads the configuration. */
public final class Places {
    /** What the paths of the shaping file's keys begin with. */
    static final String SHAPING = "shaping";

    private final Map<String, Place> places = new HashMap<>();
    private final Map<String, String> asWritten = new HashMap<>();

    /**
     * @param line    from 1; 0 when it isn't known
     * @param written the value as the TOML parser gives it
     */
    record Place(Path file, int line, Object written) {}

    static String path(String within, String key) {
        return within.isEmpty() ? key : key.isEmpty() ? within : within + "." + key;
    }

    void put(String path, Place place) {
        places.put(path, place);
    }

    /** Of a file under others: what these say comes first. */
    void below(String table, String key, Place place) {
        places.putIfAbsent(path(asWritten.getOrDefault(table, table), key), place);
    }

    void means(String written, String path) {
        asWritten.put(path, written);
    }

    /**
     * @param table the table's path as the configuration has it
     * @return null when the key isn't written anywhere
     */
    @Nullable
    Place of(String table, String key) {
        return places.get(path(asWritten.getOrDefault(table, table), key));
    }
}
