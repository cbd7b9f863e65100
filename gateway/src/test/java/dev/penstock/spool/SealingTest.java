package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.content;
import static dev.penstock.spool.SpoolFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;

import dev.penstock.config.SpoolConfig;
import dev.penstock.spool.MemorySegmentStore.Call;
import dev.penstock.units.ByteSize;

/**
 * P2: a segment that is left in the middle of a batch holds messages that no index knows until the batch is synced. It
 * must not pass for one whose messages are done.
 */
class SealingTest {
    private static final long SECOND = 1_000_000_000;
    /** Longer than the maintenance thread needs for whatever it wants to do meanwhile. */
    private static final long SLOW_SYNC = 5 * SECOND;
    private static final int DEAD = 22;
    private static final int BATCH = 8;

    private boolean slow;

    @Test
    void whatIsLeftInAFullSegmentIsThereAfterASlowSync() {
        Schedule schedule = new Schedule(new SplittableRandom(1));
        MemorySegmentStore store = new MemorySegmentStore((call, kind, _) -> {
            if (slow && call == Call.SYNCED && kind == SegmentStore.Kind.DATA
                    && Thread.currentThread().getName().equals("spool-commit")) {
                schedule.sleep(SLOW_SYNC);
            }
        });
        Map<String, byte[]> acknowledged = new HashMap<>();
        run(schedule, () -> {
            try (SpoolFixture fixture = SpoolFixture.open(config(), store, schedule)) {
                for (int i = 0; i < DEAD; i++) {
                    fixture.spool.done(fixture.append(fixture.envelope("dead@x.example"), content(i, 2000)).join()
                            .getFirst()).join();
                }
                // the first holds the committer in its sync; the others gather, and go over the segment's end
                slow = true;
                List<CompletableFuture<List<SpoolEntry>>> batch = new ArrayList<>();
                for (int i = 0; i <= BATCH; i++) {
                    batch.add(fixture.append(fixture.envelope("kept" + i + "@x.example"), content(i, 2000)));
                    schedule.sleep(SECOND / 10);
                }
                for (int i = 0; i <= BATCH; i++) {
                    acknowledged.put(key(batch.get(i).join().getFirst()), content(i, 2000));
                }
                slow = false;
                schedule.sleep(SLOW_SYNC);
                assertThat(fixture.spool.stats().bytesMoved()).as("the full segment was compacted in the end")
                        .isPositive();
                for (CompletableFuture<List<SpoolEntry>> one : batch) {
                    SpoolEntry entry = one.join().getFirst();
                    assertThat(fixture.read(entry)).isEqualTo(acknowledged.get(key(entry)));
                }
                assertThat(fixture.spool.stats().deletionsRefused()).isZero();
            }
            try (SpoolFixture again = SpoolFixture.open(config(), store, schedule)) {
                assertThat(again.recovered.keySet()).isEqualTo(acknowledged.keySet());
                for (SpoolFixture.Recovered found : again.recovered.values()) {
                    assertThat(again.read(found.entry())).isEqualTo(acknowledged.get(key(found.entry())));
                }
            }
        });
    }

    private static SpoolConfig config() {
        return SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY, Path.of("in", "memory"))
                .with(SpoolConfig.SEGMENT_SIZE, new ByteSize(64 << 10))
                .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(16)).with(SpoolConfig.CACHE_SIZE, new ByteSize(0))
                .with(SpoolConfig.MIN_FREE_SPACE, new ByteSize(0))
                .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 2)
                .with(SpoolConfig.RECLAIM_BELOW, 70);
    }

    /** What a test does on a schedule. */
    interface Task {
        void run() throws IOException;
    }

    /** Runs the work as a thread of the schedule, to its end. */
    static void run(Schedule schedule, Task work) {
        List<Throwable> thrown = new ArrayList<>();
        Thread thread = schedule.start("test", () -> {
            try {
                work.run();
            } catch (IOException | RuntimeException | AssertionError e) {
                thrown.add(e);
            }
        });
        schedule.run(() -> !thread.isAlive());
        assertThat(thrown).isEmpty();
        assertThat(thread.isAlive()).as("waits for ever").isFalse();
    }
}
