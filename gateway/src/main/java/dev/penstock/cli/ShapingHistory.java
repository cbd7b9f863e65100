package dev.penstock.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.penstock.config.GatewayConfig;
import dev.penstock.units.WholeFile;

/**
 * The versions of the shaping file that were in force, the newest of which is: files {@code N.toml} in a directory beside
 * the spool's segments. The gateway alone writes, one thread at a time; commands read. A version that was in force before
 * and is so again has a new number.
 */
final class ShapingHistory {
    /** As many versions are kept; the oldest goes first. */
    static final int KEPT = 100;
    /** Of a shaping file: some hundred thousand sections. */
    static final int MAX_OCTETS = 64 << 20;
    static final String DIRECTORY = "shaping-versions";
    private static final Pattern NAME = Pattern.compile("([1-9]\\d{0,8})\\.toml");

    private final Path directory;

    /**
     * A version that is kept.
     *
     * @param number ascending, from 1
     * @param since  when it came into force
     */
    record Version(int number, Path file, Instant since) {
        byte[] octets() throws IOException {
            return WholeFile.read(file, MAX_OCTETS);
        }
    }

    ShapingHistory(Path directory) {
        this.directory = directory;
    }

    static ShapingHistory of(GatewayConfig config) {
        return new ShapingHistory(config.spool().directory().resolve(DIRECTORY));
    }

    /** Ascending; none when nothing was in force yet. */
    List<Version> versions() throws IOException {
        List<Version> versions = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                Matcher name = NAME.matcher(file.getFileName().toString());
                if (name.matches()) {
                    versions.add(new Version(Integer.parseInt(name.group(1)), file,
                            Files.getLastModifiedTime(file).toInstant()));
                }
            }
        } catch (NoSuchFileException _) {
            return List.of();
        }
        versions.sort(Comparator.comparingInt(Version::number));
        return versions;
    }

    Optional<Version> newest() throws IOException {
        List<Version> versions = versions();
        return versions.isEmpty() ? Optional.empty() : Optional.of(versions.getLast());
    }

    /** These octets are in force from now on. @return their number, that of the newest version when they are its own */
    int inForce(byte[] octets, Instant now) throws IOException {
        List<Version> versions = versions();
        if (!versions.isEmpty() && Arrays.equals(versions.getLast().octets(), octets)) {
            return versions.getLast().number();
        }
        int number = versions.isEmpty() ? 1 : versions.getLast().number() + 1;
        Files.createDirectories(directory);
        Path written = directory.resolve("new");
        try (FileChannel out = FileChannel.open(written, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer rest = ByteBuffer.wrap(octets);
            while (rest.hasRemaining()) {
                out.write(rest);
            }
            out.force(true);
        }
        Files.setLastModifiedTime(written, FileTime.from(now));
        Files.move(written, directory.resolve(number + ".toml"), StandardCopyOption.ATOMIC_MOVE);
        for (Version old : versions.subList(0, Math.max(0, versions.size() + 1 - KEPT))) {
            Files.deleteIfExists(old.file());
        }
        return number;
    }
}
