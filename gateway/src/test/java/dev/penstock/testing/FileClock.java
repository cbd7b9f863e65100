package dev.penstock.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;

/**
 * The clock by which a file system says when a file or directory was changed: it may stand still for some milliseconds, in
 * which two changes look like one. Stateless.
 */
public final class FileClock {
    private FileClock() {}

    /**
     * Returns when whatever is changed from now on has a later time than all that was changed before.
     *
     * @param directory on that file system; its own time changes
     */
    public static void steps(Path directory) throws IOException {
        FileTime before = now(directory);
        while (now(directory).compareTo(before) <= 0) {
            // it stands still for as long as a tick of the kernel's takes
        }
    }

    private static FileTime now(Path directory) throws IOException {
        Path file = Files.createTempFile(directory, "clock", "");
        try {
            return Files.getLastModifiedTime(file);
        } finally {
            Files.delete(file);
        }
    }
}
