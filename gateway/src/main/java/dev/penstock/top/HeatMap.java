package dev.penstock.top;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.jline.utils.AttributedString;
import org.jspecify.annotations.Nullable;

import dev.penstock.admin.LatencyRoutes.Bucket;
import dev.penstock.admin.LatencyRoutes.Latencies;
import dev.penstock.admin.LatencyRoutes.Latency;
import dev.penstock.top.Palette.Tone;
import dev.penstock.units.Durations;
import dev.penstock.units.Figures;

/**
 * How long things took, moment by moment: what was counted from one look to the next. Immutable.
 *
 * @param last     what was counted since the gateway's start, as of the last look; null before the first
 * @param provider whose mail it is; empty for all
 * @param columns  the oldest first
 */
record HeatMap(@Nullable Latencies last, String provider, List<Column> columns) {
    static final HeatMap EMPTY = new HeatMap(null, "", List.of());
    /** An hour of looks each second is more than the widest screen has. */
    private static final int MOST_COLUMNS = 500;
    /** Between two times below the map. */
    private static final int TIME_EVERY = 20;
    private static final int LABEL = 7;
    private static final int COUNT = 16;
    private static final double HALF = 0.5;
    private static final double NEARLY_ALL = 0.99;
    private static final double LONGEST = Double.POSITIVE_INFINITY;
    private static final double NANOS_PER_SECOND = 1e9;
    private static final double MILLIS_PER_SECOND = 1e3;
    private static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("HH:mm:ss").withZone(ZoneOffset.UTC);

    HeatMap {
        columns = List.copyOf(columns);
    }

    /**
     * What was counted from one look to the next.
     *
     * @param from   the earlier look
     * @param at     the later look
     * @param counts by the upper end of a bucket in seconds, of each kind
     */
    record Column(Instant from, Instant at, Map<Times, Map<Double, Long>> counts) {}

    /** With what was counted since the last look. Begins anew when it is of others, or the gateway has. */
    HeatMap with(Latencies now) {
        if (last == null || !now.provider().equals(last.provider())) {
            return new HeatMap(now, now.provider(), List.of());
        }
        if (now.at().equals(last.at())) {
            return this;
        }
        Map<Times, Map<Double, Long>> before = counts(last);
        Map<Times, Map<Double, Long>> counts = counts(now);
        for (Times times : Times.values()) {
            Map<Double, Long> of = counts.getOrDefault(times, Map.of());
            for (Map.Entry<Double, Long> earlier : before.getOrDefault(times, Map.of()).entrySet()) {
                if (of.merge(earlier.getKey(), -earlier.getValue(), Long::sum) < 0) {
                    return new HeatMap(now, now.provider(), List.of());
                }
            }
        }
        List<Column> more = new ArrayList<>(columns);
        more.add(new Column(last.at(), now.at(), counts));
        return new HeatMap(now, now.provider(), more.subList(Math.max(0, more.size() - MOST_COLUMNS), more.size()));
    }

    private static Map<Times, Map<Double, Long>> counts(Latencies latencies) {
        Map<Times, Map<Double, Long>> all = new HashMap<>();
        for (Times times : Times.values()) {
            Map<Double, Long> counts = new HashMap<>();
            for (Latency latency : latencies.latencies()) {
                if (times.counts(latency)) {
                    for (Bucket bucket : latency.buckets()) {
                        Double upTo = bucket.upTo();
                        counts.merge(upTo == null ? LONGEST : upTo, bucket.count(), Long::sum);
                    }
                }
            }
            all.put(times, counts);
        }
        return all;
    }

    /** The slowest on top, the latest to the right; below it, the times of the looks. */
    List<AttributedString> lines(Times times, int width, int height, Palette palette) {
        List<AttributedString> lines = new ArrayList<>();
        int shown = Math.clamp(width - LABEL - 2, 0, columns.size());
        List<Column> seen = columns.subList(columns.size() - shown, columns.size());
        TreeMap<Double, Long> sums = sums(seen, times);
        long all = sums.values().stream().mapToLong(Long::longValue).sum();
        lines.add(new Line(width, palette).add(all == 0
                ? "nothing counted yet"
                : Durations.format(span(seen)) + ": " + Figures.number(all) + ", half of them within "
                        + label(within(sums, all, HALF)) + ", 99 % within " + label(within(sums, all, NEARLY_ALL)),
                Tone.PLAIN).done());
        List<Double> bounds = bounds(sums, height - 2);
        long most = most(seen, times, bounds);
        for (Double bound : bounds.reversed()) {
            Line line = new Line(width, palette).cell(label(bound), LABEL, true, Tone.FAINT).add(" |", Tone.FAINT);
            for (Column column : seen) {
                int level = level(count(column, times, bounds, bound), most);
                String mark = Palette.HEAT.substring(level, level + 1);
                if (level == 0) {
                    line.add(mark);
                } else {
                    line.add(mark, palette.heat(level));
                }
            }
            lines.add(line.done());
        }
        if (!bounds.isEmpty()) {
            lines.add(clock(seen, width, palette));
        }
        return lines;
    }

    /** All that was counted, a line for each bucket that something is in. */
    static List<AttributedString> sinceStart(Latencies latencies, Times times, int width, Palette palette) {
        TreeMap<Double, Long> sums = new TreeMap<>(counts(latencies).getOrDefault(times, Map.of()));
        long all = sums.values().stream().mapToLong(Long::longValue).sum();
        List<AttributedString> lines = new ArrayList<>();
        lines.add(new Line(width, palette).add(Figures.number(all) + " since the start").done());
        sums.forEach((bound, count) -> {
            if (count > 0) {
                lines.add(new Line(width, palette).cell(label(bound), LABEL, true, Tone.FAINT)
                        .cell(Figures.number(count), COUNT, true, Tone.PLAIN)
                        .cell(Figures.percent(count / (double) all), COUNT, true, Tone.PLAIN).done());
            }
        });
        return lines;
    }

    private static TreeMap<Double, Long> sums(List<Column> seen, Times times) {
        TreeMap<Double, Long> sums = new TreeMap<>();
        seen.forEach(column -> column.counts.getOrDefault(times, Map.of())
                .forEach((bound, count) -> sums.merge(bound, count, Long::sum)));
        return sums;
    }

    private static Duration span(List<Column> seen) {
        long millis = Duration.between(seen.getFirst().from, seen.getLast().at).toMillis();
        return Duration.ofSeconds(Math.round(millis / MILLIS_PER_SECOND));
    }

    /** The upper end of the bucket that so many of them are up to. */
    private static double within(TreeMap<Double, Long> sums, long all, double share) {
        long counted = 0;
        for (Map.Entry<Double, Long> bucket : sums.entrySet()) {
            counted += bucket.getValue();
            if (counted >= share * all) {
                return bucket.getKey();
            }
        }
        return LONGEST;
    }

    /** Those from the quickest to the slowest that something is in; where there is no room for all, the slowest. */
    private static List<Double> bounds(TreeMap<Double, Long> sums, int room) {
        List<Double> all = new ArrayList<>(sums.keySet());
        int first = 0;
        while (first < all.size() && sums.getOrDefault(all.get(first), 0L) == 0) {
            first++;
        }
        int last = all.size() - 1;
        while (last > first && sums.getOrDefault(all.get(last), 0L) == 0) {
            last--;
        }
        if (first == all.size() || room <= 0) {
            return List.of();
        }
        // One empty bucket on either side shows that nothing is there.
        int from = Math.max(0, first - 1);
        int to = Math.min(all.size(), last + 2);
        return all.subList(Math.max(from, to - room), to);
    }

    /** Of the lowest bound that is shown, with all that is below. */
    private static long count(Column column, Times times, List<Double> bounds, double bound) {
        Map<Double, Long> counts = column.counts.getOrDefault(times, Map.of());
        return bound == bounds.getFirst()
                ? counts.entrySet().stream().filter(each -> each.getKey() <= bound).mapToLong(Map.Entry::getValue).sum()
                : counts.getOrDefault(bound, 0L);
    }

    private static long most(List<Column> seen, Times times, List<Double> bounds) {
        return seen.stream().flatMapToLong(column -> bounds.stream()
                .mapToLong(bound -> count(column, times, bounds, bound))).max().orElse(0);
    }

    /** By the logarithm, so that a few slow ones are seen beside thousands of quick ones. */
    static int level(long count, long most) {
        int levels = Palette.HEAT.length() - 1;
        return count == 0
                ? 0
                : Math.min(levels, 1 + (int) ((levels - 1) * Math.log1p((double) count) / Math.log1p((double) most)));
    }

    private static String label(double seconds) {
        return seconds == LONGEST ? "longer" : Durations.format(Duration.ofNanos((long) (seconds * NANOS_PER_SECOND)));
    }

    private static AttributedString clock(List<Column> seen, int width, Palette palette) {
        Line line = new Line(width, palette).add(" ".repeat(LABEL + 2));
        for (int i = 0; i < seen.size(); i += TIME_EVERY) {
            String time = "^" + CLOCK.format(seen.get(i).at);
            if (seen.size() - i < time.length() && i > 0) {
                break;
            }
            line.cell(time, TIME_EVERY, false, Tone.FAINT);
        }
        return line.done();
    }
}
