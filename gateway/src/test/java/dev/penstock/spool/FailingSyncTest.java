package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;

class FailingSyncTest {
    @TempDir
    Path directory;

    @Test
    void aSyncThatFailsStopsAcceptingForGoodAndLeavesReading() throws IOException {
        assertFails(store -> store.syncFails = true);
    }

    @Test
    void aWriteThatFailsDoesTheSame() throws IOException {
        assertFails(store -> store.writeFails = true);
    }

    private void assertFails(java.util.function.Consumer<FaultySegmentStore> fault) throws IOException {
        SpoolConfig config = SpoolFixture.withoutCache(SpoolFixture.config(directory));
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(directory, SpoolFixture.SEGMENT));
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            SpoolEntry before = fixture.accept(content(1, 100), "a@one.example").getFirst();
            fault.accept(store);

            CompletableFuture<List<SpoolEntry>> lost = fixture.append(fixture.envelope("b@one.example"),
                    content(2, 100));
            assertFailed(lost, SpoolException.Reason.FAILED);
            assertThat(fixture.spool.health().state()).isEqualTo(SpoolHealth.State.FAILED);
            assertThat(fixture.spool.health().detail()).contains("says the test");
            store.syncFails = false;
            store.writeFails = false;
            assertThatThrownBy(fixture.spool::intake).isInstanceOf(SpoolException.class);
            assertFailed(fixture.spool.done(before), SpoolException.Reason.FAILED);
        }
    }

    @Test
    void readsGoOnAfterAFailedSync() throws IOException {
        SpoolConfig config = SpoolFixture.withoutCache(SpoolFixture.config(directory));
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(directory, SpoolFixture.SEGMENT));
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            SpoolEntry before = fixture.accept(content(1, 100), "a@one.example").getFirst();
            store.syncFails = true;
            assertFailed(fixture.append(fixture.envelope("b@one.example"), content(2, 100)),
                    SpoolException.Reason.FAILED);
            assertThat(fixture.read(before)).isEqualTo(content(1, 100));
        }
    }

    @Test
    void anAppendBeyondItsDeadlineIsRefusedAndUndone() throws IOException {
        HurriedMachine machine = new HurriedMachine();
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(directory, SpoolFixture.SEGMENT));
        CountDownLatch stall = new CountDownLatch(1);
        try (SpoolFixture fixture = SpoolFixture.open(SpoolFixture.config(directory), store, machine)) {
            store.stall = stall;
            long written = fixture.spool.stats().recordsWritten();
            CompletableFuture<List<SpoolEntry>> inSync = fixture.append(fixture.envelope("a@one.example"),
                    content(1, 100));
            Awaitility.await().until(() -> fixture.spool.stats().recordsWritten() > written);
            CompletableFuture<List<SpoolEntry>> waiting = fixture.append(fixture.envelope("b@one.example"),
                    content(2, 100));
            machine.passes(Duration.ofHours(1));
            assertFailed(inSync, SpoolException.Reason.OVERLOADED);
            assertFailed(waiting, SpoolException.Reason.OVERLOADED);
            store.stall = null;
            stall.countDown();
            SpoolEntry kept = fixture.accept(content(3, 100), "c@one.example").getFirst();
            assertThat(fixture.read(kept)).isEqualTo(content(3, 100));
        }
        try (SpoolFixture again = SpoolFixture.open(directory)) {
            assertThat(again.recovered.values()).singleElement()
                    .satisfies(found -> assertThat(found.envelope().recipients().getFirst().address())
                            .isEqualTo("c@one.example"));
        }
    }

    static void assertFailed(CompletableFuture<?> future, SpoolException.Reason reason) {
        assertThatThrownBy(() -> await(future)).isInstanceOf(CompletionException.class)
                .cause().isInstanceOf(SpoolException.class)
                .extracting(e -> ((SpoolException) e).reason()).isEqualTo(reason);
    }
}
