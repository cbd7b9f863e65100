package dev.penstock.http;

import java.lang.management.ManagementFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

import com.sun.management.UnixOperatingSystemMXBean;

/**
 * The process's file descriptors, of which some are for SMTP and the spool alone: where connections over HTTP would take
 * them, there are no more of these. Thread-safe.
 */
public final class Descriptors {
    /** Those of this process. */
    public static final Descriptors SYSTEM = of(ManagementFactory.getOperatingSystemMXBean());

    /** The reserve is one part in so many of all. */
    private static final int RESERVE_SHARE = 4;
    /** And no more than this: sessions and segments for a while, until somebody looks. */
    private static final int MAX_RESERVE = 512;
    /** Counting them is a look into a directory with an entry for each. */
    private static final long COUNT_NANOS = 100_000_000;

    private final long limit;
    private final LongSupplier open;
    private final LongSupplier nanoTime;
    private final AtomicLong countedAt;
    private final AtomicInteger since = new AtomicInteger();
    private volatile long counted;

    /**
     * @param limit    how many there may be; 0 when that isn't known, and then nothing is reserved
     * @param open     how many there are
     * @param nanoTime {@link System#nanoTime()}, or a test's
     */
    Descriptors(long limit, LongSupplier open, LongSupplier nanoTime) {
        this.limit = limit;
        this.open = open;
        this.nanoTime = nanoTime;
        this.countedAt = new AtomicLong(nanoTime.getAsLong() - COUNT_NANOS);
    }

    private static Descriptors of(Object system) {
        return system instanceof UnixOperatingSystemMXBean unix
                ? new Descriptors(unix.getMaxFileDescriptorCount(), unix::getOpenFileDescriptorCount, System::nanoTime)
                : new Descriptors(0, () -> 0, System::nanoTime);
    }

    /** How many the process may have (RLIMIT_NOFILE); 0 when that isn't known. */
    public long limit() {
        return limit;
    }

    /** Kept for SMTP and the spool. */
    public long reserve() {
        return Math.min(limit / RESERVE_SHARE, MAX_RESERVE);
    }

    /** Whether one more connection, which is open already, leaves so many as they are. */
    boolean mayHaveOneMore(long kept) {
        if (limit == 0) {
            return true;
        }
        long now = nanoTime.getAsLong();
        long last = countedAt.get();
        if (now - last >= COUNT_NANOS && countedAt.compareAndSet(last, now)) {
            counted = count();
            since.set(0);
        }
        return counted + since.incrementAndGet() <= limit - kept;
    }

    /** Counting takes a descriptor itself: where none is left Java throws an {@link InternalError}. */
    private long count() {
        try {
            return open.getAsLong();
        } catch (InternalError _) {
            return limit;
        }
    }
}
