package dev.penstock.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.spool.SegmentStore.Kind;
import dev.penstock.testing.Fifo;

/** What somebody puts into the spool's directory leads to nothing outside of it, and an error names it. */
@Timeout(300)
class HostileSpoolTest {
    private static final int NOBODY = 65_534;
    private static final byte[] CONTENT = SpoolFixture.content(1, 500);

    @TempDir
    Path directory;
    private Path spool;
    private Path outside;

    @BeforeEach
    void fill() throws IOException {
        spool = directory.resolve("spool");
        outside = Files.writeString(directory.resolve("outside"), "not ours\n");
        Files.setPosixFilePermissions(outside, PosixFilePermissions.fromString("rw-r--r--"));
        try (SpoolFixture fixture = SpoolFixture.open(spool)) {
            fixture.accept(CONTENT, "a@x.example");
        }
    }

    @Test
    void aSegmentThatIsALinkIsRefused() throws IOException {
        Path segment = segment();
        Path moved = Files.move(segment, directory.resolve("segment"));
        byte[] before = Files.readAllBytes(moved);
        Files.createSymbolicLink(segment, moved);
        assertRefused(segment, "is a symbolic link");
        assertThat(Files.readAllBytes(moved)).isEqualTo(before);
    }

    @Test
    void aSegmentWithAnotherNameIsRefused() throws IOException {
        Path segment = segment();
        Files.createLink(directory.resolve("copy"), segment);
        assertRefused(segment, "has 2 names (hard links)");
    }

    @Test
    void aSegmentThatIsAFifoOrADirectoryIsRefused() throws Exception {
        Path segment = spool.resolve("data-000077.seg");
        Fifo.make(segment);
        assertRefused(segment, "is a FIFO, a socket or a device");
        Files.delete(segment);
        Files.createDirectory(segment);
        assertRefused(segment, "is a directory");
    }

    @Test
    void aLockThatIsALinkMakesNothingElsewhereAndOneThatIsAFifoIsNotWaitedFor() throws Exception {
        Path lock = spool.resolve(FileSegmentStore.LOCK_FILE);
        Files.delete(lock);
        Files.createSymbolicLink(lock, directory.resolve("made"));
        assertRefused(lock, "is a symbolic link");
        assertThat(directory.resolve("made")).doesNotExist();
        Files.delete(lock);
        assertRefused(Fifo.make(lock), "is a FIFO, a socket or a device");
    }

    @Test
    void anIndexThatIsALinkIsMadeAnewAndWhatItLedToStays() throws IOException {
        Path index = segment().resolveSibling("data-000001.idx");
        Files.deleteIfExists(index);
        Files.createSymbolicLink(index, outside);
        try (SpoolFixture fixture = SpoolFixture.open(spool)) {
            assertThat(fixture.recovered).hasSize(1);
        }
        assertThat(Files.isSymbolicLink(index)).isFalse();
        assertOutsideIsAsItWas();
    }

    @Test
    void anUnfinishedFileThatIsALinkGoesAndWhatItLedToStays() throws IOException {
        Path unfinished = Files.createSymbolicLink(spool.resolve("data-000078.seg.tmp"), outside);
        SpoolFixture.open(spool).close();
        assertThat(Files.exists(unfinished, LinkOption.NOFOLLOW_LINKS)).isFalse();
        try (FileSegmentStore store = new FileSegmentStore(spool, SpoolFixture.SEGMENT)) {
            Files.createSymbolicLink(unfinished, outside);
            store.create(Kind.DATA, 78, 0).close();
            assertThat(Files.isSymbolicLink(unfinished)).isFalse();
            store.delete(Kind.DATA, 78);
        }
        assertOutsideIsAsItWas();
    }

    @Test
    void nothingIsSetAsideThroughALink() throws IOException {
        Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
        Path quarantine = spool.resolve(FileSegmentStore.QUARANTINE);
        try (FileSegmentStore store = new FileSegmentStore(spool, SpoolFixture.SEGMENT)) {
            Files.createSymbolicLink(quarantine, elsewhere);
            assertThatThrownBy(() -> store.setAside("damage", octets(), "why")).isInstanceOf(IOException.class)
                    .hasMessageContaining(quarantine + ": is a symbolic link");
            Files.delete(quarantine);
            Files.createDirectory(quarantine);
            for (String name : List.of("damage.tmp", "damage.txt")) {
                Files.createSymbolicLink(quarantine.resolve(name), outside);
            }
            assertThat(store.setAside("damage", octets(), "why")).isTrue();
            assertThat(Files.readString(quarantine.resolve("damage.txt"))).isEqualTo("why\n");
        }
        assertThat(elsewhere).isEmptyDirectory();
        assertOutsideIsAsItWas();
    }

    @Test
    void aFileWithASegmentsNumberAndOtherDigitsIsNone() throws IOException {
        Files.writeString(spool.resolve("data-1.seg"), "x");
        Files.writeString(spool.resolve("data-0000099.idx"), "x");
        try (SpoolFixture fixture = SpoolFixture.open(spool)) {
            assertThat(fixture.recovered).hasSize(1);
        }
    }

    @Test
    void aDirectoryOfSomebodyElseIsRefusedAndKeepsItsPermissions() throws IOException {
        assumeTrue(isRoot(), "only root gives files away");
        Path theirs = Files.createDirectory(directory.resolve("theirs"));
        Files.setPosixFilePermissions(theirs, PosixFilePermissions.fromString("rwxrwxrwx"));
        Files.setAttribute(theirs, "unix:uid", NOBODY);
        assertRefused(theirs, theirs, "belongs to the user with the number 65534");
        Path link = Files.createSymbolicLink(directory.resolve("link"),
                Files.createDirectory(directory.resolve("dir")));
        Files.setAttribute(link, "unix:uid", NOBODY, LinkOption.NOFOLLOW_LINKS);
        assertRefused(link, link, "belongs to the user with the number 65534");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(theirs))).isEqualTo("rwxrwxrwx");
        assertThat(theirs).isEmptyDirectory();
    }

    @Test
    void aLinkOfOursLeadsToTheSpool() throws IOException {
        Path link = Files.createSymbolicLink(directory.resolve("link"), spool);
        try (SpoolFixture fixture = SpoolFixture.open(link)) {
            assertThat(fixture.recovered).hasSize(1);
        }
    }

    @Test
    void whoLooksIntoASpoolIsNotKeptWaitingEither() throws Exception {
        Path fifo = Fifo.make(spool.resolve("data-000077.seg"));
        PrintStream out = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
        assertThatThrownBy(() -> SpoolInspector.verify(spool, out)).isInstanceOf(IOException.class)
                .hasMessage(fifo + ": is a FIFO, a socket or a device; expected a file");
    }

    private void assertRefused(Path file, String why) {
        assertRefused(spool, file, why);
        assertOutsideIsAsItWas();
    }

    private static void assertRefused(Path spool, Path file, String why) {
        assertThatThrownBy(() -> SpoolFixture.open(spool).close()).isInstanceOf(IOException.class)
                .hasMessageStartingWith(file + ": " + why);
    }

    private void assertOutsideIsAsItWas() {
        assertThat(outside).hasContent("not ours\n");
        try {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(outside))).isEqualTo("rw-r--r--");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path segment() {
        return spool.resolve("data-000001.seg");
    }

    private static ByteBuffer octets() {
        return ByteBuffer.wrap(new byte[]{1});
    }

    private boolean isRoot() throws IOException {
        return Files.getAttribute(directory, "unix:uid").equals(0);
    }
}
