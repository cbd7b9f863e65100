package dev.penstock.units;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * What tells one state of a file from another, whether it was written to or another took its place. Immutable.
 *
 * @param changed when the system last changed anything of it, which nobody can set as he can {@code modified}
 * @param key     the inode, null where the file system has none
 */
public record FileStamp(FileTime modified, FileTime changed, long size, @Nullable Object key) {
    /** Follows symbolic links. */
    public static FileStamp of(Path file) throws IOException {
        Map<String, Object> found = Files.readAttributes(file, "unix:lastModifiedTime,ctime,size,fileKey");
        return new FileStamp((FileTime) requireNonNull(found.get("lastModifiedTime")),
                (FileTime) requireNonNull(found.get("ctime")), (Long) requireNonNull(found.get("size")),
                found.get("fileKey"));
    }
}
