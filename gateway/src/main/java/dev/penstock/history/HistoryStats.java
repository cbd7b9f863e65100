package dev.penstock.history;

import org.jspecify.annotations.Nullable;

/**
 * What the index did since the start, and what there is.
 *
 * @param events     indexed
 * @param skipped    lines of the log that are no events
 * @param failures   of the index or of reading the log; each is tried again
 * @param octets     on disk, at the last commit
 * @param partitions parts of the index by time
 * @param lagMillis  how long ago that happened which isn't read yet; 0 when who searches finds everything
 * @param trouble    why the index doesn't go on now; null while all is well
 */
public record HistoryStats(long events, long skipped, long failures, long octets, int partitions, long lagMillis,
        @Nullable String trouble) {}
