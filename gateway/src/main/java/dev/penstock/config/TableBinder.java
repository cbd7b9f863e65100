package dev.penstock.config;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

import dev.penstock.units.ByteSize;
import dev.penstock.units.Durations;
import dev.penstock.units.Rate;

/**
 * One TOML table being turned into a record. Confined to the thread that reads the configuration.
 *
 * <p>Each accessor asks for one key and gives its value, or the fallback when the key is absent or wrong; whatever is
 * wrong is noted, never thrown, so that one reading finds every error. {@link #end()} then reports the keys nobody
 * asked for.
 */
final class TableBinder {
    /** Parses and checks one text; an {@link IllegalArgumentException}'s message says what was expected. */
    @FunctionalInterface
    interface TextParser<T> {
        T parse(String text);
    }

    private static final Pattern BARE_KEY = Pattern.compile("[A-Za-z0-9_-]+"); // TOML 1.0, "Keys"

    private final ConfigSource source;
    private final String path;
    private final TomlTable table;
    private final Set<String> known = new LinkedHashSet<>();

    TableBinder(ConfigSource source, String path, TomlTable table) {
        this.source = source;
        this.path = path;
        this.table = table;
    }

    /** Dotted from the top of the file; empty for the whole file. */
    String path() {
        return path;
    }

    Set<String> keys() {
        return table.keySet();
    }

    boolean has(String key) {
        return table.contains(List.of(key));
    }

    /** Whether {@code key} holds a table. */
    boolean hasTable(String key) {
        return table.isTable(List.of(key));
    }

    boolean isEmptyArray(String key) {
        return table.get(List.of(key)) instanceof TomlArray array && array.isEmpty();
    }

    /** Whether {@code key} has a value, right or wrong, other than a text without characters. */
    boolean says(String key) {
        return has(key) && !"".equals(table.get(List.of(key)));
    }

    boolean isText(String key) {
        return table.isString(List.of(key));
    }

    /** Whether this table holds nothing but other tables. */
    boolean holdsOnlyTables() {
        return !table.isEmpty() && table.keySet().stream().allMatch(this::hasTable);
    }

    int integer(String key, int fallback, int min, int max) {
        Object value = value(key);
        if (value == null) {
            return fallback;
        }
        if (!(value instanceof Long number)) {
            return wrongType(key, value, "a whole number from " + min + " to " + max, fallback);
        }
        if (number < min || number > max) {
            reject(key, number + " is out of range; allowed: " + min + " to " + max);
            return fallback;
        }
        return Math.toIntExact(number);
    }

    boolean flag(String key, boolean fallback) {
        Object value = value(key);
        if (value == null) {
            return fallback;
        }
        return value instanceof Boolean flag ? flag : wrongType(key, value, "true or false", fallback);
    }

    Duration duration(String key, Duration fallback, Duration min, Duration max) {
        String allowed = Durations.format(min) + " to " + Durations.format(max);
        return text(key, fallback, "a duration in quotes, " + allowed, text -> parseDuration(text, min, max));
    }

    List<Duration> durations(String key, List<Duration> fallback, Duration min, Duration max) {
        return list(key, fallback, text -> parseDuration(text, min, max));
    }

    static Duration parseDuration(String text, Duration min, Duration max) {
        Duration duration = Durations.parse(text);
        if (duration.compareTo(min) < 0 || duration.compareTo(max) > 0) {
            throw new IllegalArgumentException(
                    "out of range; allowed: " + Durations.format(min) + " to " + Durations.format(max));
        }
        return duration;
    }

    /** A size as text with a unit, or a whole number of octets. */
    ByteSize size(String key, ByteSize fallback, ByteSize min, ByteSize max) {
        Object value = value(key);
        String text = value instanceof Long number ? number.toString() : value instanceof String s ? s : null;
        if (value == null) {
            return fallback;
        }
        if (text == null) {
            return wrongType(key, value, "a size, " + min + " to " + max, fallback);
        }
        return parsed(key, text, fallback, t -> {
            ByteSize size = ByteSize.parse(t);
            if (size.compareTo(min) < 0 || size.compareTo(max) > 0) {
                throw new IllegalArgumentException("out of range; allowed: " + min + " to " + max);
            }
            return size;
        });
    }

    Path path(String key, Path fallback) {
        return text(key, fallback, "a path in quotes", TableBinder::toPath);
    }

    /**
     * The path of a file that is there; empty when the text is empty.
     *
     * @param otherwise what an empty text means
     */
    Optional<Path> file(String key, Optional<Path> fallback, String otherwise) {
        return text(key, fallback, "a path in quotes", text -> {
            if (text.isEmpty()) {
                return Optional.empty();
            }
            Path path = toPath(text);
            if (!Files.exists(path)) {
                throw new IllegalArgumentException("there is no file " + path.toAbsolutePath().normalize()
                        + "; allowed: the path of a file, or \"\" for " + otherwise);
            }
            if (Files.isDirectory(path)) {
                throw new IllegalArgumentException("is a directory; allowed: the path of a file, or \"\" for "
                        + otherwise);
            }
            if (!Files.isReadable(path)) {
                throw new IllegalArgumentException("can't be read: no permission");
            }
            return Optional.of(path);
        });
    }

    /** The path of a file that is there and can be read. */
    static Path existingFile(String text) {
        Path path = toPath(text);
        if (!Files.exists(path)) {
            throw new IllegalArgumentException("there is no file " + path.toAbsolutePath().normalize()
                    + "; expected the path of a file");
        }
        if (Files.isDirectory(path)) {
            throw new IllegalArgumentException("is a directory; expected the path of a file");
        }
        if (!Files.isReadable(path)) {
            throw new IllegalArgumentException("can't be read: no permission");
        }
        return path;
    }

    /**
     * Notes that a key of this file's is written in another one, under it.
     *
     * @param name  its table's path in this file
     * @param place {@code FILE:LINE}
     */
    void isBelow(String name, String key, String place) {
        source.isBelow(name, key, place, true);
    }

    /** Another file that a key of this table names; its problems go to the same lists. */
    ConfigSource another(Path file) {
        return source.unplaced(file);
    }

    /** Where this table begins, more or less: the line of its first key; 0 when it has none. */
    int line() {
        TomlPosition position = ownPosition();
        return position == null ? 0 : position.line();
    }

    /** {@code FILE:LINE} of {@code key}; of the table when the key isn't there. */
    String place(String key) {
        TomlPosition position = position(key);
        return source.place(position == null ? 0 : position.line());
    }

    /** {@code FILE:LINE} of the table, more or less: of its first key. */
    String place() {
        return source.place(line());
    }

    /** The line of that element of an array. */
    int line(String key, int index) {
        return table.get(List.of(key)) instanceof TomlArray array && index < array.size()
                ? array.inputPositionOf(index).line()
                : line();
    }

    /** Whether none of the keys is there. */
    boolean isWithout(String... keys) {
        for (String key : keys) {
            if (has(key)) {
                return false;
            }
        }
        return true;
    }

    /** The path of a directory that is there or can be made. */
    Path directory(String key, Path fallback) {
        Path path = path(key, fallback);
        Path made = path.toAbsolutePath().normalize();
        while (made != null && !Files.exists(made)) {
            made = made.getParent();
        }
        if (made != null && !Files.isDirectory(made)) {
            reject(key, quoted(path.toString()) + ": " + made
                    + " is a file; allowed: a directory, which is made when it isn't there");
        }
        return path;
    }

    static Path toPath(String text) {
        if (text.isBlank()) {
            throw new IllegalArgumentException("expected a path");
        }
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("not a path: " + e.getReason(), e);
        }
    }

    /** One of an enum's constants, written lower-case-dashed. */
    <E extends Enum<E>> E choice(String key, E fallback, Class<E> type) {
        Map<String, E> choices = new LinkedHashMap<>();
        for (E constant : type.getEnumConstants()) {
            choices.put(constant.name().toLowerCase(Locale.ROOT).replace('_', '-'), constant);
        }
        String allowed = choices.keySet().stream().map(TableBinder::quoted).collect(Collectors.joining(", "));
        return text(key, fallback, "one of " + allowed, text -> {
            E chosen = choices.get(text);
            if (chosen == null) {
                throw new IllegalArgumentException("unknown; allowed: " + allowed);
            }
            return chosen;
        });
    }

    /** A rate, or {@code "none"} for no limit, which is null. */
    @Nullable
    Rate rate(String key, @Nullable Rate fallback) {
        Optional<Rate> rate = text(key, Optional.ofNullable(fallback),
                "a rate in quotes, like \"100/min\", or \"none\"",
                text -> text.equals("none") ? Optional.empty() : Optional.of(Rate.parse(text)));
        return rate.orElse(null);
    }

    /** The value of {@code key} as the parser gives it, for who makes sense of it himself; null for none. */
    @Nullable
    Object written(String key) {
        return value(key);
    }

    /** Text that {@code parser} makes sense of. */
    <T> T text(String key, T fallback, String expected, TextParser<T> parser) {
        Object value = value(key);
        if (value == null) {
            return fallback;
        }
        return value instanceof String text
                ? parsed(key, text, fallback, parser)
                : wrongType(key, value, expected, fallback);
    }

    /** As {@link #text}, but what is written there is never repeated in a message. */
    <T> T secret(String key, T fallback, String expected, TextParser<T> parser) {
        Object value = value(key);
        if (value == null) {
            return fallback;
        }
        if (!(value instanceof String text)) {
            reject(key, "expected " + expected);
            return fallback;
        }
        try {
            return parser.parse(text);
        } catch (IllegalArgumentException e) {
            reject(key, String.valueOf(e.getMessage()));
            return fallback;
        }
    }

    /** An array of texts, each made sense of by {@code parser}. */
    <T> List<T> list(String key, List<T> fallback, TextParser<T> parser) {
        Object value = value(key);
        if (value == null) {
            return fallback;
        }
        if (!(value instanceof TomlArray array)) {
            return wrongType(key, value, "an array of texts, like [\"…\", \"…\"]", fallback);
        }
        List<T> items = new ArrayList<>();
        for (int i = 0; i < array.size(); i++) {
            String itemKey = keyPath(key) + "[" + i + "]";
            Object item = array.get(i);
            if (!(item instanceof String text)) {
                source.error(array.inputPositionOf(i), itemKey,
                        "expected a text in quotes, found " + typeName(item));
                continue;
            }
            try {
                items.add(parser.parse(text));
            } catch (IllegalArgumentException e) {
                source.error(array.inputPositionOf(i), itemKey, quoted(text) + ": " + e.getMessage());
            }
        }
        return items;
    }

    /** A date, or a text that is one; empty when the text is. */
    Optional<LocalDate> date(String key, Optional<LocalDate> fallback) {
        Object value = value(key);
        return switch (value) {
            case null -> fallback;
            case LocalDate date -> Optional.of(date);
            case String text -> parsed(key, text, fallback, TableBinder::toDate);
            default -> wrongType(key, value, "a date, like 2026-12-01", fallback);
        };
    }

    private static Optional<LocalDate> toDate(String text) {
        try {
            return text.isEmpty() ? Optional.empty() : Optional.of(LocalDate.parse(text));
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException("expected a date, like 2026-12-01", e);
        }
    }

    /** The array under {@code key}; null when there is none. */
    @Nullable
    TomlArray array(String key, String expected) {
        Object value = value(key);
        if (value == null || value instanceof TomlArray) {
            return (TomlArray) value;
        }
        wrongType(key, value, expected, value);
        return null;
    }

    /** A table among the items of an array. */
    TableBinder inner(String key, int item, TomlTable written) {
        return new TableBinder(source, keyPath(key) + "[" + item + "]", written);
    }

    /** Notes that an item of the array under {@code key} can't be used. */
    void rejectItem(String key, TomlArray array, int item, String message) {
        source.error(array.inputPositionOf(item), keyPath(key) + "[" + item + "]", message);
    }

    /** The table under {@code key}, an empty one when it is absent. */
    TableBinder table(String key) {
        Object value = value(key);
        if (value instanceof TomlTable inner) {
            return new TableBinder(source, keyPath(key), inner);
        }
        if (value != null) {
            wrongType(key, value, "a table, written [" + keyPath(key) + "]", value);
        }
        return new TableBinder(source, keyPath(key), Toml.parse(""));
    }

    /** The tables of {@code [[key]]}; null when there is none. */
    @Nullable
    List<TableBinder> tables(String key) {
        Object value = value(key);
        if (value == null) {
            return null;
        }
        if (!(value instanceof TomlArray array)) {
            wrongType(key, value, "tables, each written [[" + keyPath(key) + "]]", value);
            return null;
        }
        List<TableBinder> tables = new ArrayList<>();
        for (int i = 0; i < array.size(); i++) {
            String itemPath = keyPath(key) + "[" + i + "]";
            if (array.get(i) instanceof TomlTable inner) {
                tables.add(new TableBinder(source, itemPath, inner));
            } else {
                source.error(array.inputPositionOf(i), itemPath,
                        "expected a table, written [[" + keyPath(key) + "]]");
            }
        }
        return tables;
    }

    /** Counts {@code key} as asked for, with a word to the operator when it is there. */
    void ignore(String key, String warning) {
        if (value(key) != null) {
            source.warning(position(key), keyPath(key), warning);
        }
    }

    /** Notes what {@code key}, the name of a table, is taken for. */
    void means(String key, String name) {
        source.means(keyPath(key), (path.isEmpty() ? "" : path + ".") + quoted(name));
    }

    /** Notes that the value of {@code key} can't be used. */
    void reject(String key, String message) {
        source.error(position(key), keyPath(key), message);
    }

    void warn(String key, String message) {
        source.warning(position(key), keyPath(key), message);
    }

    /** Reports every key that was never asked for, with the nearest one that was. */
    void end() {
        for (String key : table.keySet()) {
            if (!known.contains(key)) {
                String nearest = Nearest.to(key, known);
                reject(key, "unknown key" + (nearest == null
                        ? "; allowed here: " + String.join(", ", known)
                        : "; did you mean " + nearest + "?"));
            }
        }
    }

    private @Nullable Object value(String key) {
        known.add(key);
        Object value = table.get(List.of(key));
        if (value != null) {
            source.found(keyPath(key), table.inputPositionOf(List.of(key)), value);
        }
        return value;
    }

    private <T> T parsed(String key, String text, T fallback, TextParser<T> parser) {
        try {
            return parser.parse(text);
        } catch (IllegalArgumentException e) {
            reject(key, quoted(text) + ": " + e.getMessage());
            return fallback;
        }
    }

    private <T> T wrongType(String key, Object value, String expected, T fallback) {
        reject(key, "expected " + expected + ", found " + typeName(value));
        return fallback;
    }

    private @Nullable TomlPosition position(String key) {
        TomlPosition position = table.inputPositionOf(List.of(key));
        return position == null ? ownPosition() : position;
    }

    /** Where a rule that spans keys is reported when its key relies on the default. */
    private @Nullable TomlPosition ownPosition() {
        return table.keySet().stream().findFirst().map(key -> table.inputPositionOf(List.of(key))).orElse(null);
    }

    private String keyPath(String key) {
        String written = BARE_KEY.matcher(key).matches() ? key : quoted(key);
        return path.isEmpty() ? written : path + "." + written;
    }

    private static String quoted(String text) {
        return '"' + text + '"';
    }

    static String typeName(Object value) {
        return switch (value) {
            case String _ -> "a text";
            case Long number -> "the number " + number;
            case Double number -> "the number " + number;
            case Boolean flag -> flag.toString();
            case TomlArray _ -> "an array";
            case TomlTable _ -> "a table";
            default -> "a date or time";
        };
    }
}
