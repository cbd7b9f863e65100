package dev.penstock.config;

import org.jspecify.annotations.Nullable;

/**
 * A record that holds what a table of the configuration says; its components are named after the table's keys, whose
 * {@link Key descriptors} explain them.
 *
 * @param <R> the record itself
 */
public interface TableRecord<R extends TableRecord<R>> {
    /** A copy that differs in {@code key}. Nothing is checked but what the record itself checks. */
    default <T> R with(Key<R, T> key, @Nullable T value) {
        Table<R> table = key.table();
        return table.with(table.type().cast(this), key, value);
    }
}
