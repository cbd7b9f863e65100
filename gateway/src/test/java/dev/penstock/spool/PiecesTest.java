package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.content;
import static dev.penstock.spool.SpoolFixture.octets;
import static dev.penstock.spool.SpoolFixture.withoutCache;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;
import dev.penstock.units.ByteSize;

/** Content that its reader has no room for comes from the disk in small pieces, and is the same. */
class PiecesTest {
    private static final int IN_ONE_RECORD = 15_000;
    private static final int IN_PARTS = 70_000;

    @TempDir
    Path directory;

    @Test
    void contentComesInPiecesWhetherItWasInMemoryOrNot() throws IOException {
        for (SpoolConfig config : List.of(SpoolFixture.config(directory.resolve("cached")),
                withoutCache(SpoolFixture.config(directory.resolve("uncached"))))) {
            try (SpoolFixture fixture = SpoolFixture.open(config)) {
                for (int size : new int[]{0, 1, SegmentSpool.READ_PIECE, IN_ONE_RECORD, IN_PARTS}) {
                    read(fixture, size, 0);
                    read(fixture, size, size / 4);
                }
            }
        }
    }

    private static void read(SpoolFixture fixture, int size, int before) throws IOException {
        SpoolEntry entry = fixture.accept(before, content(size, size), "a@x.example", "b@y.example").getLast();
        StoredMessage stored = fixture.spool.read(entry, _ -> false);
        assertThat(octets(stored.content())).isEqualTo(content(size, size));
        assertThat(octets(stored.content())).as("once more").isEqualTo(content(size, size));
        assertThat(largestPiece(stored)).isLessThanOrEqualTo(SegmentSpool.READ_PIECE);
        assertThat(stored.content().size()).isEqualTo(size);
        assertThat(stored.envelope().recipients()).hasSize(2);
    }

    @Test
    void roomIsAskedOnceForWhatIsHeld() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(withoutCache(SpoolFixture.config(directory)))) {
            for (int size : new int[]{IN_ONE_RECORD, IN_PARTS}) {
                SpoolEntry entry = fixture.accept(content(1, size), "a@x.example").getFirst();
                List<Long> asked = new ArrayList<>();
                StoredMessage stored = fixture.spool.read(entry, asked::add);
                assertThat(octets(stored.content())).isEqualTo(content(1, size));
                assertThat(asked).singleElement().satisfies(octets -> assertThat(octets)
                        .isBetween((long) largestPiece(stored), largestPiece(stored) + 2_000L));
            }
        }
    }

    @Test
    void aRecordMayMoveBetweenTwoPieces() throws IOException {
        SpoolConfig config = withoutCache(SpoolFixture.config(directory));
        try (SpoolFixture fixture = SpoolFixture.open(config.with(SpoolConfig.CACHE_SIZE, ByteSize.ofKilobytes(0))
                .with(SpoolConfig.READERS, 2).with(SpoolConfig.RECLAIM_BELOW, 90))) {
            SpoolEntry kept = fixture.accept(content(7, IN_ONE_RECORD), "a@x.example", "b@y.example").getFirst();
            StoredMessage stored = fixture.spool.read(kept, _ -> false);
            AtomicInteger pieces = new AtomicInteger();
            List<byte[]> came = new ArrayList<>();
            long segmentsReclaimed = fixture.spool.stats().segmentsReclaimed();
            stored.content().forEachChunk((bytes, offset, length) -> {
                byte[] piece = new byte[length];
                System.arraycopy(bytes, offset, piece, 0, length);
                came.add(piece);
                if (pieces.incrementAndGet() == 1) {
                    fill(fixture, segmentsReclaimed);
                }
            });
            assertThat(fixture.spool.stats().bytesMoved()).isGreaterThan(IN_ONE_RECORD);
            byte[] whole = new byte[IN_ONE_RECORD];
            int at = 0;
            for (byte[] piece : came) {
                System.arraycopy(piece, 0, whole, at, piece.length);
                at += piece.length;
            }
            assertThat(at).isEqualTo(IN_ONE_RECORD);
            assertThat(whole).isEqualTo(content(7, IN_ONE_RECORD));
        }
    }

    /** Until the first segment is gone, and what is needed of it in another. */
    private static void fill(SpoolFixture fixture, long before) {
        while (fixture.spool.stats().segmentsReclaimed() == before) {
            for (SpoolEntry entry : fixture.accept(content(1, IN_ONE_RECORD), "c@z.example")) {
                SpoolFixture.await(fixture.spool.done(entry));
            }
        }
    }

    @Test
    void damageIsFoundBeforeTheFirstPieceLeaves() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(withoutCache(SpoolFixture.config(directory)))) {
            SpoolEntry entry = fixture.accept(content(1, IN_ONE_RECORD), "a@x.example").getFirst();
            StoredMessage stored = fixture.spool.read(entry, _ -> false);
            damage();
            AtomicInteger pieces = new AtomicInteger();
            assertThatThrownBy(() -> stored.content().forEachChunk((_, _, _) -> pieces.incrementAndGet()))
                    .isInstanceOf(UnreadableMessageException.class);
            assertThat(pieces).hasValue(0);
            assertThatThrownBy(() -> fixture.spool.read(entry, _ -> false))
                    .isInstanceOf(UnreadableMessageException.class);
            assertThat(fixture.spool.stats().quarantined()).isPositive();
        }
    }

    /** One bit within the content of the first record of each segment. */
    private void damage() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                if (Files.isRegularFile(file) && Files.size(file) > IN_ONE_RECORD) {
                    try (RandomAccessFile octets = new RandomAccessFile(file.toFile(), "rw")) {
                        octets.seek(IN_ONE_RECORD / 2);
                        int octet = octets.read();
                        octets.seek(IN_ONE_RECORD / 2);
                        octets.write(octet ^ 1);
                    }
                }
            }
        }
    }

    private static int largestPiece(StoredMessage stored) throws IOException {
        AtomicInteger largest = new AtomicInteger();
        stored.content().forEachChunk((_, _, length) -> largest.accumulateAndGet(length, Math::max));
        return largest.get();
    }
}
