package dev.penstock.config;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ValueType.Nested;

/**
 * A table of the configuration: its keys in the order in which they are documented, and the record that holds their
 * values. Immutable once the record's class is initialised.
 */
final class Table<R> {
    private final Class<R> type;
    private final String text;
    private final List<Key<R, ?>> keys = new ArrayList<>();
    private final List<BiConsumer<TableBinder, R>> rules = new ArrayList<>();

    private Table(Class<R> type, String text) {
        this.type = type;
        this.text = text;
    }

    /** @param text the sentences that explain the table to an operator; may be empty */
    static <R extends Record> Table<R> of(Class<R> type, String text) {
        return new Table<>(type, text);
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
        Map<String, @Nullable Object> values = new HashMap<>();
        fallbacks(values);
        return make(values, null);
    }

    private void fallbacks(Map<String, @Nullable Object> values) {
        for (Key<R, ?> key : keys) {
            if (key.type() instanceof Nested<?, ?> nested && nested.table().type() == type) {
                nested.table().fallbacks(values); // a table whose keys are the same record's
            } else {
                values.put(key.component(), key.type().fallback());
            }
        }
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
        Map<String, @Nullable Object> values = new HashMap<>();
        for (Key<R, ?> key : keys) {
            values.put(key.component(), readKey(key, file, base));
        }
        return make(values, base);
    }

    private static <R, T> T readKey(Key<R, T> key, TableBinder file, R base) {
        return key.read(file, key.in(base));
    }

    <T> R with(R base, Key<R, T> key, @Nullable T value) {
        Map<String, @Nullable Object> values = new HashMap<>();
        values.put(key.component(), value);
        return make(values, base);
    }

    /** @param base has the components that {@code values} hasn't; null when that has all */
    private R make(Map<String, @Nullable Object> values, @Nullable R base) {
        RecordComponent[] components = type.getRecordComponents();
        @Nullable
        Object[] arguments = new Object[components.length];
        try {
            for (int i = 0; i < components.length; i++) {
                String component = components[i].getName();
                if (!values.containsKey(component) && base == null) {
                    throw new IllegalStateException(type.getSimpleName() + "." + component + " has no key");
                }
                arguments[i] = values.containsKey(component)
                        ? values.get(component)
                        : components[i].getAccessor().invoke(base);
            }
            return type.getDeclaredConstructor(
                    Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new))
                    .newInstance(arguments);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(type.getSimpleName() + " can't be made", e);
        }
    }
}
