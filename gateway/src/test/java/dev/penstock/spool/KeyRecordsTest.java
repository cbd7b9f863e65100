package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.Envelope;
import dev.penstock.testing.ManualClock;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.testing.Patience;

/** An idempotency key and the messages of its request are both in the log, or neither; and no longer than needed. */
class KeyRecordsTest {
    private static final Duration PATIENCE = Patience.LONG;
    private static final Duration RETENTION = Duration.ofHours(24);
    private static final IdempotencyKey KEY = new IdempotencyKey(1, 2);
    private static final byte[] FINGERPRINT = content(7, KeyRecord.FINGERPRINT);

    private final ManualClock clock = new ManualClock();
    @TempDir(factory = MemoryTempDir.class)
    Path directory;

    @Test
    void aKeyAndItsMessagesCountTogetherAfterOneSync() throws IOException {
        Path crashed = directory.resolve("crashed");
        Path live = directory.resolve("live");
        try (SpoolFixture fixture = open(live)) {
            long before = fixture.spool.stats().syncs();
            Spool.KeyedRequest request = fixture.spool.keys().begin(KEY);
            List<CompletableFuture<List<SpoolEntry>>> commits = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                commits.add(hold(fixture, request, i, 1000));
            }
            assertThat(await(request.record(answer("yes"), 20))).isTrue();
            assertThat(fixture.spool.stats().syncs() - before).isEqualTo(1);
            assertThat(commits).allMatch(CompletableFuture::isDone);
            SpoolFixture.copy(live, crashed);
        }
        for (Path path : List.of(crashed, live)) {
            for (int start = 0; start < 3; start++) {
                try (SpoolFixture fixture = open(path)) {
                    assertThat(fixture.recovered).as("start %d of %s", start, path).hasSize(20);
                    KeyRecord found = Objects.requireNonNull(fixture.spool.keys().find(KEY));
                    assertThat(found.answer()).asString(US_ASCII).isEqualTo("yes");
                    assertThat(found.fingerprint()).isEqualTo(FINGERPRINT);
                    assertThat(fixture.spool.keys().find(new IdempotencyKey(2, 1))).isNull();
                    for (SpoolFixture.Recovered one : fixture.recovered.values()) {
                        assertThat(fixture.read(one.entry())).hasSize(1000);
                    }
                }
            }
        }
    }

    @Test
    void messagesHeldForAKeyThatWasNotRecordedAreThrownAwayForGood() throws IOException {
        Path crashed = directory.resolve("crashed");
        Path live = directory.resolve("live");
        try (SpoolFixture fixture = open(live)) {
            Spool.KeyedRequest request = fixture.spool.keys().begin(KEY);
            await(hold(fixture, request, 1, 100));
            await(hold(fixture, request, 2, 50_000)); // in parts
            await(request.intake().commit(fixture.envelope("a@one.example", "b@two.example"), new byte[0], false,
                    false));
            fixture.accept(content(3, 100), "other@one.example");
            SpoolFixture.copy(live, crashed);
            request.abandon();
        }
        assertThat(printed(crashed)).contains("1 messages with 1 destinations not done, 3 held for a key");
        for (Path path : List.of(crashed, live)) {
            for (int start = 0; start < 2; start++) {
                try (SpoolFixture fixture = open(path)) {
                    assertThat(recipients(fixture)).as("start %d of %s", start, path)
                            .containsExactly("other@one.example");
                    assertThat(fixture.spool.keys().find(KEY)).isNull();
                    assertThat(fixture.spool.stats().messages()).isEqualTo(1);
                }
            }
            assertThat(printed(path)).contains("1 messages with 1 destinations not done, 0 held for a key");
        }
    }

    @Test
    void aLogCutAtAnyOctetHasBothOrNeither() throws IOException {
        Path made = directory.resolve("made");
        byte[] whole = keyed(made, 0, _ -> {});
        long keyEnd = end(whole, Records.KEY);
        for (int cut = SegmentHeader.LENGTH; cut <= whole.length; cut++) {
            Path copy = segment("cut-" + cut, Arrays.copyOf(whole, cut));
            try (SpoolFixture fixture = open(copy)) {
                boolean both = cut >= keyEnd;
                assertThat(recipients(fixture)).as("cut at %d", cut)
                        .isEqualTo(both ? List.of("r1@one.example", "r2@one.example") : List.of());
                assertThat(fixture.spool.keys().find(KEY) != null).as("cut at %d", cut).isEqualTo(both);
            }
        }
    }

    @Test
    void aKeyThatWasSyncedAndIsDamagedSinceCostsNoMessage() throws IOException {
        byte[] whole = keyed(directory.resolve("made"), 0, fixture -> fixture.accept(content(9, 50),
                "later@one.example"));
        int keyAt = at(whole, Records.KEY);
        int length = Records.length(ByteBuffer.wrap(whole), keyAt);
        for (int octet = keyAt; octet < keyAt + length; octet += 7) {
            byte[] damaged = whole.clone();
            damaged[octet] ^= 0x10;
            Path copy = segment("damaged-" + octet, damaged);
            for (int start = 0; start < 3; start++) {
                try (SpoolFixture fixture = open(copy)) {
                    assertThat(recipients(fixture)).as("octet %d, start %d", octet, start)
                            .containsExactly("later@one.example", "r1@one.example", "r2@one.example");
                    assertThat(fixture.spool.keys().find(KEY)).isNull();
                    assertThat(fixture.spool.stats().quarantined()).as("until what counts is settled")
                            .isEqualTo(start < 2 ? 1 : 0);
                    assertThat(copy.resolve("quarantine")).isNotEmptyDirectory();
                }
            }
        }
    }

    @Test
    void aMessageThatNeverReachedTheDiskBesideItsKeyMeansThatNeitherWas() throws IOException {
        for (String lost : List.of("r1@one.example", "r2@one.example")) {
            byte[] whole = keyed(directory.resolve("made-" + lost), 0, _ -> {});
            wipe(whole, lost);
            Path copy = segment("lost-" + lost, whole);
            for (int start = 0; start < 3; start++) {
                try (SpoolFixture fixture = open(copy)) {
                    assertThat(recipients(fixture)).as("start %d", start).isEmpty();
                    assertThat(fixture.spool.keys().find(KEY)).isNull();
                }
            }
        }
    }

    @Test
    void aMessageThatIsDamagedBesideASyncedKeyCostsNoOther() throws IOException {
        byte[] whole = keyed(directory.resolve("made"), 0, fixture -> fixture.accept(content(9, 50),
                "later@one.example"));
        wipe(whole, "r1@one.example");
        Path copy = segment("damaged", whole);
        for (int start = 0; start < 3; start++) {
            try (SpoolFixture fixture = open(copy)) {
                assertThat(recipients(fixture)).as("start %d", start)
                        .containsExactly("later@one.example", "r2@one.example");
                assertThat(fixture.spool.keys().find(KEY)).isNotNull();
            }
        }
    }

    @Test
    void aKeyRefusedByAVersionThatKnowsNoneLeavesItsMessages() throws IOException {
        byte[] whole = keyed(directory.resolve("made"), 0, _ -> {});
        Path copy = segment("downgraded", Arrays.copyOf(whole, at(whole, Records.KEY)));
        long salt = Objects.requireNonNull(SegmentHeader.decode(ByteBuffer.wrap(whole))).salt();
        Files.write(copy.resolve("data-000002.seg"),
                new SegmentHeader(2, false, salt, 1, false).encode().array());
        for (int start = 0; start < 3; start++) {
            try (SpoolFixture fixture = open(copy)) {
                assertThat(recipients(fixture)).as("start %d", start)
                        .containsExactly("r1@one.example", "r2@one.example");
                Awaitility.await().atMost(PATIENCE).until(() -> !Files.exists(copy.resolve("data-000002.seg")));
            }
        }
    }

    @Test
    void aKeyIsForgottenWhenItsTimeIsOverWithoutASyncAndItsSegmentGoes() throws IOException {
        Path path = directory.resolve("expiry");
        try (SpoolFixture fixture = open(path)) {
            for (int i = 0; i < 400; i++) {
                await(fixture.spool.keys().begin(new IdempotencyKey(9, i)).record(answer("a".repeat(400)), 0));
            }
            assertThat(fixture.spool.stats().segments()).isGreaterThan(3);
            assertThat(fixture.spool.stats().liveBytes()).isGreaterThan(400 * 400);
            assertThat(fixture.spool.keys().hasRoom(400)).isFalse();
            assertThat(fixture.spool.keys().hasRoom(401)).isTrue();
            long syncs = fixture.spool.stats().syncs();
            clock.advance(RETENTION.plusSeconds(1));
            assertThat(fixture.spool.keys().find(new IdempotencyKey(9, 3))).isNull();
            assertThat(fixture.spool.keys().hasRoom(400)).isTrue();
            Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.stats().segments() == 1);
            assertThat(fixture.spool.stats().liveBytes()).isZero();
            assertThat(fixture.spool.stats().syncs()).isEqualTo(syncs);
            assertThat(fixture.spool.keys().size()).isZero();
        }
        try (SpoolFixture again = open(path)) {
            assertThat(again.spool.keys().size()).isZero();
        }
    }

    @Test
    void aKeyWhoseTimeIsOverIsKeptForItsMessagesAndMayBeUsedAgain() throws IOException {
        Path path = directory.resolve("expiry");
        Path crashed = directory.resolve("crashed");
        keyed(path, 0, fixture -> {
            clock.advance(RETENTION.plusSeconds(1));
            assertThat(await(fixture.spool.keys().begin(KEY).record(answer("second"), 0))).isTrue();
            SpoolFixture.copy(path, crashed);
        });
        for (int start = 0; start < 2; start++) {
            try (SpoolFixture fixture = open(crashed)) {
                assertThat(recipients(fixture)).containsExactly("r1@one.example", "r2@one.example");
                assertThat(Objects.requireNonNull(fixture.spool.keys().find(KEY)).answer()).asString(US_ASCII)
                        .isEqualTo("second");
                assertThat(fixture.spool.keys().size()).isEqualTo(1);
            }
        }
        clock.advance(RETENTION.plusSeconds(1));
        try (SpoolFixture fixture = open(crashed)) {
            assertThat(fixture.spool.stats().liveBytes()).isPositive();
            for (SpoolFixture.Recovered one : fixture.recovered.values()) {
                await(fixture.spool.done(one.entry()));
            }
            assertThat(fixture.spool.stats().liveBytes()).as("nothing needs the key any more").isZero();
        }
    }

    @Test
    void aSpoolOfKeysAloneComesToRest() throws IOException {
        Path path = directory.resolve("rest");
        try (SpoolFixture fixture = open(path)) {
            for (int i = 0; i < 300; i++) {
                clock.advance(i == 200 ? RETENTION.plusSeconds(1) : Duration.ZERO);
                await(fixture.spool.keys().begin(new IdempotencyKey(3, i)).record(answer("a".repeat(400)), 0));
            }
            Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.stats().segmentsReclaimed() > 0);
            AtomicLong syncs = new AtomicLong();
            AtomicLong moved = new AtomicLong();
            // some ticks of the maintenance thread, in which nothing happens
            Awaitility.await().atMost(PATIENCE).during(Duration.ofSeconds(1)).until(() -> {
                SpoolStats now = fixture.spool.stats();
                return syncs.getAndSet(now.syncs()) == now.syncs()
                        && moved.getAndSet(now.bytesMoved()) == now.bytesMoved();
            });
            assertThat(fixture.spool.keys().size()).isEqualTo(100);
        }
        try (SpoolFixture again = open(path)) {
            assertThat(again.spool.keys().size()).isEqualTo(100);
        }
    }

    @Test
    void keysMoveToAColdSegmentWithWhatIsLeftOfTheirMessages() throws IOException {
        Path path = directory.resolve("cold");
        try (SpoolFixture fixture = open(path)) {
            for (int round = 0; round < 40; round++) {
                Spool.KeyedRequest request = fixture.spool.keys().begin(new IdempotencyKey(5, round));
                List<SpoolEntry> done = new ArrayList<>();
                for (int i = 0; i < 10; i++) {
                    done.addAll(await(hold(fixture, request, round * 10 + i, 1500)));
                }
                assertThat(await(request.record(answer("round " + round), 10))).isTrue();
                done.removeLast();
                done.stream().map(fixture.spool::done).toList().forEach(SpoolFixture::await);
            }
            Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.stats().bytesMoved() > 0
                    && fixture.spool.stats().bytesOnDisk() < 320 << 10);
            expectRounds(fixture);
        }
        for (int start = 0; start < 2; start++) {
            try (SpoolFixture fixture = open(path)) {
                assertThat(fixture.recovered).hasSize(40);
                assertThat(fixture.spool.stats().quarantined()).isZero();
                expectRounds(fixture);
            }
        }
    }

    private static void expectRounds(SpoolFixture fixture) throws IOException {
        for (int round = 0; round < 40; round++) {
            KeyRecord found = Objects.requireNonNull(fixture.spool.keys().find(new IdempotencyKey(5, round)));
            assertThat(found.answer()).asString(US_ASCII).isEqualTo("round " + round);
        }
    }

    @Test
    void aMessageRefusedByItsDeadlineLeavesTheKeyUnrecordedUntilTheAnswerIsAnother() throws IOException {
        HurriedMachine machine = new HurriedMachine();
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(directory, SpoolFixture.SEGMENT));
        CountDownLatch stall = new CountDownLatch(1);
        try (SpoolFixture fixture = SpoolFixture.open(config(directory), store, machine, clock)) {
            Spool.KeyedRequest request = fixture.spool.keys().begin(KEY);
            await(hold(fixture, request, 1, 100));
            store.stall = stall;
            long written = fixture.spool.stats().recordsWritten();
            CompletableFuture<List<SpoolEntry>> stalled = fixture.append(fixture.envelope("a@one.example"),
                    content(1, 10));
            Awaitility.await().until(() -> fixture.spool.stats().recordsWritten() > written);
            CompletableFuture<List<SpoolEntry>> late = hold(fixture, request, 2, 100);
            machine.passes(Duration.ofHours(1));
            FailingSyncTest.assertFailed(stalled, SpoolException.Reason.OVERLOADED);
            assertThat(late).as("overdue, and looked at before the one that is written").isNotDone();
            CompletableFuture<Boolean> recorded = request.record(answer("two"), 2);
            store.stall = null;
            stall.countDown();
            assertThat(await(recorded)).isFalse();
            FailingSyncTest.assertFailed(late, SpoolException.Reason.OVERLOADED);
            assertThat(fixture.spool.keys().find(KEY)).isNull();
            assertThat(await(request.record(answer("one"), 1))).isTrue();
        }
        try (SpoolFixture again = open(directory)) {
            assertThat(recipients(again)).containsExactly("r1@one.example");
        }
    }

    @Test
    void aFullDiskRefusesTheKeyAndItsMessagesEnd() throws IOException {
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(directory, SpoolFixture.SEGMENT));
        try (SpoolFixture fixture = SpoolFixture.open(config(directory), store, clock)) {
            Spool.KeyedRequest request = fixture.spool.keys().begin(KEY);
            await(hold(fixture, request, 1, 100));
            store.room = 0;
            FailingSyncTest.assertFailed(request.record(answer("a".repeat(100_000)), 1), SpoolException.Reason.FULL);
            request.abandon();
            store.room = Long.MAX_VALUE;
            Awaitility.await().atMost(PATIENCE)
                    .until(() -> fixture.spool.health().state() == SpoolHealth.State.READY);
            assertThat(await(fixture.spool.keys().begin(KEY).record(answer("now"), 0))).isTrue();
            assertThat(fixture.spool.stats().messages()).isZero();
        }
        try (SpoolFixture again = open(directory)) {
            assertThat(again.recovered).isEmpty();
            assertThat(again.spool.keys().size()).isEqualTo(1);
        }
    }

    @Test
    void afterAFailedSyncTheNextStartFindsBothAndKeepsThemThroughALossOfPower() throws IOException {
        Path live = directory.resolve("live");
        List<Long> rewritten = new ArrayList<>();
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(live, SpoolFixture.SEGMENT));
        try (SpoolFixture fixture = SpoolFixture.open(config(live), store, clock)) {
            Spool.KeyedRequest request = fixture.spool.keys().begin(KEY);
            var _ = hold(fixture, request, 1, 100);
            store.syncFails = true;
            FailingSyncTest.assertFailed(request.record(answer("both"), 1), SpoolException.Reason.FAILED);
            assertThat(fixture.spool.keys().find(KEY)).isNull();
            assertThatThrownBy(request::intake).isInstanceOf(SpoolException.class);
        }
        FaultySegmentStore next = new FaultySegmentStore(new FileSegmentStore(live, SpoolFixture.SEGMENT));
        next.onSecure = (from, to) -> rewritten.addAll(List.of(from, to));
        try (SpoolFixture fixture = SpoolFixture.open(config(live), next, clock)) {
            assertThat(recipients(fixture)).containsExactly("r1@one.example");
            assertThat(fixture.spool.keys().find(KEY)).isNotNull();
        }
        byte[] octets = Files.readAllBytes(live.resolve("data-000001.seg"));
        assertThat(rewritten).as("what a kernel may take for written").containsExactly((long) SegmentHeader.LENGTH,
                Records.align(end(octets, Records.KEY)));
    }

    @Test
    void aKeyThatCannotBeReadIsNotTakenForUnknown() throws IOException {
        try (SpoolFixture fixture = open(directory)) {
            await(fixture.spool.keys().begin(KEY).record(answer("yes"), 0));
            Path file = directory.resolve("data-000001.seg");
            byte[] octets = Files.readAllBytes(file);
            octets[at(octets, Records.KEY) + 40] ^= 1;
            Files.write(file, octets);
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> fixture.spool.keys().find(KEY)).isInstanceOf(IOException.class)
                        .hasMessageContaining("damaged");
                assertThat(fixture.spool.stats().quarantined()).isEqualTo(1);
            }
        }
    }

    private interface Use {
        void with(SpoolFixture fixture) throws IOException;
    }

    /** A log in use, whole to its last record: two messages, their key, and what {@code then} adds. */
    private byte[] keyed(Path path, int size, Use then) throws IOException {
        try (SpoolFixture fixture = open(path)) {
            Spool.KeyedRequest request = fixture.spool.keys().begin(KEY);
            await(hold(fixture, request, 1, size));
            await(hold(fixture, request, 2, size));
            assertThat(await(request.record(answer("yes"), 2))).isTrue();
            then.with(fixture);
            byte[] octets = Files.readAllBytes(path.resolve("data-000001.seg"));
            int length = octets.length;
            while (octets[length - 1] == 0) {
                length--;
            }
            return Arrays.copyOf(octets, (int) Records.align(length));
        }
    }

    private Path segment(String name, byte[] octets) throws IOException {
        Path path = Files.createDirectories(directory.resolve(name));
        Files.write(path.resolve("data-000001.seg"), octets);
        return path;
    }

    /** Zeros, as in room that was set aside and never written. */
    private static void wipe(byte[] log, String recipient) {
        ByteBuffer octets = ByteBuffer.wrap(log);
        for (int at = SegmentHeader.LENGTH; at + Records.HEADER <= log.length;) {
            int length = Records.length(octets, at);
            if (Records.type(octets, at) == Records.ACCEPTED && Metas.accepted(octets, at).envelope().recipients()
                    .getFirst().address().equals(recipient)) {
                Arrays.fill(log, at, at + length, (byte) 0);
                return;
            }
            at = (int) Records.align(at + length);
        }
        throw new AssertionError("no message for " + recipient);
    }

    private static int at(byte[] log, byte type) {
        ByteBuffer octets = ByteBuffer.wrap(log);
        int at = SegmentHeader.LENGTH;
        while (Records.type(octets, at) != type) {
            at = (int) Records.align(at + Records.length(octets, at));
        }
        return at;
    }

    private static long end(byte[] log, byte type) {
        int at = at(log, type);
        return (long) at + Records.length(ByteBuffer.wrap(log), at);
    }

    private static CompletableFuture<List<SpoolEntry>> hold(SpoolFixture fixture, Spool.KeyedRequest request, int seed,
            int size) {
        Spool.Intake intake = request.intake();
        byte[] octets = content(seed, size);
        intake.write(octets, 0, octets.length);
        Envelope envelope = fixture.envelope("r" + seed + "@one.example");
        return intake.commit(envelope, new byte[0], false, false);
    }

    private KeyRecord answer(String text) {
        return new KeyRecord(FINGERPRINT, text.getBytes(US_ASCII), clock.millis() + RETENTION.toMillis());
    }

    private static List<String> recipients(SpoolFixture fixture) {
        return fixture.recovered.values().stream().flatMap(one -> Stream.of(one.envelope().recipients().getFirst()))
                .map(dev.penstock.message.Recipient::address).sorted().toList();
    }

    private static String printed(Path path) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertThat(SpoolInspector.verify(path, new PrintStream(out, true, US_ASCII))).isZero();
        assertThat(SpoolInspector.list(path, SpoolListing.Filter.ALL, SpoolListing.Form.TABLE, InstantSource.system(),
                new PrintStream(out, true, US_ASCII))).isZero();
        return out.toString(US_ASCII);
    }

    private SpoolFixture open(Path path) throws IOException {
        return SpoolFixture.open(config(path), clock);
    }

    private static SpoolConfig config(Path path) {
        SpoolConfig usual = SpoolFixture.withSegmentSize(SpoolFixture.config(path), 64 << 10);
        return usual.with(SpoolConfig.DIRECTORY, path).with(SpoolConfig.READERS, 1).with(SpoolConfig.RECLAIM_BELOW, 70);
    }
}
