package dev.penstock.spool;

import static dev.penstock.spool.AppendTest.deferred;
import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;
import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.spool.AttemptState.Status;
import dev.penstock.testing.Patience;

/** P11: what the spool says of whether it can record outcomes, and what it does when it can't. */
class RecordingTest {
    private static final Duration PATIENCE = Patience.LONG;
    private static final int SEGMENT = 64 << 10;

    @TempDir
    Path directory;
    private FaultySegmentStore store;
    private SpoolConfig config;

    @BeforeEach
    void prepareStore() throws IOException {
        store = new FaultySegmentStore(new FileSegmentStore(directory, SpoolFixture.SEGMENT));
        config = SpoolFixture.withoutCache(SpoolFixture.withSegmentSize(SpoolFixture.config(directory), SEGMENT));
    }

    @Test
    void aFailedSpoolCannotRecordAndSaysSo() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            AtomicInteger told = new AtomicInteger();
            fixture.spool.onRecording(told::incrementAndGet);
            assertThat(fixture.spool.canRecord()).isTrue();
            store.syncFails = true;
            FailingSyncTest.assertFailed(fixture.append(fixture.envelope("a@one.example"), content(1, 10)),
                    SpoolException.Reason.FAILED);
            assertThat(fixture.spool.canRecord()).isFalse();
            assertThat(told).hasValue(1);
        }
    }

    @Test
    void outcomesThatWaitForRoomAreSaidToAndRecordedWhenThereIsRoomAgain() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            AtomicInteger told = new AtomicInteger();
            fixture.spool.onRecording(told::incrementAndGet);
            SpoolEntry entry = fixture.accept(content(1, 1000), "a@one.example").getFirst();
            store.room = 0;
            List<CompletableFuture<Void>> outcomes = new ArrayList<>();
            while (fixture.spool.canRecord()) { // the reserved room is used up in the end
                outcomes.add(fixture.spool.recordAttempt(entry, deferred(outcomes.size(), 1, 0, "450 later")));
                if (outcomes.size() % 100 == 0) {
                    CompletableFuture<Void> last = outcomes.getLast();
                    Awaitility.await().atMost(PATIENCE).until(() -> last.isDone() || !fixture.spool.canRecord());
                }
            }
            assertThat(fixture.spool.health().state()).isEqualTo(SpoolHealth.State.FULL);
            Awaitility.await().atMost(PATIENCE).untilAtomic(told, org.hamcrest.Matchers.is(1));
            assertThat(fixture.spool.lastAttempt(entry).attempts()).as("what waits is known")
                    .isEqualTo(outcomes.size() - 1);

            store.room = Long.MAX_VALUE;
            outcomes.forEach(SpoolFixture::await);
            Awaitility.await().atMost(PATIENCE).until(fixture.spool::canRecord);
            Awaitility.await().atMost(PATIENCE).untilAtomic(told, org.hamcrest.Matchers.is(2));
        }
    }

    @Test
    void aRecordThatCannotTakeOverWhatTheOneBeforeKnewIsNotWritten() throws IOException {
        AttemptState before = state(1, new RecipientState(0, Status.DELIVERED, "250 ok"));
        AttemptState later = state(2, new RecipientState(1, Status.DEFERRED, "450 later"));
        AttemptState both = state(2, new RecipientState(0, Status.DELIVERED, "250 ok"),
                new RecipientState(1, Status.DEFERRED, "450 later"));
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            SpoolEntry entry = fixture.accept(content(1, 100), "a@one.example", "b@one.example").getFirst();
            await(fixture.spool.recordAttempt(entry, before));
            store.readFails = true;
            assertThatThrownBy(() -> await(fixture.spool.recordAttempt(entry, later)))
                    .hasCauseInstanceOf(IOException.class);
            store.readFails = false;
            assertThat(fixture.spool.lastAttempt(entry)).isEqualTo(before);
            await(fixture.spool.recordAttempt(entry, later));
            assertThat(fixture.spool.lastAttempt(entry)).isEqualTo(both);
        }
        try (SpoolFixture again = SpoolFixture.open(directory)) {
            assertThat(again.spool.lastAttempt(again.recovered.values().iterator().next().entry())).isEqualTo(both);
        }
    }

    @Test
    void roomThatCannotBeSetAsideAheadIsNoFailedSpool() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            store.spareFails = true;
            List<SpoolEntry> entries = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                entries.add(fixture.accept(content(i, 1000), "a@one.example").getFirst());
            }
            Awaitility.await().atMost(PATIENCE).until(() -> store.sparesFailed.get() > 0);
            entries.add(fixture.accept(content(40, 1000), "a@one.example").getFirst());
            assertThat(fixture.spool.health().state()).isEqualTo(SpoolHealth.State.READY);
            store.spareFails = false;
            for (int i = 0; i < entries.size(); i++) {
                assertThat(fixture.read(entries.get(i))).isEqualTo(content(i, 1000));
            }
        }
    }

    @Test
    void theEnvelopeOfADamagedMessageComesFromTheIndex() throws IOException {
        String key;
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            key = SpoolFixture.key(fixture.accept(content(1, 100), "a@one.example").getFirst());
        }
        Path segment = FileSegmentStore.file(directory, SegmentStore.Kind.DATA, 1);
        byte[] octets = java.nio.file.Files.readAllBytes(segment);
        octets[octets.length - Records.ALIGNMENT * 2] ^= 1; // in the content
        java.nio.file.Files.write(segment, octets);
        try (SpoolFixture again = SpoolFixture.open(config, new FileSegmentStore(directory, SpoolFixture.SEGMENT))) {
            SpoolFixture.Recovered found = again.recovered(key);
            assertThatThrownBy(() -> again.read(found.entry())).isInstanceOf(UnreadableMessageException.class);
            assertThat(again.spool.envelope(found.entry())).isEqualTo(found.envelope());
        }
    }

    private static AttemptState state(int attempts, RecipientState... states) {
        return new AttemptState(attempts, 7, List.of(states));
    }
}
