package dev.penstock.testing;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/** Wall and monotonic time that stand still until told. Thread-safe. */
public final class ManualClock implements InstantSource {
    /** Where the wall clock starts. */
    public static final Instant START = Instant.parse("2026-11-23T12:00:00Z");

    private final AtomicLong nanos;
    private final AtomicLong wallOffsetNanos = new AtomicLong();

    public ManualClock() {
        this(0);
    }

    /** @param startNanos what {@link #nanoTime()} starts with; near {@link Long#MAX_VALUE} to see it wrap */
    public ManualClock(long startNanos) {
        nanos = new AtomicLong(startNanos);
        wallOffsetNanos.set(-startNanos);
    }

    /** As {@link System#nanoTime()}. */
    public long nanoTime() {
        return nanos.get();
    }

    @Override
    public Instant instant() {
        return START.plusNanos(nanos.get() + wallOffsetNanos.get());
    }

    /** Time passes, on both clocks. */
    public void advance(Duration time) {
        nanos.addAndGet(time.toNanos());
    }

    public void advanceNanos(long time) {
        nanos.addAndGet(time);
    }

    /** Somebody sets the wall clock forward, or back when negative; no time passes. */
    public void setWallClock(Duration by) {
        wallOffsetNanos.addAndGet(by.toNanos());
    }
}
