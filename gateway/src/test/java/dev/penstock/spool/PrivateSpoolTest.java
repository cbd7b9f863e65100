package dev.penstock.spool;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.spool.SegmentStore.Kind;

/** Nobody but the gateway's user reads mail in the spool, whatever the umask. */
class PrivateSpoolTest {
    @TempDir
    Path directory;

    @Test
    void everyFileIsItsOwnersAlone() throws IOException {
        Path spool = directory.resolve("var/spool");
        try (FileSegmentStore store = new FileSegmentStore(spool, SpoolFixture.SEGMENT)) {
            for (Kind kind : Kind.values()) {
                store.create(kind, 1, 0).close();
                store.publish(kind, 1);
            }
            store.setAside("damage", ByteBuffer.wrap(new byte[]{1}), "why");
        }
        List<Path> all;
        try (Stream<Path> files = Files.walk(directory.resolve("var"))) {
            all = files.toList();
        }
        assertThat(all).hasSizeGreaterThan(6).allSatisfy(
                path -> assertThat(permissions(path)).isEqualTo(Files.isDirectory(path) ? "rwx------" : "rw-------"));
    }

    @Test
    void aDirectoryOfAnEarlierReleaseIsShutToOthersButNotToItsGroup() throws IOException {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        new FileSegmentStore(directory, SpoolFixture.SEGMENT).close();
        assertThat(permissions(directory)).isEqualTo("rwxr-x---");
    }

    private static String permissions(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }
}
