package dev.penstock.config;

import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

/**
 * One key of the configuration and all that is known of it: reader, reload check, sample files, key tables of the
 * documentation, JSON Schema and {@code config show} go by it. It stands as a constant in the record of its table, and
 * {@link TableRecord#with} takes it. Immutable once that record's class is initialised.
 *
 * @param <R> the record that holds the value
 * @param <T> the value
 */
public final class Key<R, T> {
    private final Table<R> table;
    private final String name;
    private final Function<R, T> accessor;
    private final ValueType<T> type;
    private final String text;
    private String example = "";
    private boolean required;
    private String alias = "";
    private Map<String, Object> aliasSchema = Map.of();
    private @Nullable Function<T, Object> restartsFor;

    /** @param text the sentences that explain the key to an operator */
    Key(Table<R> table, String name, Function<R, T> accessor, ValueType<T> type, String text) {
        this.table = table;
        this.name = name;
        this.accessor = accessor;
        this.type = type;
        this.text = text;
    }

    /** A change of it is refused while the gateway runs. */
    Key<R, T> restart() {
        return restart(value -> value);
    }

    /** A change of it is refused while the gateway runs when it changes this about the value. */
    Key<R, T> restart(Function<T, Object> aspect) {
        restartsFor = aspect;
        return this;
    }

    /** Stands in the sample file for a value that has no default, as TOML. */
    Key<R, T> example(String toml) {
        example = toml;
        return this;
    }

    /** May be written in another way, under another name. */
    Key<R, T> alias(String otherName, Map<String, Object> schema) {
        alias = otherName;
        aliasSchema = schema;
        return this;
    }

    /** Has no default: the table can't do without it. */
    Key<R, T> required() {
        required = true;
        return this;
    }

    public String name() {
        return name;
    }

    Table<R> table() {
        return table;
    }

    ValueType<T> type() {
        return type;
    }

    String text() {
        return text;
    }

    String example() {
        return example;
    }

    /** Empty for none. */
    String alias() {
        return alias;
    }

    Map<String, Object> aliasSchema() {
        return aliasSchema;
    }

    /** The value when nothing is said. */
    public T fallback() {
        return type.fallback();
    }

    boolean isRequired() {
        return required;
    }

    /** Whether a change of the whole value, or of something about it, takes a restart. */
    boolean needsRestart() {
        return restartsFor != null;
    }

    /** Whether going from one value to the other takes a restart. */
    boolean differsForGood(R current, R changed) {
        return restartsFor != null && !Objects.equals(restartsFor.apply(accessor.apply(current)),
                restartsFor.apply(accessor.apply(changed)));
    }

    T in(R values) {
        return accessor.apply(values);
    }

    /** What {@code file} says; the default when it says nothing or something wrong. */
    T read(TableBinder file) {
        return type.read(file, name, type.fallback());
    }

    /** What {@code file} says; {@code fallback} when it says nothing or something wrong. */
    T read(TableBinder file, T fallback) {
        return type.read(file, name, fallback);
    }

    @Override
    public String toString() {
        return table.type().getSimpleName() + "." + name;
    }
}
