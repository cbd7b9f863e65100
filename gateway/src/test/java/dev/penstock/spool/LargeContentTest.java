package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.units.ByteSize;

class LargeContentTest {
    private static final int SIZE = 25 << 20;
    private static final int CHUNK = 8000;

    @TempDir
    Path directory;

    /** Ten messages of 25 MB at the same time in a heap of 48 MB: none of them is ever whole in it. */
    @Test
    void contentIsNeverWholeInTheHeap() throws Exception {
        Process child = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx48m",
                "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path"), Child.class.getName(),
                directory.toString()).redirectErrorStream(true).start();
        String output = new String(child.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(output).contains("all as written");
    }

    @Test
    void survivesARestart() throws IOException {
        SpoolConfig config = config(directory);
        long crc;
        try (SegmentSpool spool = SegmentSpool.open(config, InstantSource.system(), _ -> {})) {
            Spool.Intake intake = spool.intake();
            crc = write(intake, 1);
            await(commit(spool, intake));
        }
        try (SpoolFixture fixture = SpoolFixture.open(config)) {
            SpoolFixture.Recovered found = fixture.recovered.values().iterator().next();
            assertThat(found.size()).isEqualTo(SIZE);
            assertThat(crc(fixture.spool.read(found.entry()))).isEqualTo(crc);
        }
    }

    private static SpoolConfig config(Path directory) {
        SpoolConfig usual = SpoolFixture.config(directory);
        return usual.with(SpoolConfig.DIRECTORY, directory).with(SpoolConfig.SEGMENT_SIZE, ByteSize.ofMegabytes(64))
                .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(256)).with(SpoolConfig.READERS, 2)
                .with(SpoolConfig.RECLAIM_BELOW, 25);
    }

    private static long write(Spool.Intake intake, int seed) {
        CRC32C crc = new CRC32C();
        byte[] chunk = SpoolFixture.content(seed, CHUNK);
        for (int left = SIZE; left > 0; left -= CHUNK) {
            int length = Math.min(left, CHUNK);
            chunk[0]++;
            crc.update(chunk, 0, length);
            intake.write(chunk, 0, length);
            await(intake.writable());
        }
        return crc.getValue();
    }

    private static java.util.concurrent.CompletableFuture<List<SpoolEntry>> commit(SegmentSpool spool,
            Spool.Intake intake) {
        return intake.commit(new Envelope(spool.nextId(), "", List.of(new Recipient("a@b.example", "b.example")),
                BodyType.SEVEN_BIT, false, "", "", 0, Origin.LOCAL), new byte[0], false, false);
    }

    private static long crc(StoredMessage message) throws IOException {
        CRC32C crc = new CRC32C();
        message.content().forEachChunk(crc::update);
        return crc.getValue();
    }

    /** The process with the small heap. */
    static final class Child {
        private Child() {}

        public static void main(String[] args) throws Exception {
            try (SegmentSpool spool = SegmentSpool.open(config(Path.of(args[0])), InstantSource.system(),
                    _ -> {})) {
                List<Thread> threads = java.util.stream.IntStream.range(0, 10)
                        .mapToObj(i -> Thread.ofVirtual().start(() -> roundTrip(spool, i))).toList();
                for (Thread thread : threads) {
                    thread.join();
                }
                System.out.println(spool.stats().messages() == 0 ? "all as written" : "something is missing");
            }
        }

        private static void roundTrip(SegmentSpool spool, int seed) {
            Spool.Intake intake = spool.intake();
            long crc = write(intake, seed);
            SpoolEntry entry = await(commit(spool, intake)).getFirst();
            try {
                if (crc(spool.read(entry)) == crc) {
                    await(spool.done(entry));
                }
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }
}
