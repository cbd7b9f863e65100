package dev.penstock.loadgen.twin;

import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a receiver has taken from a source, what it refused, and what it would have taken. Immutable but for its minutes,
 * which nobody changes.
 *
 * @param firstNanos  when the source was first seen, nanoseconds since 1970
 * @param mostOpen    connections at one time
 * @param taken       recipients of messages
 * @param refused     answers, by what refused; each recipient, message or connection once
 * @param blocks      how often the source was blocked
 * @param reputation  now, 0 to 1
 * @param capacity    messages in each minute since then that one who never exceeds a limit could have sent
 * @param minutes     since then; the last may be shorter than those of {@code capacity}
 */
public record TwinReport(String twin, String source, long firstNanos, long connections, int mostOpen, long taken,
        Map<String, Long> refused, int blocks, double reputation, List<Double> capacity, List<Minute> minutes) {
    private static final long MINUTE_NANOS = 60_000_000_000L;
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final double MINUTES_PER_HOUR = 60;
    private static final double SECONDS_PER_MINUTE = 60;
    /** What a receiver without a rate could take in a minute: more than anybody sends. */
    private static final double UNLIMITED = 60_000_000;

    /** Counts of one minute. */
    public static final class Minute {
        long taken;
        long deferred;
        long rejected;
        long blocked;
        double offered;

        public long taken() {
            return taken;
        }

        /** 4xx. */
        public long deferred() {
            return deferred;
        }

        /** 5xx of other reasons than a block. */
        public long rejected() {
            return rejected;
        }

        public long blocked() {
            return blocked;
        }

        /** Messages that its rate would have let through at the reputation that the source had. */
        public double offered() {
            return offered;
        }

        Minute copy() {
            Minute copy = new Minute();
            copy.taken = taken;
            copy.deferred = deferred;
            copy.rejected = rejected;
            copy.blocked = blocked;
            copy.offered = offered;
            return copy;
        }
    }

    public long deferred() {
        return minutes.stream().mapToLong(Minute::deferred).sum();
    }

    /** A few lines for people. */
    public String text() {
        double could = minutes.isEmpty() ? 0 : capacityUntil(firstNanos + minutes.size() * MINUTE_NANOS);
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT,
                "twin %s, source %s: taken %d, deferred %d, connections %d (%d at one time), blocked %d times, reputation %.3f%n",
                twin, source, taken, deferred(), connections, mostOpen, blocks, reputation));
        new TreeMap<>(refused).forEach(
                (limit, count) -> text.append(String.format(Locale.ROOT, "  refused for %s: %d%n", limit, count)));
        text.append(isUnlimited()
                ? "  nothing limits how many messages it takes\n"
                : String.format(Locale.ROOT,
                        "  would have taken in %d min: %.0f at the reputation it had, %.0f from one who never exceeds a limit%n",
                        minutes.size(), minutes.stream().mapToDouble(Minute::offered).sum(), could));
        return text.toString();
    }

    /** Whether nothing limits how many messages it takes. */
    public boolean isUnlimited() {
        return !capacity.isEmpty() && capacity.getFirst() >= UNLIMITED;
    }

    /** What one who never exceeds a limit could have sent until then; the last minute counts by its part. */
    public double capacityUntil(long nanos) {
        double sum = 0;
        for (int i = 0; i < capacity.size(); i++) {
            double part = (double) (nanos - firstNanos - i * MINUTE_NANOS) / MINUTE_NANOS;
            sum += capacity.get(i) * Math.clamp(part, 0, 1);
        }
        return sum;
    }

    /** The least of the rates of messages that it has for a source, per second. */
    static double rate(TwinProfile profile, double score) {
        double rate = UNLIMITED / SECONDS_PER_MINUTE;
        for (TwinLimit limit : profile.limits()) {
            if (limit instanceof TwinLimit.Pace pace && pace.per() == TwinLimit.Per.SOURCE
                    && pace.phase().compareTo(TwinPhase.MAIL) >= 0) {
                rate = Math.min(rate, pace.rate(score));
            }
        }
        return rate;
    }

    /** What is left of a day's quota. */
    private static final class Quota {
        private final TwinLimit.Daily daily;
        private LocalDate day = LocalDate.MIN;
        private double left;

        Quota(TwinLimit.Daily daily) {
            this.daily = daily;
        }

        double left(long nanos) {
            LocalDate today = Instant.ofEpochSecond(nanos / NANOS_PER_SECOND).atZone(daily.zone()).toLocalDate();
            if (!today.equals(day)) {
                day = today;
                left = daily.most();
            }
            return left;
        }
    }

    /**
     * Of a source that sends as much as it may and never more: the least of the rates of messages, within the days' quotas.
     * Its reputation rises with time, and falls with the complaints that so many messages bring.
     */
    static List<Double> capacity(TwinProfile profile, double startScore, long firstNanos, long untilNanos) {
        int count = (int) Math.max(0, Math.ceilDiv(untilNanos - firstNanos, MINUTE_NANOS));
        List<Quota> quotas = new ArrayList<>();
        for (TwinLimit limit : profile.limits()) {
            if (limit instanceof TwinLimit.Daily daily) {
                quotas.add(new Quota(daily));
            }
        }
        double risesInHalf = profile.reputation().perHour() / MINUTES_PER_HOUR / 2;
        double complaint = profile.reputation().complaints() * profile.reputation().complaint();
        double score = startScore;
        List<Double> capacity = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            score = Math.min(1, score + risesInHalf);
            double messages = rate(profile, score) * SECONDS_PER_MINUTE;
            for (Quota quota : quotas) {
                messages = Math.min(messages, quota.left(firstNanos + i * MINUTE_NANOS));
            }
            for (Quota quota : quotas) {
                quota.left -= messages;
            }
            capacity.add(messages);
            score = Math.clamp(score + risesInHalf - messages * complaint, 0, 1);
        }
        return List.copyOf(capacity);
    }
}
