package dev.penstock.callout;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/** Lets one line in a while into the log: who doesn't answer fails for every client. Thread-safe. */
public final class LogPace {
    /** Instead of a count: not now. */
    public static final long NOT_NOW = -1;

    private static final Duration INTERVAL = Duration.ofSeconds(1);

    private final LongSupplier nanoTime;
    /** By {@link #nanoTime}, its lowest bit set; 0 for never. */
    private final AtomicLong last = new AtomicLong();
    private final LongAdder kept = new LongAdder();

    public LogPace() {
        this(System::nanoTime);
    }

    /** @param nanoTime {@link System#nanoTime()}, or a test's */
    public LogPace(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** @return how many lines were kept back since the last one, or {@link #NOT_NOW} to keep this one back */
    public long turn() {
        long now = nanoTime.getAsLong() | 1;
        long before = last.get();
        if (before != 0 && now - before < INTERVAL.toNanos() || !last.compareAndSet(before, now)) {
            kept.increment();
            return NOT_NOW;
        }
        return kept.sumThenReset();
    }
}
