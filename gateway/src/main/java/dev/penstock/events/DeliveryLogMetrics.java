package dev.penstock.events;

import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** The delivery log, as metrics name it. Stateless. */
public final class DeliveryLogMetrics {
    private DeliveryLogMetrics() {}

    public static PartMeters<DeliveryLogStats> of(Supplier<DeliveryLogStats> source) {
        PartMeters<DeliveryLogStats> part = PartMeters.of("penstock.delivery.log.", source);
        part.counter("events", "Events that reached a file", DeliveryLogStats::written);
        part.counter("dropped", "Events given up", DeliveryLogStats::dropped);
        part.counter("rejections.dropped", "Events about refused receptions given up beyond their rate",
                DeliveryLogStats::rejectionsDropped);
        part.counter("bytes", "Octets written", DeliveryLogStats::bytes);
        part.counter("failures", "Writes, rotations, compressions and deletions that failed and are tried again",
                DeliveryLogStats::failures);
        part.counter("files", "Files begun", DeliveryLogStats::files);
        part.gauge("pending", "Events that wait", DeliveryLogStats::pending);
        part.gauge("writable", "0 while it can't be written, 1 otherwise", stats -> stats.writable() ? 1 : 0);
        return part;
    }
}
