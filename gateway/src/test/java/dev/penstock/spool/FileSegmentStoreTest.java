package dev.penstock.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.spool.SegmentStore.Kind;
import dev.penstock.testing.Patience;

/** Room in files: what is promised, what is made ahead, what is left of it. */
class FileSegmentStoreTest {
    private static final Duration PATIENCE = Patience.LONG;
    private static final int SIZE = 3 << 20;
    private static final int FIRST = 64 << 10;

    @TempDir
    Path directory;

    /** Files whose zeros can't be written when a test says so. */
    private static final class Failing extends FileSegmentStore {
        final AtomicInteger failed = new AtomicInteger();
        volatile String failure = "";
        volatile String thread = "";

        Failing(Path directory) throws IOException {
            super(directory, SIZE);
        }

        @Override
        int writeZeros(FileChannel channel, ByteBuffer slice, long position) throws IOException {
            if (!failure.isEmpty() && (thread.isEmpty() || thread.equals(Thread.currentThread().getName()))) {
                failed.incrementAndGet();
                throw new IOException(failure);
            }
            return super.writeZeros(channel, slice, position);
        }
    }

    @Test
    void roomIsMadeAheadUpToTheSizeOfASegmentAndWhatIsLeftOfItIsCutOff() throws IOException {
        try (FileSegmentStore store = new FileSegmentStore(directory, SIZE);
                SegmentStore.Segment segment = store.create(Kind.DATA, 1, FIRST)) {
            assertThat(segment.room()).isEqualTo(FIRST);
            segment.append(ByteBuffer.wrap(new byte[100]), FIRST - 100);
            Awaitility.await().atMost(PATIENCE).until(() -> segment.room() == SIZE - 100);
            store.publish(Kind.DATA, 1);
            Path file = FileSegmentStore.file(directory, Kind.DATA, 1);
            assertThat(Files.size(file)).isEqualTo(SIZE);

            segment.seal(segment.end());
            assertThat(Files.size(file)).isEqualTo(100);
            assertThatThrownBy(() -> segment.append(ByteBuffer.wrap(new byte[1]), 0)).isInstanceOf(IOException.class)
                    .hasMessage("segment 1 is sealed");
        }
    }

    @Test
    void aSegmentThatIsSealedWhileRoomIsMadeEndsThere() throws IOException {
        AtomicInteger slices = new AtomicInteger();
        SegmentStore.Segment[] sealed = new SegmentStore.Segment[1];
        try (FileSegmentStore store = new FileSegmentStore(directory, SIZE) {
            @Override
            int writeZeros(FileChannel channel, ByteBuffer slice, long position) throws IOException {
                if (Thread.currentThread().getName().equals("spool-room") && slices.getAndIncrement() == 0) {
                    sealed[0].seal(100);
                    return 0;
                }
                return super.writeZeros(channel, slice, position);
            }
        }; SegmentStore.Segment next = store.create(Kind.DATA, 2, FIRST)) {
            sealed[0] = store.create(Kind.DATA, 1, FIRST);
            store.publish(Kind.DATA, 1);
            sealed[0].append(ByteBuffer.wrap(new byte[100]), 0);
            Awaitility.await().atMost(PATIENCE).until(() -> slices.get() > 0);
            next.append(ByteBuffer.wrap(new byte[100]), 0);
            Awaitility.await().atMost(PATIENCE).until(() -> next.room() == SIZE - 100); // it is done with the first
            assertThat(Files.size(FileSegmentStore.file(directory, Kind.DATA, 1))).isEqualTo(100);
        }
    }

    @Test
    void anIndexOrACopyThatPromisesNoRoomGetsNone() throws IOException {
        try (FileSegmentStore store = new FileSegmentStore(directory, SIZE);
                SegmentStore.Segment segment = store.create(Kind.INDEX, 1, 0)) {
            segment.append(ByteBuffer.wrap(new byte[100]), 0);
            assertThat(segment.room()).isZero();
            store.publish(Kind.INDEX, 1);
            assertThat(Files.size(FileSegmentStore.file(directory, Kind.INDEX, 1))).isEqualTo(100);
        }
    }

    @Test
    void anAppendThatCannotLeaveTheSpareLeavesNothingAndTheRoomThatWasPromised() throws IOException {
        try (Failing store = new Failing(directory)) {
            store.thread = Thread.currentThread().getName();
            try (SegmentStore.Segment segment = store.create(Kind.DATA, 1, FIRST)) {
                store.failure = "No space left on device";
                store.thread = "";
                assertThatThrownBy(() -> segment.append(ByteBuffer.wrap(new byte[100]), FIRST))
                        .isInstanceOf(NoSpaceException.class);
                assertThat(segment.end()).isZero();
                assertThat(segment.room()).isEqualTo(FIRST);
                segment.append(ByteBuffer.wrap(new byte[FIRST]), 0);
                assertThat(segment.end()).isEqualTo(FIRST);
            }
        }
    }

    @Test
    void roomThatCannotBeMadeAheadIsTriedAgain() throws IOException {
        try (Failing store = new Failing(directory);
                SegmentStore.Segment segment = store.create(Kind.DATA, 1, FIRST)) {
            store.thread = "spool-room";
            store.failure = "Input/output error, says the test";
            segment.append(ByteBuffer.wrap(new byte[100]), 0);
            Awaitility.await().atMost(PATIENCE).until(() -> store.failed.get() > 0);
            assertThat(segment.append(ByteBuffer.wrap(new byte[100]), FIRST / 2)).isEqualTo(100);
            store.failure = "";
            segment.append(ByteBuffer.wrap(new byte[100]), 0);
            Awaitility.await().atMost(PATIENCE).until(() -> segment.room() == SIZE - 300);
        }
    }

    @Test
    void aSegmentThatIsOpenedIsEndedWhereItsReaderSays() throws IOException {
        try (FileSegmentStore store = new FileSegmentStore(directory, SIZE);
                SegmentStore.Segment segment = store.create(Kind.DATA, 1, FIRST)) {
            segment.append(ByteBuffer.wrap(new byte[]{1, 2, 3, 4}), 0);
            store.publish(Kind.DATA, 1);
        }
        try (FileSegmentStore next = new FileSegmentStore(directory, SIZE);
                SegmentStore.Segment left = next.open(Kind.DATA, 1)) {
            assertThat(left.end()).as("with the room that was made").isGreaterThanOrEqualTo(FIRST);
            assertThatThrownBy(() -> left.append(ByteBuffer.wrap(new byte[1]), 0)).isInstanceOf(IOException.class);
            left.seal(3);
            assertThat(left.end()).isEqualTo(3);
            assertThat(Files.size(FileSegmentStore.file(directory, Kind.DATA, 1))).isEqualTo(3);
        }
    }

    @Test
    void theNextOwnerIsRefusedWhileTheFirstLives() throws IOException {
        try (FileSegmentStore _ = new FileSegmentStore(directory, SIZE)) {
            assertThatThrownBy(() -> new FileSegmentStore(directory, SIZE)).isInstanceOf(IOException.class)
                    .hasMessageContaining("in use");
        }
        new FileSegmentStore(directory, SIZE).close();
    }
}
