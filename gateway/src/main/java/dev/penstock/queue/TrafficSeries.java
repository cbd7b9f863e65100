package dev.penstock.queue;

import java.util.Arrays;

/**
 * How many of one kind came in the last minute and the last hour. Guarded by {@link Traffic}; pure of clocks.
 *
 * <p>The last minute is the last twelve steps of five seconds that are over, so that it is neither too short nor told late;
 * the last hour is the minute under way and the 59 before it.
 */
final class TrafficSeries {
    static final long STEP_MILLIS = 5_000;
    private static final int STEPS = 12;
    private static final long MINUTE_MILLIS = STEPS * STEP_MILLIS;
    private static final int MINUTES = 60;

    /** The twelve that are over, and the one under way. */
    private final int[] steps = new int[STEPS + 1];
    private final int[] minutes = new int[MINUTES];
    private long step;
    private long lastMinute;
    private long lastHour;

    TrafficSeries(long nowMillis) {
        step = Math.floorDiv(nowMillis, STEP_MILLIS);
    }

    /** Time has gone on, or hasn't. */
    void advance(long nowMillis) {
        long now = Math.floorDiv(nowMillis, STEP_MILLIS);
        if (now - step >= (long) MINUTES * STEPS + STEPS) {
            clear();
            step = now;
        }
        while (step < now) {
            lastMinute += steps[place(step)];
            step++;
            lastMinute -= steps[place(step)];
            steps[place(step)] = 0;
            if (Math.floorMod(step, STEPS) == 0) {
                int minute = minute();
                lastHour -= minutes[minute];
                minutes[minute] = 0;
            }
        }
    }

    private void clear() {
        Arrays.fill(steps, 0);
        Arrays.fill(minutes, 0);
        lastMinute = 0;
        lastHour = 0;
    }

    private static int place(long step) {
        return (int) Math.floorMod(step, STEPS + 1L);
    }

    private int minute() {
        return (int) Math.floorMod(Math.floorDiv(step, (long) STEPS), (long) MINUTES);
    }

    /** So many came now. */
    void add(int many) {
        steps[place(step)] += many;
        minutes[minute()] += many;
        lastHour += many;
    }

    long lastMinute() {
        return lastMinute;
    }

    long lastHour() {
        return lastHour;
    }

    /** Of each minute of the last hour, the one under way last. */
    long[] minutes() {
        long[] all = new long[MINUTES];
        for (int i = 0; i < MINUTES; i++) {
            all[i] = minutes[(minute() + 1 + i) % MINUTES];
        }
        return all;
    }

    /** When the first of these began, milliseconds since 1970. */
    static long firstMinuteMillis(long nowMillis) {
        return (minuteOf(nowMillis) - MINUTES + 1) * MINUTE_MILLIS;
    }

    /** Takes over what another one of the same moment has counted. */
    void addAll(TrafficSeries other) {
        for (int i = 0; i < steps.length; i++) {
            steps[i] += other.steps[i];
        }
        for (int i = 0; i < minutes.length; i++) {
            minutes[i] += other.minutes[i];
        }
        lastMinute += other.lastMinute;
        lastHour += other.lastHour;
    }

    static long minuteOf(long millis) {
        return Math.floorDiv(millis, MINUTE_MILLIS);
    }
}
