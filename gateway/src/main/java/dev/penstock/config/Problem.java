package dev.penstock.config;

import java.nio.file.Path;

/**
 * One thing wrong with a configuration file, written {@code file:line:column: key: what is wrong, what is allowed}.
 * Immutable.
 *
 * @param line   from 1; 0 when the whole file is meant
 * @param column from 1; 0 when the whole file is meant
 * @param key    dotted from the top of the file; empty for a syntax error
 */
public record Problem(Path file, int line, int column, String key, String message) {
    @Override
    public String toString() {
        String place = line == 0 ? file.toString() : file + ":" + line + ":" + column;
        return place + ": " + (key.isEmpty() ? "" : key + ": ") + message;
    }
}
