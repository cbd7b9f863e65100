package dev.penstock.spool;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Destination;
import dev.penstock.message.MessageId;
import dev.penstock.spool.SegmentStore.Kind;

/**
 * Looks into a spool without changing it, whether it is in use or not. Stateless. It reads all data segments from end
 * to end and doesn't rely on their indexes. In a spool in use, the last segment may end in a record that is just being
 * written, and a segment may be deleted between listing and reading: neither is reported as damage.
 */
public final class SpoolInspector {
    private static final int OK = 0;
    private static final int DAMAGED = 1;
    private static final int NOT_FOUND = 1;

    private SpoolInspector() {}

    /**
     * Checks every record, and every index against its segment.
     *
     * @return the exit code: 0 when all is whole, 1 when something is damaged
     */
    public static int verify(Path directory, PrintStream out) throws IOException {
        Contents contents = Contents.of(directory);
        for (Seen segment : contents.segments) {
            out.printf(
                    "segment %06d %-4s %11d octets: %d accepted, %d parts, %d attempts, %d done, %d keys, %s; index %s%n",
                    segment.number, segment.cold ? "cold" : "hot", segment.octets, segment.count(Records.ACCEPTED),
                    segment.count(Records.PART), segment.count(Records.ATTEMPT), segment.count(Records.DONE),
                    segment.count(Records.KEY),
                    segment.damage.isEmpty() ? "no damage" : "DAMAGED", segment.index);
            segment.damage.forEach(line -> out.println("  " + line));
        }
        int quarantined = quarantined(directory);
        out.printf("%d segments, %d messages with %d destinations not done, %d held for a key, %d damaged places, "
                + "%d in quarantine%n", contents.segments.size(), contents.messages.size(),
                contents.openDestinations(), contents.held, contents.damaged(), quarantined);
        return contents.damaged() == 0 ? OK : DAMAGED;
    }

    /** Prints a line per destination that is not done. Messages held for a key that isn't recorded don't count yet. */
    public static int list(Path directory, PrintStream out) throws IOException {
        Contents contents = Contents.of(directory);
        out.printf("%-13s %4s %8s %-24s %-24s %8s %-30s %s%n", "ID", "PART", "ATTEMPTS", "NEXT", "RECEIVED", "SIZE",
                "SENDER", "RECIPIENTS");
        contents.messages.forEach((id, message) -> {
            for (Destination destination : message.accepted.envelope().destinations()) {
                if (contents.isDone(id, destination.part())) {
                    continue;
                }
                AttemptState attempt = contents.attempts.get(new Key(id, destination.part()));
                StringBuilder recipients = new StringBuilder();
                for (int index : destination.recipients()) {
                    recipients.append(recipients.isEmpty() ? "" : ",")
                            .append(message.accepted.envelope().recipients().get(index).address());
                }
                out.printf("%s %4d %8d %-24s %-24s %8d %-30s %s%n", new MessageId(id), destination.part(),
                        attempt == null ? 0 : attempt.attempts(),
                        attempt == null ? "-" : Instant.ofEpochMilli(attempt.nextMillis()),
                        Instant.ofEpochMilli(message.accepted.envelope().receivedMillis()),
                        message.accepted.contentLength(), "<" + message.accepted.envelope().sender() + ">", recipients);
                if (attempt != null) {
                    attempt.recipients().forEach(r -> out.printf("              %s %s: %s%n",
                            message.accepted.envelope().recipients().get(r.recipient()).address(), r.status(),
                            r.lastReply()));
                }
            }
        });
        return OK;
    }

    /**
     * Prints the content of a message, done or not, as long as its octets are there.
     *
     * @return the exit code: 1 when there is no such message, which is said then
     */
    public static int cat(Path directory, MessageId id, PrintStream out) throws IOException {
        Contents contents = Contents.of(directory);
        Message message = contents.all.get(id.value());
        if (message == null) {
            out.println("no message " + id + " in " + directory);
            return NOT_FOUND;
        }
        if (message.accepted.streamId() == 0) {
            ByteBuffer record = contents.read(message.segment, message.position, message.length);
            write(record, out);
        } else {
            for (Metas.PartPlace part : message.accepted.parts()) {
                write(contents.read(part.segment(), part.position(), part.length()), out);
            }
        }
        out.flush();
        return OK;
    }

    private static void write(ByteBuffer record, PrintStream out) {
        int contentAt = Records.HEADER + Records.metaLength(record, 0);
        out.write(record.array(), record.arrayOffset() + contentAt, Records.length(record, 0) - contentAt);
    }

    private static int quarantined(Path directory) throws IOException {
        Path quarantine = directory.resolve(FileSegmentStore.QUARANTINE);
        if (!Files.isDirectory(quarantine)) {
            return 0;
        }
        try (var files = Files.newDirectoryStream(quarantine, "*.bin")) {
            int count = 0;
            for (Path _ : files) {
                count++;
            }
            return count;
        }
    }

    private record Key(long id, int part) {}

    private record Message(long segment, long position, int length, int revision, long request,
            Metas.Accepted accepted) {}

    /** What one segment holds. */
    private static final class Seen {
        final long number;
        boolean cold;
        long octets;
        String index = "none yet";
        final Map<Byte, Integer> counts = new HashMap<>();
        final List<String> damage = new ArrayList<>();

        Seen(long number) {
            this.number = number;
        }

        int count(byte type) {
            return counts.getOrDefault(type, 0);
        }
    }

    private static final class Contents {
        final Path directory;
        final List<Seen> segments = new ArrayList<>();
        final Map<Long, Message> all = new TreeMap<>(Long::compareUnsigned);
        final Map<Long, Message> messages = new TreeMap<>(Long::compareUnsigned);
        final Map<Key, AttemptState> attempts = new HashMap<>();
        private final Map<Key, Integer> serials = new HashMap<>();
        private final Set<Key> done = new HashSet<>();
        private final Set<Long> recordedRequests = new HashSet<>();
        int held;

        private Contents(Path directory) {
            this.directory = directory;
        }

        static Contents of(Path directory) throws IOException {
            Contents contents = new Contents(directory);
            List<Long> numbers = FileSegmentStore.list(directory, Kind.DATA);
            for (long number : numbers) {
                Path file = FileSegmentStore.file(directory, Kind.DATA, number);
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                    contents.segments.add(contents.read(number, number == numbers.getLast(), new ReadOnly(number,
                            channel)));
                } catch (NoSuchFileException _) {
                    // reclaimed meanwhile
                }
            }
            contents.all.forEach((id, message) -> {
                if (message.accepted.envelope().destinations().stream()
                        .allMatch(destination -> contents.isDone(id, destination.part()))) {
                    return;
                }
                if (message.request == 0 || contents.recordedRequests.contains(message.request)) {
                    contents.messages.put(id, message);
                } else {
                    contents.held++;
                }
            });
            return contents;
        }

        boolean isDone(long id, int part) {
            return done.contains(new Key(id, part));
        }

        int damaged() {
            return segments.stream().mapToInt(segment -> segment.damage.size()).sum();
        }

        long openDestinations() {
            return messages.entrySet().stream().mapToLong(message -> message.getValue().accepted.envelope()
                    .destinations().stream().filter(d -> !isDone(message.getKey(), d.part())).count()).sum();
        }

        private Seen read(long number, boolean last, SegmentStore.Segment data) throws IOException {
            Seen seen = new Seen(number);
            ByteBuffer head = ByteBuffer.allocate((int) Math.min(SegmentHeader.LENGTH, data.end()));
            data.read(0, head);
            SegmentHeader header = SegmentHeader.decode(head.clear());
            if (header == null) {
                seen.octets = data.end();
                seen.damage.add("octets 0 to " + SegmentHeader.LENGTH + ": no segment header");
                return seen;
            }
            seen.cold = header.cold();
            Set<Long> positions = new HashSet<>();
            seen.octets = new SegmentScanner(data, header.salt()).scan(new SegmentScanner.Findings() {
                @Override
                public void record(long position, ByteBuffer octets, int at) {
                    positions.add(position);
                    seen.counts.merge(Records.type(octets, at), 1, Integer::sum);
                    try {
                        take(number, position, octets, at);
                    } catch (IllegalArgumentException e) {
                        seen.damage.add("octet " + position + ": unreadable, " + e.getMessage());
                    }
                }

                @Override
                public void damage(long from, long to, boolean atEnd) {
                    if (!atEnd || !last) {
                        seen.damage.add("octets " + from + " to " + to + ": not a record");
                    }
                }
            });
            checkIndex(seen, header.salt(), positions);
            return seen;
        }

        private void checkIndex(Seen seen, long salt, Set<Long> positions) throws IOException {
            Path file = FileSegmentStore.file(directory, Kind.INDEX, seen.number);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                IndexBlocks.Index index = IndexBlocks.open(new ReadOnly(seen.number, channel), seen.number, salt);
                if (index == null) {
                    seen.index = "damaged (a start makes it anew)";
                    return;
                }
                int[] missing = {0};
                index.source().forEach((position, _, _) -> missing[0] += positions.contains(position) ? 0 : 1);
                seen.index = "whole";
                if (missing[0] > 0) {
                    seen.damage.add(missing[0] + " records of the index are not in the segment");
                }
            } catch (NoSuchFileException _) {
                // not sealed yet
            }
        }

        private void take(long segment, long position, ByteBuffer octets, int at) {
            long id = Records.id(octets, at);
            Key key = new Key(id, Records.part(octets, at));
            int serial = Records.serial(octets, at);
            switch (Records.type(octets, at)) {
                case Records.ACCEPTED -> {
                    Message before = all.get(id);
                    if (before == null || serial >= before.revision) {
                        all.put(id, new Message(segment, position, Records.length(octets, at),
                                serial, Metas.request(octets, at), Metas.accepted(octets, at)));
                    }
                }
                case Records.ATTEMPT -> {
                    Integer before = serials.get(key);
                    if (before == null || serial - before > 0) {
                        serials.put(key, serial);
                        attempts.put(key, Metas.attempt(octets, at));
                    }
                }
                case Records.DONE -> done.add(key);
                case Records.KEY -> recordedRequests.add(id);
                default -> {
                    // PART, REPLACES and SYNCED say nothing by themselves
                }
            }
        }

        ByteBuffer read(long segment, long position, int length) throws IOException {
            Path file = FileSegmentStore.file(directory, Kind.DATA, segment);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                ByteBuffer record = ByteBuffer.allocate(length);
                new ReadOnly(segment, channel).read(position, record);
                return record.clear();
            }
        }
    }

    /** A segment that is only read. */
    private record ReadOnly(long number, FileChannel channel) implements SegmentStore.Segment {
        @Override
        public void read(long position, ByteBuffer into) throws IOException {
            FileSegmentStore.readFully(number, channel, position, into);
        }

        @Override
        public long end() {
            try {
                return channel.size();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }

        @Override
        public long append(ByteBuffer octets) {
            throw readOnly();
        }

        @Override
        public void reserve(long octets) {
            throw readOnly();
        }

        @Override
        public long reserved() {
            return 0;
        }

        @Override
        public void sync() {
            throw readOnly();
        }

        @Override
        public void seal() {
            throw readOnly();
        }

        @Override
        public void rewrite(long from, long to) {
            throw readOnly();
        }

        @Override
        public void truncate(long position) {
            throw readOnly();
        }

        @Override
        public void close() {
            // the channel is its opener's
        }

        private static UnsupportedOperationException readOnly() {
            return new UnsupportedOperationException("an inspected spool is not written to");
        }
    }
}
