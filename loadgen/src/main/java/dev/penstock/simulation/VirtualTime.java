package dev.penstock.simulation;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.PriorityQueue;

/**
 * The clock of a simulation and all that is to happen: it jumps from one event to the next and never waits. Confined to
 * one thread. Events at the same time happen in the order in which they were asked for.
 */
public final class VirtualTime implements InstantSource {
    private record Event(long atNanos, long number, Runnable action) {}

    private final PriorityQueue<Event> events = new PriorityQueue<>((a, b) -> a.atNanos != b.atNanos
            ? Long.compare(a.atNanos, b.atNanos)
            : Long.compare(a.number, b.number));
    private final Instant start;
    private final long startNanos1970;
    private long nanos;
    private long numbers;
    private Runnable afterEach = () -> {};

    public VirtualTime(Instant start) {
        this.start = start;
        this.startNanos1970 = Math.multiplyExact(start.getEpochSecond(), 1_000_000_000L) + start.getNano();
    }

    /** Since the start; as {@link System#nanoTime()}. */
    public long nanos() {
        return nanos;
    }

    /** Since 1970. */
    public long nanosSince1970() {
        return startNanos1970 + nanos;
    }

    @Override
    public Instant instant() {
        return start.plusNanos(nanos);
    }

    /** @param delayNanos from now; not negative */
    public void in(long delayNanos, Runnable action) {
        at(nanos + delayNanos, action);
    }

    /** @param atNanos since the start; what is past already happens now */
    public void at(long atNanos, Runnable action) {
        events.add(new Event(Math.max(nanos, atNanos), numbers++, action));
    }

    /** What is done behind each event. */
    public void afterEach(Runnable action) {
        afterEach = action;
    }

    /** Until so long after the start. @return events that happened */
    public long runUntil(Duration end) {
        long endNanos = end.toNanos();
        long count = 0;
        afterEach.run();
        for (Event next = events.peek(); next != null && next.atNanos <= endNanos; next = events.peek()) {
            events.remove();
            nanos = next.atNanos;
            next.action.run();
            afterEach.run();
            count++;
        }
        nanos = Math.max(nanos, endNanos);
        return count;
    }
}
