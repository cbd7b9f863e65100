package dev.penstock.spool;

import static dev.penstock.spool.AppendTest.deferred;
import static dev.penstock.spool.SpoolFixture.await;
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
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

import dev.penstock.testing.MemoryTempDir;

/** Show 4: a small spool, cut or with one bit flipped at every octet, recovers as promised. */
class EveryByteTest {
    @TempDir(factory = MemoryTempDir.class)
    Path directory;

    private static final Logger log = (Logger) LoggerFactory.getLogger("dev.penstock.spool");

    /** Thousands of warnings of damage that the test made itself say nothing. */
    @BeforeAll
    static void muteWarnings() {
        log.setLevel(Level.ERROR);
    }

    @AfterAll
    static void unmuteWarnings() {
        log.setLevel(null);
    }

    private final Map<String, byte[]> contents = new HashMap<>();
    private byte[] first = {};
    private byte[] last = {};
    /** Where each destination's records end, in the last segment; 0 for those that lie in the first. */
    private final Map<String, Long> ends = new TreeMap<>();
    private final List<long[]> records = new ArrayList<>();

    /** Two segments without index, as a crash leaves them; the second with every type of record. */
    @BeforeEach
    void makeSpool() throws IOException {
        Path made = directory.resolve("made");
        try (SpoolFixture fixture = SpoolFixture.open(SpoolFixture.withSegmentSize(SpoolFixture.config(made), 8192))) {
            for (int i = 0; i < 2; i++) {
                SpoolEntry entry = fixture.accept(content(i, 90), "first" + i + "@one.example").getFirst();
                contents.put(key(entry), content(i, 90));
                ends.put(key(entry), 0L);
            }
            first = trimmed(Files.readAllBytes(onlySegment(made)));
        }
        try (SpoolFixture fixture = SpoolFixture
                .open(SpoolFixture.withSegmentSize(SpoolFixture.config(made), 1 << 20))) {
            SpoolEntry plain = fixture.accept(content(7, 120), "p@two.example").getFirst();
            SpoolEntry attempted = fixture.accept(content(8, 50), "q@two.example").getFirst();
            await(fixture.spool.recordAttempt(attempted, deferred(2, 777, 0, "450 later")));
            await(fixture.spool.done(fixture.accept(content(9, 30), "r@two.example").getFirst()));
            List<SpoolEntry> both = fixture.accept(content(10, 40), "s@two.example", "t@three.example");
            await(fixture.spool.done(both.getLast()));
            last = trimmed(Files.readAllBytes(lastSegment(made)));
            for (SpoolEntry entry : List.of(plain, attempted, both.getFirst())) {
                ends.put(key(entry), -1L);
            }
            contents.put(key(plain), content(7, 120));
            contents.put(key(attempted), content(8, 50));
            contents.put(key(both.getFirst()), content(10, 40));
        }
        findRecords();
    }

    private void findRecords() throws IOException {
        ByteBuffer octets = ByteBuffer.wrap(last);
        for (int at = SegmentHeader.LENGTH; at + Records.HEADER <= last.length;) {
            int length = Records.length(octets, at);
            records.add(new long[]{at, at + length});
            if (Records.type(octets, at) == Records.ACCEPTED) {
                String key = new dev.penstock.message.MessageId(Records.id(octets, at)) + "/0";
                long recordEnd = (long) at + length;
                ends.computeIfPresent(key, (_, _) -> recordEnd);
            }
            at = (int) Records.align(at + length);
        }
        assertThat(records).hasSize(7);
    }

    @Test
    void aLogCutAnywhereKeepsWhatLiesBeforeTheCut() throws IOException {
        for (int cut = 0; cut <= last.length; cut++) {
            Path copy = spool("cut-" + cut, first, Arrays.copyOf(last, cut));
            try (SpoolFixture fixture = SpoolFixture.open(copy)) {
                String where = "cut at " + cut;
                expectBefore(fixture, cut, where);
                assertThat(fixture.spool.stats().quarantined()).as(where).isZero();
                assertUsable(fixture, where);
            }
            delete(copy);
        }
    }

    @Test
    void aBitFlippedAnywhereInTheLastSegmentCostsNoOtherRecord() throws IOException {
        for (int at = 0; at < last.length; at++) {
            byte[] flipped = last.clone();
            flipped[at] ^= (byte) (1 << at % 8);
            Path copy = spool("flip-" + at, first, flipped);
            try (SpoolFixture fixture = SpoolFixture.open(copy)) {
                String where = "bit flipped at " + at;
                expectAllBut(fixture, at, where);
                boolean inRecord = recordAt(at) >= 0;
                boolean inLastRecord = recordAt(at) == records.size() - 1;
                assertThat(fixture.spool.stats().quarantined()).as(where).isEqualTo(inRecord && !inLastRecord ? 1 : 0);
                assertUsable(fixture, where);
            }
            delete(copy);
        }
    }

    @Test
    void aBitFlippedOrACutInAnEarlierSegmentIsSetAsideAndCountedAndDeletesNothing() throws IOException {
        for (int at = SegmentHeader.LENGTH; at < first.length; at++) {
            byte[] flipped = first.clone();
            flipped[at] ^= (byte) (1 << at % 8);
            Path copy = spool("early-" + at, flipped, last);
            String where = "bit flipped in the first segment at " + at;
            boolean damaged;
            try (SpoolFixture fixture = SpoolFixture.open(copy)) {
                expectBefore(fixture, last.length, where, true);
                long found = fixture.recovered.values().stream()
                        .filter(r -> r.envelope().recipients().getFirst().address().startsWith("first")).count();
                assertThat(found).as(where).isGreaterThanOrEqualTo(1);
                assertThat(fixture.spool.stats().quarantined()).as(where).isEqualTo(2 - found);
                damaged = found < 2; // else it is the padding between two records: nothing was lost, and it may be compacted
            }
            if (damaged) {
                assertThat(copy.resolve("quarantine")).as(where).isNotEmptyDirectory();
                assertThat(Files.readAllBytes(segments(copy).getFirst())).as(where).startsWith(flipped);
            }
            delete(copy);
        }
        for (int cut = 0; cut < first.length; cut += 3) {
            Path copy = spool("early-cut-" + cut, Arrays.copyOf(first, cut), last);
            try (SpoolFixture fixture = SpoolFixture.open(copy)) {
                expectBefore(fixture, last.length, "first segment cut at " + cut, true);
            }
            delete(copy);
        }
    }

    @Test
    void aSealedSpoolWithABitFlippedAnywhereInAnIndexLosesNothing() throws IOException {
        Path sealed = spool("sealed", first, last);
        SpoolFixture.open(sealed).close();
        Path index = sealed.resolve("data-%06d.idx".formatted(number(segments(sealed).get(1))));
        byte[] whole = Files.readAllBytes(index);
        for (int at = 0; at < whole.length; at++) {
            Path copy = directory.resolve("index-" + at);
            SpoolFixture.copy(sealed, copy);
            byte[] flipped = whole.clone();
            flipped[at] ^= (byte) (1 << at % 8);
            Files.write(copy.resolve(index.getFileName().toString()), flipped);
            try (SpoolFixture fixture = SpoolFixture.open(copy)) {
                expectBefore(fixture, last.length, "index flipped at " + at);
            }
            delete(copy);
        }
    }

    @Test
    void aSegmentWithoutHeaderIsReadByTheSaltOfTheOthersOrSetAsideWhole() throws IOException {
        byte[] beheaded = last.clone();
        Arrays.fill(beheaded, 0, SegmentHeader.LENGTH, (byte) 0x55);
        try (SpoolFixture fixture = SpoolFixture.open(spool("beheaded", first, beheaded))) {
            expectBefore(fixture, last.length, "without header");
        }
        Path alone = spool("alone", first, beheaded);
        Files.delete(alone.resolve("data-000001.seg"));
        for (int start = 0; start < 2; start++) {
            try (SpoolFixture fixture = SpoolFixture.open(alone)) {
                assertThat(fixture.recovered).isEmpty();
                assertThat(fixture.spool.stats().quarantined()).isEqualTo(1 - start);
            }
        }
        assertThat(Files.readAllBytes(alone.resolve("quarantine").resolve("segment-000002-at-128.bin")))
                .isEqualTo(trimmedExactly(Arrays.copyOfRange(beheaded, SegmentHeader.LENGTH, beheaded.length)));
    }

    private static byte[] trimmedExactly(byte[] octets) {
        int length = octets.length;
        while (length > 0 && octets[length - 1] == 0) {
            length--;
        }
        return Arrays.copyOf(octets, length);
    }

    private void expectBefore(SpoolFixture fixture, long cut, String where) throws IOException {
        expectBefore(fixture, cut, where, false);
    }

    private void expectBefore(SpoolFixture fixture, long cut, String where, boolean firstDamaged) throws IOException {
        for (Map.Entry<String, Long> end : ends.entrySet()) {
            boolean expected = end.getValue() <= cut;
            if (end.getValue() == 0 && firstDamaged) {
                expected = fixture.recovered.containsKey(end.getKey());
            }
            if (expected) {
                expectReadable(fixture, end.getKey(), where);
            } else {
                assertThat(fixture.recovered).as(where).doesNotContainKey(end.getKey());
            }
        }
    }

    private void expectAllBut(SpoolFixture fixture, int at, String where) throws IOException {
        int damaged = recordAt(at);
        for (Map.Entry<String, Long> end : ends.entrySet()) {
            if (damaged >= 0 && records.get(damaged)[1] == end.getValue()) {
                assertThat(fixture.recovered).as(where).doesNotContainKey(end.getKey());
            } else {
                expectReadable(fixture, end.getKey(), where);
            }
        }
    }

    private void expectReadable(SpoolFixture fixture, String key, String where) throws IOException {
        assertThat(fixture.recovered).as(where).containsKey(key);
        assertThat(fixture.read(fixture.recovered(key).entry())).as(where + ", " + key).isEqualTo(contents.get(key));
    }

    /** -1 between records and in the header. */
    private int recordAt(int at) {
        for (int i = 0; i < records.size(); i++) {
            if (at >= records.get(i)[0] && at < records.get(i)[1]) {
                return i;
            }
        }
        return -1;
    }

    private static void assertUsable(SpoolFixture fixture, String where) throws IOException {
        SpoolEntry entry = fixture.accept(content(99, 20), "new@one.example").getFirst();
        assertThat(fixture.read(entry)).as(where).isEqualTo(content(99, 20));
    }

    private Path spool(String name, byte[] one, byte[] two) throws IOException {
        Path spool = Files.createDirectories(directory.resolve(name));
        Files.write(spool.resolve("data-000001.seg"), one);
        // room that was reserved and not used
        Path second = spool.resolve("data-000002.seg");
        try (FileChannel channel = FileChannel.open(second, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(two));
            if (two.length == last.length) {
                channel.write(ByteBuffer.allocate(512));
            }
        }
        return spool;
    }

    private static byte[] trimmed(byte[] octets) {
        byte[] exactly = trimmedExactly(octets);
        return Arrays.copyOf(octets, (int) Records.align(exactly.length));
    }

    private static List<Path> segments(Path spool) throws IOException {
        try (var files = Files.list(spool)) {
            return files.filter(file -> file.toString().endsWith(".seg")).sorted().toList();
        }
    }

    private static Path onlySegment(Path spool) throws IOException {
        return segments(spool).getFirst();
    }

    private static Path lastSegment(Path spool) throws IOException {
        return segments(spool).getLast();
    }

    private static long number(Path segment) {
        return Long.parseLong(segment.getFileName().toString().substring(5, 11));
    }

    private static void delete(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
