package dev.penstock.config;

/** A value for each key of a table, of which its record is made. */
interface Values<R> {
    <T> T get(Key<R, T> key);
}
