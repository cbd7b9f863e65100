package dev.penstock.events;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

import com.github.luben.zstd.ZstdInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.penstock.config.EventsConfig;
import dev.penstock.config.EventsConfig.Compression;
import dev.penstock.testing.Fifo;
import dev.penstock.testing.ManualClock;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.testing.Patience;
import dev.penstock.units.ByteSize;
import dev.penstock.units.Rate;

class DeliveryLogTest {
    private static final InstantSource CLOCK = InstantSource.fixed(Instant.parse("2026-11-24T00:22:05.495Z"));
    private static final Duration FLUSH = Duration.ofMillis(100);

    @TempDir
    Path directory;

    @Test
    void linesCanBeReadWhileTheFileGrows() throws IOException {
        try (DeliveryLog log = new DeliveryLog(config(ByteSize.ofMegabytes(1), 100), "n", CLOCK)) {
            log.on(Events.delivery(1));
            await().until(() -> lines(files().getFirst()).size() == 1);
            log.on(Events.delivery(2));
            await().until(() -> lines(files().getFirst()).size() == 2);
            await().until(() -> log.stats().written() == 2); // counted when they are in the file
        }
        assertThat(files()).containsExactly(directory.resolve("delivery-20261124T002205.495Z.jsonl"));
    }

    @Test
    void itsFilesAreTheirOwnersAlone() throws IOException {
        Path made = directory.resolve("log");
        try (DeliveryLogFile file = new DeliveryLogFile(made, CLOCK, DeliveryLogFile.CREATE)) {
            assertThat(file.size()).isZero();
        }
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(made))).isEqualTo("rwx------");
        try (Stream<Path> files = Files.list(made)) {
            assertThat(files).singleElement().satisfies(file -> assertThat(
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------"));
        }
    }

    @Test
    void itsThreadSleepsUntilThereIsSomethingToWrite() throws IOException {
        Set<Thread> others = Thread.getAllStackTraces().keySet();
        try (DeliveryLog log = new DeliveryLog(config(ByteSize.ofMegabytes(1), 100), "n", CLOCK)) {
            Thread writer = Thread.getAllStackTraces().keySet().stream()
                    .filter(each -> each.getName().equals("delivery-log") && !others.contains(each)).findFirst()
                    .orElseThrow();
            for (int event = 1; event <= 3; event++) {
                await().until(() -> writer.getState() == Thread.State.WAITING);
                log.on(Events.delivery(event));
                int expected = event;
                await().until(() -> log.stats().written() == expected);
            }
        }
    }

    @Test
    void closeWritesWhatWaitsAndWhatComesLaterIsCounted() throws IOException {
        DeliveryLog log = new DeliveryLog(EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, directory)
                .with(EventsConfig.MAX_FILE_SIZE, ByteSize.ofMegabytes(100))
                .with(EventsConfig.FLUSH_INTERVAL, Duration.ofMinutes(1)).with(EventsConfig.MAX_PENDING, 100_000)
                .with(EventsConfig.MAX_FILE_AGE, Duration.ZERO).with(EventsConfig.REJECTION_RATE, null), "n", CLOCK);
        for (int i = 0; i < 10_000; i++) {
            log.on(Events.delivery(i));
        }
        log.close();
        log.close();
        log.on(Events.delivery(0));
        assertThat(lines(files().getFirst())).hasSize(10_000);
        assertThat(log.stats()).extracting(DeliveryLogStats::written, DeliveryLogStats::dropped)
                .containsExactly(10_000L, 1L);
        assertThat(log.stats().bytes()).isEqualTo(Files.size(files().getFirst()));
    }

    @Test
    void filesAreRotatedAtWholeLinesAndSortByTime() throws IOException {
        try (DeliveryLog log = new DeliveryLog(config(ByteSize.ofKilobytes(256), 100_000), "n", CLOCK)) {
            for (int i = 0; i < 2_000; i++) {
                log.on(Events.delivery(i));
            }
        }
        List<String> all = new ArrayList<>();
        assertThat(files()).hasSizeGreaterThan(2);
        for (Path file : files()) {
            assertThat(Files.size(file)).isLessThanOrEqualTo(256 * 1024);
            all.addAll(lines(file));
        }
        assertThat(all).hasSize(2_000);
        for (int i = 0; i < all.size(); i++) {
            assertThat(Events.json(all.get(i)).get("recipient")).isEqualTo("r" + i + "@r.example");
        }
    }

    @Test
    void whatCannotWaitIsDroppedAndCountedAndCallersNeverBlock() throws IOException {
        AtomicBoolean full = new AtomicBoolean(true);
        DeliveryLog log = new DeliveryLog(config(ByteSize.ofMegabytes(100), 1_000), "n", CLOCK, disk(full));
        for (int i = 0; i < 10_000; i++) {
            log.on(Events.delivery(i));
        }
        await().until(() -> log.trouble() != null);
        assertThat(log.trouble()).contains("No space left on device");
        assertThat(log.stats().pending()).isLessThanOrEqualTo(1_000);
        log.close();
        assertThat(log.stats()).extracting(DeliveryLogStats::written, DeliveryLogStats::dropped)
                .containsExactly(0L, 10_000L);
    }

    @Test
    void aFullDiskLosesNothingThatFitsInMemory() throws IOException {
        AtomicBoolean full = new AtomicBoolean(true);
        try (DeliveryLog log = new DeliveryLog(config(ByteSize.ofKilobytes(1), 1_000), "n", CLOCK, disk(full))) {
            log.on(Events.delivery(1));
            await().until(() -> log.trouble() != null);
            log.on(Events.delivery(2));
            full.set(false);
            await().until(() -> log.trouble() == null && log.stats().written() == 2);
            assertThat(log.stats().failures()).isPositive();
        }
        List<String> all = new ArrayList<>();
        for (Path file : files()) {
            all.addAll(lines(file));
        }
        assertThat(all).hasSize(2).allSatisfy(line -> assertThat(Events.json(line)).containsKey("nodeid"));
    }

    @Test
    void aFileThatWasMovedAwayOrDeletedIsFollowedByAnother() throws IOException {
        Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
        Path logs = directory.resolve("log");
        try (DeliveryLog log = new DeliveryLog(
                EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, logs)
                        .with(EventsConfig.MAX_FILE_SIZE, ByteSize.ofMegabytes(1))
                        .with(EventsConfig.FLUSH_INTERVAL, FLUSH).with(EventsConfig.MAX_PENDING, 100)
                        .with(EventsConfig.MAX_FILE_AGE, Duration.ZERO).with(EventsConfig.REJECTION_RATE, null),
                "n",
                CLOCK)) {
            log.on(Events.delivery(1));
            await().until(() -> log.stats().written() == 1);
            Path moved = Files.move(only(logs), elsewhere.resolve("delivery.1"));
            log.on(Events.delivery(2));
            await().until(() -> log.stats().written() == 2);
            assertThat(lines(moved)).hasSize(1);
            assertThat(lines(only(logs))).singleElement().asString().contains("r2@r.example");
            Files.delete(only(logs));
            log.on(Events.delivery(3));
            await().until(() -> log.stats().written() == 3);
            assertThat(lines(only(logs))).singleElement().asString().contains("r3@r.example");
            Files.delete(only(logs));
            Files.delete(logs);
            log.on(Events.delivery(4));
            await().until(() -> log.stats().written() == 4);
            assertThat(lines(only(logs))).singleElement().asString().contains("r4@r.example");
            assertThat(log.trouble()).isNull();
        }
    }

    @Test
    void anotherFileUnderItsNameIsNotTakenForIt() throws IOException {
        Path logs = directory.resolve("log");
        try (DeliveryLog log = new DeliveryLog(
                EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, logs)
                        .with(EventsConfig.MAX_FILE_SIZE, ByteSize.ofMegabytes(1))
                        .with(EventsConfig.FLUSH_INTERVAL, FLUSH).with(EventsConfig.MAX_PENDING, 100)
                        .with(EventsConfig.MAX_FILE_AGE, Duration.ZERO).with(EventsConfig.REJECTION_RATE, null),
                "n",
                CLOCK)) {
            log.on(Events.delivery(1));
            await().until(() -> log.stats().written() == 1);
            Path current = only(logs);
            Files.move(current, directory.resolve("moved"));
            Files.createFile(current);
            log.on(Events.delivery(2));
            await().until(() -> log.stats().written() == 2);
            assertThat(current).isEmptyFile();
            assertThat(log.stats().files()).isEqualTo(2);
        }
    }

    @Test
    void reopeningEndsAFileThatHasLines() throws IOException {
        try (DeliveryLog log = new DeliveryLog(config(ByteSize.ofMegabytes(1), 100), "n", CLOCK)) {
            log.on(Events.delivery(1));
            await().until(() -> log.stats().written() == 1);
            log.reopen();
            await().until(() -> log.stats().files() == 2);
            log.on(Events.delivery(2));
            await().until(() -> log.stats().written() == 2);
            assertThat(files()).hasSize(2).allSatisfy(file -> assertThat(lines(file)).hasSize(1));
        }
    }

    /** No event comes by which it would be found that all is well again. */
    @Test
    void anEndOfAFileThatFailedIsTriedAgainThoughNothingIsLogged() throws IOException {
        AtomicBoolean fails = new AtomicBoolean();
        DeliveryLogFile.Opener opener = file -> {
            if (fails.get()) {
                throw new IOException("No space left on device");
            }
            return DeliveryLogFile.CREATE.open(file);
        };
        try (DeliveryLog log = new DeliveryLog(config(ByteSize.ofMegabytes(1), 100), "n", CLOCK, opener)) {
            log.on(Events.delivery(1));
            await().until(() -> log.stats().written() == 1);
            fails.set(true);
            log.reopen();
            await().until(() -> log.trouble() != null);
            fails.set(false);
            await().until(() -> log.trouble() == null);
            assertThat(log.stats().files()).isEqualTo(2);
        }
    }

    @Test
    void reopeningLeavesAFileWithoutLines() throws IOException {
        try (DeliveryLog log = new DeliveryLog(config(ByteSize.ofMegabytes(1), 100), "n", CLOCK)) {
            log.reopen();
        }
        assertThat(files()).hasSize(1);
    }

    @Test
    void aFileEndsAtTheFullHourWhenItHasLines() throws IOException {
        ManualClock clock = new ManualClock(); // at 12:00
        try (DeliveryLog log = new DeliveryLog(aged(Compression.NONE, Duration.ZERO), "n", clock)) {
            clock.advance(Duration.ofHours(3)); // without lines nothing ends
            log.on(Events.delivery(1));
            await().until(() -> log.stats().written() == 1);
            clock.advance(Duration.ofMinutes(59)); // 15:59
            log.on(Events.delivery(2));
            await().until(() -> log.stats().written() == 2);
            clock.advance(Duration.ofMinutes(1)); // 16:00
            log.on(Events.delivery(3));
            await().until(() -> log.stats().written() == 3);
        }
        assertThat(files()).extracting(file -> lines(file).size()).containsExactly(2, 1);
        assertThat(files().getLast()).hasFileName("delivery-20261123T160000.000Z.jsonl");
    }

    @ParameterizedTest
    @EnumSource(value = Compression.class, names = {"GZIP", "ZSTD"})
    void closedFilesAreCompressedAlsoThoseOfAnEarlierRunAndTheCurrentOneIsNot(Compression compression)
            throws IOException {
        Path crashed = Files.writeString(directory.resolve("delivery-20261123T000000.000Z.jsonl"), "{\"torn");
        Path others = Files.writeString(directory.resolve("notes.jsonl"), "mine");
        FileTime lastLine = FileTime.from(Instant.parse("2026-11-23T01:00:00Z"));
        Files.setLastModifiedTime(crashed, lastLine);
        try (DeliveryLog log = new DeliveryLog(aged(compression, Duration.ZERO), "n", CLOCK)) {
            for (int i = 0; i < 1_000; i++) {
                log.on(Events.delivery(i));
            }
            await().until(() -> log.stats().written() == 1_000);
            log.reopen();
            Path closed = directory.resolve("delivery-20261124T002205.495Z.jsonl" + compression.suffix());
            Path old = directory.resolve(crashed.getFileName() + compression.suffix());
            await().until(() -> Files.exists(closed) && Files.exists(old) && files().size() == 4);
            assertThat(files()).containsExactly(old, closed, directory.resolve("delivery-20261124T002205.496Z.jsonl"),
                    others);
            assertThat(text(old, compression)).isEqualTo("{\"torn");
            assertThat(text(closed, compression).lines()).hasSize(1_000)
                    .allSatisfy(line -> assertThat(Events.json(line)).containsKey("nodeid"));
            assertThat(Files.getLastModifiedTime(old)).isEqualTo(lastLine);
            assertThat(log.stats().failures()).isZero();
        }
    }

    @Test
    void aFileThatAnotherLogWritesIsLeftAlone() throws IOException {
        try (DeliveryLog other = new DeliveryLog(config(ByteSize.ofMegabytes(1), 100), "a", CLOCK)) {
            other.on(Events.delivery(1));
            await().until(() -> other.stats().written() == 1);
            Path theirs = files().getFirst();
            Path closed = Files.writeString(directory.resolve("delivery-20261125T000000.000Z.jsonl"), "{}");
            try (DeliveryLog log = new DeliveryLog(aged(Compression.GZIP, Duration.ofDays(1)), "b", CLOCK)) {
                await().until(() -> Files.notExists(closed)); // comes after theirs in the round
                assertThat(lines(theirs)).hasSize(1);
                assertThat(log.stats().failures()).isZero();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Compression.class, names = {"GZIP", "ZSTD"})
    void whatSomebodyElsePutAmongItsFilesLeadsNowhere(Compression compression) throws Exception {
        Path log = Files.createDirectory(directory.resolve("log"));
        Path outside = Files.writeString(directory.resolve("outside"), "secret");
        FileTime old = FileTime.from(CLOCK.instant().minus(Duration.ofDays(40)));
        Files.setLastModifiedTime(outside, old);
        Path link = Files.createSymbolicLink(log.resolve("delivery-1.jsonl"), outside);
        Path fifo = Fifo.make(log.resolve("delivery-2.jsonl"));
        Path folder = Files.createDirectory(log.resolve("delivery-3.jsonl"));
        Path closed = Files.writeString(log.resolve("delivery-4.jsonl"), "{}");
        Path made = Files.createSymbolicLink(log.resolve(".delivery-4.jsonl" + compression.suffix()), outside);
        Path next = Files.createSymbolicLink(log.resolve("delivery-20261124T002205.495Z.jsonl"), outside);
        EventsConfig config = EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, log)
                .with(EventsConfig.MAX_FILE_SIZE, ByteSize.ofMegabytes(1))
                .with(EventsConfig.MAX_FILE_AGE, Duration.ofHours(1)).with(EventsConfig.COMPRESSION, compression)
                .with(EventsConfig.KEEP, Duration.ofDays(30)).with(EventsConfig.REJECTION_RATE, null)
                .with(EventsConfig.FLUSH_INTERVAL, FLUSH).with(EventsConfig.MAX_PENDING, 10_000);
        try (DeliveryLog writing = new DeliveryLog(config, "n", CLOCK)) {
            await().until(() -> Files.notExists(closed));
            assertThat(writing.stats().failures()).isZero();
        }
        assertThat(outside).hasContent("secret");
        assertThat(Files.getLastModifiedTime(outside)).isEqualTo(old);
        assertThat(List.of(link, fifo, folder, next)).allMatch(each -> Files.exists(each, LinkOption.NOFOLLOW_LINKS));
        assertThat(Files.exists(made, LinkOption.NOFOLLOW_LINKS)).isFalse();
        assertThat(text(log.resolve(closed.getFileName() + compression.suffix()), compression)).isEqualTo("{}");
    }

    @Test
    void closedFilesAreDeletedWhenTheyHaveBeenKeptForLongEnough() throws IOException {
        Instant now = CLOCK.instant();
        for (String name : List.of("delivery-1.jsonl", "delivery-2.jsonl.gz", "delivery-3.jsonl.zst",
                "delivery-4.jsonl",
                "mine.jsonl")) {
            Path file = Files.writeString(directory.resolve(name), "x");
            Files.setLastModifiedTime(file, FileTime.from(now.minus(Duration.ofDays(name.contains("4") ? 29 : 31))));
        }
        try (DeliveryLog log = new DeliveryLog(aged(Compression.NONE, Duration.ofDays(30)), "n", CLOCK)) {
            await().until(() -> files().size() == 3);
            assertThat(files()).extracting(file -> file.getFileName().toString()).containsExactly(
                    "delivery-20261124T002205.495Z.jsonl", "delivery-4.jsonl", "mine.jsonl");
            assertThat(log.stats().failures()).isZero();
        }
    }

    @Test
    void rejectionsHaveARateAndLeaveRoomForOtherEvents() throws IOException {
        EventsConfig config = EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, directory)
                .with(EventsConfig.MAX_FILE_SIZE, ByteSize.ofMegabytes(1))
                .with(EventsConfig.MAX_FILE_AGE, Duration.ZERO).with(EventsConfig.COMPRESSION, Compression.NONE)
                .with(EventsConfig.KEEP, Duration.ZERO).with(EventsConfig.REJECTION_RATE, Rate.parse("1/h,max_burst=3"))
                .with(EventsConfig.FLUSH_INTERVAL, FLUSH).with(EventsConfig.MAX_PENDING, 1_000);
        try (DeliveryLog log = new DeliveryLog(config, "n", CLOCK)) {
            for (int i = 0; i < 10; i++) {
                log.on(Events.rejection(i));
                log.on(Events.delivery(i));
            }
            await().until(() -> log.stats().written() == 13);
            assertThat(log.stats().rejectionsDropped()).isEqualTo(7);
            assertThat(log.stats().dropped()).isZero();
        }
        AtomicBoolean full = new AtomicBoolean(true);
        try (DeliveryLog log = new DeliveryLog(config(ByteSize.ofMegabytes(1), 1_000), "n", CLOCK, disk(full))) {
            for (int i = 0; i < 2_000; i++) {
                log.on(Events.rejection(i)); // a write's worth of them is taken, then no more than half may wait
            }
            assertThat(log.stats().pending()).isLessThanOrEqualTo(500);
            assertThat(log.stats().rejectionsDropped()).isPositive();
            full.set(false);
        }
    }

    @Test
    void eachStartBeginsAFile() throws IOException {
        for (int i = 0; i < 3; i++) {
            new DeliveryLog(config(ByteSize.ofMegabytes(1), 10), "n", CLOCK).close();
        }
        assertThat(files()).hasSize(3);
    }

    @Test
    void killedProcessLosesAtMostTheLastFlushInterval(@TempDir(factory = MemoryTempDir.class) Path memory)
            throws Exception {
        Process child = new ProcessBuilder(ProcessHandle.current().info().command().orElseThrow(), "-Xmx128m", "-cp",
                System.getProperty("java.class.path"), Writer.class.getName(), memory.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        List<long[]> sent = new ArrayList<>(); // {events so far, milliseconds since 1970}
        long longestStall = 0; // of a process that says something each 5 ms
        try (BufferedReader reader = new BufferedReader(
                new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            String line;
            while ((line = reader.readLine()) != null) {
                String[] words = line.split(" ", 2);
                long now = Long.parseLong(words[1]);
                longestStall = Math.max(longestStall, sent.isEmpty() ? 0 : now - sent.getLast()[1]);
                sent.add(new long[]{Long.parseLong(words[0]), now});
                if (now - sent.getFirst()[1] > 2_000 + 4 * longestStall) {
                    break;
                }
            }
        } finally {
            child.destroyForcibly();
        }
        assertThat(child.waitFor(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(child.exitValue()).isEqualTo(128 + 9);

        // One interval is the promise; the rest is for a machine whose processes wait for each other, or that stands still.
        long safe = sent.getLast()[1] - FLUSH.toMillis() - 500 - 2 * longestStall;
        long promised = sent.stream().filter(s -> s[1] <= safe).mapToLong(s -> s[0]).max().orElseThrow();
        String text = Files.readString(only(memory));
        List<String> whole = text.substring(0, text.lastIndexOf('\n')).lines().toList();
        assertThat(whole.size()).isGreaterThanOrEqualTo(Math.toIntExact(promised));
        for (int i = 0; i < whole.size(); i++) {
            assertThat(Events.json(whole.get(i)).get("recipient")).isEqualTo("r" + i + "@r.example");
        }
    }

    /** The process to be killed: tells how much it has handed to the log and when. */
    static final class Writer {
        private Writer() {}

        public static void main(String[] arguments) throws IOException {
            try (DeliveryLog log = new DeliveryLog(
                    EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, Path.of(arguments[0]))
                            .with(EventsConfig.MAX_FILE_SIZE, ByteSize.ofMegabytes(256))
                            .with(EventsConfig.FLUSH_INTERVAL, FLUSH).with(EventsConfig.MAX_PENDING, 100_000)
                            .with(EventsConfig.MAX_FILE_AGE, Duration.ZERO).with(EventsConfig.REJECTION_RATE, null),
                    "child", InstantSource.system())) {
                int events = 0;
                while (!Thread.currentThread().isInterrupted()) {
                    for (int i = 0; i < 20; i++) {
                        log.on(Events.delivery(events++));
                    }
                    System.out.println(events + " " + System.currentTimeMillis());
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
                }
            }
        }
    }

    /** While {@code full}, a write takes half a line at most and then fails. */
    private static DeliveryLogFile.Opener disk(AtomicBoolean full) {
        return file -> new WritableByteChannel() {
            private final WritableByteChannel real = DeliveryLogFile.CREATE.open(file);
            private boolean room = true;

            @Override
            public int write(ByteBuffer source) throws IOException {
                if (!full.get()) {
                    return real.write(source);
                }
                if (!room) {
                    throw new IOException("No space left on device");
                }
                room = false;
                int taken = real.write(source.slice(source.position(), 100));
                source.position(source.position() + taken);
                return taken;
            }

            @Override
            public boolean isOpen() {
                return real.isOpen();
            }

            @Override
            public void close() throws IOException {
                real.close();
            }
        };
    }

    private EventsConfig config(ByteSize maxFileSize, int maxPending) {
        return EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, directory)
                .with(EventsConfig.MAX_FILE_SIZE, maxFileSize).with(EventsConfig.FLUSH_INTERVAL, FLUSH)
                .with(EventsConfig.MAX_PENDING, maxPending).with(EventsConfig.MAX_FILE_AGE, Duration.ZERO)
                .with(EventsConfig.REJECTION_RATE, null);
    }

    private EventsConfig aged(Compression compression, Duration keep) {
        return EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, directory)
                .with(EventsConfig.MAX_FILE_SIZE, ByteSize.ofMegabytes(1))
                .with(EventsConfig.MAX_FILE_AGE, Duration.ofHours(1)).with(EventsConfig.COMPRESSION, compression)
                .with(EventsConfig.KEEP, keep).with(EventsConfig.REJECTION_RATE, null)
                .with(EventsConfig.FLUSH_INTERVAL, FLUSH).with(EventsConfig.MAX_PENDING, 10_000);
    }

    private static String text(Path file, Compression compression) throws IOException {
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = compression == Compression.GZIP
                        ? new GZIPInputStream(raw)
                        : new ZstdInputStream(raw)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static Path only(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.reduce((_, _) -> {
                throw new AssertionError("several files");
            }).orElseThrow();
        }
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().toList();
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
