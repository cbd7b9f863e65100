package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.spool.SegmentStore.Kind;

/** The data segments of a spool that is looked into, in use or not. Confined to one thread. */
final class SpoolFiles {
    private final Path directory;

    SpoolFiles(Path directory) {
        this.directory = directory;
    }

    /** Takes one segment. */
    @FunctionalInterface
    interface SegmentVisitor {
        /** @param last whether no later segment is known */
        void segment(long number, boolean last, SegmentStore.Segment data) throws IOException;
    }

    /** Takes one whole record, at {@code at} of {@code octets}, which are valid during the call. */
    @FunctionalInterface
    interface RecordVisitor {
        void record(long position, ByteBuffer octets, int at) throws IOException;
    }

    /** All segments by number; those that appear meanwhile too, as what is moved together is found there. */
    void forEach(SegmentVisitor visitor) throws IOException {
        Set<Long> seen = new HashSet<>();
        List<Long> numbers = FileSegmentStore.list(directory, Kind.DATA);
        while (!seen.containsAll(numbers)) {
            for (long number : numbers) {
                if (seen.add(number)) {
                    visit(number, number == numbers.getLast(), visitor);
                }
            }
            numbers = FileSegmentStore.list(directory, Kind.DATA);
        }
    }

    private void visit(long number, boolean last, SegmentVisitor visitor) throws IOException {
        Path file = FileSegmentStore.file(directory, Kind.DATA, number);
        try (FileChannel channel = FileSegmentStore.openToRead(file)) {
            visitor.segment(number, last, new ReadOnlySegment(number, channel));
        } catch (NoSuchFileException _) {
            // reclaimed meanwhile
        }
    }

    /** @return null when the segment has none */
    static @Nullable SegmentHeader header(SegmentStore.Segment data) throws IOException {
        ByteBuffer head = ByteBuffer.allocate((int) Math.min(SegmentHeader.LENGTH, data.end()));
        data.read(0, head);
        return SegmentHeader.decode(head.clear());
    }

    /** All whole records of a segment that can be read; what is damaged is passed over. */
    void scan(SegmentStore.Segment data, RecordVisitor visitor) throws IOException {
        SegmentHeader header = header(data);
        if (header == null) {
            return;
        }
        new SegmentScanner(data, header.salt()).scan(new SegmentScanner.Findings() {
            @Override
            public void record(long position, ByteBuffer octets, int at) throws IOException {
                try {
                    visitor.record(position, octets, at);
                } catch (IllegalArgumentException _) {
                    // a record that can't be read: verify tells of it
                }
            }

            @Override
            public void damage(long from, long to, boolean atEnd) {
                // verify tells of it
            }
        });
    }

    /** The whole record there. */
    ByteBuffer read(long segment, long position, int length) throws IOException {
        Path file = FileSegmentStore.file(directory, Kind.DATA, segment);
        try (FileChannel channel = FileSegmentStore.openToRead(file)) {
            ByteBuffer record = ByteBuffer.allocate(length);
            new ReadOnlySegment(segment, channel).read(position, record);
            return record.clear();
        }
    }
}
