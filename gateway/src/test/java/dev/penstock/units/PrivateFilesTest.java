package dev.penstock.units;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.Fifo;

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

    @Test
    void whatStandsInAFilesPlaceIsNeitherFollowedNorWaitedFor() throws Exception {
        Path outside = Files.writeString(directory.resolve("outside"), "kept");
        Path link = Files.createSymbolicLink(directory.resolve("link"), outside);
        Path dangling = Files.createSymbolicLink(directory.resolve("dangling"), directory.resolve("nothing"));
        Path hard = Files.createLink(directory.resolve("hard"), outside);
        Path fifo = Fifo.make(directory.resolve("fifo"));
        Path folder = Files.createDirectory(directory.resolve("folder"));
        List.of(link, dangling).forEach(each -> assertRefused(each, "is a symbolic link"));
        assertRefused(hard, "has 2 names (hard links)");
        assertRefused(fifo, "is a FIFO, a socket or a device");
        assertRefused(folder, "is a directory");
        assertThat(Files.readString(outside)).isEqualTo("kept");
        assertThat(directory.resolve("nothing")).doesNotExist();
    }

    @Test
    void whatIsMadeAnewTakesThePlaceOfALinkAndNotOfWhatItLeadsTo() throws IOException {
        Path outside = Files.writeString(directory.resolve("outside"), "kept");
        for (Path each : List.of(Files.createSymbolicLink(directory.resolve("link"), outside),
                Files.createLink(directory.resolve("hard"), outside))) {
            try (FileChannel channel = PrivateFiles.createAnew(each)) {
                assertThat(channel.size()).isZero();
            }
            assertThat(Files.isRegularFile(each, LinkOption.NOFOLLOW_LINKS)).isTrue();
        }
        assertThat(Files.readString(outside)).isEqualTo("kept");
    }

    @Test
    void aDirectoryInOursIsNoLink() throws IOException {
        Path outside = Files.createDirectory(directory.resolve("outside"));
        Path link = Files.createSymbolicLink(directory.resolve("link"), outside);
        assertThatThrownBy(() -> PrivateFiles.createDirectory(link)).isInstanceOf(IOException.class)
                .hasMessage(link + ": is a symbolic link or a file; expected a directory");
        PrivateFiles.createDirectory(directory.resolve("inside"));
        PrivateFiles.createDirectory(directory.resolve("inside"));
        assertThat(permissions(directory.resolve("inside"))).isEqualTo("rwx------");
    }

    private static void assertRefused(Path file, String why) {
        assertThatThrownBy(() -> PrivateFiles.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING).close()).isInstanceOf(IOException.class)
                .hasMessage(file + ": " + why + "; expected a file of its own");
    }

    private static String permissions(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }
}
