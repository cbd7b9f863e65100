package dev.penstock.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

/**
 * A table of the configuration: its keys in the order in which they are documented, and the record that holds their
 * values. Immutable once the record's class is initialised.
 */
final class Table<R> {
    private final Class<R> type;
    private final Function<Values<R>, R> constructor;
    private final String text;
    private final List<Key<R, ?>> keys = new ArrayList<>();
    private final List<BiConsumer<TableBinder, R>> rules = new ArrayList<>();

    private Table(Class<R> type, Function<Values<R>, R> constructor, String text) {
        this.type = type;
        this.constructor = constructor;
        this.text = text;
    }

    /**
     * @param constructor asks for the value of each key
     * @param text        the sentences that explain the table to an operator; may be empty
     */
    static <R extends Record> Table<R> of(Class<R> type, Function<Values<R>, R> constructor, String text) {
        return new Table<>(type, constructor, text);
    }

    /**
     * The next key.
     *
     * @param accessor the value in the record
     */
    <T> Key<R, T> key(String name, Function<R, T> accessor, ValueType<T> valueType, String keyText) {
        Key<R, T> key = new Key<>(this, name, accessor, valueType, keyText);
        keys.add(key);
        return key;
    }

    /** A rule across keys: rejects what it finds wrong in a record that was read. */
    Table<R> rule(BiConsumer<TableBinder, R> rule) {
        rules.add(rule);
        return this;
    }

    Class<R> type() {
        return type;
    }

    String text() {
        return text;
    }

    List<Key<R, ?>> keys() {
        return Collections.unmodifiableList(keys);
    }

    /** The record of all defaults. */
    R defaults() {
        return constructor.apply(new Values<>() {
            @Override
            public <T> T get(Key<R, T> key) {
                return key.fallback();
            }
        });
    }

    /** Reads the whole table and notes what is wrong with it, unknown keys too; {@code base} has what it leaves out. */
    R read(TableBinder file, R base) {
        R values = readKeys(file, base);
        file.end();
        rules.forEach(rule -> rule.accept(file, values));
        return values;
    }

    /** Likewise, of a table that has further keys. */
    R readKeys(TableBinder file, R base) {
        return constructor.apply(new Values<>() {
            @Override
            public <T> T get(Key<R, T> key) {
                return key.read(file, key.in(base));
            }
        });
    }

    /**
     * A copy of {@code base} with these values.
     *
     * @param changed by the names of their keys; null is a value, too
     */
    R with(R base, Map<String, ? extends @Nullable Object> changed) {
        return constructor.apply(new Values<>() {
            @Override
            @SuppressWarnings({"unchecked", "NullAway"}) // each value was read by the key of its name
            public <T> T get(Key<R, T> key) {
                return changed.containsKey(key.name()) ? (T) changed.get(key.name()) : key.in(base);
            }
        });
    }

    <V> R with(R base, Key<R, V> changed, @Nullable V value) {
        return constructor.apply(new Values<>() {
            @Override
            @SuppressWarnings({"unchecked", "NullAway"}) // the same key has the same type, nullable or not
            public <T> T get(Key<R, T> key) {
                return (Object) key == changed ? (T) value : key.in(base);
            }
        });
    }
}
