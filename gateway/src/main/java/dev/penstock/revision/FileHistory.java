package dev.penstock.revision;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.penstock.config.GatewayConfig;
import dev.penstock.units.PrivateFiles;
import dev.penstock.units.WholeFile;

/**
 * The versions of a configuration file that were in force, the newest of which is: files {@code N.toml} in a directory
 * beside the spool's segments, with a line for who and one for why in {@code N.note} where that is known. The gateway
 * alone writes them, one thread at a time; commands read, and leave word of what they are about to change
 * ({@link #announce}). A version that was in force before and is so again has a new number. Files are their owner's alone:
 * a configuration may hold secrets.
 */
public final class FileHistory {
    /** As many versions are kept; the oldest goes first. */
    public static final int KEPT = 100;
    /** Of a file: a shaping file of some hundred thousand sections. */
    public static final int MAX_OCTETS = 64 << 20;

    private static final String SHAPING = "shaping-versions";
    private static final String GATEWAY = "config-versions";
    private static final String ANNOUNCED = "announced";
    private static final int MAX_NOTE = 64 << 10;
    private static final Pattern NAME = Pattern.compile("([1-9]\\d{0,8})\\.toml");

    private final Path directory;

    /**
     * A version that is kept.
     *
     * @param number ascending, from 1
     * @param since  when it came into force
     */
    public record Version(int number, Path file, Instant since, Note note) {
        public byte[] octets() throws IOException {
            return WholeFile.read(file, MAX_OCTETS);
        }
    }

    /** A file and what it holds. Not a copy: nobody writes to it. */
    @SuppressWarnings("ArrayRecordComponent") // compared by nobody
    public record Content(Path file, byte[] octets) {}

    FileHistory(Path directory) {
        this.directory = directory;
    }

    /** Of the shaping file. */
    public static FileHistory ofShaping(GatewayConfig config) {
        return new FileHistory(config.spool().directory().resolve(SHAPING));
    }

    /** Of the configuration itself. */
    public static FileHistory ofGateway(GatewayConfig config) {
        return new FileHistory(config.spool().directory().resolve(GATEWAY));
    }

    /** Where it is; nothing may be there yet. */
    Path directory() {
        return directory;
    }

    /** Ascending; none when nothing was in force yet. */
    public List<Version> versions() throws IOException {
        List<Version> versions = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                Matcher name = NAME.matcher(file.getFileName().toString());
                if (name.matches()) {
                    int number = Integer.parseInt(name.group(1));
                    versions.add(new Version(number, file, Files.getLastModifiedTime(file).toInstant(),
                            note(number)));
                }
            }
        } catch (NoSuchFileException _) {
            return List.of();
        }
        versions.sort(Comparator.comparingInt(Version::number));
        return versions;
    }

    public Optional<Version> newest() throws IOException {
        List<Version> versions = versions();
        return versions.isEmpty() ? Optional.empty() : Optional.of(versions.getLast());
    }

    /** Leaves word of who is about to put these octets into force, and why; what was left before is forgotten. */
    void announce(byte[] octets, Note note) throws IOException {
        PrivateFiles.createDirectories(directory);
        write(directory.resolve(ANNOUNCED), (digest(octets) + '\n' + note.who() + '\n' + note.why() + '\n')
                .getBytes(UTF_8));
    }

    /** What was announced won't come into force. */
    void forget() throws IOException {
        Files.deleteIfExists(directory.resolve(ANNOUNCED));
    }

    /** These octets are in force from now on. @return their number, that of the newest version when they are its own */
    int inForce(byte[] octets, Instant now) throws IOException {
        List<Version> versions = versions();
        if (!versions.isEmpty() && Arrays.equals(versions.getLast().octets(), octets)) {
            return versions.getLast().number();
        }
        int number = versions.isEmpty() ? 1 : versions.getLast().number() + 1;
        PrivateFiles.createDirectories(directory);
        keepNote(number, octets);
        Path written = directory.resolve("new");
        write(written, octets);
        Files.setLastModifiedTime(written, FileTime.from(now));
        Files.move(written, directory.resolve(number + ".toml"), StandardCopyOption.ATOMIC_MOVE);
        for (Version old : versions.subList(0, Math.max(0, versions.size() + 1 - KEPT))) {
            Files.deleteIfExists(old.file());
            Files.deleteIfExists(noteOf(old.number()));
        }
        return number;
    }

    /** Of whoever has said that he would put these octets into force; of nobody when these are others. */
    private void keepNote(int number, byte[] octets) throws IOException {
        Files.deleteIfExists(noteOf(number)); // of a version that didn't get as far as being one
        List<String> lines = lines(directory.resolve(ANNOUNCED));
        if (lines.size() >= 3 && lines.getFirst().equals(digest(octets))) {
            write(noteOf(number), (lines.get(1) + '\n' + lines.get(2) + '\n').getBytes(UTF_8));
            Files.deleteIfExists(directory.resolve(ANNOUNCED));
        }
    }

    private Note note(int number) throws IOException {
        List<String> lines = lines(noteOf(number));
        return lines.size() < 2 ? Note.NONE : new Note(lines.get(0), lines.get(1));
    }

    private Path noteOf(int number) {
        return directory.resolve(number + ".note");
    }

    private static List<String> lines(Path file) throws IOException {
        try {
            return List.of(new String(WholeFile.read(file, MAX_NOTE), UTF_8).split("\n", -1));
        } catch (NoSuchFileException _) {
            return List.of();
        }
    }

    private static void write(Path file, byte[] octets) throws IOException {
        try (FileChannel out = PrivateFiles.createAnew(file)) {
            ByteBuffer rest = ByteBuffer.wrap(octets);
            while (rest.hasRemaining()) {
                out.write(rest);
            }
            out.force(true);
        }
    }

    private static String digest(byte[] octets) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(octets));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no SHA-256", e);
        }
    }
}
