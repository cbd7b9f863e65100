package dev.penstock.history;

import static dev.penstock.history.HistoryRig.delivered;
import static dev.penstock.history.HistoryRig.to;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

import org.apache.lucene.index.DirectoryReader;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.EventsConfig;
import dev.penstock.config.HistoryConfig;
import dev.penstock.events.DeliveryLog;
import dev.penstock.message.MessageEvent;

/** The index behind a log that is written, by its own thread. */
class HistoryTest {
    private static final InstantSource CLOCK = InstantSource.system();

    @TempDir
    Path directory;

    @Test
    void whatTheLogWritesIsFoundAndAStopLosesNothingOfIt() throws IOException {
        HistoryConfig config = HistoryRig.config(directory);
        EventsConfig events = EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, directory.resolve("log"));
        try (History history = History.open(config, events.directory(), CLOCK)) {
            try (DeliveryLog log = new DeliveryLog(events, "node", CLOCK)) {
                log.on(delivered(1));
                await().until(() -> !found(history, 1).isEmpty());
                await().until(() -> history.stats().lagMillis() == 0);
                assertThat(history.stats().events()).isEqualTo(1);
                assertThat(history.stats().trouble()).isNull();
                log.on(delivered(2));
            }
        }
        try (History offline = History.read(config, events.directory())) {
            assertThat(found(offline, 1)).containsExactly(delivered(1));
            assertThat(found(offline, 2)).as("logged last before the stop").containsExactly(delivered(2));
        }
    }

    private static List<MessageEvent> found(History history, int number) {
        try {
            return history.search(to("r" + number + "@r" + number % 7 + ".example"), 10, null).items().stream()
                    .map(Hit::event).toList();
        } catch (HistoryException e) {
            assertThat(e).hasMessageContaining("isn't open yet");
            return List.of();
        }
    }

    @Test
    void anotherProcessReadsAnIndexThatIsWritten() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.write("delivery-1.jsonl", delivered(1));
            rig.index();
            rig.commit();
            try (History reading = History.read(rig.config, rig.logs)) {
                assertThat(found(reading, 1)).containsExactly(delivered(1));
                rig.write("delivery-1.jsonl", delivered(2));
                rig.index();
                rig.commit();
                assertThat(found(reading, 2)).as("it has what was committed when it began").isEmpty();
            }
            assertThatThrownBy(() -> History.rebuild(rig.config, rig.logs, CLOCK, _ -> {}))
                    .isInstanceOf(IOException.class).hasMessageContaining("in use");
            assertThat(rig.find(Query.ALL)).hasSize(2);
        }
        assertThat(History.rebuild(HistoryRig.config(directory), directory.resolve("log"), CLOCK, _ -> {}).events())
                .isEqualTo(2);
        assertThatThrownBy(() -> History.read(HistoryConfig.DEFAULT.with(HistoryConfig.DIRECTORY,
                Files.createDirectory(directory.resolve("none"))), directory)).isInstanceOf(IOException.class)
                .hasMessageContaining("has no index");
    }

    @Test
    void whoOnlyLooksMakesNoPartitionThatIsGone() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            Path gone = rig.config.directory().resolve("partition-000000007");
            try (HistoryIndex.Looked looked = new HistoryIndex.Looked(rig.config.directory(), gone)) {
                assertThatThrownBy(() -> DirectoryReader.open(looked)).isInstanceOf(NoSuchFileException.class);
            }
            assertThat(gone).doesNotExist();
        }
    }

    @Test
    void anIndexThatCantBeOpenedSaysSoAndIsTriedAgain() throws IOException {
        Path place = Files.writeString(directory.resolve("history"), "a file, not a directory");
        Files.createDirectories(directory.resolve("log"));
        try (History history = History.open(HistoryRig.config(directory), directory.resolve("log"), CLOCK)) {
            await().until(() -> history.stats().trouble() != null);
            assertThat(history.stats().failures()).isPositive();
            assertThatThrownBy(() -> history.search(Query.ALL, 10, null)).isInstanceOf(HistoryException.class);
            Files.delete(place);
            await().until(() -> history.stats().trouble() == null);
            assertThat(history.search(Query.ALL, 10, null).items()).isEmpty();
        }
    }

    @Test
    void aFailureThatNobodyExpectedIsCountedAndTheIndexIsTriedAgain() throws IOException {
        Files.createDirectories(directory.resolve("log"));
        AtomicInteger looks = new AtomicInteger();
        CountDownLatch seen = new CountDownLatch(1);
        InstantSource failing = () -> {
            if (Thread.currentThread().getName().equals("history-index")) {
                switch (looks.getAndIncrement()) {
                    case 0 -> throw new UncheckedIOException(new IOException("by the test"));
                    case 1 -> {
                        // for the time of the failure
                    }
                    default -> await().until(() -> seen.getCount() == 0);
                }
            }
            return CLOCK.instant();
        };
        try (History history = History.open(HistoryRig.config(directory), directory.resolve("log"), failing)) {
            await().until(() -> history.stats().trouble() != null);
            assertThat(history.stats().trouble()).isEqualTo("can't be written: by the test");
            assertThat(history.stats().failures()).isEqualTo(1);
            seen.countDown();
            await().until(() -> history.stats().trouble() == null);
            assertThat(history.search(Query.ALL, 10, null).items()).isEmpty();
        }
    }

    @Test
    void anErrorThatEndsTheIndexerIsCountedAndTheLagGrows() throws IOException {
        Files.createDirectories(directory.resolve("log"));
        AtomicInteger looks = new AtomicInteger();
        InstantSource failing = () -> {
            if (looks.getAndIncrement() == 0) {
                throw new LinkageError("by the test");
            }
            return CLOCK.instant();
        };
        try (History history = History.open(HistoryRig.config(directory), directory.resolve("log"), failing)) {
            await().until(() -> history.stats().trouble() != null);
            assertThat(history.stats().trouble()).startsWith("the indexer ended");
            assertThat(history.stats().failures()).isEqualTo(1);
            await().until(() -> history.stats().lagMillis() > 0);
        }
    }

    @Test
    void aFullDiskIsSaidAndWhenThereIsRoomEverythingIsFound() throws Exception {
        Path mount = Files.createDirectory(directory.resolve("small"));
        if (!run("mount", "-t", "tmpfs", "-o", "size=2m", "none", mount.toString())) {
            assertThat(System.getenv("CI")).as("CI has to be able to mount a tmpfs").isNotEqualTo("true");
            Assumptions.abort("a tmpfs can't be mounted here: not root?");
        }
        try {
            HistoryConfig config = HistoryConfig.DEFAULT.with(HistoryConfig.DIRECTORY, mount.resolve("history"));
            EventsConfig events = EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, directory.resolve("log"));
            try (History history = History.open(config, events.directory(), CLOCK);
                    DeliveryLog log = new DeliveryLog(events, "node", CLOCK)) {
                log.on(delivered(0));
                await().until(() -> !found(history, 0).isEmpty());
                Path filler = fill(mount);
                for (int i = 1; i <= 3_000; i++) {
                    log.on(delivered(i));
                }
                await().until(() -> {
                    var _ = found(history, 3_000); // asks for what can't be shown
                    return history.stats().trouble() != null;
                });
                assertThat(history.stats().failures()).isPositive();
                assertThat(found(history, 0)).as("what was found before").hasSize(1);
                await().until(() -> history.stats().lagMillis() > 0);
                assertThat(log.stats().dropped()).isZero();

                Files.delete(filler);
                await().until(() -> history.stats().trouble() == null);
                await().until(() -> found(history, 3_000).size() == 1);
                for (int i = 0; i <= 3_000; i += 500) {
                    assertThat(found(history, i)).as("event %d, once", i).hasSize(1);
                }
            }
        } finally {
            run("umount", mount.toString());
        }
    }

    /** Takes what is left. */
    private static Path fill(Path mount) throws IOException {
        Path filler = mount.resolve("filler");
        try (var out = Files.newOutputStream(filler)) {
            while (true) {
                out.write(new byte[4_096]);
            }
        } catch (IOException _) {
            return filler;
        }
    }

    private static boolean run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor() == 0;
    }

    @Test
    void searchersSeeTheIndexGrowAndNeverShrinkWhileItIsWrittenMergedAndDropped() throws Exception {
        try (HistoryRig rig = new HistoryRig(directory)) {
            AtomicBoolean done = new AtomicBoolean();
            AtomicLong searches = new AtomicLong();
            AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
            rig.write("delivery-1.jsonl", delivered(0));
            rig.index();
            Thread searcher = Thread.ofPlatform().start(() -> {
                int last = 0;
                try {
                    while (!done.get()) {
                        Snapshot held = rig.shown.hold();
                        try (Search search = new Search(rig.logs, held)) {
                            int found = search.page(Query.ALL, History.MAX_PAGE, null).items().size();
                            if (found < last) {
                                throw new AssertionError(found + " after " + last);
                            }
                            last = found;
                            searches.incrementAndGet();
                        } finally {
                            held.letGo();
                        }
                    }
                } catch (IOException | RuntimeException | AssertionError e) {
                    failure.set(e);
                }
            });
            for (int i = 1; i < 400; i++) {
                rig.write("delivery-1.jsonl", delivered(i));
                rig.index();
                if (i % 50 == 0) {
                    rig.passes(java.time.Duration.ofDays(2)); // ends a partition
                    rig.commit();
                }
            }
            long before = searches.get();
            await().until(() -> searches.get() > before + 1 || failure.get() != null);
            done.set(true);
            searcher.join();
            assertThat(failure.get()).isNull();
            assertThat(rig.find(Query.ALL)).hasSize(400);
        }
    }
}
