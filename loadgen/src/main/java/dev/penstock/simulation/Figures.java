package dev.penstock.simulation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What became of the messages of a run, by receiver and minute. Confined to the run's thread. */
public final class Figures {
    private static final long MINUTE_NANOS = 60_000_000_000L;
    /** When a message goes that waits for less is of interest to nobody; as {@code queue.Forecast}. */
    private static final long SHORT_NANOS = 10_000_000_000L;

    /** What came of one attempt, or of a message that none was made for. */
    enum Kind {
        DELIVERED,
        DEFERRED,
        BOUNCED,
        EXPIRED
    }

    /** Where what was submitted is counted, behind what {@link #place} says. */
    private static final int SUBMITTED = 4;

    private static int place(Kind kind) {
        return switch (kind) {
            case DELIVERED -> 0;
            case DEFERRED -> 1;
            case BOUNCED -> 2;
            case EXPIRED -> 3;
        };
    }

    /** Of one receiver. Counts by minute since the start. */
    public static final class Series {
        final long total;
        long submitted;
        long delivered;
        long deferred;
        long bounced;
        long expired;
        /** Sessions that were refused or broken off. */
        long sessionsFailed;
        long suspensions;
        /** When the last message came to its end; -1 when none did. */
        long lastNanos = -1;
        /** By what the receiver refused for. */
        final Map<String, Long> bouncedFor = new TreeMap<>();
        final Map<String, Long> deferredFor = new TreeMap<>();
        private long[][] minutes = new long[SUBMITTED + 1][64];
        /** Of waits that were told when they began, how far off that was, in parts of them. */
        private final List<Double> forecastErrors = new ArrayList<>();
        /** Waits of which nothing could be told. */
        private long untold;

        Series(long total) {
            this.total = total;
        }

        private void count(int which, long nanos) {
            int at = (int) (nanos / MINUTE_NANOS);
            if (at >= minutes[which].length) {
                minutes[which] = Arrays.copyOf(minutes[which], Math.max(at + 1, 2 * at));
            }
            minutes[which][at]++;
        }

        long inMinute(int which, int minute) {
            return minute < minutes[which].length ? minutes[which][minute] : 0;
        }

        public long delivered(int minute) {
            return inMinute(place(Kind.DELIVERED), minute);
        }

        public long deferred(int minute) {
            return inMinute(place(Kind.DEFERRED), minute);
        }

        public long bounced(int minute) {
            return inMinute(place(Kind.BOUNCED), minute);
        }

        long ended(int minute) {
            return delivered(minute) + bounced(minute) + inMinute(place(Kind.EXPIRED), minute);
        }

        long submitted(int minute) {
            return inMinute(SUBMITTED, minute);
        }

        public long delivered() {
            return delivered;
        }

        public long deferred() {
            return deferred;
        }

        public long bounced() {
            return bounced;
        }

        public long expired() {
            return expired;
        }

        public long total() {
            return total;
        }

        /** Not at their end, of those that have come. */
        public long queued() {
            return submitted - delivered - bounced - expired;
        }

        public boolean isDrained() {
            return delivered + bounced + expired == total;
        }

        /** When the last message came to its end, nanoseconds since the start; -1 when some have not. */
        public long drainedNanos() {
            return isDrained() ? lastNanos : -1;
        }

        /** Of the attempts, those that were deferred. */
        public double deferralShare() {
            long attempts = delivered + bounced + deferred;
            return attempts == 0 ? 0 : (double) deferred / attempts;
        }

        /** The same of the attempts from that minute on. */
        public double deferralShareFrom(int minute) {
            long put = 0;
            long all = 0;
            for (int i = minute; i < longest(); i++) {
                put += deferred(i);
                all += deferred(i) + delivered(i) + bounced(i);
            }
            return all == 0 ? 0 : (double) put / all;
        }

        public double attemptsPerDelivered() {
            return delivered == 0 ? 0 : (double) (delivered + bounced + deferred) / delivered;
        }

        /** Nine of ten waits were told with an error of at most this part of them; -1 when none was. */
        public double forecastError() {
            return forecastErrors.isEmpty() ? -1 : quantile(forecastErrors, 0.9);
        }

        /** Waits that were told when they began. */
        public int forecasts() {
            return forecastErrors.size();
        }

        /** Waits of which nothing could be told. */
        public long untold() {
            return untold;
        }

        List<Double> forecastErrors() {
            return forecastErrors;
        }

        int longest() {
            int longest = 0;
            for (long[] each : minutes) {
                longest = Math.max(longest, each.length);
            }
            return longest;
        }
    }

    private final Map<String, Series> series = new TreeMap<>();

    Figures(Map<String, Long> totals) {
        totals.forEach((name, total) -> series.put(name, new Series(total)));
    }

    /** By receiver. */
    public Map<String, Series> series() {
        return series;
    }

    private Series of(String twin) {
        Series found = series.get(twin);
        if (found == null) {
            throw new IllegalArgumentException("no mail goes to " + twin);
        }
        return found;
    }

    void submitted(String twin, long nanos) {
        Series one = of(twin);
        one.submitted++;
        one.count(SUBMITTED, nanos);
    }

    /** @param limit what the receiver refused for; empty when it didn't */
    void came(String twin, Kind kind, String limit, long nanos) {
        Series one = of(twin);
        one.count(place(kind), nanos);
        switch (kind) {
            case DELIVERED -> one.delivered++;
            case DEFERRED -> {
                one.deferred++;
                one.deferredFor.merge(limit, 1L, Long::sum);
            }
            case BOUNCED -> {
                one.bounced++;
                one.bouncedFor.merge(limit, 1L, Long::sum);
            }
            case EXPIRED -> one.expired++;
        }
        if (kind != Kind.DEFERRED) {
            one.lastNanos = nanos;
        }
    }

    /** The first of {@code values} that so much of them isn't above. */
    static double quantile(List<Double> values, double share) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get(Math.max(0, (int) Math.ceil(share * sorted.size()) - 1));
    }

    /**
     * A message has waited.
     *
     * @param expectedNanos as was said when it came; negative when nothing could be
     */
    void forecast(String twin, long waitedNanos, long expectedNanos) {
        if (Math.max(waitedNanos, expectedNanos) < SHORT_NANOS) {
            return;
        }
        Series one = of(twin);
        if (expectedNanos < 0) {
            one.untold++;
        } else {
            one.forecastErrors.add(Math.abs(waitedNanos - expectedNanos) / (double) Math.max(1, waitedNanos));
        }
    }

    void sessionFailed(String twin) {
        of(twin).sessionsFailed++;
    }

    void suspended(String twin) {
        of(twin).suspensions++;
    }
}
