package dev.penstock.auth;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HexFormat;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.PrivateFiles;
import dev.penstock.units.WholeFile;

/**
 * Makes up salts for names that aren't known, the same for the same name each time. Immutable. Its secret is kept in a
 * file, since salts that change at a restart would tell those names from users' names.
 */
final class SaltKey {
    /** In the spool's directory, which the gateway can write to and keeps over restarts. */
    static final String FILE = "scram-salt.key";

    private static final Logger log = LoggerFactory.getLogger(SaltKey.class);
    private static final int LENGTH = 32; // octets, as long as SHA-256's output
    private static final int MAX_FILE = 256; // octets; 65 are written
    private static final String UNFINISHED = ".tmp";

    private final byte[] secret;

    private SaltKey(byte[] secret) {
        this.secret = secret;
    }

    /** Of this process alone. */
    static SaltKey passing() {
        return new SaltKey(Hashing.random(LENGTH));
    }

    /** That of {@link #FILE}, which is made when it isn't there; when it can't be had, another, with a warning. */
    static SaltKey kept(Path directory) {
        Path file = directory.resolve(FILE);
        try {
            return new SaltKey(readOrMake(file));
        } catch (IOException e) {
            log.warn("event=scram-salt-key-unusable file={} why={} effect=\"SCRAM's salts of unknown names "
                    + "change at the next start, which tells them from users\"", file, e.toString());
            return passing();
        }
    }

    private static byte[] readOrMake(Path file) throws IOException {
        try {
            return read(file);
        } catch (NoSuchFileException _) {
            byte[] made = Hashing.random(LENGTH);
            write(file, made);
            return made;
        }
    }

    private static byte[] read(Path file) throws IOException {
        String text = new String(WholeFile.read(file, MAX_FILE), StandardCharsets.ISO_8859_1);
        try {
            byte[] secret = HexFormat.of().parseHex(text.strip());
            if (secret.length == LENGTH) {
                return secret;
            }
        } catch (IllegalArgumentException _) {
            // told below, without what it has
        }
        throw new IOException(
                "expected " + LENGTH + " octets in hexadecimal digits; a file that is removed is made anew");
    }

    /** Whole or not at all. */
    private static void write(Path file, byte[] secret) throws IOException {
        Path unfinished = file.resolveSibling(FILE + UNFINISHED);
        Files.deleteIfExists(unfinished);
        try (FileChannel channel = PrivateFiles.open(unfinished, StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE)) {
            ByteBuffer text = ByteBuffer.wrap(Utf8.encode(HexFormat.of().formatHex(secret) + "\n"));
            while (text.hasRemaining()) {
                channel.write(text);
            }
            channel.force(true);
        } catch (FileAlreadyExistsException e) {
            throw new IOException("somebody else makes " + unfinished, e);
        }
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel directory = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
            directory.force(true);
        }
    }

    /** So many octets, at most as many as SHA-256 gives. */
    byte[] salt(String name, int length) {
        return Arrays.copyOf(Hashing.hmac(secret, Utf8.encode(name)), length);
    }
}
