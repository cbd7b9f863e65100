package dev.penstock.spool;

/**
 * What the spool did since its start and holds now.
 *
 * @param messages          messages not done yet
 * @param segments          segment files
 * @param bytesOnDisk       their length
 * @param liveBytes         octets in them that are still needed
 * @param cachedBytes       octets of content held in memory
 * @param cacheHits         reads answered from memory
 * @param cacheMisses       reads answered by the disk
 * @param commits           batches written
 * @param syncs             syncs that returned
 * @param syncNanos         time spent in them
 * @param recordsWritten    records appended
 * @param bytesWritten      octets appended
 * @param segmentsReclaimed segment files deleted
 * @param deletionsRefused  deletions of segments that were refused because something in them is needed: must stay 0
 * @param bytesMoved        octets re-appended to cold segments
 * @param quarantined       damaged records or tails set aside
 * @param waiting           requests submitted whose batch the committer hasn't finished
 * @param canRecord         {@link Spool#canRecord}
 */
public record SpoolStats(long messages, long segments, long bytesOnDisk, long liveBytes, long cachedBytes,
        long cacheHits,
        long cacheMisses, long commits, long syncs, long syncNanos, long recordsWritten, long bytesWritten,
        long segmentsReclaimed, long deletionsRefused, long bytesMoved, long quarantined, long waiting,
        boolean canRecord) {}
