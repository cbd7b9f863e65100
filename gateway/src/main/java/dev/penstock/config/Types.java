package dev.penstock.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ValueType.Nested;
import dev.penstock.config.ValueType.Nesting;
import dev.penstock.config.ValueType.Plain;
import dev.penstock.config.ValueType.Reading;
import dev.penstock.units.ByteSize;
import dev.penstock.units.Durations;
import dev.penstock.units.Rate;

/** The types of values. Defaults and ranges are written as in the file. Stateless. */
final class Types {
    static final int MAX_PORT = 65_535;
    private static final int MAX_DIGITS = 4; // 1023 of a unit at most where the size is a round one

    private Types() {}

    static Plain<Integer> integer(int fallback, int min, int max) {
        return new Plain<>(fallback, (table, key, otherwise) -> table.integer(key, otherwise, min, max),
                Integer::longValue, () -> schema("integer", "minimum", min, "maximum", max), min + " to " + max, false);
    }

    static Plain<Integer> port(int fallback, int min) {
        return integer(fallback, min, MAX_PORT);
    }

    static Plain<Boolean> flag(boolean fallback) {
        return new Plain<>(fallback, TableBinder::flag, value -> value, () -> schema("boolean"), "true or false",
                false);
    }

    static Plain<Duration> duration(String fallback, String min, String max) {
        Duration least = Durations.parse(min);
        Duration most = Durations.parse(max);
        return new Plain<>(Durations.parse(fallback),
                (table, key, otherwise) -> table.duration(key, otherwise, least, most), Durations::format,
                () -> schema("string", "pattern", Patterns.duration(least, most)), "\"" + min + "\" to \"" + max + "\"",
                false);
    }

    /** None by default. */
    static Plain<List<Duration>> durations(String min, String max) {
        Duration least = Durations.parse(min);
        Duration most = Durations.parse(max);
        return new Plain<>(List.of(), (table, key, otherwise) -> table.durations(key, otherwise, least, most),
                values -> values.stream().map(Durations::format).toList(),
                () -> schema("array", "items", schema("string", "pattern", Patterns.duration(least, most))),
                "each \"" + min + "\" to \"" + max + "\"", false);
    }

    static Plain<ByteSize> size(String fallback, String min, String max) {
        ByteSize least = ByteSize.parse(min);
        ByteSize most = ByteSize.parse(max);
        return new Plain<>(ByteSize.parse(fallback), (table, key, otherwise) -> table.size(key, otherwise, least, most),
                Types::size, () -> sizeSchema(least, most), "\"" + least + "\" to \"" + most + "\"", false);
    }

    private static Map<String, Object> sizeSchema(ByteSize min, ByteSize max) {
        Map<String, Object> schema = new LinkedHashMap<>();
        schema.put("type", List.of("integer", "string"));
        schema.put("minimum", min.bytes());
        schema.put("maximum", max.bytes());
        schema.put("pattern", Patterns.size(min.bytes(), max.bytes()));
        return schema;
    }

    /** With its unit where that is short; octets as a number. */
    private static Object size(ByteSize size) {
        String text = size.toString();
        boolean isShort = size.bytes() == 0 || text.indexOf(' ') > 0 && text.indexOf(' ') <= MAX_DIGITS;
        return isShort ? text : (Object) size.bytes();
    }

    /** Null, written {@code "none"}, is no limit. */
    @SuppressWarnings("NullAway") // doesn't see that the type argument is nullable
    static Plain<@Nullable Rate> rate(String fallback) {
        return new Plain<>(fallback.equals("none") ? null : Rate.parse(fallback), TableBinder::rate,
                rate -> rate == null ? "none" : rate.toString(), () -> schema("string", "pattern", Patterns.rate("")),
                "a rate or \"none\"", false);
    }

    /** One of an enum's constants, written lower-case-dashed. */
    static <E extends Enum<E>> Plain<E> choice(E fallback) {
        Class<E> type = fallback.getDeclaringClass();
        return choice(fallback, (table, key, otherwise) -> table.choice(key, otherwise, type));
    }

    static <E extends Enum<E>> Plain<E> choice(E fallback, Reading<E> reading) {
        List<String> words = Stream.of(fallback.getDeclaringClass().getEnumConstants()).map(Types::word).toList();
        return new Plain<>(fallback, reading, Types::word, () -> schema("string", "enum", words), quoted(words), false);
    }

    static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** @param expected the type in words */
    static <T> Plain<T> text(String expected, T fallback, TableBinder.TextParser<T> parser,
            Function<T, @Nullable Object> written) {
        return new Plain<>(fallback, (table, key, otherwise) -> table.text(key, otherwise, expected, parser), written,
                () -> schema("string"), "", false);
    }

    static Plain<String> text(String expected, String fallback, TableBinder.TextParser<String> parser) {
        return text(expected, fallback, parser, value -> value);
    }

    /** Null for none, which no text stands for. */
    @SuppressWarnings("NullAway") // doesn't see that the type argument is nullable
    static <T> Plain<@Nullable T> orNone(Plain<T> type) {
        return new Plain<>(null,
                (table, key, otherwise) -> {
                    T value = type.read(table, key, type.fallback());
                    return table.has(key) ? value : otherwise;
                }, value -> value == null ? null : type.written().apply(value), type.keywords(), type.range(),
                type.secret());
    }

    /** Never shown, nor repeated in a message. */
    static Plain<String> secret(String expected, TableBinder.TextParser<String> parser) {
        return new Plain<>("", (table, key, otherwise) -> table.secret(key, otherwise, expected, parser),
                value -> value, () -> schema("string"), "", true);
    }

    /** An array of texts. */
    static Plain<List<String>> texts(TableBinder.TextParser<String> parser, String... fallback) {
        return new Plain<>(List.of(fallback), (table, key, otherwise) -> table.list(key, otherwise, parser),
                values -> values, () -> schema("array", "items", schema("string")), "", false);
    }

    /** An array of words out of {@code allowed}, in upper case or lower. */
    static Plain<List<String>> words(List<String> allowed, TableBinder.TextParser<String> parser, String... fallback) {
        return texts(parser, fallback).allowing(String.join(", ", allowed), "items", Map.of("anyOf",
                List.of(Map.of("enum", allowed), schema("string", "pattern", Patterns.anyCase(allowed)))));
    }

    static Plain<List<String>> networks(String... fallback) {
        return texts(Syntax::network, fallback);
    }

    /** Written as an empty text when there is none. */
    static Plain<Optional<Path>> optionalPath(Reading<Optional<Path>> reading) {
        return new Plain<>(Optional.empty(), reading, path -> path.map(Path::toString).orElse(""),
                () -> schema("string"), "",
                false);
    }

    /** Of a table that can't do without it. */
    static Plain<Path> path(Path nothing, Reading<Path> reading) {
        return new Plain<>(nothing, reading, Path::toString, () -> schema("string", "minLength", 1), "", false);
    }

    static Plain<Path> directory(String fallback) {
        return new Plain<>(Path.of(fallback), TableBinder::directory, Path::toString,
                () -> schema("string", "minLength", 1), "", false);
    }

    static <N> Nested<N, N> table(Table<N> table, N fallback) {
        return new Nested<>(fallback, table, Nesting.TABLE,
                (parent, key, otherwise) -> table.read(parent.table(key), otherwise), value -> Map.of("", value));
    }

    static <N> Nested<N, N> inline(Table<N> table, N fallback, BiFunction<TableBinder, N, N> reading) {
        return new Nested<>(fallback, table, Nesting.INLINE,
                (parent, _, otherwise) -> reading.apply(parent, otherwise), value -> Map.of("", value));
    }

    static <N> Nested<Optional<N>, N> optional(Table<N> table, BiFunction<TableBinder, String, Optional<N>> reading) {
        return new Nested<>(Optional.empty(), table, Nesting.OPTIONAL,
                (parent, key, _) -> reading.apply(parent, key),
                value -> value.map(there -> Map.of("", there)).orElse(Map.of()));
    }

    static <N> Nested<List<N>, N> list(Table<N> table, List<N> fallback,
            BiFunction<TableBinder, String, List<N>> reading) {
        return new Nested<>(fallback, table, Nesting.LIST, (parent, key, _) -> reading.apply(parent, key),
                values -> IntStream.range(0, values.size()).boxed().collect(Collectors.toMap(i -> "[" + i + "]",
                        values::get, (first, _) -> first, LinkedHashMap::new)));
    }

    static <N> Nested<Map<String, N>, N> map(Table<N> table, BiFunction<TableBinder, String, Map<String, N>> reading) {
        return new Nested<>(Map.of(), table, Nesting.MAP, (parent, key, _) -> reading.apply(parent, key),
                values -> values.entrySet().stream().sorted(Map.Entry.comparingByKey()).collect(Collectors.toMap(
                        entry -> ".\"" + entry.getKey() + "\"", Map.Entry::getValue, (first, _) -> first,
                        LinkedHashMap::new)));
    }

    /** A table whose keys' values the same record holds. */
    @SuppressWarnings("NullAway") // is never asked for its own fallback, only for its keys'
    static <N> Nested<N, N> own(Table<N> table) {
        return new Nested<>(null, table, Nesting.TABLE,
                (parent, key, otherwise) -> table.read(parent.table(key), otherwise), value -> Map.of("", value));
    }

    /** @param more keywords and what they say, in turn */
    static Map<String, Object> schema(String type, Object... more) {
        Map<String, Object> schema = new LinkedHashMap<>();
        schema.put("type", type);
        for (int i = 0; i < more.length; i += 2) {
            schema.put((String) more[i], more[i + 1]);
        }
        return schema;
    }

    static String quoted(List<String> words) {
        return words.stream().map(word -> "\"" + word + "\"").collect(Collectors.joining(", "));
    }

    static String quoted(String... words) {
        return quoted(Arrays.asList(words));
    }
}
