package dev.penstock.testing;

import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;

/**
 * Whether a long run of one thing after the other keeps something of each: what lives on the heap after the first minute
 * is compared with what lives there at the end. Runs of less than two minutes are only counted, and so are few, be the
 * machine however slow. Confined to the thread that runs.
 */
public final class HeapGrowth {
    private static final long WARM_UP_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final long ENOUGH_NANOS = TimeUnit.MINUTES.toNanos(2);
    /** More than any corpus has that is run on each build. */
    private static final int ENOUGH_RUNS = 2_000;
    /** What classes, compiled code's data and the caches of libraries still take after a minute. */
    private static final long ALLOWED = 6 << 20;
    private static final long MEGABYTE = 1 << 20;
    private static final long KILOBYTE = 1 << 10;
    private static final int NOT_YET = -1;

    private final String what;
    private final long begin = System.nanoTime();
    private long runs;
    private long warm = NOT_YET;

    /** @param what is run, for the figures */
    public HeapGrowth(String what) {
        this.what = what;
    }

    /** To be called at the end of each run. */
    public void ran() {
        runs++;
        if (warm == NOT_YET && System.nanoTime() - begin > WARM_UP_NANOS) {
            warm = live();
        }
    }

    /** After the last run. */
    public void check() {
        long nanos = System.nanoTime() - begin;
        if (warm == NOT_YET) {
            return;
        }
        long now = live();
        System.out.printf(
                "event=fuzzed what=\"%s\" seconds=%d runs=%d heap=%dMB live-after-a-minute=%dKB live-at-the-end=%dKB%n",
                what, TimeUnit.NANOSECONDS.toSeconds(nanos), runs, Runtime.getRuntime().maxMemory() / MEGABYTE,
                warm / KILOBYTE, now / KILOBYTE);
        if (nanos > ENOUGH_NANOS && runs > ENOUGH_RUNS && now > warm + ALLOWED) {
            throw new AssertionError("the heap grew from " + warm + " to " + now + " octets in " + runs + " runs");
        }
    }

    /** Octets that are reachable. */
    private static long live() {
        System.gc();
        System.gc(); // what the first one only let be cleaned
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
