package dev.penstock.egress;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What sources have sent to whom on which day, and whether they may send more now: one state machine, pure of I/O and of
 * clocks. Thread-safe; its lock is held for nanoseconds.
 *
 * <p>Invariant, of each source, provider and day: {@code 0 <= used <= leased}, {@code leased} is on the disk, and while a
 * message is taken {@code used} is less than the day's allowance. A process that is killed comes back with
 * {@code used = leased}: whatever was sent until then is counted, and some that wasn't. So on no day more are taken than its
 * allowance and what was given back, however often the process is killed and the clock is set.
 *
 * <p>Counts belong to days of the calendar, of which {@value #MAX_DAYS_KEPT} are kept: a clock that goes back finds what
 * that day has had already. A message that is given back is credited to the day on which it was taken.
 *
 * <p>Beside the counts it remembers how many messages were sent for to be taken soon ({@link #expect}), so that no more come
 * than can go. That is an estimate, which bounds what comes and never what is taken: what isn't taken within a minute is
 * expected no more.
 */
final class WarmUpLedger {
    /** How much earlier than evenly spread a message may go after a pause: what comes in bursts isn't held up for it. */
    static final Duration TOLERANCE = Duration.ofMinutes(5);
    /** When it is worth asking again for what is about to be leased: a sync of the disk, generously. */
    static final Duration LEASE_WAIT = Duration.ofMillis(20);
    /** And for what couldn't be. */
    static final Duration FAILURE_WAIT = Duration.ofSeconds(5);
    /** What was sent for is expected for so long, and up to as long again: a session that is opened for it may take this. */
    static final Duration EXPECTATION = Duration.ofSeconds(30);
    /** Of each source and provider; the one furthest away goes first. */
    static final int MAX_DAYS_KEPT = 8;
    /** A kill costs half a percent of a day at most. */
    private static final int BLOCKS_PER_DAY = 200;
    private static final int MAX_BLOCK = 1_000;

    /** @param provider empty for domains of no known one */
    record Key(String source, String provider) {}

    /**
     * A day in its time zone.
     *
     * @param number    days since 1970
     * @param allowance messages from the source to the provider
     */
    record Day(long number, long startMillis, long endMillis, long allowance) {}

    /** On the disk it means: so many of that day are taken, or may be. */
    record Lease(Key key, long day, long leased) {}

    /** What a source has sent to a provider on a day. */
    record Sent(long used, long nextMillis) {}

    /** What was sent for lately and not taken yet, by when. */
    private static final class Expected {
        long now;
        long before;
        long sinceMillis;

        long count(long nowMillis) {
            long age = Math.abs(nowMillis - sinceMillis); // a clock that is set back begins anew, too
            if (age >= EXPECTATION.toMillis()) {
                before = age < 2 * EXPECTATION.toMillis() ? now : 0;
                now = 0;
                sinceMillis = nowMillis;
            }
            return now + before;
        }

        void less(long by) {
            long older = Math.min(by, before);
            before -= older;
            now = Math.max(0, now - (by - older));
        }
    }

    private static final class Count {
        long used;
        long leased;
        /** What is being written; {@code leased} when nothing is. */
        long asked;
        double nextMillis;
        /** Between the last message and the next. */
        double stepMillis;
        long retryMillis;
    }

    private final Map<Key, TreeMap<Long, Count>> counts = new HashMap<>();
    private final Map<Key, Expected> expected = new HashMap<>();
    private final LinkedHashMap<Key, Long> wanted = new LinkedHashMap<>();
    private boolean closed;

    /** Before anything is taken: what the disk says. What is told last of a day holds. */
    synchronized void recover(Lease lease) {
        Count count = count(lease.key(), lease.day());
        count.used = lease.leased();
        count.leased = lease.leased();
        count.asked = lease.leased();
    }

    /** @return {@link Quota#GRANTED} when one more may be sent for, else when it is worth asking again, milliseconds since 1970 */
    synchronized long expect(Key key, Day day, long nowMillis) {
        Expected soon = expected.computeIfAbsent(key, _ -> new Expected());
        long answer = mayTake(key, day, soon.count(nowMillis), nowMillis);
        if (answer == Quota.GRANTED) {
            soon.now++;
        }
        return answer;
    }

    /** So many that were sent for have gone elsewhere. */
    synchronized void expectNot(Key key, long messages) {
        Expected soon = expected.get(key);
        if (soon != null) {
            soon.less(messages);
        }
    }

    /** @param before so many others are to be taken first */
    private long mayTake(Key key, Day day, long before, long nowMillis) {
        if (closed) {
            return nowMillis + FAILURE_WAIT.toMillis();
        }
        if (day.allowance() <= 0) {
            return day.endMillis();
        }
        Count count = count(key, day.number());
        long left = day.allowance() - count.used - before;
        if (left <= 0) {
            return day.endMillis();
        }
        double base = base(count, day, nowMillis);
        double next = base + before * step(count, day, base);
        if (nowMillis < next) {
            return Math.min((long) Math.ceil(next), day.endMillis());
        }
        if (count.used + before >= count.leased) {
            if (nowMillis < count.retryMillis) {
                return count.retryMillis;
            }
            want(key, day, count);
            return nowMillis + LEASE_WAIT.toMillis();
        }
        return Quota.GRANTED;
    }

    /** From when what is left of the day is spread over it. */
    private static double base(Count count, Day day, long nowMillis) {
        double next = Math.max(count.nextMillis, (double) day.startMillis());
        return Math.max(next, (double) (nowMillis - TOLERANCE.toMillis()));
    }

    private static double step(Count count, Day day, double base) {
        return (day.endMillis() - base) / (day.allowance() - count.used);
    }

    /** @return {@link Quota#GRANTED}, else when it is worth asking again, milliseconds since 1970 */
    synchronized long take(Key key, Day day, long nowMillis) {
        long answer = mayTake(key, day, 0, nowMillis);
        if (answer != Quota.GRANTED) {
            return answer;
        }
        Expected soon = expected.get(key);
        if (soon != null) {
            soon.less(1);
        }
        Count count = count(key, day.number());
        double base = base(count, day, nowMillis);
        count.stepMillis = step(count, day, base);
        count.nextMillis = base + count.stepMillis;
        count.used++;
        if (count.leased - count.used < (block(day.allowance()) + 1) / 2 && nowMillis >= count.retryMillis) {
            want(key, day, count);
        }
        return Quota.GRANTED;
    }

    private static long block(long allowance) {
        return Math.clamp(allowance / BLOCKS_PER_DAY, 1, MAX_BLOCK);
    }

    private void want(Key key, Day day, Count count) {
        long leased = Math.min(day.allowance(), count.used + block(day.allowance()));
        if (count.asked == count.leased && leased > count.leased) {
            count.asked = leased;
            wanted.put(key, day.number());
        }
    }

    /** Nothing was sent of a message that was taken on that day. */
    synchronized void giveBack(Key key, long day) {
        TreeMap<Long, Count> days = counts.get(key);
        Count count = days == null ? null : days.get(day);
        if (!closed && count != null && count.used > 0) {
            count.used--;
            count.nextMillis -= count.stepMillis;
        }
    }

    /** What is to be written now, then told by {@link #leased} or {@link #failed}; may be empty. */
    synchronized List<Lease> wanted() {
        List<Lease> leases = new ArrayList<>(wanted.size());
        wanted.forEach((key, day) -> {
            Count count = count(key, day);
            leases.add(new Lease(key, day, count.asked));
        });
        wanted.clear();
        return leases;
    }

    synchronized boolean wantsAny() {
        return !wanted.isEmpty();
    }

    /** They are on the disk. */
    synchronized void leased(List<Lease> leases) {
        for (Lease lease : leases) {
            Count count = count(lease.key(), lease.day());
            count.leased = Math.max(count.leased, lease.leased());
            count.asked = count.leased;
        }
    }

    /** They may be on the disk or not. */
    synchronized void failed(List<Lease> leases, long nowMillis) {
        for (Lease lease : leases) {
            Count count = count(lease.key(), lease.day());
            count.asked = count.leased;
            count.retryMillis = nowMillis + FAILURE_WAIT.toMillis();
        }
    }

    /** All there is, as it has to be on the disk. */
    synchronized List<Lease> all() {
        List<Lease> leases = new ArrayList<>();
        counts.forEach((key, days) -> days.forEach((day, count) -> leases.add(new Lease(key, day, count.leased))));
        return leases;
    }

    /** Nothing is taken any more. @return what was taken, to be kept exactly */
    synchronized List<Lease> close() {
        closed = true;
        List<Lease> leases = new ArrayList<>();
        counts.forEach((key, days) -> days.forEach((day, count) -> leases.add(new Lease(key, day, count.used))));
        return leases;
    }

    synchronized Sent sent(Key key, long day) {
        TreeMap<Long, Count> days = counts.get(key);
        Count count = days == null ? null : days.get(day);
        return count == null ? new Sent(0, 0) : new Sent(count.used, (long) Math.ceil(count.nextMillis));
    }

    synchronized List<Key> keys() {
        return List.copyOf(counts.keySet());
    }

    private Count count(Key key, long day) {
        TreeMap<Long, Count> days = counts.computeIfAbsent(key, _ -> new TreeMap<>());
        Count known = days.get(day);
        if (known != null) {
            return known;
        }
        Count count = new Count();
        days.put(day, count);
        if (days.size() > MAX_DAYS_KEPT) {
            long first = days.firstKey();
            long last = days.lastKey();
            days.remove(day - first >= last - day ? first : last);
        }
        return count;
    }
}
