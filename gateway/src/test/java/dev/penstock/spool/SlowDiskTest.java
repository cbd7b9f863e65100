package dev.penstock.spool;

import static dev.penstock.spool.AppendTest.deferred;
import static dev.penstock.spool.SpoolFixture.content;
import static dev.penstock.spool.SpoolFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.SpoolConfig;
import dev.penstock.testing.Patience;
import dev.penstock.units.ByteSize;

/**
 * P2 on a real disk that another writer keeps busy with syncs: segments of 8 MB, nothing in memory, batches as large as
 * they come. Every acknowledged message can be read until it is done, and is there after a restart.
 *
 * <p>It lasts until a segment was reclaimed, too, however slow the disk.
 *
 * <p>{@code -Dpenstock.spool.runs=10 -Dpenstock.spool.seconds=60} is the long form; {@code -Dpenstock.spool.directory}
 * names a directory on the disk that is meant.
 */
class SlowDiskTest {
    private static final Logger log = LoggerFactory.getLogger(SlowDiskTest.class);
    private static final int RUNS = Integer.getInteger("penstock.spool.runs", 1);
    private static final int SECONDS = Integer.getInteger("penstock.spool.seconds", 3);
    private static final ByteSize SEGMENT = ByteSize.ofMegabytes(8);
    private static final int RECLAIM_BELOW = 70;
    private static final int CLIENTS = 4;
    private static final int BATCH = 200;
    /** One in so many stays, deferred, so that segments come to be mostly dead. */
    private static final int STAYS = 12;
    private static final int COMPETING_WRITE = 256 << 10;

    @TempDir
    Path temporary;

    @Test
    void everythingAcknowledgedCanBeRead() throws Exception {
        String named = System.getProperty("penstock.spool.directory");
        Path directory = named == null ? temporary : Path.of(named);
        for (int run = 0; run < RUNS; run++) {
            Path spool = directory.resolve("spool-" + run);
            Run now = new Run(spool);
            now.run();
            log.warn("run={} accepted={} unreadable={} syncs={} moved={} reclaimed={}", run, now.accepted,
                    now.unreadable, now.stats.syncs(), now.stats.bytesMoved(), now.stats.segmentsReclaimed());
            assertThat(now.problems).as("run %d", run).isEmpty();
            assertThat(now.unreadable).as("run %d", run).hasValue(0);
            assertThat(now.stats.deletionsRefused()).as("run %d", run).isZero();
            assertThat(now.stats.segmentsReclaimed()).as("run %d", run).isPositive();
            try (SpoolFixture again = SpoolFixture.open(config(spool))) {
                assertThat(again.recovered.keySet()).as("run %d", run).isEqualTo(now.kept());
            }
            delete(spool);
        }
    }

    /** Ten runs would fill a small disk. */
    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
    }

    private static SpoolConfig config(Path directory) {
        SpoolConfig usual = SpoolFixture.withoutCache(SpoolFixture.config(directory));
        return usual.with(SpoolConfig.DIRECTORY, directory).with(SpoolConfig.SEGMENT_SIZE, SEGMENT)
                .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(64)).with(SpoolConfig.READERS, 2)
                .with(SpoolConfig.RECLAIM_BELOW, RECLAIM_BELOW);
    }

    private static final class Run {
        final Path directory;
        final AtomicLong accepted = new AtomicLong();
        final AtomicLong unreadable = new AtomicLong();
        final ConcurrentLinkedQueue<Throwable> problems = new ConcurrentLinkedQueue<>();
        final ConcurrentLinkedQueue<String> staying = new ConcurrentLinkedQueue<>();
        private final AtomicBoolean over = new AtomicBoolean();
        SpoolStats stats = new SpoolStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, true);

        Run(Path directory) {
            this.directory = directory;
        }

        Set<String> kept() {
            return new HashSet<>(staying);
        }

        void run() throws Exception {
            try (SpoolFixture fixture = SpoolFixture.open(config(directory))) {
                List<Thread> threads = new ArrayList<>();
                threads.add(Thread.ofPlatform().start(() -> guarded(this::compete)));
                for (int i = 0; i < CLIENTS; i++) {
                    int client = i;
                    threads.add(Thread.ofPlatform().start(() -> guarded(() -> client(fixture, client))));
                }
                long until = System.nanoTime() + SECONDS * 1_000_000_000L;
                try {
                    Awaitility.await().atMost(Patience.LONG.plusSeconds(SECONDS)).until(() -> over.get() // by a problem
                            || System.nanoTime() - until > 0 && fixture.spool.stats().segmentsReclaimed() > 0);
                } finally {
                    over.set(true);
                }
                for (Thread thread : threads) {
                    thread.join();
                }
                stats = fixture.spool.stats();
            }
        }

        private interface Part {
            void run() throws IOException;
        }

        private void guarded(Part part) {
            try {
                part.run();
            } catch (IOException | RuntimeException e) {
                problems.add(e);
                over.set(true);
            }
        }

        /** Makes the spool's syncs slow. */
        private void compete() throws IOException {
            try (FileChannel file = FileChannel.open(directory.resolveSibling("competing"), StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE)) {
                while (!over.get()) {
                    file.write(ByteBuffer.allocate(COMPETING_WRITE), 0);
                    file.force(true);
                }
            }
        }

        private void client(SpoolFixture fixture, int client) {
            SplittableRandom random = new SplittableRandom(client);
            while (!over.get()) {
                List<byte[]> contents = new ArrayList<>();
                List<CompletableFuture<List<SpoolEntry>>> asked = new ArrayList<>();
                for (int i = 0; i < BATCH; i++) {
                    byte[] octets = content(random.nextInt(), 1000 + random.nextInt(6000));
                    contents.add(octets);
                    asked.add(fixture.append(fixture.envelope("a@one.example"), octets));
                }
                List<CompletableFuture<Void>> ends = new ArrayList<>();
                for (int i = 0; i < BATCH; i++) {
                    SpoolEntry entry = asked.get(i).join().getFirst();
                    accepted.incrementAndGet();
                    read(fixture, entry, contents.get(i));
                    if (random.nextInt(STAYS) == 0) {
                        staying.add(key(entry));
                        ends.add(fixture.spool.recordAttempt(entry, deferred(1, 1, 0, "450 later")));
                    } else {
                        ends.add(fixture.spool.done(entry));
                    }
                }
                ends.forEach(CompletableFuture::join);
            }
        }

        private void read(SpoolFixture fixture, SpoolEntry entry, byte[] octets) {
            try {
                if (!java.util.Arrays.equals(fixture.read(entry), octets)) {
                    unreadable.incrementAndGet();
                }
            } catch (IOException e) {
                unreadable.incrementAndGet();
                problems.add(e);
            }
        }
    }
}
