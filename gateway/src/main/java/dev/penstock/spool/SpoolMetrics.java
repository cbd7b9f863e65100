package dev.penstock.spool;

import java.util.function.Supplier;

import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.meters.PartMeters;

/** The spool, as metrics name it. Stateless. */
public final class SpoolMetrics {
    private static final double NANOS_PER_SECOND = 1e9;

    private SpoolMetrics() {}

    public static PartMeters<SpoolStats> of(Supplier<SpoolStats> source, Supplier<HistogramSnapshot> syncTimes) {
        PartMeters<SpoolStats> part = PartMeters.of("penstock.spool.", source);
        part.gauge("messages", "Messages not done yet", SpoolStats::messages);
        part.gauge("segments", "Segment files", SpoolStats::segments);
        part.gauge("disk.bytes", "Their length", SpoolStats::bytesOnDisk);
        part.gauge("live.bytes", "Octets in them that are still needed", SpoolStats::liveBytes);
        part.gauge("cached.bytes", "Octets of content in memory", SpoolStats::cachedBytes);
        part.gauge("waiting", "Requests the committer hasn't taken yet", SpoolStats::waiting);
        part.counter("reads", "Reads of content", SpoolStats::cacheHits, "from", "memory");
        part.counter("reads", "Reads of content", SpoolStats::cacheMisses, "from", "disk");
        part.counter("commits", "Batches written", SpoolStats::commits);
        part.counter("syncs", "Syncs that returned", SpoolStats::syncs);
        part.counter("sync.seconds", "Time spent in syncs", stats -> stats.syncNanos() / NANOS_PER_SECOND);
        part.counter("records", "Records appended", SpoolStats::recordsWritten);
        part.counter("bytes", "Octets appended", SpoolStats::bytesWritten);
        part.counter("segments.reclaimed", "Segment files deleted", SpoolStats::segmentsReclaimed);
        part.counter("deletions.refused", "Deletions refused because something in the segment is needed",
                SpoolStats::deletionsRefused);
        part.gauge("recording", "1 while outcomes can be recorded, and mail is handed out therefore",
                stats -> stats.canRecord() ? 1 : 0);
        part.counter("moved.bytes", "Octets appended again to cold segments", SpoolStats::bytesMoved);
        part.counter("quarantined", "Damaged records or tails set aside", SpoolStats::quarantined);
        part.histogram("sync.duration.seconds", "How long each sync took", syncTimes);
        return part;
    }
}
