package dev.penstock.events;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

import com.github.luben.zstd.ZstdInputStream;
import com.github.luben.zstd.ZstdOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.penstock.config.EventsConfig.Compression;

class LogFileTest {
    private static final String NAME = "delivery-20261124T002205.495Z.jsonl";

    @TempDir
    Path directory;

    @ParameterizedTest
    @EnumSource(Compression.class)
    void everyPlaceOfAFileReadsTheSameInEachForm(Compression compression) throws IOException {
        byte[] lines = lines(5 * CompressedLines.MEMBER / 2);
        Path file = Files.write(directory.resolve(NAME), lines);
        if (compression != Compression.NONE) {
            file = EventLines.compress(file, compression);
            assertThat(Files.size(file)).isLessThan(lines.length / 2);
        }
        readsTheSame(lines);
    }

    @ParameterizedTest
    @EnumSource(value = Compression.class, names = {"GZIP", "ZSTD"})
    void everyPlaceOfAFileThatSomebodyElseCompressedReadsTheSame(Compression compression) throws IOException {
        byte[] lines = lines(3 * CompressedLines.MEMBER / 2);
        try (OutputStream raw = Files.newOutputStream(directory.resolve(NAME + compression.suffix()));
                OutputStream out = compression == Compression.GZIP
                        ? new GZIPOutputStream(raw)
                        : new ZstdOutputStream(raw)) {
            out.write(lines);
        }
        readsTheSame(lines);
    }

    /** What was read up to a place has no hold on the file any more when an earlier one is asked for. */
    @ParameterizedTest
    @EnumSource(value = Compression.class, names = {"GZIP", "ZSTD"})
    void aFileThatSomebodyElseCompressedIsReadFromItsBeginningAgainAndAgain(Compression compression)
            throws IOException {
        byte[] lines = lines(100_000);
        try (OutputStream raw = Files.newOutputStream(directory.resolve(NAME + compression.suffix()));
                OutputStream out = compression == Compression.GZIP
                        ? new GZIPOutputStream(raw)
                        : new ZstdOutputStream(raw)) {
            out.write(lines);
        }
        byte[] into = new byte[1_000];
        try (LogFile.Lines opened = LogFile.open(directory, NAME)) {
            for (int i = 0; i < 30; i++) {
                assertThat(opened.read(50_000, into, 0, into.length)).isEqualTo(into.length);
                assertThat(opened.read(0, into, 0, into.length)).isEqualTo(into.length);
                assertThat(into).isEqualTo(Arrays.copyOf(lines, into.length));
                System.gc(); // which finds those that were left behind
            }
        }
    }

    private void readsTheSame(byte[] lines) throws IOException {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        try (LogFile.Lines opened = LogFile.open(directory, NAME)) {
            byte[] into = new byte[300_000];
            for (int i = 0; i < 40; i++) {
                int place = random.nextInt(lines.length + 100_000);
                int length = random.nextInt(into.length - 7);
                int read = opened.read(place, into, 7, length);
                assertThat(read).as("seed " + seed).isEqualTo(Math.clamp(lines.length - place, 0, length));
                assertThat(Arrays.equals(into, 7, 7 + read, lines, Math.min(place, lines.length),
                        Math.min(place, lines.length) + read)).as("seed " + seed + " at " + place).isTrue();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Compression.class, names = {"GZIP", "ZSTD"})
    void othersReadWhatWeCompress(Compression compression) throws IOException {
        byte[] lines = lines(5 * CompressedLines.MEMBER / 2);
        Path file = EventLines.compress(Files.write(directory.resolve(NAME), lines), compression);
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = compression == Compression.GZIP
                        ? new GZIPInputStream(raw)
                        : new ZstdInputStream(raw)) {
            assertThat(in.readAllBytes()).isEqualTo(lines);
        }
    }

    @ParameterizedTest
    @EnumSource(value = Compression.class, names = {"GZIP", "ZSTD"})
    void anEmptyFileStaysEmpty(Compression compression) throws IOException {
        EventLines.compress(Files.createFile(directory.resolve(NAME)), compression);
        try (LogFile.Lines opened = LogFile.open(directory, NAME)) {
            assertThat(opened.read(0, new byte[10], 0, 10)).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(value = Compression.class, names = {"GZIP", "ZSTD"})
    void aCompressedFileThatIsTornSaysSoAndGivesNoWrongLines(Compression compression) throws IOException {
        byte[] lines = lines(CompressedLines.MEMBER);
        Path file = EventLines.compress(Files.write(directory.resolve(NAME), lines), compression);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() / 2);
        }
        assertThatThrownBy(() -> {
            try (LogFile.Lines opened = LogFile.open(directory, NAME)) {
                opened.read(lines.length - 10, new byte[10], 0, 10);
            }
        }).isInstanceOf(IOException.class);
    }

    @Test
    void aDirectoryHasEachFileOnceAndNothingElse() throws IOException {
        Files.writeString(directory.resolve("delivery-2.jsonl"), "x");
        Files.writeString(directory.resolve("delivery-2.jsonl.zst"), "x");
        Files.writeString(directory.resolve("delivery-1.jsonl.gz"), "x");
        Files.writeString(directory.resolve(".delivery-1.jsonl.gz"), "x");
        Files.writeString(directory.resolve("notes.jsonl"), "x");
        Files.createDirectory(directory.resolve("delivery-3.jsonl"));
        Files.createSymbolicLink(directory.resolve("delivery-4.jsonl"), directory.resolve("notes.jsonl"));
        assertThat(LogFile.in(directory)).containsExactly(
                new LogFile("delivery-1.jsonl", directory.resolve("delivery-1.jsonl.gz"), Compression.GZIP),
                new LogFile("delivery-2.jsonl", directory.resolve("delivery-2.jsonl"), Compression.NONE));
    }

    @Test
    void whatIsGoneInEveryFormIsGone() {
        assertThatThrownBy(() -> LogFile.open(directory, NAME)).isInstanceOf(NoSuchFileException.class);
    }

    private static byte[] lines(int octets) {
        StringBuilder lines = new StringBuilder();
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; lines.length() < octets; i++) {
            lines.append("{\"line\":").append(i).append(",\"random\":").append(random.nextLong()).append("}\n");
        }
        return lines.toString().getBytes(UTF_8);
    }
}
