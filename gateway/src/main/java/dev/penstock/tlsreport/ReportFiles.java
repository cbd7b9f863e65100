package dev.penstock.tlsreport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.PrivateFiles;

/**
 * What lies in the directory of reports. Thread-safe: one call at a time.
 *
 * <p>{@code counts.tsv} has the day under way. A day that is over becomes {@code DAY.due} before another takes its place
 * there, and stays until all of its reports are where they belong; {@code DAY.done} has a line for each that is. So a crash
 * at any moment loses no report and repeats the one that was being sent, at most, with the same report-id.
 */
final class ReportFiles {
    private static final Logger log = LoggerFactory.getLogger(ReportFiles.class);
    private static final String COUNTS = "counts.tsv";
    private static final String UNFINISHED = ".tmp";
    private static final Pattern DUE = Pattern.compile("(\\d{4}-\\d{2}-\\d{2})\\.due");

    private final Path directory;

    ReportFiles(Path directory) throws IOException {
        this.directory = directory;
        PrivateFiles.createDirectories(directory);
    }

    /** The day that was under way; a new one when there is none that can be read, or it is due already. */
    synchronized DayCounts counts(LocalDate today) {
        Path file = directory.resolve(COUNTS);
        try {
            DayCounts read = DayCounts.read(text(file));
            return Files.exists(due(read.day())) ? new DayCounts(today) : read;
        } catch (NoSuchFileException _) {
            return new DayCounts(today);
        } catch (IOException | IllegalArgumentException e) {
            log.warn("event=tls-report-counts-lost file={} why={} effect=\"the day's reports begin now\"", file,
                    e.getMessage());
            return new DayCounts(today);
        }
    }

    synchronized void keep(DayCounts counts) throws IOException {
        replace(COUNTS, counts.write().getBytes(StandardCharsets.UTF_8));
    }

    /** The day is over: its reports are due until {@link #finished}. */
    synchronized void keepDue(DayCounts counts) throws IOException {
        replace(counts.day() + ".due", counts.write().getBytes(StandardCharsets.UTF_8));
    }

    /** Days that are due, the earliest first. */
    synchronized List<DayCounts> due() throws IOException {
        List<DayCounts> due = new ArrayList<>();
        List<String> names;
        try (Stream<Path> files = Files.list(directory)) {
            names = files.map(file -> file.getFileName().toString()).sorted().toList();
        }
        for (String name : names) {
            Matcher day = DUE.matcher(name);
            if (day.matches()) {
                try {
                    due.add(DayCounts.read(text(directory.resolve(name))));
                } catch (IOException | IllegalArgumentException e) {
                    log.warn("event=tls-report-counts-lost file={} why={} effect=\"that day has no reports\"", name,
                            e.getMessage());
                }
            }
        }
        return due;
    }

    /** What was noted of the day's reports. */
    synchronized Set<String> done(LocalDate day) {
        try {
            return new HashSet<>(text(donePath(day)).lines().toList());
        } catch (IOException _) {
            return new HashSet<>(); // what was sent is sent again
        }
    }

    synchronized void note(LocalDate day, String line) throws IOException {
        try (FileChannel file = PrivateFiles.open(donePath(day), StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                StandardOpenOption.APPEND)) {
            write(file, (line + "\n").getBytes(StandardCharsets.UTF_8));
        }
    }

    synchronized void finished(LocalDate day) throws IOException {
        Files.deleteIfExists(due(day));
        Files.deleteIfExists(donePath(day));
    }

    synchronized void report(String name, byte[] octets) throws IOException {
        replace(name, octets);
    }

    private Path due(LocalDate day) {
        return directory.resolve(day + ".due");
    }

    private Path donePath(LocalDate day) {
        return directory.resolve(day + ".done");
    }

    private static String text(Path file) throws IOException {
        try (FileChannel channel = PrivateFiles.open(file, StandardOpenOption.READ)) {
            return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** Whole or not at all. */
    private void replace(String name, byte[] octets) throws IOException {
        Path unfinished = directory.resolve(name + UNFINISHED);
        try (FileChannel channel = PrivateFiles.createAnew(unfinished)) {
            write(channel, octets);
            channel.force(true);
        }
        Files.move(unfinished, directory.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }

    private static void write(FileChannel channel, byte[] octets) throws IOException {
        ByteBuffer left = ByteBuffer.wrap(octets);
        while (left.hasRemaining()) {
            channel.write(left);
        }
    }
}
