package dev.penstock.spool;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.agrona.collections.Long2LongHashMap;
import org.agrona.collections.LongHashSet;

import dev.penstock.message.MessageId;
import dev.penstock.spool.SegmentStore.Kind;

/**
 * Looks into a spool without changing it, whether it is in use or not. Stateless. It reads all data segments from end
 * to end and doesn't rely on their indexes. In a spool in use, the last segment may end in a record that is just being
 * written, and a segment may be deleted between listing and reading: neither is reported as damage.
 *
 * <p>Memory goes by the number of messages, some tens of octets each, and by no content or envelope.
 */
public final class SpoolInspector {
    private static final int OK = 0;
    private static final int DAMAGED = 1;
    private static final int NOT_FOUND = 1;
    private static final int OUT_BUFFER = 64 * 1024;

    private SpoolInspector() {}

    /**
     * Checks every record, and every index against its segment.
     *
     * @return the exit code: 0 when all is whole, 1 when something is damaged
     */
    public static int verify(Path directory, PrintStream out) throws IOException {
        Tally tally = new Tally();
        List<Seen> segments = new ArrayList<>();
        new SpoolFiles(directory).forEach((number, last, data) -> segments.add(verify(directory, number, last, data,
                tally)));
        for (Seen segment : segments) {
            out.printf(
                    "segment %06d %-4s %11d octets: %d accepted, %d parts, %d attempts, %d done, %d keys, %s; index %s%n",
                    segment.number, segment.cold ? "cold" : "hot", segment.octets, segment.count(Records.ACCEPTED),
                    segment.count(Records.PART), segment.count(Records.ATTEMPT), segment.count(Records.DONE),
                    segment.count(Records.KEY),
                    segment.damage.isEmpty() ? "no damage" : "DAMAGED", segment.index);
            segment.damage.forEach(line -> out.println("  " + line));
        }
        int damaged = segments.stream().mapToInt(segment -> segment.damage.size()).sum();
        tally.count();
        out.printf("%d segments, %d messages with %d destinations not done, %d held for a key, %d damaged places, "
                + "%d in quarantine%n", segments.size(), tally.messages, tally.destinations, tally.held, damaged,
                quarantined(directory));
        return damaged == 0 ? OK : DAMAGED;
    }

    /**
     * Prints destinations that are not done, in the order in which the spool holds their messages. Messages held for a
     * key that isn't recorded don't count yet.
     */
    public static int list(Path directory, SpoolListing.Filter filter, SpoolListing.Form form, InstantSource clock,
            PrintStream out) throws IOException {
        // Line by line to a terminal's stream would be a system call for each.
        PrintStream buffered = new PrintStream(new BufferedOutputStream(out, OUT_BUFFER), false, UTF_8);
        new SpoolListing(directory, filter, clock.instant()).print(form, buffered);
        buffered.flush();
        return OK;
    }

    /**
     * Prints the content of a message, done or not, as long as its octets are there.
     *
     * @return the exit code: 1 when there is no such message, which is said then
     */
    public static int cat(Path directory, MessageId id, PrintStream out) throws IOException {
        Message[] found = {null};
        SpoolFiles files = new SpoolFiles(directory);
        files.forEach((number, _, data) -> files.scan(data, (position, octets, at) -> {
            if (Records.type(octets, at) == Records.ACCEPTED && Records.id(octets, at) == id.value()) {
                int revision = Records.serial(octets, at);
                if (found[0] == null || revision >= found[0].revision) {
                    found[0] = new Message(number, position, Records.length(octets, at), revision,
                            Metas.accepted(octets, at));
                }
            }
        }));
        Message message = found[0];
        if (message == null) {
            out.println("no message " + id + " in " + directory);
            return NOT_FOUND;
        }
        if (message.accepted.streamId() == 0) {
            write(files.read(message.segment, message.position, message.length), out);
        } else {
            for (Metas.PartPlace part : message.accepted.parts()) {
                write(files.read(part.segment(), part.position(), part.length()), out);
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

    private record Message(long segment, long position, int length, int revision, Metas.Accepted accepted) {}

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

    /** Which messages there are, and what of them is done. */
    private static final class Tally {
        private final Long2LongHashMap destinationsById = new Long2LongHashMap(0);
        private final Map<Long, Long> requests = new HashMap<>(); // of messages held for one
        private final LongHashSet recordedRequests = new LongHashSet();
        private final DoneSet done = new DoneSet();
        long messages;
        long destinations;
        long held;

        void take(ByteBuffer octets, int at) {
            long id = Records.id(octets, at);
            switch (Records.type(octets, at)) {
                case Records.ACCEPTED -> {
                    Metas.accepted(octets, at); // can be read
                    destinationsById.put(id, Records.destination(octets, at));
                    long request = Metas.request(octets, at);
                    if (request != 0) {
                        requests.put(id, request);
                    }
                }
                case Records.ATTEMPT -> Metas.attempt(octets, at);
                case Records.DONE -> done.add(id, Records.destination(octets, at));
                case Records.KEY -> recordedRequests.add(id);
                default -> {
                    // PART, REPLACES and SYNCED say nothing by themselves
                }
            }
        }

        void count() {
            destinationsById.forEachLong((id, count) -> {
                int open = 0;
                for (int destination = 0; destination < count; destination++) {
                    open += done.contains(id, destination) ? 0 : 1;
                }
                Long request = requests.get(id);
                if (open > 0 && request != null && !recordedRequests.contains(request.longValue())) {
                    held++;
                } else if (open > 0) {
                    messages++;
                    destinations += open;
                }
            });
        }
    }

    private static Seen verify(Path directory, long number, boolean last, SegmentStore.Segment data, Tally tally)
            throws IOException {
        Seen seen = new Seen(number);
        SegmentHeader header = SpoolFiles.header(data);
        if (header == null) {
            seen.octets = data.end();
            seen.damage.add("octets 0 to " + SegmentHeader.LENGTH + ": no segment header");
            return seen;
        }
        seen.cold = header.cold();
        LongHashSet positions = new LongHashSet();
        seen.octets = new SegmentScanner(data, header.salt()).scan(new SegmentScanner.Findings() {
            @Override
            public void record(long position, ByteBuffer octets, int at) {
                positions.add(position);
                seen.counts.merge(Records.type(octets, at), 1, Integer::sum);
                try {
                    tally.take(octets, at);
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
        checkIndex(directory, seen, header.salt(), positions);
        return seen;
    }

    private static void checkIndex(Path directory, Seen seen, long salt, LongHashSet positions) throws IOException {
        Path file = FileSegmentStore.file(directory, Kind.INDEX, seen.number);
        try (FileChannel channel = FileSegmentStore.openToRead(file)) {
            IndexBlocks.Index index = IndexBlocks.open(new ReadOnlySegment(seen.number, channel), seen.number, salt);
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
}
