package dev.penstock.spool;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.testing.Patience;
import dev.penstock.units.ByteSize;

/** A spool with small sizes, and what recovery told of it. Confined to the test's thread. */
final class SpoolFixture implements AutoCloseable {
    static final int LANE_SHARE = 100;
    static final int SEGMENT = 256 << 10;

    final SegmentSpool spool;
    final Map<String, Recovered> recovered = new TreeMap<>();

    record Recovered(SpoolEntry entry, Envelope envelope, int attempts, long nextMillis, long size) {
        static Recovered of(QueuedDestination found) {
            assertThat(found.domain())
                    .isEqualTo(found.envelope().destinations().get(found.entry().destination()).domain());
            return new Recovered(found.entry(), found.envelope(), found.attempts(), found.nextAttemptMillis(),
                    found.size());
        }
    }

    private SpoolFixture(SpoolConfig config, int node, SegmentStore store, Machine machine, InstantSource clock)
            throws IOException {
        spool = SegmentSpool.open(config, LANE_SHARE, node, store, machine, clock,
                found -> recovered.put(key(found.entry()), Recovered.of(found)));
    }

    static SpoolFixture open(Path directory) throws IOException {
        return open(config(directory));
    }

    static SpoolFixture open(SpoolConfig config) throws IOException {
        return open(config, new FileSegmentStore(config.directory(), config.segmentSize().bytes()));
    }

    static SpoolFixture open(SpoolConfig config, SegmentStore store) throws IOException {
        return open(config, store, Machine.REAL);
    }

    static SpoolFixture open(SpoolConfig config, SegmentStore store, Machine machine) throws IOException {
        return new SpoolFixture(config, 0, store, machine, InstantSource.system());
    }

    static SpoolFixture open(SpoolConfig config, InstantSource clock) throws IOException {
        return open(config, new FileSegmentStore(config.directory(), config.segmentSize().bytes()), clock);
    }

    static SpoolFixture open(SpoolConfig config, SegmentStore store, InstantSource clock) throws IOException {
        return new SpoolFixture(config, 0, store, Machine.REAL, clock);
    }

    static SpoolFixture open(SpoolConfig config, SegmentStore store, Machine machine, InstantSource clock)
            throws IOException {
        return new SpoolFixture(config, 0, store, machine, clock);
    }

    static SpoolFixture open(SpoolConfig config, int node, SegmentStore store) throws IOException {
        return new SpoolFixture(config, node, store, Machine.REAL, InstantSource.system());
    }

    static SpoolFixture open(SpoolConfig config, int node, InstantSource clock) throws IOException {
        return new SpoolFixture(config, node, new FileSegmentStore(config.directory(), config.segmentSize().bytes()),
                Machine.REAL, clock);
    }

    static SpoolConfig config(Path directory) {
        return SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY, directory)
                .with(SpoolConfig.SEGMENT_SIZE, new ByteSize(SEGMENT))
                .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(16))
                .with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(1)).with(SpoolConfig.MIN_FREE_SPACE, new ByteSize(0))
                .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 2);
    }

    static SpoolConfig withSegmentSize(SpoolConfig config, long bytes) {
        return config.with(SpoolConfig.SEGMENT_SIZE, new ByteSize(bytes));
    }

    static SpoolConfig withoutCache(SpoolConfig config) {
        return config.with(SpoolConfig.CACHE_SIZE, new ByteSize(0));
    }

    static String key(SpoolEntry entry) {
        return new MessageId(entry.messageId()) + "/" + entry.destination();
    }

    Recovered recovered(String key) {
        return java.util.Objects.requireNonNull(recovered.get(key), key);
    }

    Envelope envelope(String... recipients) {
        List<Recipient> list = new ArrayList<>();
        for (String recipient : recipients) {
            list.add(new Recipient(recipient, recipient.substring(recipient.indexOf('@') + 1)));
        }
        return new Envelope(spool.nextId(), "sender@esp.example", list, BodyType.SEVEN_BIT, false, "tenant", "campaign",
                1_790_000_000_000L, new Origin("ESMTP", "192.0.2.1:1025", "client.example"));
    }

    CompletableFuture<List<SpoolEntry>> append(Envelope envelope, byte[] content) {
        return append(envelope, 0, content);
    }

    /** The first {@code before} octets are given at the commit, when the others are written. */
    private CompletableFuture<List<SpoolEntry>> append(Envelope envelope, int before, byte[] content) {
        Spool.Intake intake = spool.intake();
        intake.write(content, before, content.length - before);
        assertThat(intake.size()).isEqualTo(content.length - before);
        return intake.commit(envelope, Arrays.copyOf(content, before), false, false);
    }

    /** Appends and waits for the sync. */
    List<SpoolEntry> accept(byte[] content, String... recipients) {
        return await(append(envelope(recipients), content));
    }

    /** As {@link #accept(byte[], String...)}, the first {@code before} octets last. */
    List<SpoolEntry> accept(int before, byte[] content, String... recipients) {
        return await(append(envelope(recipients), before, content));
    }

    byte[] read(SpoolEntry entry) throws IOException {
        return octets(spool.read(entry).content());
    }

    static byte[] octets(Content content) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        content.forEachChunk(out::write);
        return out.toByteArray();
    }

    static byte[] content(int seed, int length) {
        byte[] content = new byte[length];
        for (int i = 0; i < length; i++) {
            content[i] = (byte) ('a' + (seed + i * 31 + i / 7) % 26);
        }
        return content;
    }

    static <T> T await(CompletableFuture<T> future) {
        return future.orTimeout(Patience.LONG.toSeconds(), TimeUnit.SECONDS).join();
    }

    /** Copies a directory as a crash would leave it. */
    static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(from)) {
            for (Path file : files) {
                if (Files.isRegularFile(file)) {
                    Files.copy(file, to.resolve(file.getFileName().toString()));
                }
            }
        }
    }

    @Override
    public void close() {
        spool.close();
    }
}
