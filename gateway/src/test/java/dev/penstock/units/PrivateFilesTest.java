package dev.penstock.units;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrivateFilesTest {
    @TempDir
    Path directory;

    @Test
    void whatIsMadeIsItsOwnersAlone() throws IOException {
        Path deep = directory.resolve("a/b/c");
        PrivateFiles.createDirectories(deep);
        Path file = deep.resolve("file");
        try (FileChannel _ = PrivateFiles.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            assertThat(permissions(file)).isEqualTo("rw-------");
        }
        for (Path each : List.of(directory.resolve("a"), directory.resolve("a/b"), deep)) {
            assertThat(permissions(each)).as(each.toString()).isEqualTo("rwx------");
        }
    }

    @Test
    void whatIsThereKeepsItsPermissionsUntilOthersAreShutOut() throws IOException {
        Path old = Files.createDirectory(directory.resolve("old"));
        Files.setPosixFilePermissions(old, PosixFilePermissions.fromString("rwxr-xr-x"));
        PrivateFiles.createDirectories(old);
        assertThat(permissions(old)).isEqualTo("rwxr-xr-x");
        PrivateFiles.shutOthersOut(old);
        assertThat(permissions(old)).isEqualTo("rwxr-x---");
    }

    private static String permissions(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }
}
