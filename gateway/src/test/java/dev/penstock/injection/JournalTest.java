package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.ManualClock;

class JournalTest {
    private static final Duration RETENTION = Duration.ofHours(24);
    private static final Journal.Key KEY = Journal.Key.of("ann", "k");
    private static final byte[] HASH = Journal.sha256().digest("body".getBytes(UTF_8));
    private static final byte[] ANSWER = "{\"answer\":1}".getBytes(UTF_8);

    private final ManualClock clock = new ManualClock();
    @TempDir
    Path directory;

    @Test
    void aFinishedRequestIsRememberedAndItsMessagesAreKept() throws Exception {
        write(journal -> {
            journal.intent(KEY, new long[]{1, 2, 3}).join();
            journal.done(KEY, HASH, List.of(3L), ANSWER).join();
        });
        try (Journal journal = read()) {
            Journal.Recorded recorded = Objects.requireNonNull(journal.find(KEY));
            assertThat(recorded.hash().octets).isEqualTo(HASH);
            assertThat(recorded.body().octets).isEqualTo(ANSWER);
            assertThat(journal.isAbandoned(1)).isFalse();
            assertThat(journal.isAbandoned(3)).as("refused").isTrue();
        }
    }

    @Test
    void anUnfinishedRequestIsAbandonedAndItsKeyIsFree() throws Exception {
        write(journal -> journal.intent(KEY, new long[]{1, 2}).join());
        write(journal -> {
            journal.intent(KEY, new long[]{7, 8}).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
        });
        try (Journal journal = read()) {
            assertThat(Stream.of(1L, 2L, 7L, 8L).filter(journal::isAbandoned)).containsExactly(1L, 2L);
            assertThat(journal.find(KEY)).isNotNull();
        }
    }

    @Test
    void aRecordCutOffAtAnyOctetNeverWas() throws Exception {
        write(journal -> {
            journal.intent(KEY, new long[]{1}).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
        });
        Path file = file(1);
        byte[] whole = Files.readAllBytes(file);
        int intent = 12 + ByteBuffer.wrap(whole).getInt();
        for (int length = whole.length - 1; length >= intent; length--) {
            Files.write(file, java.util.Arrays.copyOf(whole, length));
            try (Journal journal = read()) {
                assertThat(journal.find(KEY)).as("cut at %d", length).isNull();
                assertThat(journal.isAbandoned(1)).as("cut at %d", length).isTrue();
            }
        }
    }

    @Test
    void damageNeverMakesMailDisappear() throws Exception {
        write(journal -> {
            journal.intent(KEY, new long[]{1}).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
        });
        byte[] whole = Files.readAllBytes(file(1));
        int intent = 12 + ByteBuffer.wrap(whole).getInt();
        for (int at = intent; at < whole.length; at++) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 0x10;
            Files.write(file(1), damaged);
            try (Journal journal = read()) {
                assertThat(journal.isAbandoned(1)).as("octet %d", at).isFalse();
            }
        }
    }

    @Test
    void anAnswerInALaterFileThanItsIntentCounts() throws Exception {
        try (Journal journal = read(1, new Journal.Disk())) {
            journal.start();
            journal.intent(KEY, new long[]{1, 2}).join();
            journal.done(KEY, HASH, List.of(2L), ANSWER).join();
        }
        assertThat(files()).isEqualTo(2);
        try (Journal journal = read()) {
            assertThat(journal.find(KEY)).isNotNull();
            assertThat(journal.isAbandoned(1)).as("answered for").isFalse();
            assertThat(journal.isAbandoned(2)).as("refused").isTrue();
        }
    }

    @Test
    void damageInALaterFileThanTheIntentNeverMakesMailDisappear() throws Exception {
        try (Journal journal = read(1, new Journal.Disk())) {
            journal.start();
            journal.intent(KEY, new long[]{1}).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
        }
        byte[] damaged = Files.readAllBytes(file(2));
        damaged[20] ^= 0x10;
        Files.write(file(2), damaged);
        try (Journal journal = read()) {
            assertThat(journal.isAbandoned(1)).isFalse();
        }
    }

    @Test
    void anIntentGoesBeforeItsAnswerThoughTheClockIsSetBack() throws Exception {
        try (Journal journal = read(1, new Journal.Disk())) {
            journal.start();
            journal.intent(KEY, new long[]{1}).join();
            clock.advance(Duration.ofHours(-2));
            journal.done(KEY, HASH, List.of(), ANSWER).join();
            clock.advance(RETENTION.plusHours(1)); // the answer is past it, the intent not yet
            journal.intent(Journal.Key.of("ann", "other"), new long[]{9}).join();
        }
        try (Journal journal = read()) {
            assertThat(journal.isAbandoned(1)).isFalse();
        }
    }

    @Test
    void whatIsReadIsSyncedBeforeItIsActedUpon() throws Exception {
        write(journal -> journal.intent(KEY, new long[]{1}).join());
        FaultyDisk disk = new FaultyDisk();
        try (Journal journal = read(1 << 20, disk)) {
            assertThat(journal.isAbandoned(1)).isTrue();
            assertThat(disk.syncs()).as("of the copy, and of the directory").isEqualTo(2);
        }
        disk.failSyncs(true);
        try (Journal journal = read(1 << 20, disk)) {
            assertThat(journal.hasFailed()).isTrue();
        }
    }

    @Test
    void whatIsActedUponAfterAFailedSyncOutlivesALossOfPower() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        try (Journal journal = read(1 << 20, disk)) {
            journal.start();
            journal.intent(KEY, new long[]{1}).join();
            disk.failSyncs(true);
            assertThatThrownBy(() -> journal.done(KEY, HASH, List.of(), ANSWER).join())
                    .hasCauseInstanceOf(Journal.JournalException.class);
            disk.failSyncs(false);
        }
        try (Journal journal = read(1 << 20, disk)) {
            assertThat(journal.isAbandoned(1)).as("the kernel still shows the DONE").isFalse();
            assertThat(journal.find(KEY)).isNotNull();
            journal.start(); // the message is delivered, the retry answered from the record
        }
        disk.losePower(directory);
        try (Journal journal = read(1 << 20, disk)) {
            assertThat(journal.isAbandoned(1)).isFalse();
            assertThat(journal.find(KEY)).isNotNull();
        }
    }

    @Test
    void withoutARestartALossOfPowerLeavesWhatWasSynced() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        try (Journal journal = read(1 << 20, disk)) {
            journal.start();
            journal.intent(KEY, new long[]{1}).join();
            disk.failSyncs(true);
            assertThatThrownBy(() -> journal.done(KEY, HASH, List.of(), ANSWER).join())
                    .hasCauseInstanceOf(Journal.JournalException.class);
            disk.failSyncs(false);
        }
        disk.losePower(directory);
        try (Journal journal = read(1 << 20, disk)) {
            assertThat(journal.isAbandoned(1)).as("nobody was answered").isTrue();
            assertThat(journal.find(KEY)).isNull();
        }
    }

    @Test
    void aCopyThatCannotBeMadeLeavesTheFileAsItWas() throws Exception {
        write(journal -> {
            journal.intent(KEY, new long[]{1}).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
        });
        byte[] before = Files.readAllBytes(file(1));
        FaultyDisk disk = new FaultyDisk();
        disk.roomFor(50);
        try (Journal journal = read(1 << 20, disk)) {
            assertThat(journal.hasFailed()).isTrue();
            assertThat(journal.isAbandoned(1)).isFalse();
            assertThat(journal.find(KEY)).as("an answer that could be taken back").isNull();
            assertThatThrownBy(() -> journal.intent(KEY, new long[]{2}).join())
                    .hasCauseInstanceOf(Journal.JournalException.class);
        }
        assertThat(files()).isEqualTo(1);
        assertThat(Files.readAllBytes(file(1))).isEqualTo(before);
        Files.writeString(directory.resolve("keys-00000001.log.copy"), "of a start that was killed");
        try (Journal journal = read()) {
            assertThat(journal.find(KEY)).isNotNull();
        }
        assertThat(files()).isEqualTo(1);
        assertThat(Files.readAllBytes(file(1))).isEqualTo(before);
    }

    @Test
    void aDirectoryThatCannotBeSyncedIsNotTrustedAgain() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        try (Journal journal = read(1, disk)) {
            journal.start();
            journal.intent(KEY, new long[]{1}).join();
            disk.failSyncs(true); // of the directory, for the next file
            assertThatThrownBy(() -> journal.done(KEY, HASH, List.of(), ANSWER).join()).cause()
                    .satisfies(e -> assertThat(((Journal.JournalException) e).isCertain()).isTrue());
            disk.failSyncs(false);
            assertThat(journal.hasFailed()).isTrue();
            assertThat(files()).isEqualTo(1);
        }
    }

    @Test
    void aFullDiskRefusesTheRecordAndTheNextIsWrittenWhenThereIsRoom() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        try (Journal journal = read(1 << 20, disk)) {
            journal.start();
            journal.intent(KEY, new long[]{1}).join();
            disk.roomFor(20);
            assertThatThrownBy(() -> journal.done(KEY, HASH, List.of(), ANSWER).join())
                    .hasCauseInstanceOf(Journal.JournalException.class).cause()
                    .satisfies(e -> assertThat(((Journal.JournalException) e).isCertain()).isTrue());
            assertThat(journal.isWritable()).isTrue();
            assertThat(journal.find(KEY)).isNull();
            disk.roomFor(Long.MAX_VALUE);
            journal.intent(KEY, new long[]{2}).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
        }
        try (Journal journal = read()) {
            assertThat(journal.isAbandoned(1)).isTrue();
            assertThat(journal.isAbandoned(2)).isFalse();
            assertThat(journal.find(KEY)).isNotNull();
        }
    }

    @Test
    void afterAFailedSyncNothingIsCertainAndNothingIsWritten() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        try (Journal journal = read(1 << 20, disk)) {
            journal.start();
            journal.intent(KEY, new long[]{1}).join();
            disk.failSyncs(true);
            assertThatThrownBy(() -> journal.done(KEY, HASH, List.of(), ANSWER).join()).cause()
                    .satisfies(e -> assertThat(((Journal.JournalException) e).isCertain()).isFalse());
            disk.failSyncs(false);
            assertThat(journal.isWritable()).isFalse();
            long size = Files.size(file(1));
            assertThatThrownBy(() -> journal.intent(KEY, new long[]{2}).join())
                    .hasCauseInstanceOf(Journal.JournalException.class);
            assertThat(Files.size(file(1))).isEqualTo(size);
        }
    }

    @Test
    void whatCannotBeCutOffAgainIsNotCertain() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        try (Journal journal = read(1 << 20, disk)) {
            journal.start();
            disk.roomFor(0);
            disk.failSyncs(true);
            assertThatThrownBy(() -> journal.intent(KEY, new long[]{1}).join()).cause()
                    .satisfies(e -> assertThat(((Journal.JournalException) e).isCertain()).isFalse());
            assertThat(journal.isWritable()).isFalse();
        }
    }

    @Test
    void keysGoWithTheirRetentionAndFilesWithTheirKeys() throws Exception {
        try (Journal journal = Journal.read(directory, RETENTION, 200, clock, new Journal.Disk())) {
            journal.start();
            for (int i = 0; i < 20; i++) {
                journal.done(Journal.Key.of("ann", "k" + i), HASH, List.of(), ANSWER).join();
            }
            assertThat(files()).isGreaterThan(3);
            assertThat(journal.hasRoom(20)).isFalse();
            clock.advance(RETENTION.plusSeconds(1));
            assertThat(journal.find(Journal.Key.of("ann", "k3"))).isNull();
            assertThat(journal.hasRoom(20)).isTrue();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
            assertThat(journal.size()).isEqualTo(1);
            assertThat(files()).isLessThanOrEqualTo(3);
        }
    }

    @Test
    void identitiesDoNotShareKeys() {
        assertThat(Journal.Key.of("ann", "k")).isNotEqualTo(Journal.Key.of("bob", "k"))
                .isNotEqualTo(Journal.Key.of("an", "nk"));
    }

    private interface Use {
        void with(Journal journal) throws IOException;
    }

    private void write(Use use) throws IOException {
        try (Journal journal = read()) {
            journal.start();
            use.with(journal);
        }
    }

    private Journal read() throws IOException {
        return read(1 << 20, new Journal.Disk());
    }

    private Journal read(long maxFile, Journal.Disk disk) throws IOException {
        return Journal.read(directory, RETENTION, maxFile, clock, disk);
    }

    private Path file(int number) {
        return directory.resolve("keys-%08d.log".formatted(number));
    }

    private long files() throws IOException {
        try (Stream<Path> list = Files.list(directory)) {
            return list.count();
        }
    }
}
