package dev.penstock.history;

import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * A part of what a search finds.
 *
 * @param items    what was logged last comes first
 * @param next     where the search goes on; null when there is nothing more
 * @param searched whether all was looked at up to as many items as were asked for; false when the search was broken off
 *                 before, because it had read a lot of lines that didn't fit: it goes on at {@code next}
 * @param gone     blocks of lines that may fit, of files of the log that aren't there any more
 */
public record Page<T>(List<T> items, @Nullable Cursor next, boolean searched, int gone) {
    public Page {
        items = List.copyOf(items);
    }
}
