package dev.penstock.spool;

import static dev.penstock.spool.AppendTest.deferred;
import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static dev.penstock.spool.SpoolFixture.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.MessageId;
import dev.penstock.spool.SegmentStore.Kind;
import dev.penstock.testing.Patience;

/** A spool on something that is no file system: the store's promises are enough for it. */
class LedgerStoreTest {
    private static final Duration PATIENCE = Patience.LONG;
    private static final int TAKEOVERS = 30;
    private static final int CLIENTS = 4;

    private final SpoolConfig config = SpoolFixture.withoutCache(
            SpoolFixture.withSegmentSize(SpoolFixture.config(Path.of("in", "ledgers")), 64 << 10));
    private final LedgerSegmentStore.Log log = new LedgerSegmentStore.Log(1);

    @Test
    void whatWasTakenIsThereAtTheNextStartWhatIsDoneIsGoneAndSegmentsAreReclaimed() throws IOException {
        Map<String, byte[]> kept = new HashMap<>();
        String attempted;
        try (SpoolFixture fixture = SpoolFixture.open(config, new LedgerSegmentStore(log))) {
            SpoolEntry first = fixture.accept(content(1, 40_000), "large@one.example").getFirst(); // in PART records
            kept.put(key(first), content(1, 40_000));
            attempted = key(first);
            await(fixture.spool.recordAttempt(first, deferred(3, 7, 0, "451 later")));
            for (int i = 2; i < 300; i++) {
                SpoolEntry entry = fixture.accept(content(i, 1000), "a@one.example").getFirst();
                if (i % 30 == 0) {
                    kept.put(key(entry), content(i, 1000));
                } else {
                    await(fixture.spool.done(entry));
                }
            }
            Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.stats().segmentsReclaimed() > 0);
        }
        for (int start = 0; start < 2; start++) {
            try (SpoolFixture again = SpoolFixture.open(config, new LedgerSegmentStore(log))) {
                assertThat(again.recovered.keySet()).isEqualTo(kept.keySet());
                assertThat(again.recovered(attempted).attempts()).isEqualTo(3);
                assertThat(again.spool.stats().quarantined()).isZero();
                for (SpoolFixture.Recovered found : again.recovered.values()) {
                    assertThat(again.read(found.entry())).isEqualTo(kept.get(key(found.entry())));
                }
            }
        }
    }

    @Test
    void aFencedWriterCannotAppendPublishOrDelete() throws IOException {
        LedgerSegmentStore first = new LedgerSegmentStore(log);
        SegmentStore.Segment segment = first.create(Kind.DATA, 1, 100);
        segment.append(ByteBuffer.wrap(new byte[]{1, 2, 3}), 10);
        segment.sync();
        first.publish(Kind.DATA, 1);
        SegmentStore.Segment unpublished = first.create(Kind.DATA, 2, 0);

        LedgerSegmentStore second = new LedgerSegmentStore(log);
        assertFenced(() -> segment.append(ByteBuffer.wrap(new byte[]{4}), 0));
        assertFenced(segment::sync);
        assertFenced(() -> segment.seal(2));
        assertFenced(() -> unpublished.append(ByteBuffer.wrap(new byte[]{4}), 0));
        assertFenced(() -> first.publish(Kind.DATA, 2));
        assertFenced(() -> first.create(Kind.DATA, 3, 0));
        assertFenced(() -> first.delete(Kind.DATA, 1));
        assertThat(second.list(Kind.DATA)).containsExactly(1L);
        assertThat(second.open(Kind.DATA, 1).end()).isEqualTo(3);
    }

    private static void assertFenced(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(IOException.class).hasMessageContaining("fenced off");
    }

    @Test
    void whoIsFencedOffAcknowledgesNothingMoreAndTheNextNodeHasAllThatItDid()
            throws IOException, InterruptedException, ExecutionException {
        for (int seed = 0; seed < TAKEOVERS; seed++) {
            LedgerSegmentStore.Log shared = new LedgerSegmentStore.Log(seed);
            Map<String, byte[]> acknowledged = new ConcurrentHashMap<>();
            AtomicInteger refused = new AtomicInteger();
            MessageId last;
            try (SpoolFixture before = SpoolFixture.open(config, 1, new LedgerSegmentStore(shared));
                    var clients = Executors.newFixedThreadPool(CLIENTS)) {
                List<Future<?>> running = new ArrayList<>();
                for (int client = 0; client < CLIENTS; client++) {
                    SplittableRandom random = new SplittableRandom((long) seed * CLIENTS + client);
                    running.add(clients.submit(() -> takeUntilRefused(before, random, acknowledged, refused)));
                }
                int enough = 20 + seed;
                Awaitility.await().atMost(PATIENCE).pollInterval(Duration.ofMillis(1))
                        .until(() -> acknowledged.size() >= enough);
                try (SpoolFixture next = SpoolFixture.open(config, 2, new LedgerSegmentStore(shared))) {
                    for (Future<?> one : running) {
                        one.get();
                    }
                    assertThat(refused).as("seed %d", seed).hasValue(CLIENTS);
                    assertThat(before.spool.health().state()).isEqualTo(SpoolHealth.State.FAILED);
                    assertThat(next.recovered.keySet()).as("seed %d", seed).containsAll(acknowledged.keySet());
                    for (Map.Entry<String, byte[]> one : acknowledged.entrySet()) {
                        assertThat(next.read(next.recovered(one.getKey()).entry())).as("seed %d", seed)
                                .isEqualTo(one.getValue());
                    }
                    last = new MessageId(next.accept(content(1, 10), "new@one.example").getFirst().messageId());
                    assertThat(last.node()).isEqualTo(2);
                    assertThat(next.recovered.values()).as("seed %d", seed)
                            .allSatisfy(found -> assertThat(found.envelope().id()).isLessThan(last));
                }
            }
        }
    }

    private static void takeUntilRefused(SpoolFixture fixture, SplittableRandom random,
            Map<String, byte[]> acknowledged, AtomicInteger refused) {
        while (true) {
            byte[] octets = content(random.nextInt(), random.nextInt(3000));
            try {
                CompletableFuture<List<SpoolEntry>> taken = fixture.append(fixture.envelope("a@one.example"), octets);
                acknowledged.put(key(taken.join().getFirst()), octets);
            } catch (RuntimeException _) {
                refused.incrementAndGet();
                return;
            }
        }
    }

    @Test
    void whenTheLogIsFullMailIsRefusedAndOutcomesAreRecordedWithTheRoomThatWasPromised() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(config, new LedgerSegmentStore(log))) {
            List<SpoolEntry> kept = new ArrayList<>();
            kept.add(fixture.accept(content(0, 1000), "a@one.example").getFirst());
            log.room(0);
            assertThatThrownBy(() -> {
                for (int i = 1; i < 1000; i++) {
                    kept.add(fixture.accept(content(i, 1000), "a@one.example").getFirst());
                }
            }).satisfies(e -> assertThat(e instanceof SpoolException refused ? refused : e.getCause())
                    .extracting(cause -> ((SpoolException) cause).reason()).isEqualTo(SpoolException.Reason.FULL));
            await(fixture.spool.recordAttempt(kept.getFirst(), deferred(1, 1, 0, "450 later")));
            await(fixture.spool.done(kept.removeLast()));
            assertThat(fixture.spool.canRecord()).isTrue();
            log.room(Long.MAX_VALUE);
            Awaitility.await().atMost(PATIENCE)
                    .until(() -> fixture.spool.health().state() == SpoolHealth.State.READY);
            kept.add(fixture.accept(content(2, 1000), "b@one.example").getFirst());
            for (SpoolEntry entry : kept) {
                assertThat(fixture.read(entry)).hasSize(1000);
            }
        }
    }

    @Test
    void aSyncThatFailsEndsTheSpoolAndTheNextStartHasWhatWasAcknowledged() throws IOException {
        String acknowledged;
        try (SpoolFixture fixture = SpoolFixture.open(config, new LedgerSegmentStore(log))) {
            acknowledged = key(fixture.accept(content(1, 100), "a@one.example").getFirst());
            log.failSyncs(true);
            FailingSyncTest.assertFailed(fixture.append(fixture.envelope("b@one.example"), content(2, 10)),
                    SpoolException.Reason.FAILED);
        }
        log.failSyncs(false);
        try (SpoolFixture again = SpoolFixture.open(config, new LedgerSegmentStore(log))) {
            assertThat(again.recovered).containsKey(acknowledged);
            assertThat(again.read(again.recovered(acknowledged).entry())).isEqualTo(content(1, 100));
        }
    }
}
