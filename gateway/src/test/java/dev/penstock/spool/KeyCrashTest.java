package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.content;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.LongStream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.spool.MemorySegmentStore.Call;
import dev.penstock.spool.MemorySegmentStore.Crash;
import dev.penstock.units.ByteSize;

/**
 * A crash of process or machine at any step of the disk, a failed sync among them, leaves an idempotency key and all
 * messages of its request, or none of them; and what one start has found, every later one finds. Requests run beside
 * each other and beside mail without a key, in segments so small that they are left, compacted and deleted meanwhile.
 *
 * <p>{@code -Dpenstock.seed} repeats one schedule, {@code -Dpenstock.keys.runs} sets how many there are.
 */
class KeyCrashTest {
    private static final Logger log = LoggerFactory.getLogger(KeyCrashTest.class);
    private static final int RUNS = Integer.getInteger("penstock.keys.runs", 300);
    private static final int LIVES = 4;
    private static final int LAST_STEP = 400; // of a life, at which it may end
    private static final long MOST_TURNS = 5_000_000; // of one life; more is a livelock

    @Test
    void aCrashAtAnyStepLeavesBothOrNeither() {
        Long seed = Long.getLong("penstock.seed");
        LongStream seeds = seed == null
                ? new SplittableRandom().longs(RUNS)
                : LongStream.of(seed);
        Tally tally = new Tally();
        seeds.forEach(one -> {
            try {
                new Run(new SplittableRandom(one), tally).run();
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("-Dpenstock.seed=" + one + ": " + e.getMessage(), e);
            }
        });
        log.warn("{}", tally);
        if (seed == null && RUNS >= 100) {
            assertThat(tally.both).as("requests found after a crash that were not answered before").isPositive();
            assertThat(tally.neither).isPositive();
        }
    }

    private static final class Tally {
        int crashes;
        int failedSyncs;
        int answered;
        int both;
        int neither;

        @Override
        public String toString() {
            return "crashes=" + crashes + " failedSyncs=" + failedSyncs + " answered=" + answered + " foundUnanswered="
                    + both + " notFound=" + neither;
        }
    }

    /** A request, and what is known of it. */
    private static final class Asked {
        final IdempotencyKey key;
        final Set<String> messages = new HashSet<>();
        final Set<String> done = new HashSet<>();
        boolean counts;
        boolean never;

        Asked(IdempotencyKey key) {
            this.key = key;
        }
    }

    /** Some lives of one spool. Confined to its schedule. */
    private static final class Run implements MemorySegmentStore.Steps {
        private final SplittableRandom random;
        private final Tally tally;
        private final Schedule schedule;
        private final List<Asked> asked = new ArrayList<>();
        private final SpoolConfig config;
        private MemorySegmentStore store;
        private @Nullable MemorySegmentStore next;
        private int untilCrash = Integer.MAX_VALUE;
        private int untilFailedSync = Integer.MAX_VALUE;
        private int number;
        private @Nullable Throwable failure;

        Run(SplittableRandom random, Tally tally) {
            this.random = random;
            this.tally = tally;
            this.schedule = new Schedule(random.split());
            this.store = new MemorySegmentStore(this);
            this.config = SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY, Path.of("in", "memory"))
                    .with(SpoolConfig.SEGMENT_SIZE, new ByteSize(8L << 10 + random.nextInt(4)))
                    .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(4))
                    .with(SpoolConfig.CACHE_SIZE, new ByteSize(0)).with(SpoolConfig.MIN_FREE_SPACE, new ByteSize(0))
                    .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 1)
                    .with(SpoolConfig.RECLAIM_BELOW, 60);
        }

        @Override
        public void step(Call call, SegmentStore.Kind kind, long segment) throws IOException {
            if (--untilCrash == 0) {
                tally.crashes++;
                Crash[] kinds = Crash.values();
                next = store.crash(kinds[random.nextInt(kinds.length)], random, this);
                throw new IOException("the machine ends");
            }
            if (call == Call.SYNC && kind == SegmentStore.Kind.DATA && --untilFailedSync == 0) {
                tally.failedSyncs++;
                throw new IOException("a sync fails");
            }
            if (random.nextInt(3) > 0) {
                schedule.pass();
            }
        }

        void run() {
            for (int life = 0; life < LIVES; life++) {
                boolean last = life == LIVES - 1;
                untilCrash = last ? Integer.MAX_VALUE : 1 + random.nextInt(LAST_STEP);
                untilFailedSync = last || random.nextInt(3) > 0 ? Integer.MAX_VALUE : 1 + random.nextInt(20);
                next = null;
                SegmentSpool spool = open();
                if (spool != null) {
                    if (next == null) {
                        work(spool);
                    }
                    together("close", List.of(schedule.start("close", spool::close)));
                }
                store = next == null ? store.crash(Crash.PROCESS, random, this) : next;
            }
        }

        private @Nullable SegmentSpool open() {
            SegmentSpool[] opened = new SegmentSpool[1];
            together("open", List.of(schedule.start("open", () -> guarded(() -> {
                Set<String> recovered = new HashSet<>();
                for (int i = 0; i < 2 && opened[0] == null && next == null; i++) {
                    recovered.clear();
                    try {
                        opened[0] = SegmentSpool.open(config, SpoolFixture.LANE_SHARE, 0, store, schedule,
                                InstantSource.fixed(java.time.Instant.EPOCH), found -> recovered
                                        .add(found.envelope().recipients().getFirst().address()));
                    } catch (IOException e) {
                        if (next == null && untilFailedSync > 0) {
                            throw e;
                        }
                    }
                }
                if (opened[0] != null && next == null) {
                    compare(opened[0], recovered);
                }
            }))));
            return opened[0];
        }

        private void compare(SegmentSpool spool, Set<String> recovered) throws IOException {
            assertThat(spool.stats().deletionsRefused()).as("deletions refused").isZero();
            for (Asked one : asked) {
                boolean found = spool.keys().find(one.key) != null;
                Set<String> present = new HashSet<>(one.messages);
                present.retainAll(recovered);
                if (one.counts) {
                    assertThat(found).as("%s was answered, and its key is gone", one.messages).isTrue();
                } else if (one.never) {
                    assertThat(found).as("%s was not there before, and now its key is", one.messages).isFalse();
                }
                if (found) {
                    Set<String> expected = new HashSet<>(one.messages);
                    expected.removeAll(one.done);
                    assertThat(present).as("of %s", one.messages).containsAll(expected);
                } else {
                    assertThat(present).as("without their key").isEmpty();
                }
                tally.both += found && !one.counts ? 1 : 0;
                tally.neither += found || one.never ? 0 : 1;
                one.counts = found;
                one.never = !found;
            }
        }

        private void work(SegmentSpool spool) {
            List<Thread> clients = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                clients.add(schedule.start("client-" + i, () -> guarded(() -> {
                    for (int j = 0; j < 12 && next == null; j++) {
                        try {
                            request(spool);
                        } catch (SpoolException | CompletionException _) {
                            // the spool has failed, or is gone
                        }
                    }
                })));
            }
            together("clients", clients);
        }

        private void request(SegmentSpool spool) {
            if (random.nextInt(3) == 0) { // beside those with a key
                SpoolEntry entry = commit(spool, spool.intake(), "plain" + number++ + "@one.example").join().getFirst();
                if (random.nextInt(4) > 0) {
                    spool.done(entry).join();
                }
                return;
            }
            Asked one = new Asked(new IdempotencyKey(0, number++));
            Spool.KeyedRequest request = spool.keys().begin(one.key);
            List<CompletableFuture<List<SpoolEntry>>> commits = new ArrayList<>();
            int count = 1 + random.nextInt(5);
            for (int i = 0; i < count; i++) {
                String recipient = "k" + number++ + "@one.example";
                one.messages.add(recipient);
                commits.add(commit(spool, request.intake(), recipient));
                if (random.nextInt(6) == 0) {
                    commits.getLast().join();
                }
            }
            asked.add(one);
            if (random.nextInt(8) == 0) {
                one.never = true;
                request.abandon();
                return;
            }
            KeyRecord record = new KeyRecord(new byte[KeyRecord.FINGERPRINT], content(number, random.nextInt(600)),
                    Long.MAX_VALUE);
            assertThat(request.record(record, count).join()).isTrue();
            one.counts = next == null;
            if (!one.counts) {
                return;
            }
            tally.answered++;
            for (CompletableFuture<List<SpoolEntry>> commit : commits) {
                SpoolEntry entry = commit.join().getFirst();
                if (random.nextInt(4) > 0) {
                    one.done.add(recipient(spool, entry));
                    var _ = spool.done(entry);
                }
            }
        }

        private static String recipient(SegmentSpool spool, SpoolEntry entry) {
            try {
                return spool.read(entry).envelope().recipients().getFirst().address();
            } catch (IOException e) {
                throw new CompletionException(e);
            }
        }

        private CompletableFuture<List<SpoolEntry>> commit(SegmentSpool spool, Spool.Intake intake, String recipient) {
            byte[] octets = content(number, random.nextInt(12) == 0 ? 9_000 : random.nextInt(900));
            intake.write(octets, 0, octets.length);
            return intake.commit(new Envelope(spool.nextId(), "", List.of(new Recipient(recipient, "one.example")),
                    BodyType.SEVEN_BIT, false, "", "", 0, Origin.LOCAL), new byte[0], false, false);
        }

        private void guarded(Guarded work) {
            try {
                work.run();
            } catch (IOException | RuntimeException | AssertionError e) {
                if (next == null && failure == null) {
                    failure = e;
                }
            }
        }

        private interface Guarded {
            void run() throws IOException;
        }

        private void together(String what, List<Thread> threads) {
            long from = schedule.turns();
            schedule.run(() -> failure != null || schedule.turns() - from > MOST_TURNS
                    || threads.stream().noneMatch(Thread::isAlive));
            if (failure != null) {
                throw new AssertionError(what + ": " + failure, failure);
            }
            assertThat(threads).as("%s: a thread waits for ever, or never ends", what).noneMatch(Thread::isAlive);
        }
    }
}
