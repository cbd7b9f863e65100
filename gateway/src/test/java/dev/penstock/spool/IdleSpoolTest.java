package dev.penstock.spool;

import static dev.penstock.spool.AppendTest.deferred;
import static dev.penstock.spool.SpoolFixture.content;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.config.SpoolConfig;
import dev.penstock.units.ByteSize;

/** A spool of which nobody wants anything asks the disk for nothing, whatever lies in its segments. */
class IdleSpoolTest {
    private static final long SECOND = 1_000_000_000;
    private static final int RESTARTS = 40;

    private final Schedule schedule = new Schedule(new SplittableRandom(1));
    private final List<String> calls = new ArrayList<>();
    private final MemorySegmentStore store = new MemorySegmentStore(
            (call, kind, number) -> calls.add(call + " " + kind + " " + number));

    @Test
    void aSegmentOfWhichOnlyATombstoneIsNeededIsNotCopiedAgainAndAgain() {
        SealingTest.run(schedule, () -> {
            try (SpoolFixture first = open()) {
                for (String recipient : List.of("stays@far.example", "goes@far.example")) {
                    SpoolEntry entry = first.append(first.envelope(recipient), content(1, 100)).join().getFirst();
                    first.spool.recordAttempt(entry, deferred(1, 1, 0, "450 4.2.0 later")).join();
                }
            }
            try (SpoolFixture second = open()) {
                SpoolEntry goes = second.recovered.values().stream().filter(
                        found -> found.envelope().recipients().getFirst().address().startsWith("goes"))
                        .findFirst().orElseThrow().entry();
                second.spool.done(goes).join();
            }
            try (SpoolFixture third = open()) {
                assertThat(third.recovered).hasSize(1);
                assertIdle();
            }
            try (SpoolFixture fourth = open()) {
                assertThat(fourth.recovered).hasSize(1);
            }
        });
    }

    @Test
    void smallSegmentsThatEachRestartLeavesBecomeOne() {
        SealingTest.run(schedule, () -> {
            int kept = 0;
            for (int i = 0; i < RESTARTS; i++) {
                try (SpoolFixture fixture = open()) {
                    assertThat(fixture.recovered).hasSize(kept);
                    fixture.append(fixture.envelope("stays@far.example"), content(i, 10)).join();
                    kept++;
                    schedule.sleep(10 * SECOND);
                }
            }
            try (SpoolFixture fixture = open()) {
                assertThat(fixture.recovered).hasSize(RESTARTS);
                assertIdle();
                assertThat(fixture.spool.stats().segments()).isLessThan(RESTARTS / 4);
            }
        });
    }

    private void assertIdle() {
        schedule.sleep(20 * SECOND);
        calls.clear();
        schedule.sleep(60 * SECOND);
        assertThat(calls).as("what the disk was asked for in a minute").isEmpty();
    }

    private SpoolFixture open() throws IOException {
        return SpoolFixture.open(SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY, Path.of("in", "memory"))
                .with(SpoolConfig.SEGMENT_SIZE, new ByteSize(64 << 10))
                .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(16))
                .with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(1)).with(SpoolConfig.MIN_FREE_SPACE, new ByteSize(0))
                .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 2), store, schedule);
    }
}
