package dev.penstock.meters;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Figures by name, of names that have no bound: those that most is counted of have figures of their own, all others share
 * those of {@link #OTHER}. Thread-safe; counting costs a look-up and an addition to a striped counter.
 *
 * <p>The first names get the places. Once there is none left, volumes are compared every {@link #PERIOD}: a name without a
 * place takes that of the smallest when its volume is more than {@link #FACTOR} times as large, at most {@link #MOST_CHANGES}
 * of them at once. A volume is what was counted lately, of which a day takes away half. So a name that grows gets a place, two
 * that are about as large don't change places for ever, and names that come and go in a day end and begin at most a few
 * series.
 *
 * <p>Invariant: names with a place are never more than {@code most}, and candidates than {@link #CANDIDATES_EACH} times that. A
 * name that loses its place loses its figures: what comes then is counted with the others, and nothing is counted there
 * twice, so that rates are right; a few counts of the same moment may be lost with them.
 *
 * @param <F> the figures of one name
 */
public final class TopNames<F> {
    public static final String OTHER = "other";
    /** Between two comparisons, at least. */
    static final Duration PERIOD = Duration.ofHours(1);
    /** What was counted loses half of its weight in a day of such periods. */
    static final double KEPT = Math.pow(0.5, PERIOD.toSeconds() / (double) Duration.ofDays(1).toSeconds());
    /** So many times as large must be what takes another's place. */
    static final int FACTOR = 2;
    /** So many series begin and end in a period, at most. */
    static final int MOST_CHANGES = 4;
    /** So many names without a place are watched for each that has one; half of them when a period begins. */
    static final int CANDIDATES_EACH = 4;

    private final int most;
    private final Supplier<F> maker;
    private final LongSupplier nanoTime;
    private final F other;
    private final ConcurrentHashMap<String, Place<F>> places = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<String, Volume> candidates = new ConcurrentHashMap<>();
    private long comparedNanos; // guarded by this

    /** Its recent weight is guarded by the names' monitor. */
    private static final class Volume {
        private final LongAdder counted = new LongAdder();
        private double before;

        /** As of the end of a period. */
        double age() {
            before = before * KEPT + counted.sumThenReset();
            return before;
        }
    }

    private record Place<F>(F figures, Volume volume) {}

    /** A name and its volume at the end of a period. */
    private record Ranked(String name, double volume) {
        static final Comparator<Ranked> SMALLEST_FIRST = Comparator.comparingDouble(Ranked::volume)
                .thenComparing(Ranked::name);
    }

    /**
     * @param most     names that have figures of their own
     * @param maker    makes those of one
     * @param nanoTime {@link System#nanoTime()}, or a test's
     */
    public TopNames(int most, Supplier<F> maker, LongSupplier nanoTime) {
        this.most = most;
        this.maker = maker;
        this.nanoTime = nanoTime;
        this.other = maker.get();
        this.comparedNanos = nanoTime.getAsLong();
    }

    /** Where one thing more of that name is counted, which counts for its volume; {@link #OTHER}'s for the empty name. */
    public F of(String name) {
        Place<F> place = places.get(name);
        if (place == null) {
            return name.isEmpty() || name.equals(OTHER) ? other : unplaced(name);
        }
        place.volume.counted.increment();
        return place.figures;
    }

    private F unplaced(String name) {
        if (places.size() < most) {
            return first(name);
        }
        Volume volume = candidates.get(name);
        if (volume != null) {
            volume.counted.increment();
        } else if (candidates.size() < most * CANDIDATES_EACH) {
            watch(name);
        }
        return other;
    }

    private synchronized void watch(String name) {
        if (candidates.size() < most * CANDIDATES_EACH && !places.containsKey(name)) {
            candidates.computeIfAbsent(name, _ -> new Volume()).counted.increment();
        }
    }

    private synchronized F first(String name) {
        Place<F> known = places.get(name);
        if (known == null) {
            if (places.size() >= most) {
                return other;
            }
            known = new Place<>(maker.get(), new Volume());
            places.put(name, known);
        }
        known.volume.counted.increment();
        return known.figures;
    }

    /** Of each name that has its own, in no order, and at last of all others. Compares volumes when it is time. */
    public Map<String, F> figures() {
        compare();
        Map<String, F> figures = new LinkedHashMap<>();
        places.forEach((name, place) -> figures.put(name, place.figures));
        figures.put(OTHER, other);
        return figures;
    }

    private synchronized void compare() {
        long now = nanoTime.getAsLong();
        if (now - comparedNanos < PERIOD.toNanos()) {
            return;
        }
        comparedNanos = now;
        List<Ranked> placed = new ArrayList<>();
        places.forEach((name, place) -> placed.add(new Ranked(name, place.volume.age())));
        List<Ranked> waiting = new ArrayList<>();
        candidates.forEach((name, volume) -> waiting.add(new Ranked(name, volume.age())));
        placed.sort(Ranked.SMALLEST_FIRST);
        waiting.sort(Ranked.SMALLEST_FIRST.reversed());
        int changes = Math.min(MOST_CHANGES, Math.min(placed.size(), waiting.size()));
        for (int i = 0; i < changes && waiting.get(i).volume > FACTOR * placed.get(i).volume; i++) {
            change(placed.get(i).name, waiting.get(i).name);
        }
        int kept = most * CANDIDATES_EACH / 2;
        waiting.stream().skip(kept).forEach(small -> candidates.remove(small.name));
    }

    /** Volumes go with their names. */
    private void change(String loser, String winner) {
        Volume won = candidates.remove(winner);
        Place<F> lost = places.remove(loser);
        if (won != null && lost != null) { // both were found under this monitor
            places.put(winner, new Place<>(maker.get(), won));
            candidates.put(loser, lost.volume);
        }
    }
}
