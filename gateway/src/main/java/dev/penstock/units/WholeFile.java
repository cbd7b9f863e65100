package dev.penstock.units;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

/**
 * Reads files that others write as they were at one moment. Follows symbolic links. Stateless.
 *
 * <p>A FIFO, which would be waited for, a device, which may have no end, and a directory are errors that name the path.
 */
public final class WholeFile {
    /** Whoever replaces it by a rename is done with it at once. */
    private static final int TRIES = 20;

    private WholeFile() {}

    /** @throws IOException also when it has more than {@code max} octets, or is written to while it is read */
    public static byte[] read(Path file, int max) throws IOException {
        for (int tries = 1; tries <= TRIES; tries++) {
            byte[] octets = readOnce(file, max);
            if (octets != null) {
                return octets;
            }
        }
        throw error(file, "changes while it is read");
    }

    /** @return null when it has changed meanwhile, or another has taken its place */
    private static byte @Nullable [] readOnce(Path file, int max) throws IOException {
        mustBeFile(file);
        FileStamp before = FileStamp.of(file);
        byte[] octets;
        try (InputStream in = Files.newInputStream(file)) {
            octets = in.readNBytes(max);
            if (octets.length == max && in.read() >= 0) {
                throw error(file, "has more than " + max + " octets");
            }
        }
        return octets.length == before.size() && before.equals(FileStamp.of(file)) ? octets : null;
    }

    /** What is wrong with a file, without its path. */
    public static String reason(IOException e) {
        return e instanceof FileSystemException of && of.getReason() != null
                ? of.getReason()
                : "can't be read: " + e.getMessage();
    }

    /** @throws IOException when there is none, or something else than a file */
    public static void mustBeFile(Path file) throws IOException {
        // by its attributes: to open a FIFO is to wait for it
        if (!(Boolean) Files.getAttribute(file, "isRegularFile")) {
            throw error(file, Files.isDirectory(file)
                    ? "is a directory; expected a file"
                    : "is a FIFO, a socket or a device; expected a file");
        }
    }

    private static FileSystemException error(Path file, String reason) {
        return new FileSystemException(file.toString(), null, reason);
    }
}
