package dev.penstock.spool;

import static dev.penstock.spool.AppendTest.deferred;
import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static dev.penstock.spool.SpoolFixture.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;
import dev.penstock.testing.Patience;
import dev.penstock.units.ByteSize;

class DiskFullTest {
    private static final Duration PATIENCE = Patience.LONG;
    /** Messages of 15 KB, of which 16 MB may wait. */
    private static final int FEW = 100;

    @TempDir
    Path directory;

    @Test
    void refusesMailWhenTheStoreIsFullStillRecordsWhatHappenedAndGoesOnWhenThereIsRoom() throws IOException {
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(directory, SpoolFixture.SEGMENT));
        SpoolConfig config = SpoolFixture.withSegmentSize(SpoolFixture.config(directory), 64 << 10);
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            List<SpoolEntry> kept = new ArrayList<>();
            kept.add(fixture.accept(content(1, 1000), "a@one.example").getFirst());
            store.room = 0;
            fillUntilRefused(fixture, kept);
            assertThat(fixture.spool.health().state()).isEqualTo(SpoolHealth.State.FULL);

            // what is queued is still delivered and deferred
            await(fixture.spool.recordAttempt(kept.getFirst(), deferred(1, 1, 0, "450 later")));
            SpoolEntry done = kept.removeLast();
            await(fixture.spool.done(done));

            store.room = Long.MAX_VALUE;
            Awaitility.await().atMost(PATIENCE)
                    .until(() -> fixture.spool.health().state() == SpoolHealth.State.READY);
            kept.add(fixture.accept(content(2, 1000), "b@one.example").getFirst());
            for (SpoolEntry entry : kept) {
                assertThat(fixture.read(entry)).hasSize(1000);
            }
        }
    }

    @Test
    void mailLeavesTheLastMegabyteOfItsRoomToOutcomes() throws IOException {
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(directory, 16 << 20));
        SpoolConfig config = SpoolFixture.withoutCache(
                SpoolFixture.withSegmentSize(SpoolFixture.config(directory), 16 << 20));
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            SpoolEntry first = fixture.accept(content(1, 1000), "a@one.example").getFirst();
            store.room = 0;
            List<CompletableFuture<List<SpoolEntry>>> taken = new ArrayList<>();
            try {
                while (taken.isEmpty() || !taken.getLast().isCompletedExceptionally()) { // as much as was promised
                    taken.add(fixture.append(fixture.envelope("a@one.example"), content(taken.size(), 15_000)));
                    if (taken.size() % FEW == 0) { // else a slow disk has more wait than may
                        Awaitility.await().atMost(PATIENCE).until(taken.getLast()::isDone);
                    }
                }
            } catch (SpoolException e) {
                assertThat(e.reason()).isEqualTo(SpoolException.Reason.FULL);
            }
            Awaitility.await().atMost(PATIENCE).until(() -> taken.stream().allMatch(CompletableFuture::isDone));
            assertThat(taken).filteredOn(one -> !one.isCompletedExceptionally()).hasSizeGreaterThan(400);

            String reply = "450 " + "x".repeat(90_000);
            for (int i = 1; i <= 10; i++) { // 900 KB
                await(fixture.spool.recordAttempt(first, deferred(i, 1, 0, reply)));
            }
            assertThat(fixture.spool.canRecord()).isTrue();
            await(fixture.spool.done(first));
        }
    }

    @Test
    void refusesMailWhenLessIsFreeThanTheConfigurationWantsLeft() throws IOException {
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(directory, SpoolFixture.SEGMENT));
        SpoolConfig usual = SpoolFixture.config(directory);
        SpoolConfig config = usual.with(SpoolConfig.DIRECTORY, directory)
                .with(SpoolConfig.MIN_FREE_SPACE, ByteSize.ofMegabytes(64)).with(SpoolConfig.READERS, 1)
                .with(SpoolConfig.RECLAIM_BELOW, 25);
        try (SpoolFixture fixture = SpoolFixture.open(config, store)) {
            SpoolEntry entry = fixture.accept(content(1, 10), "a@one.example").getFirst();
            store.room = 32 << 20;
            Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.health().state() == SpoolHealth.State.FULL);
            assertThat(fixture.spool.health().detail()).contains("free");
            assertThatThrownBy(fixture.spool::intake).isInstanceOf(SpoolException.class)
                    .extracting(e -> ((SpoolException) e).reason()).isEqualTo(SpoolException.Reason.FULL);
            await(fixture.spool.done(entry));
            store.room = Long.MAX_VALUE;
            Awaitility.await().atMost(PATIENCE)
                    .until(() -> fixture.spool.health().state() == SpoolHealth.State.READY);
        }
    }

    @Test
    void survivesARealFileSystemThatIsFull() throws Exception {
        Path mount = Files.createDirectory(directory.resolve("small"));
        boolean mounted = run("mount", "-t", "tmpfs", "-o", "size=2m", "none", mount.toString());
        if (!mounted) {
            assertThat(System.getenv("CI")).as("CI has to be able to mount a tmpfs").isNotEqualTo("true");
            Assumptions.abort("a tmpfs can't be mounted here: not root?");
        }
        try {
            Path spool = mount.resolve("spool");
            Set<String> kept = new HashSet<>();
            SpoolConfig config = SpoolFixture.withSegmentSize(SpoolFixture.config(spool), 256 << 10);
            try (SpoolFixture fixture = SpoolFixture.open(config)) {
                List<SpoolEntry> entries = new ArrayList<>();
                fillUntilRefused(fixture, entries); // the state may be READY again: the maintenance thread has looked for room since
                List<SpoolEntry> done = entries.subList(0, entries.size() * 3 / 4);
                done.stream().map(fixture.spool::done).toList().forEach(SpoolFixture::await);
                entries.subList(done.size(), entries.size()).forEach(entry -> kept.add(key(entry)));
                Awaitility.await().atMost(PATIENCE)
                        .until(() -> fixture.spool.health().state() == SpoolHealth.State.READY);
                kept.add(key(acceptWhenThereIsRoom(fixture, content(7, 1000), "again@one.example")));
            }
            try (SpoolFixture again = SpoolFixture.open(config)) {
                assertThat(again.recovered.keySet()).isEqualTo(kept);
                assertThat(again.spool.stats().quarantined()).isZero();
            }
        } finally {
            run("umount", mount.toString());
        }
    }

    private static void fillUntilRefused(SpoolFixture fixture, List<SpoolEntry> kept) {
        SpoolException refused = null;
        for (int i = 0; refused == null && i < 10_000; i++) {
            try {
                kept.add(fixture.accept(content(i, 1000), "a@one.example").getFirst());
            } catch (SpoolException e) {
                refused = e;
            } catch (CompletionException e) {
                refused = (SpoolException) e.getCause();
            }
        }
        assertThat(refused).isNotNull().extracting(SpoolException::reason).isEqualTo(SpoolException.Reason.FULL);
    }

    /** It is ready again when there is room for outcomes; for a new segment the dead ones have to go. */
    private static SpoolEntry acceptWhenThereIsRoom(SpoolFixture fixture, byte[] content, String recipient) {
        return Awaitility.await().atMost(PATIENCE).ignoreExceptionsMatching(DiskFullTest::isFull)
                .until(() -> fixture.accept(content, recipient).getFirst(), Objects::nonNull);
    }

    private static boolean isFull(Throwable thrown) {
        return (thrown instanceof CompletionException ? thrown.getCause() : thrown) instanceof SpoolException e
                && e.reason() == SpoolException.Reason.FULL;
    }

    private static boolean run(String... command) throws IOException, InterruptedException {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            return process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException _) {
            return false;
        }
    }
}
