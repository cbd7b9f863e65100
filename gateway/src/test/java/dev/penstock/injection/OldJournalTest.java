package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32C;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.InjectionConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.spool.FillingDisk;
import dev.penstock.spool.IdempotencyKey;
import dev.penstock.spool.KeyRecord;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.spool.Spool;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.units.ByteSize;

/** Keys of a version that had files for them are in the spool after a start, and their messages where they belong. */
class OldJournalTest {
    private static final IdempotencyKey KEY = Digests.key("ann", "k");
    private static final IdempotencyKey OTHER = Digests.key("ann", "other");
    private static final byte[] HASH = Digests.sha256().digest("body".getBytes(UTF_8));
    private static final byte[] ANSWER = "{\"answer\":1}".getBytes(UTF_8);
    private static final long NOW = InjectionFixture.NOW.toEpochMilli();
    private static final long DAY = 24L * 60 * 60 * 1000;

    @TempDir(factory = MemoryTempDir.class)
    Path directory;
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();
    private final List<Long> messages = new ArrayList<>();

    /** Four messages, as the version before wrote them. */
    @BeforeEach
    void spool() throws IOException {
        try (SegmentSpool spool = SegmentSpool.open(config(), InstantSource.fixed(InjectionFixture.NOW),
                _ -> {})) {
            for (int i = 0; i < 4; i++) {
                Envelope envelope = new Envelope(spool.nextId(), "", List.of(new Recipient("a@b.example", "b.example")),
                        BodyType.SEVEN_BIT, false, "", "", 0, Origin.LOCAL);
                Spool.Intake intake = spool.intake();
                intake.commit(envelope, new byte[0], false, false).join();
                messages.add(envelope.id().value());
            }
        }
    }

    @Test
    void aFinishedRequestIsAnsweredAndItsMessagesAreQueued() throws Exception {
        intent(KEY, NOW, messages.get(0), messages.get(1), messages.get(2));
        done(KEY, NOW, messages.get(2));
        file(1);
        for (int start = 0; start < 2; start++) {
            Start found = start();
            assertThat(found.queued).containsExactlyInAnyOrder(messages.get(0), messages.get(1), messages.get(3));
            KeyRecord record = Objects.requireNonNull(found.keys.get(KEY));
            assertThat(record.fingerprint()).isEqualTo(HASH);
            assertThat(record.answer()).isEqualTo(ANSWER);
            assertThat(record.expiresMillis()).isEqualTo(NOW + DAY);
            assertThat(found.takenOver).isTrue();
            assertThat(journal()).isEmptyDirectory();
        }
    }

    @Test
    void anUnfinishedRequestIsForgottenAndItsKeyIsFree() throws Exception {
        intent(KEY, NOW, messages.get(0));
        intent(KEY, NOW, messages.get(1));
        done(KEY, NOW);
        intent(OTHER, NOW, messages.get(2));
        file(1);
        for (int start = 0; start < 2; start++) {
            Start found = start();
            assertThat(found.queued).containsExactlyInAnyOrder(messages.get(1), messages.get(3));
            assertThat(found.keys).containsOnlyKeys(KEY);
        }
    }

    @Test
    void whatHasAnotherNameStaysAndALinkIsNeitherReadNorDeleted() throws Exception {
        intent(KEY, NOW, messages.get(0));
        done(KEY, NOW);
        file(1);
        Path other = Files.writeString(journal().resolve("keys-old.log"), "not ours");
        assertThat(start().keys).containsOnlyKeys(KEY);
        assertThat(other).hasContent("not ours");

        Path link = Files.createSymbolicLink(journal().resolve("keys-00000002.log"), other);
        assertThatThrownBy(this::start).isInstanceOf(IOException.class)
                .hasMessageStartingWith(link + ": is a symbolic link");
    }

    @Test
    void aRecordCutOffAtAnyOctetNeverWas() throws Exception {
        intent(KEY, NOW, messages.get(0));
        int intent = log.size();
        done(KEY, NOW);
        byte[] whole = log.toByteArray();
        for (int length = intent; length < whole.length; length++) {
            Files.createDirectories(journal());
            Files.write(journal().resolve("keys-00000001.log"), Arrays.copyOf(whole, length));
            assertThat(withholds(messages.get(0))).as("cut at %d", length).isTrue();
        }
        assertThat(start().keys).isEmpty();
    }

    @Test
    void damageNeverMakesMailDisappearInWhicheverFile() throws Exception {
        intent(KEY, NOW, messages.get(0));
        file(1);
        done(KEY, NOW);
        byte[] whole = log.toByteArray();
        for (int at = 0; at < whole.length; at += 5) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 0x10;
            Files.write(journal().resolve("keys-00000002.log"), damaged);
            assertThat(withholds(messages.get(0))).as("octet %d", at).isFalse();
        }
    }

    @Test
    void keysWhoseTimeIsOverAreNotTakenOver() throws Exception {
        done(KEY, NOW - DAY - 1);
        done(OTHER, NOW - DAY + 1000);
        file(1);
        assertThat(start().keys).containsOnlyKeys(OTHER);
    }

    @Test
    void whatTheSpoolCannotTakeStaysAsItIsUntilAStartThatCan() throws Exception {
        intent(KEY, NOW, messages.get(0));
        intent(OTHER, NOW, messages.get(1));
        done(KEY, NOW);
        file(1);
        Start full = new Start();
        FillingDisk disk = new FillingDisk(config());
        OldJournal journal = OldJournal.open(injection());
        try (SegmentSpool spool = disk.open(config(), 10, InstantSource.fixed(InjectionFixture.NOW),
                found -> full.recovered(journal, found.entry().messageId(), journal.withholds(found.entry())))) {
            disk.failSyncs(true);
            journal.takeOver(spool, NOW);
            assertThat(journal.isTakenOver()).isFalse();
        }
        assertThat(full.queued).doesNotContain(messages.get(1));
        assertThat(journal()).isNotEmptyDirectory();
        Start later = start();
        assertThat(later.takenOver).isTrue();
        assertThat(later.keys).containsOnlyKeys(KEY);
        assertThat(later.queued).containsExactlyInAnyOrder(messages.get(0), messages.get(2), messages.get(3));
    }

    @Test
    void aFileThatCannotBeMadeSureOfIsNotActedUpon() throws Exception {
        intent(KEY, NOW, messages.get(0));
        file(1);
        Path inTheWay = Files.createDirectories(journal().resolve("keys-00000001.log.copy").resolve("x"));
        assertThat(start().takenOver).isFalse();
        Files.delete(inTheWay);
        Start later = start();
        assertThat(later.takenOver).isTrue();
        assertThat(later.queued).containsExactlyInAnyOrder(messages.get(1), messages.get(2), messages.get(3));
        assertThat(journal()).isEmptyDirectory();
    }

    @Test
    void requestsWithAKeyWaitUntilTheKeysOfBeforeAreThere() throws Exception {
        String body = """
                {"envelope_sender": "s@s.example", "recipients": [{"email": "ann@a.example"}],
                 "content": "From: s@s.example\\nSubject: hello\\n\\nhello\\n"}
                """;
        done(KEY, NOW);
        Files.createDirectories(directory.resolve("keys"));
        Files.write(directory.resolve("keys").resolve("keys-00000001.log"), log.toByteArray());
        Path inTheWay = Files
                .createDirectories(directory.resolve("keys").resolve("keys-00000001.log.copy").resolve("x"));
        try (InjectionFixture http = new InjectionFixture(directory)) {
            InjectionFixture.Reply reply = http.post(body, "k");
            assertThat(reply.status()).isEqualTo(503);
            assertThat(reply.text("/detail")).isEqualTo("the idempotency keys of before are not taken over yet");
            assertThat(http.post(body).status()).isEqualTo(200);
        }
        Files.delete(inTheWay);
        try (InjectionFixture http = new InjectionFixture(directory)) {
            assertThat(http.post(body, "k").status()).as("its body was another").isEqualTo(422);
            assertThat(http.post(body, "l").status()).isEqualTo(200);
        }
    }

    /** What a start found. */
    private static final class Start {
        final List<Long> queued = new ArrayList<>();
        final Map<IdempotencyKey, KeyRecord> keys = new HashMap<>();
        boolean takenOver;

        void recovered(OldJournal journal, long messageId, boolean withheld) {
            assertThat(journal.isTakenOver()).isFalse();
            if (!withheld) {
                queued.add(messageId);
            }
        }
    }

    private Start start() throws IOException {
        Start start = new Start();
        OldJournal journal = OldJournal.open(injection());
        try (SegmentSpool spool = open(journal, start)) {
            journal.takeOver(spool, NOW);
            start.takenOver = journal.isTakenOver();
            for (IdempotencyKey key : List.of(KEY, OTHER)) {
                KeyRecord record = spool.keys().find(key);
                if (record != null) {
                    start.keys.put(key, record);
                }
            }
        }
        return start;
    }

    private boolean withholds(long messageId) throws IOException {
        return OldJournal.open(injection()).withholds(TestEntries.entry(messageId, 0));
    }

    private SegmentSpool open(OldJournal journal, Start start) throws IOException {
        return SegmentSpool.open(config(), InstantSource.fixed(InjectionFixture.NOW),
                found -> start.recovered(journal, found.entry().messageId(), journal.withholds(found.entry())));
    }

    private void intent(IdempotencyKey key, long millis, long... ids) {
        ByteBuffer payload = ByteBuffer.allocate(29 + 8 * ids.length).put((byte) 1).putLong(millis)
                .putLong(key.high()).putLong(key.low()).putInt(ids.length);
        Arrays.stream(ids).forEach(payload::putLong);
        record(payload.array());
    }

    private void done(IdempotencyKey key, long millis, long... failed) {
        ByteBuffer payload = ByteBuffer.allocate(61 + 8 * failed.length + ANSWER.length).put((byte) 2).putLong(millis)
                .putLong(key.high()).putLong(key.low()).put(HASH).putInt(failed.length);
        Arrays.stream(failed).forEach(payload::putLong);
        record(payload.put(ANSWER).array());
    }

    private void record(byte[] payload) {
        CRC32C crc = new CRC32C();
        crc.update(payload);
        log.writeBytes(ByteBuffer.allocate(12 + payload.length).putInt(payload.length).putInt(~payload.length)
                .putInt((int) crc.getValue()).put(payload).array());
    }

    /** What was logged so far, as a file. */
    private void file(int number) throws IOException {
        Files.createDirectories(journal());
        Files.write(journal().resolve("keys-%08d.log".formatted(number)), log.toByteArray());
        log.reset();
    }

    private Path journal() {
        return directory.resolve("journal");
    }

    private InjectionConfig injection() {
        InjectionConfig c = InjectionConfig.DEFAULT;
        return c.with(InjectionConfig.DIRECTORY, journal());
    }

    private SpoolConfig config() {
        SpoolConfig d = SpoolConfig.DEFAULT;
        return d.with(SpoolConfig.DIRECTORY, directory.resolve("spool"))
                .with(SpoolConfig.SEGMENT_SIZE, ByteSize.ofKilobytes(256))
                .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(16))
                .with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(1)).with(SpoolConfig.MIN_FREE_SPACE, new ByteSize(0))
                .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 1);
    }
}
