package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.content;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;
import dev.penstock.testing.Patience;

/** Whatever went wrong with the counts by which segments are chosen to be deleted: the deletion itself finds out. */
class RefusedDeletionTest {
    private static final int SEGMENT = 64 << 10;
    private static final Duration PATIENCE = Patience.LONG;

    @TempDir
    Path directory;

    @Test
    void aSegmentThatIsNeededStaysThoughItsCountSaysOtherwise() throws IOException {
        assertRefused(false, segment -> segment.live.set(0), "is needed");
    }

    @Test
    void aSegmentThatHoldsAMessageNobodyHasAccountedForStays() throws IOException {
        assertRefused(true, segment -> segment.gone.decrementAndGet(), "messages, of which");
    }

    private void assertRefused(boolean allDone, Consumer<LogSegment> fault, String objection) throws IOException {
        try (SpoolFixture fixture = SpoolFixture
                .open(withoutCompaction(SpoolFixture.withSegmentSize(SpoolFixture.config(directory), SEGMENT)))) {
            SpoolEntry first = fixture.accept(content(0, 2000), "a@one.example").getFirst();
            LogSegment segment = Objects.requireNonNull(first.message.segment);
            List<SpoolEntry> others = fillUp(fixture, segment);
            others.forEach(entry -> SpoolFixture.await(fixture.spool.done(entry)));
            Awaitility.await().atMost(PATIENCE).until(segment::sealed);
            fault.accept(segment);
            if (allDone) {
                SpoolFixture.await(fixture.spool.done(first));
            }
            Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.stats().deletionsRefused() == 1);
            Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(fixture.spool.health().detail())
                    .contains("segment " + segment.number, objection));
            assertThat(fixture.spool.health().state()).isEqualTo(SpoolHealth.State.READY);
            assertThat(FileSegmentStore.file(directory, SegmentStore.Kind.DATA, segment.number)).exists();
            if (!allDone) {
                assertThat(fixture.read(first)).isEqualTo(content(0, 2000));
            }
            // the next to go goes: one refusal stops nothing else, and isn't asked for again
            fillUp(fixture,
                    Objects.requireNonNull(
                            fixture.accept(content(1, 2000), "b@one.example").getFirst().message.segment))
                    .forEach(entry -> SpoolFixture.await(fixture.spool.done(entry)));
            assertThat(fixture.spool.stats().deletionsRefused()).isEqualTo(1);
        }
        assertThat(Files.exists(directory)).isTrue();
    }

    /** A message that was copied elsewhere is needed no more where it was. */
    private static SpoolConfig withoutCompaction(SpoolConfig config) {
        return config.with(SpoolConfig.RECLAIM_BELOW, 0);
    }

    /** Appends until the segment is left. */
    private static List<SpoolEntry> fillUp(SpoolFixture fixture, LogSegment segment) {
        List<SpoolEntry> entries = new java.util.ArrayList<>();
        while (segment.life() == LogSegment.Life.OPEN) {
            entries.add(fixture.accept(content(entries.size(), 2000), "a@one.example").getFirst());
        }
        return entries;
    }
}
