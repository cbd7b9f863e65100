package dev.penstock.units;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;

import org.jspecify.annotations.Nullable;

/**
 * What tells one state of a file from another, whether it was written to or another took its place. Immutable.
 *
 * @param key the inode, null where the file system has none
 */
public record FileStamp(FileTime modified, long size, @Nullable Object key) {
    /** Follows symbolic links. */
    public static FileStamp of(Path file) throws IOException {
        BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
        return new FileStamp(found.lastModifiedTime(), found.size(), found.fileKey());
    }
}
