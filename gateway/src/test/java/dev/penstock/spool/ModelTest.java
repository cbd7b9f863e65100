package dev.penstock.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.time.Duration;
import java.util.SplittableRandom;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/**
 * P2: random schedules of the spool's threads, of clients, of slow and failing disks, of crashes and restarts, compared
 * with a map. Every call to the disk is a point where another thread may go on, where the disk may fail, and where the
 * machine may end.
 *
 * <p>System properties: {@code penstock.spool.minutes} for how long (20 s without it), {@code penstock.spool.seed} for
 * the first seed (each schedule's is one more than the one before), {@code penstock.spool.schedules} for how many,
 * {@code penstock.spool.trace} to have every call to the disk printed. A failure names its seed; the same seed gives the same schedule.
 */
class ModelTest {
    private static final Duration SHORT = Duration.ofSeconds(20);
    /** A stop waited for a compaction that waited for room on a full disk. */
    private static final long STOP_ON_A_FULL_DISK = 20_263_686;

    @Test
    void whatAScheduleFoundOnceStaysMended() {
        quietly(() -> run(STOP_ON_A_FULL_DISK, 1, System.nanoTime() + SHORT.toNanos()));
    }

    @Test
    void whatWasAcknowledgedIsThereAndWhatIsDoneStaysDoneInEverySchedule() {
        long first = Long.getLong("penstock.spool.seed", System.nanoTime() >>> 20);
        long most = Long.getLong("penstock.spool.schedules", Long.MAX_VALUE);
        Integer minutes = Integer.getInteger("penstock.spool.minutes");
        long until = System.nanoTime() + (minutes == null ? SHORT : Duration.ofMinutes(minutes)).toNanos();
        quietly(() -> run(first, most, until));
    }

    private static void quietly(Runnable schedules) {
        Logger spoolLog = (Logger) LoggerFactory.getLogger("dev.penstock.spool");
        spoolLog.setLevel(Level.OFF); // thousands of disks fail
        try {
            schedules.run();
        } finally {
            spoolLog.setLevel(null);
        }
    }

    private static void run(long first, long most, long until) {
        ModelRun.Tally tally = new ModelRun.Tally();
        long seed = first;
        for (; seed - first < most && System.nanoTime() - until < 0; seed++) {
            try {
                new ModelRun(new SplittableRandom(seed), tally).run();
            } catch (AssertionError | RuntimeException e) {
                fail("seed " + seed + " (schedule " + (seed - first + 1) + ", repeat with -Dpenstock.spool.seed=" + seed
                        + " -Dpenstock.spool.schedules=1): " + e.getMessage(), e);
            }
        }
        System.out.println("event=spool-model first=" + first + " schedules=" + (seed - first) + " " + tally);
        assertThat(seed).as("schedules that ran").isGreaterThan(first);
    }
}
