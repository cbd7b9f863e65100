package dev.penstock.config;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

/** What may stand behind a key: type, range and default. {@link Types} makes them. Immutable. */
sealed interface ValueType<T> {
    /** The default; null when there is none. */
    @SuppressWarnings("NullAway") // T of a key that may be without a value is nullable
    T fallback();

    /** What stands in the file; {@code fallback} when nothing does, or something wrong, which is noted. */
    T read(TableBinder table, String key, T fallback);

    /** Reads one key; an implementation asks the table for nothing else. */
    @FunctionalInterface
    interface Reading<T> {
        T read(TableBinder table, String key, T fallback);
    }

    /**
     * A value that is no table.
     *
     * @param written as in the file: a text, {@code Long}, {@code Boolean} or list of these; null when it can't be said
     * @param keywords those of JSON Schema that describe it, made when they are asked for: a start has no use for them
     * @param range   the same in words; empty when any value of the type will do
     * @param secret  whether it must not be shown
     */
    record Plain<T>(T fallback, Reading<T> reading, Function<T, @Nullable Object> written,
            Supplier<Map<String, Object>> keywords,
            String range, boolean secret) implements ValueType<T> {
        @Override
        public T read(TableBinder table, String key, T otherwise) {
            return reading.read(table, key, otherwise);
        }

        Map<String, Object> schema() {
            return keywords.get();
        }

        /** With another word for what is allowed, and a keyword for it. */
        Plain<T> allowing(String words, String keyword, Object argument) {
            return new Plain<>(fallback, reading, written, () -> {
                Map<String, Object> more = new LinkedHashMap<>(schema());
                more.put(keyword, argument);
                return more;
            }, words, secret);
        }

        /** With another default. */
        Plain<T> orElse(T otherFallback) {
            return new Plain<>(otherFallback, reading, written, keywords, range, secret);
        }

        /** The same values in another form. */
        <U> Plain<U> as(Function<T, U> to, Function<U, T> from) {
            return new Plain<>(to.apply(fallback),
                    (table, key, otherwise) -> to.apply(reading.read(table, key, from.apply(otherwise))),
                    value -> written.apply(from.apply(value)), keywords, range, secret);
        }
    }

    /** How a table stands in another. */
    enum Nesting {
        /** Its keys are among the other table's. */
        INLINE,
        /** Always, if only with its defaults. */
        TABLE,
        /** Or not. */
        OPTIONAL,
        /** Any number, in order. */
        LIST,
        /** Any number, by name. */
        MAP
    }

    /**
     * One table or several.
     *
     * @param records by what their keys' paths have behind the key: nothing, {@code [0]}, {@code ."example.com"}
     */
    record Nested<T, N>(T fallback, Table<N> table, Nesting nesting, Reading<T> reading,
            Function<T, Map<String, N>> records) implements ValueType<T> {
        @Override
        public T read(TableBinder parent, String key, T otherwise) {
            return reading.read(parent, key, otherwise);
        }
    }
}
