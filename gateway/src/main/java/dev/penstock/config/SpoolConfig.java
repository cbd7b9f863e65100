package dev.penstock.config;

import java.nio.file.Path;
import java.time.Duration;

import dev.penstock.units.ByteSize;

/**
 * The spool.
 *
 * @param directory      where segments lie
 * @param segmentSize    length of a segment file, pre-allocated
 * @param inlineLimit    content up to here is part of its ACCEPTED record; larger content is streamed as PART records
 * @param cacheSize      octets of content kept in memory for first attempts
 * @param minFreeSpace   free space of the file system below which nothing is accepted
 * @param appendDeadline how long an append may take before the client gets 451
 * @param maxWaiting     octets that may wait for the committer before appends are refused
 * @param readers        threads that read from disk
 * @param reclaimBelow   a sealed segment is moved to a cold one when its live share in percent is below this
 */
public record SpoolConfig(Path directory, ByteSize segmentSize, ByteSize inlineLimit, ByteSize cacheSize,
        ByteSize minFreeSpace, Duration appendDeadline, ByteSize maxWaiting, int readers, int reclaimBelow) {
    public static final SpoolConfig DEFAULT = new SpoolConfig(Path.of("data", "spool"), ByteSize.ofMegabytes(256),
            ByteSize.ofKilobytes(256), ByteSize.ofMegabytes(64), ByteSize.ofMegabytes(64), Duration.ofSeconds(30),
            ByteSize.ofMegabytes(64), 4, 25);
}
