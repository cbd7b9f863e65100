package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.Envelope;
import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.spool.AttemptState.Status;
import dev.penstock.testing.Patience;
import dev.penstock.units.ByteSize;

class AppendTest {
    @TempDir
    Path directory;

    @Test
    void readsBackWhatWasAppendedFromMemoryAndFromDisk() throws IOException {
        byte[] body = content(1, 5000);
        for (var config : List.of(SpoolFixture.config(directory.resolve("cached")),
                SpoolFixture.withoutCache(SpoolFixture.config(directory.resolve("uncached"))))) {
            try (SpoolFixture fixture = SpoolFixture.open(config)) {
                Envelope envelope = fixture.envelope("a@one.example", "b@two.example", "c@one.example");
                Spool.Intake intake = fixture.spool.intake();
                intake.write(body, 0, 3000);
                intake.write(body, 3000, 2000);
                List<SpoolEntry> entries = await(intake.commit(envelope, new byte[0], true, true));

                assertThat(entries).hasSize(2);
                for (SpoolEntry entry : entries) {
                    StoredMessage stored = fixture.spool.read(entry);
                    assertThat(stored.envelope()).isEqualTo(envelope);
                    assertThat(stored.content().size()).isEqualTo(5000);
                    assertThat(stored.content().hasDotLines()).isTrue();
                    assertThat(stored.content().hasEightBit()).isTrue();
                    assertThat(SpoolFixture.octets(stored.content())).isEqualTo(body);
                }
            }
        }
    }

    @Test
    void takesAnEmptyMessageAndOneAtTheInlineLimitAndOneBeyond() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(SpoolFixture.withoutCache(SpoolFixture.config(directory)))) {
            for (int length : new int[]{0, 1, 16 * 1024, 16 * 1024 + 1, 100_000}) {
                SpoolEntry entry = fixture.accept(content(length, length), "a@one.example").getFirst();
                assertThat(fixture.read(entry)).isEqualTo(content(length, length));
            }
        }
    }

    /** In one record, in one record beyond the inline limit, as a part before parts; alone; and larger than a part. */
    @Test
    void whatIsGivenAtTheCommitStandsBeforeAllThatWasWritten() throws IOException {
        int limit = 16 * 1024;
        for (var config : List.of(SpoolFixture.config(directory.resolve("cached")),
                SpoolFixture.withoutCache(SpoolFixture.config(directory.resolve("uncached"))))) {
            Map<String, byte[]> written = new TreeMap<>();
            try (SpoolFixture fixture = SpoolFixture.open(config)) {
                for (int before : new int[]{1, 200, limit, 3 * limit}) {
                    for (int length : new int[]{0, 1, 5000, limit, limit + 1, 100_000}) {
                        byte[] whole = content(before + length, before + length);
                        List<SpoolEntry> entries = fixture.accept(before, whole, "a@one.example", "b@two.example");
                        for (SpoolEntry entry : entries) {
                            StoredMessage stored = fixture.spool.read(entry);
                            assertThat(stored.content().size()).isEqualTo(before + length);
                            assertThat(SpoolFixture.octets(stored.content())).as("%d before %d", before, length)
                                    .isEqualTo(whole);
                            written.put(SpoolFixture.key(entry), whole);
                        }
                    }
                }
            }
            try (SpoolFixture again = SpoolFixture.open(config)) {
                assertThat(again.recovered.keySet()).isEqualTo(written.keySet());
                for (SpoolFixture.Recovered found : again.recovered.values()) {
                    byte[] whole = Objects.requireNonNull(written.get(SpoolFixture.key(found.entry())));
                    assertThat(found.size()).isEqualTo(whole.length);
                    assertThat(again.read(found.entry())).isEqualTo(whole);
                }
            }
        }
    }

    @Test
    void whatStandsBeforeTheContentCountsAsItDoes() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            fixture.accept(content(1, 3000), "a@one.example");
            long inline = fixture.spool.stats().cachedBytes();
            long live = fixture.spool.stats().liveBytes();
            fixture.accept(2000, content(2, 3000), "a@one.example");
            assertThat(fixture.spool.stats().cachedBytes()).isEqualTo(2 * inline);
            assertThat(fixture.spool.stats().liveBytes()).isEqualTo(2 * live);
            for (String key : List.of("a@one.example", "b@one.example")) {
                for (SpoolEntry entry : fixture.accept(500, content(3, 40_000), key)) {
                    await(fixture.spool.done(entry));
                }
            }
            assertThat(fixture.spool.stats().liveBytes()).as("with the part before the parts given back")
                    .isEqualTo(2 * live);
        }
    }

    @Test
    void whatFindsNoRoomBeforeTheContentIsRefusedWithIt() throws IOException {
        SpoolConfig usual = SpoolFixture.config(directory);
        try (SpoolFixture fixture = SpoolFixture.open(new SpoolConfig(directory, usual.segmentSize(),
                usual.inlineLimit(), usual.cacheSize(), usual.minFreeSpace(), usual.appendDeadline(),
                ByteSize.ofKilobytes(64), usual.readers(), usual.reclaimBelow()))) {
            for (int length : new int[]{10, 20_000}) {
                Spool.Intake intake = fixture.spool.intake();
                intake.write(content(1, length), 0, length);
                await(intake.writable());
                assertThatThrownBy(() -> await(intake.commit(fixture.envelope("a@one.example"), new byte[100_000],
                        false, false))).hasCauseInstanceOf(SpoolException.class);
            }
            fixture.accept(content(2, 10), "a@one.example");
            assertThat(fixture.spool.stats().messages()).isEqualTo(1);
            Awaitility.await().untilAsserted(() -> assertThat(fixture.spool.waitingOctets()).isZero());
            assertThat(fixture.spool.stats().liveBytes()).isLessThan(1000);
        }
    }

    @Test
    void answersManyWritersWithFewSyncs() throws Exception {
        int writers = 256;
        int each = 8;
        FaultySegmentStore store = new FaultySegmentStore(new FileSegmentStore(directory, SpoolFixture.SEGMENT));
        try (SpoolFixture fixture = SpoolFixture.open(SpoolFixture.config(directory), store)) {
            for (int i = 0; i < each; i++) {
                CountDownLatch slow = new CountDownLatch(1); // a disk's sync, not one of memory: others come meanwhile
                store.stall = slow;
                CountDownLatch came = new CountDownLatch(writers);
                Queue<CompletableFuture<List<SpoolEntry>>> asked = new ConcurrentLinkedQueue<>();
                for (int w = 0; w < writers; w++) {
                    int writer = w;
                    Thread.ofVirtual().start(() -> {
                        asked.add(fixture.append(fixture.envelope("w" + writer + "@one.example"),
                                content(writer, 500)));
                        came.countDown();
                    });
                }
                assertThat(came.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
                store.stall = null;
                slow.countDown();
                asked.forEach(SpoolFixture::await);
            }
            assertThat(fixture.spool.stats().messages()).isEqualTo((long) writers * each);
            assertThat(fixture.spool.stats().syncs()).isLessThan(writers * each / 4);
            // The committer counts a batch off after it has answered it.
            Awaitility.await().untilAsserted(() -> assertThat(fixture.spool.stats().waiting()).isZero());
        }
    }

    @Test
    void forgetsWhatIsDone() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            List<SpoolEntry> entries = fixture.accept(content(1, 100), "a@one.example", "b@two.example");
            await(fixture.spool.done(entries.getFirst()));
            assertThat(fixture.read(entries.getLast())).isEqualTo(content(1, 100));
            await(fixture.spool.done(entries.getLast()));
            assertThat(fixture.spool.stats().messages()).isZero();
            assertThat(fixture.spool.stats().liveBytes()).isZero();
            assertThat(fixture.spool.stats().cachedBytes()).isZero();
        }
    }

    @Test
    void dropsTheCachedContentAtTheFirstDeferral() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            SpoolEntry entry = fixture.accept(content(1, 100), "a@one.example").getFirst();
            assertThat(fixture.spool.stats().cachedBytes()).isPositive();
            await(fixture.spool.recordAttempt(entry, deferred(1, 1000, 0, "450 later")));
            assertThat(fixture.spool.stats().cachedBytes()).isZero();
            assertThat(fixture.read(entry)).isEqualTo(content(1, 100));
        }
    }

    @Test
    void givesBackTheLastAttempt() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            SpoolEntry entry = fixture.accept(content(1, 100), "a@one.example").getFirst();
            assertThat(fixture.spool.lastAttempt(entry)).isEqualTo(new AttemptState(0, 0, List.of()));
            await(fixture.spool.recordAttempt(entry, deferred(1, 1000, 0, "450 later")));
            AttemptState second = deferred(2, 2000, 0, "451 4.7.1 grey");
            await(fixture.spool.recordAttempt(entry, second));
            assertThat(fixture.spool.lastAttempt(entry)).isEqualTo(second);
        }
    }

    @Test
    void carriesOverTheRecipientsAnAttemptDoesNotName() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            SpoolEntry entry = fixture.accept(content(1, 100), "a@x.example", "b@x.example", "c@x.example").getFirst();
            var first = fixture.spool.recordAttempt(entry, new AttemptState(1, 10,
                    List.of(new RecipientState(0, Status.DELIVERED, "250 ok"),
                            new RecipientState(1, Status.DEFERRED, "450 one"),
                            new RecipientState(2, Status.DEFERRED, "450 two"))));
            var second = fixture.spool.recordAttempt(entry, deferred(2, 20, 1, "450 again"));
            var third = fixture.spool.recordAttempt(entry,
                    new AttemptState(3, 30, List.of(new RecipientState(2, Status.BOUNCED, "550 no"))));
            await(first);
            await(second);
            await(third);
            assertThat(fixture.spool.lastAttempt(entry)).isEqualTo(new AttemptState(3, 30,
                    List.of(new RecipientState(0, Status.DELIVERED, "250 ok"),
                            new RecipientState(1, Status.DEFERRED, "450 again"),
                            new RecipientState(2, Status.BOUNCED, "550 no"))));
        }
    }

    @Test
    void refusesWhenClosedAndOnASecondOpen() throws IOException {
        SpoolFixture fixture = SpoolFixture.open(directory);
        assertThatThrownBy(() -> SpoolFixture.open(directory)).isInstanceOf(IOException.class)
                .hasMessageContaining("in use by another process");
        fixture.close();
        assertThat(fixture.spool.health().state()).isEqualTo(SpoolHealth.State.CLOSED);
        assertThatThrownBy(fixture.spool::intake).isInstanceOf(SpoolException.class)
                .extracting(e -> ((SpoolException) e).reason()).isEqualTo(SpoolException.Reason.CLOSED);
        fixture.close();
    }

    @Test
    void anAbortedIntakeLeavesNothing() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            Spool.Intake intake = fixture.spool.intake();
            intake.write(content(1, 100_000), 0, 100_000);
            await(intake.writable());
            intake.abort();
            intake.abort();
            fixture.accept(content(2, 10), "a@one.example");
            assertThat(fixture.spool.stats().messages()).isEqualTo(1);
            assertThat(fixture.spool.stats().liveBytes()).isLessThan(1000);
        }
    }

    @Test
    void keepsOneDomainFromTakingTheWholeCache() throws IOException {
        List<SpoolEntry> slow = new ArrayList<>();
        try (SegmentSpool spool = SegmentSpool.open(SpoolFixture.config(directory), 10, 0,
                java.time.InstantSource.system(),
                _ -> {})) {
            for (int i = 0; i < 100; i++) {
                slow.add(append(spool, "a@slow.example"));
            }
            long taken = spool.stats().cachedBytes();
            assertThat(taken).isPositive().isLessThanOrEqualTo(1 << 20);
            append(spool, "a@fast.example");
            assertThat(spool.stats().cachedBytes()).isGreaterThan(taken);
            assertThat(slow).hasSize(100);
        }
    }

    private static SpoolEntry append(SegmentSpool spool, String recipient) {
        Spool.Intake intake = spool.intake();
        intake.write(content(1, 4000), 0, 4000);
        Envelope envelope = new Envelope(spool.nextId(), "", List.of(new dev.penstock.message.Recipient(recipient,
                recipient.substring(2))), dev.penstock.message.BodyType.SEVEN_BIT, false, "", "", 0,
                dev.penstock.message.Origin.LOCAL);
        return await(intake.commit(envelope, new byte[0], false, false)).getFirst();
    }

    static AttemptState deferred(int attempts, long nextMillis, int recipient, String reply) {
        return new AttemptState(attempts, nextMillis,
                List.of(new RecipientState(recipient, Status.DEFERRED, reply)));
    }
}
