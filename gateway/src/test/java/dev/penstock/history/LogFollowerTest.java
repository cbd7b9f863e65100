package dev.penstock.history;

import static dev.penstock.history.HistoryRig.delivered;
import static dev.penstock.history.HistoryRig.id;
import static dev.penstock.history.HistoryRig.received;
import static dev.penstock.history.HistoryRig.to;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.penstock.config.EventsConfig.Compression;
import dev.penstock.config.HistoryConfig;
import dev.penstock.events.EventLines;
import dev.penstock.events.LogFile;
import dev.penstock.message.MessageEvent;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.units.ByteSize;

/** Hazards of following files that others write, compress and delete. */
class LogFollowerTest {
    @TempDir(factory = MemoryTempDir.class)
    Path directory;

    @Test
    void aTornLineIsNothingUntilItsEndCameAndNothingForEverBehindACrash() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            String line = EventLines.line(delivered(1));
            rig.write("delivery-1.jsonl", line.substring(0, 300));
            rig.index();
            assertThat(rig.find(Query.ALL)).isEmpty();
            rig.write("delivery-1.jsonl", line.substring(300));
            rig.index();
            assertThat(rig.find(Query.ALL)).containsExactly(delivered(1));
            rig.write("delivery-1.jsonl", EventLines.line(delivered(2)).substring(0, 300));
            rig.write("delivery-2.jsonl", delivered(3));
            rig.index();
            rig.index();
            assertThat(rig.find(Query.ALL)).containsExactly(delivered(3), delivered(1));
            assertThat(rig.counters.skipped).hasValue(0);
            assertThat(rig.counters.events).hasValue(2);
        }
    }

    @Test
    void aLineThatIsNoEventIsCountedAndPassedOver() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.write("delivery-1.jsonl", delivered(1));
            rig.write("delivery-1.jsonl", "\nmail\n{\"type\":\"Delivery\"}\n");
            rig.write("delivery-1.jsonl", delivered(2));
            rig.index();
            assertThat(rig.find(Query.ALL)).containsExactly(delivered(2), delivered(1));
            assertThat(rig.counters.skipped).hasValue(3);
        }
    }

    @Test
    void aLineLongerThanTheBufferIsReadWhole() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            MessageEvent one = received(1);
            List<String> recipients = new ArrayList<>();
            for (int i = 0; i < 50_000; i++) {
                recipients.add("somebody" + i + "@r.example");
            }
            MessageEvent many = new MessageEvent(one.type(), one.id(), one.sender(), recipients, one.domain(),
                    one.tenant(), one.campaign(), one.site(), one.size(), one.response(), one.peer(),
                    one.sourceAddress(), one.eventMillis(), one.createdMillis(), one.attempts(), one.protocol(),
                    one.sessionId(), one.tls(), one.client(), one.provider(), one.pool(), one.meaning());
            rig.write("delivery-1.jsonl", delivered(2), many, delivered(3));
            rig.index();
            assertThat(rig.find(to("somebody49999@r.example"))).containsExactly(many);
            assertThat(rig.find(Query.ALL)).hasSize(3);
        }
    }

    @ParameterizedTest
    @EnumSource(value = Compression.class, names = {"GZIP", "ZSTD"})
    void aFileThatIsRotatedAndCompressedWhileTheIndexIsBehindLosesNothing(Compression compression) throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.write("delivery-1.jsonl", delivered(1), delivered(2));
            rig.index();
            rig.write("delivery-1.jsonl", delivered(3));
            EventLines.compress(rig.logs.resolve("delivery-1.jsonl"), compression);
            rig.write("delivery-2.jsonl", delivered(4));
            rig.index();
            assertThat(rig.find(Query.ALL)).containsExactly(delivered(4), delivered(3), delivered(2), delivered(1));
        }
    }

    @Test
    void filesThatWereBegunBeforeOthersByAClockThatWasSetBackAreReadToo() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.write("delivery-20261124T120000.000Z.jsonl", delivered(1));
            rig.index();
            rig.clock.setWallClock(Duration.ofDays(-3));
            rig.write("delivery-20261121T120000.000Z.jsonl", delivered(2));
            rig.index();
            rig.commit();
            rig.write("delivery-20261121T120000.000Z.jsonl", delivered(3));
            rig.index();
            assertThat(rig.find(Query.ALL)).containsExactly(delivered(3), delivered(2), delivered(1));
        }
    }

    @Test
    void whatWasNotCommittedIsReadAgainAfterACrashAndNoLineTwice() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.write("delivery-1.jsonl", delivered(1));
            rig.index();
            rig.commit();
            rig.write("delivery-1.jsonl", delivered(2));
            rig.index();
            rig.crash();
            rig.write("delivery-1.jsonl", delivered(3));
            rig.open();
            assertThat(rig.find(Query.ALL)).as("as of the commit").containsExactly(delivered(1));
            rig.index();
            assertThat(rig.find(Query.ALL)).containsExactly(delivered(3), delivered(2), delivered(1));
        }
    }

    @Test
    void aDamagedPartitionIsReadAgainFromTheLog() throws IOException {
        HistoryConfig config = HistoryRig.config(directory).with(HistoryConfig.MAX_AGE, Duration.ofHours(8));
        try (HistoryRig rig = new HistoryRig(directory, config)) {
            for (int i = 0; i < 4; i++) {
                rig.write("delivery-" + i + ".jsonl", delivered(i));
                rig.index();
                rig.passes(Duration.ofMinutes(61));
                rig.commit();
            }
            assertThat(rig.counters.partitions).isEqualTo(5);
            List<MessageEvent> before = rig.find(Query.ALL);
            rig.crash();
            try (Stream<Path> files = Files.list(config.directory().resolve("partition-000000001"))) {
                for (Path file : files.filter(one -> one.getFileName().toString().startsWith("segments_")).toList()) {
                    Files.write(file, new byte[]{1, 2, 3});
                }
            }
            rig.open();
            assertThat(rig.find(Query.ALL)).as("the one before it").hasSize(1);
            rig.index();
            assertThat(rig.find(Query.ALL)).isEqualTo(before).hasSize(4);
            assertThat(rig.counters.failures).hasValue(1);
        }
    }

    @Test
    void theIndexKeepsItsSizeAndTheOldestGoesFirst() throws IOException {
        int room = 512 << 10;
        HistoryConfig config = HistoryRig.config(directory).with(HistoryConfig.MAX_SIZE, new ByteSize(room));
        try (HistoryRig rig = new HistoryRig(directory, config)) {
            int events = 0;
            for (int i = 0; i < 60; i++) {
                MessageEvent[] some = new MessageEvent[2_000];
                for (int k = 0; k < some.length; k++) {
                    some[k] = delivered(events++);
                }
                rig.write("delivery-1.jsonl", some);
                rig.index();
                rig.commit();
                assertThat(rig.counters.octets).isLessThanOrEqualTo(room);
            }
            assertThat(rig.counters.partitions).isGreaterThan(4);
            assertThat(rig.find(to("r0@r0.example"))).isEmpty();
            assertThat(rig.find(to("r" + (events - 1) + "@r" + (events - 1) % 7 + ".example"))).hasSize(1);
            rig.crash();
            rig.open();
            rig.index();
            assertThat(rig.find(to("r0@r0.example"))).as("what was dropped doesn't come back").isEmpty();
        }
    }

    @Test
    void whatIsOlderThanTheGreatestAgeGoes() throws IOException {
        HistoryConfig config = HistoryRig.config(directory).with(HistoryConfig.MAX_AGE, Duration.ofHours(8));
        try (HistoryRig rig = new HistoryRig(directory, config)) {
            rig.write("delivery-1.jsonl", delivered(1));
            rig.index();
            rig.passes(Duration.ofHours(7));
            rig.commit(); // ends the partition
            rig.write("delivery-1.jsonl", delivered(2));
            rig.index();
            rig.commit();
            assertThat(rig.find(Query.ALL)).hasSize(2);
            rig.passes(Duration.ofHours(2));
            rig.commit();
            rig.index();
            assertThat(rig.find(Query.ALL)).isEmpty();
            rig.crash();
            rig.open();
            rig.index();
            assertThat(rig.find(Query.ALL)).as("the log still has it").isEmpty();
        }
    }

    @Test
    void aPartitionWhoseFilesAreAllGoneGoes() throws IOException {
        HistoryConfig config = HistoryRig.config(directory).with(HistoryConfig.MAX_AGE, Duration.ofHours(8));
        try (HistoryRig rig = new HistoryRig(directory, config)) {
            rig.write("delivery-1.jsonl", delivered(1));
            rig.index();
            rig.passes(Duration.ofHours(2));
            rig.commit();
            rig.write("delivery-2.jsonl", delivered(2));
            rig.index();
            rig.commit();
            assertThat(rig.counters.partitions).isEqualTo(2);
            Files.delete(rig.logs.resolve("delivery-1.jsonl"));
            rig.index();
            rig.commit();
            assertThat(rig.counters.partitions).isEqualTo(1);
            assertThat(rig.search(Query.ALL, 10, null).gone()).isZero();
        }
    }

    @Test
    void aPartitionForgetsTheNamesOfFilesThatAreGone() throws IOException {
        HistoryConfig config = HistoryRig.config(directory).with(HistoryConfig.MAX_AGE, Duration.ofHours(8));
        try (HistoryRig rig = new HistoryRig(directory, config)) {
            rig.write("delivery-1.jsonl", delivered(1));
            rig.write("delivery-2.jsonl", delivered(2));
            rig.index();
            rig.passes(Duration.ofHours(2));
            rig.commit(); // ends the partition
            rig.write("delivery-3.jsonl", delivered(3));
            rig.index();
            rig.commit();
            Files.delete(rig.logs.resolve("delivery-1.jsonl"));
            rig.index();
            rig.commit();
            rig.index();
            Snapshot held = rig.shown.hold();
            assertThat(held.partitions()).extracting(view -> Set.copyOf(view.names().values()))
                    .containsExactly(Set.of("delivery-2.jsonl", "delivery-3.jsonl"), Set.of("delivery-2.jsonl"));
            held.letGo();
            assertThat(rig.find(Query.ALL)).containsExactly(delivered(3), delivered(2));
        }
    }

    @Test
    void aFileThatCantBeReadKeepsNoOtherOneBack() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.write("delivery-1.jsonl.zst", "no zstd at all");
            rig.write("delivery-2.jsonl", delivered(2));
            rig.read();
            rig.read();
            rig.index();
            assertThat(rig.find(Query.ALL)).containsExactly(delivered(2));
            assertThat(rig.counters.failures).as("told once").hasValue(1);
            Files.delete(rig.logs.resolve("delivery-1.jsonl.zst"));
            rig.write("delivery-1.jsonl", delivered(1));
            rig.index();
            assertThat(rig.find(Query.ALL)).containsExactlyInAnyOrder(delivered(1), delivered(2));
        }
    }

    @Test
    void aFileThatCouldNotBeReadIsReadAgainWhenItHasChangedOrAMinuteIsOver() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.write("delivery-1.jsonl", delivered(1));
            Path packed = EventLines.compress(rig.logs.resolve("delivery-1.jsonl"), Compression.GZIP);
            byte[] good = Files.readAllBytes(packed);
            FileTime time = Files.getLastModifiedTime(packed);
            Files.write(packed, new byte[good.length]);
            Files.setLastModifiedTime(packed, time);
            rig.index();
            Files.write(packed, good);
            Files.setLastModifiedTime(packed, time);
            rig.index();
            assertThat(rig.find(Query.ALL)).as("it looks as it did").isEmpty();
            rig.passes(LogFollower.RETRY);
            rig.index();
            assertThat(rig.find(Query.ALL)).as("a minute later").containsExactly(delivered(1));

            Path other = rig.logs.resolve("delivery-2.jsonl.zst");
            Files.writeString(other, "no zstd at all");
            rig.index();
            Files.delete(other);
            rig.write("delivery-2.jsonl", delivered(2));
            EventLines.compress(rig.logs.resolve("delivery-2.jsonl"), Compression.ZSTD);
            rig.index();
            assertThat(rig.find(Query.ALL)).as("at once").containsExactly(delivered(2), delivered(1));
            assertThat(rig.counters.failures).hasValue(2);
        }
    }

    @Test
    void aFileThatTakesAnotherFormWhileTheDirectoryIsListedIsNotIndexedTwice() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.write("delivery-1.jsonl", delivered(1));
            rig.write("delivery-2.jsonl", delivered(2));
            rig.index();
            rig.listing = logs -> {
                Collection<LogFile> found = new ArrayList<>(LogFile.in(logs));
                found.removeIf(file -> file.name().equals("delivery-1.jsonl"));
                if (Files.exists(logs.resolve("delivery-1.jsonl"))) {
                    EventLines.compress(logs.resolve("delivery-1.jsonl"), Compression.GZIP);
                }
                return found;
            };
            rig.index();
            rig.listing = LogFile::in;
            rig.index();
            assertThat(rig.find(Query.ALL)).containsExactly(delivered(2), delivered(1));
            assertThat(rig.counters.events).hasValue(2);
        }
    }

    @Test
    void theDirectoryIsListedWhenItHasChangedAndUntilAnotherChangeWouldShow() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            AtomicInteger lists = new AtomicInteger();
            rig.listing = logs -> {
                lists.incrementAndGet();
                return LogFile.in(logs);
            };
            rig.write("delivery-1.jsonl", delivered(1));
            rig.index();
            rig.write("delivery-2.jsonl", delivered(2));
            rig.index();
            assertThat(rig.find(Query.ALL)).as("also within the clock's step").hasSize(2);
            rig.passes(LogFollower.COARSEST_TIME);
            rig.index();
            int settled = lists.get();
            rig.write("delivery-2.jsonl", delivered(3));
            rig.index();
            rig.index();
            assertThat(rig.find(Query.ALL)).as("a file that grows").hasSize(3);
            assertThat(lists).hasValue(settled);
            EventLines.compress(rig.logs.resolve("delivery-1.jsonl"), Compression.ZSTD);
            rig.write("delivery-3.jsonl", delivered(4));
            rig.index();
            assertThat(rig.find(Query.ALL)).hasSize(4);
            assertThat(rig.counters.events).hasValue(4);
            assertThat(lists).hasValueGreaterThan(settled);
        }
    }

    @Test
    void twoCannotHaveOneIndex() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            assertThatThrownBy(() -> new HistoryRig(directory)).isInstanceOf(FileSystemException.class)
                    .hasMessageContaining("in use");
            assertThat(rig.read()).isTrue();
        }
    }

    @Test
    void whatIsReadIsFoundWhenSomebodyAsksOrTenSecondsLater() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.index();
            rig.write("delivery-1.jsonl", delivered(1));
            rig.read();
            assertThat(rig.counters.behindSince).as("who asks finds all").hasValue(0);
            assertThat(rig.find(Query.ALL)).as("nobody has asked").isEmpty();
            rig.index();
            assertThat(rig.find(Query.ALL)).hasSize(1);
            rig.write("delivery-1.jsonl", delivered(2));
            rig.passes(Duration.ofSeconds(10));
            rig.read();
            assertThat(rig.find(Query.ALL)).as("committed").hasSize(2);
        }
    }

    @Test
    void theLagIsTheAgeOfWhatIsNotReadYet() throws IOException {
        try (HistoryRig rig = new HistoryRig(directory)) {
            rig.write("delivery-1.jsonl", delivered(1));
            rig.read();
            rig.write("delivery-1.jsonl", delivered(2));
            rig.readNothing();
            assertThat(rig.counters.behindSince).hasValue(delivered(1).eventMillis());
        }
    }

    /**
     * Whatever happens in whatever order to the log and the index, in the end each whole line of the files that are there is
     * found once, and an index that is made anew says the same.
     */
    @Test
    void anIndexThatFollowedSaysWhatOneThatIsMadeAnewSays() throws IOException {
        long seed = Long.getLong("penstock.seed", System.nanoTime());
        SplittableRandom random = new SplittableRandom(seed);
        for (int schedule = 0; schedule < (Boolean.getBoolean("penstock.long") ? 500 : 40); schedule++) {
            schedule("seed " + seed + ", schedule " + schedule, random, directory.resolve("model" + schedule));
        }
    }

    private static void schedule(String where, SplittableRandom random, Path directory) throws IOException {
        HistoryConfig config = HistoryRig.config(directory).with(HistoryConfig.MAX_AGE, Duration.ofHours(2_000));
        List<String> closed = new ArrayList<>();
        Set<Integer> expected = new HashSet<>();
        try (HistoryRig rig = new HistoryRig(directory, config)) {
            int files = 500;
            int number = 0;
            String current = "delivery-" + files + ".jsonl";
            String torn = "";
            for (int step = 0; step < 60; step++) {
                switch (random.nextInt(10)) {
                    case 0, 1, 2 -> {
                        int lines = 1 + random.nextInt(random.nextInt(10) == 0 ? 300 : 5);
                        rig.write(current, torn);
                        torn = "";
                        for (int i = 0; i < lines; i++) {
                            expected.add(number);
                            rig.write(current, delivered(number++));
                        }
                    }
                    case 3 -> {
                        rig.write(current, torn);
                        String line = EventLines.line(delivered(number));
                        if (torn.isEmpty()) {
                            expected.add(number++);
                            int cut = 1 + random.nextInt(line.length() - 1);
                            rig.write(current, line.substring(0, cut));
                            torn = line.substring(cut);
                        } else {
                            torn = "";
                        }
                    }
                    case 4 -> { // a crash of the log, when a line is torn: another file is begun, whose name may be smaller
                        if (!torn.isEmpty()) {
                            expected.remove(number - 1);
                            torn = "";
                        }
                        closed.add(current);
                        files += random.nextInt(4) == 0 ? -100 - step : 1;
                        current = "delivery-" + files + ".jsonl";
                        rig.write(current, "");
                    }
                    case 5 -> {
                        if (!closed.isEmpty()) {
                            Path file = rig.logs.resolve(closed.removeFirst());
                            EventLines.compress(Files.exists(file) ? file : Files.createFile(file),
                                    random.nextBoolean() ? Compression.GZIP : Compression.ZSTD);
                        }
                    }
                    case 6 -> rig.read();
                    case 7 -> {
                        rig.index();
                        if (random.nextBoolean()) {
                            rig.passes(Duration.ofHours(1 + random.nextInt(40))); // ends a partition now and then
                            rig.commit();
                        }
                    }
                    case 8 -> {
                        rig.crash();
                        rig.open();
                    }
                    default -> rig.clock.setWallClock(Duration.ofMinutes(random.nextInt(120) - 60));
                }
            }
            if (!torn.isEmpty()) {
                expected.remove(number - 1);
            }
            rig.index();
            assertThat(numbers(rig)).as(where).containsExactlyInAnyOrderElementsOf(expected);
            for (int one : expected.stream().limit(3).toList()) {
                assertThat(rig.story(id(one)).events()).as(where).hasSize(1);
            }
            rig.crash();
            HistoryIndex.deleteAll(config.directory());
            rig.open();
            rig.index();
            assertThat(numbers(rig)).as(where + ", made anew").containsExactlyInAnyOrderElementsOf(expected);
        }
    }

    private static List<Integer> numbers(HistoryRig rig) throws IOException {
        List<Integer> numbers = new ArrayList<>();
        Page<Hit> page = rig.search(Query.ALL, 97, null);
        while (true) {
            page.items().forEach(hit -> numbers.add((int) (hit.event().id().value() & (1 << 20) - 1)));
            Cursor next = page.next();
            if (next == null) {
                return numbers;
            }
            page = rig.search(Query.ALL, 97, next);
        }
    }
}
