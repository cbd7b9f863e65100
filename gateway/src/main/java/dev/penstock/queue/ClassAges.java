package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.units.MailClass;

/**
 * How old what is queued is, by its class, and what of it was never attempted. Thread-safe, as {@link QueueAges}.
 *
 * <p>Invariant: what is queued is in {@code all} of its class; it is in {@code untried} as long as it has no attempt. An item
 * is told of by whoever holds it, so that what was told of it before is known.
 */
final class ClassAges {
    private final Map<MailClass, QueueAges> all = ages();
    private final Map<MailClass, QueueAges> untried = ages();

    private static Map<MailClass, QueueAges> ages() {
        Map<MailClass, QueueAges> ages = new EnumMap<>(MailClass.class);
        for (MailClass each : MailClass.values()) {
            ages.put(each, new QueueAges());
        }
        return ages;
    }

    private static QueueAges of(Map<MailClass, QueueAges> ages, QueueItem item) {
        return requireNonNull(ages.get(item.mailClass()));
    }

    /** It is queued, with so many attempts made before. */
    void add(QueueItem item, int attempts) {
        of(all, item).add(item.receivedMillis());
        if (attempts == 0) {
            of(untried, item).add(item.receivedMillis());
        }
    }

    /** It has so many attempts now. */
    void attempted(QueueItem item, int before, int now) {
        if (before == 0 && now > 0) {
            of(untried, item).remove(item.receivedMillis());
        }
    }

    /** It is queued no more. */
    void remove(QueueItem item) {
        of(all, item).remove(item.receivedMillis());
        if (item.attempts() == 0) {
            of(untried, item).remove(item.receivedMillis());
        }
    }

    /** Of all that is queued, by the class's word. */
    Map<List<String>, HistogramSnapshot> histograms(long nowMillis) {
        Map<List<String>, HistogramSnapshot> histograms = new LinkedHashMap<>();
        all.forEach((mailClass, ages) -> histograms.put(List.of(mailClass.word()), ages.snapshot(nowMillis)));
        return histograms;
    }

    /** Seconds since the oldest of a class was accepted, by the class's word. */
    Map<List<String>, Long> oldest(long nowMillis) {
        Map<List<String>, Long> oldest = new LinkedHashMap<>();
        all.forEach((mailClass, ages) -> oldest.put(List.of(mailClass.word()), ages.oldestSeconds(nowMillis)));
        return oldest;
    }

    /** As {@link #oldest}, of what was never attempted. */
    Map<List<String>, Long> oldestUntried(long nowMillis) {
        Map<List<String>, Long> oldest = new LinkedHashMap<>();
        untried.forEach((mailClass, ages) -> oldest.put(List.of(mailClass.word()), ages.oldestSeconds(nowMillis)));
        return oldest;
    }
}
