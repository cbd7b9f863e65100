package dev.penstock.config;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlParseError;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;

import dev.penstock.units.WholeFile;

/** A file being read, and the lists that its problems go to. Confined to the thread that reads the configuration. */
final class ConfigSource {
    /** Octets: hundreds of thousands of users. */
    private static final int MAX_FILE = 256 << 20;

    private final Path file;
    private final List<Problem> errors;
    private final List<Problem> warnings;
    private final @Nullable Places places;
    private final String within;

    /** @param places null when nobody will ask where a key is written */
    ConfigSource(Path file, List<Problem> errors, List<Problem> warnings, @Nullable Places places) {
        this(file, errors, warnings, places, "");
    }

    private ConfigSource(Path file, List<Problem> errors, List<Problem> warnings, @Nullable Places places,
            String within) {
        this.file = file;
        this.errors = errors;
        this.warnings = warnings;
        this.places = places;
        this.within = within;
    }

    /**
     * The same lists for another file.
     *
     * @param within what the paths of its keys begin with in {@link Places}
     */
    ConfigSource other(Path otherFile, String within) {
        return new ConfigSource(otherFile, errors, warnings, places, within);
    }

    /** The same lists for a file whose places nobody asks for. */
    ConfigSource unplaced(Path otherFile) {
        return new ConfigSource(otherFile, errors, warnings, null);
    }

    /** Notes where {@code key}, a dotted path in this file, is written. */
    void found(String key, @Nullable TomlPosition position, Object written) {
        if (places != null) {
            places.put(Places.path(within, key),
                    new Places.Place(file, position == null ? 0 : position.line(), written));
        }
    }

    /**
     * Notes that {@code key} of a table, by the path that the configuration has it by, is written in a file under this
     * one, unless this one says it.
     *
     * @param place {@code FILE:LINE}
     */
    void isBelow(String table, String key, String place, Object written) {
        int colon = place.lastIndexOf(':');
        if (places != null && colon > 0) {
            places.below(Places.path(within, table), key, new Places.Place(Path.of(place.substring(0, colon)),
                    Integer.parseInt(place.substring(colon + 1)), written));
        }
    }

    /** Notes that a table, by its dotted path, is written otherwise than the configuration has it. */
    void means(String written, String path) {
        if (places != null) {
            places.means(Places.path(within, written), Places.path(within, path));
        }
    }

    /** What could be read of the file, its syntax errors noted; an empty table when it can't be opened. */
    TableBinder parse() {
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(WholeFile.read(file, MAX_FILE)))
                    .toString();
        } catch (NoSuchFileException _) {
            errors.add(new Problem(file, 0, 0, "", "there is no such file"));
            text = "";
        } catch (IOException e) {
            errors.add(new Problem(file, 0, 0, "", e instanceof CharacterCodingException
                    ? "can't be read as UTF-8 text: " + e.getMessage()
                    : WholeFile.reason(e)));
            text = "";
        }
        return parse(text);
    }

    /** As {@link #parse()}, of a text that was read already. */
    TableBinder parse(String text) {
        TomlParseResult result = Toml.parse(text);
        for (TomlParseError error : result.errors()) {
            error(error.position(), "", String.valueOf(error.getMessage()));
        }
        return new TableBinder(this, "", result);
    }

    /** As {@link #parse}, of a file without which much would be allowed: no octet at all is an error. */
    TableBinder parseWritten() {
        try {
            if (Files.size(file) == 0) {
                errors.add(new Problem(file, 0, 0, "", "has nothing in it; a file without keys says so in a comment"));
            }
        } catch (IOException _) {
            // told by parse()
        }
        return parse();
    }

    /** {@code FILE:LINE}; the file alone when the line, 0, isn't known. */
    String place(int line) {
        return line == 0 ? file.toString() : file + ":" + line;
    }

    void error(@Nullable TomlPosition position, String key, String message) {
        errors.add(problem(position, key, message));
    }

    void warning(@Nullable TomlPosition position, String key, String message) {
        warnings.add(problem(position, key, message));
    }

    private Problem problem(@Nullable TomlPosition position, String key, String message) {
        return position == null
                ? new Problem(file, 0, 0, key, message)
                : new Problem(file, position.line(), position.column(), key, message);
    }

    /** File by file, each from top to bottom: the order in which somebody mends them. */
    static List<Problem> inOrder(List<Problem> problems) {
        return problems.stream()
                .distinct()
                .sorted(Comparator.comparing(Problem::file).thenComparingInt(Problem::line)
                        .thenComparingInt(Problem::column))
                .toList();
    }
}
