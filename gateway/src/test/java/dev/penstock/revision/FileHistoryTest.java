package dev.penstock.revision;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.stream.IntStream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileHistoryTest {
    private static final Instant NOW = Instant.parse("2026-11-29T08:00:00Z");

    @TempDir
    Path directory;
    FileHistory history;

    @BeforeEach
    void open() {
        history = new FileHistory(directory.resolve("versions"));
    }

    @Test
    void theLastHundredVersionsAreKept() throws IOException {
        for (int i = 1; i <= 130; i++) {
            assertThat(inForce("# " + i, NOW.plusSeconds(i))).isEqualTo(i);
            assertThat(inForce("# " + i, NOW.plusSeconds(500))).isEqualTo(i);
        }
        assertThat(history.versions()).extracting(FileHistory.Version::number)
                .containsExactlyElementsOf(IntStream.rangeClosed(31, 130).boxed().toList());
        assertThat(history.newest().orElseThrow().since()).isEqualTo(NOW.plusSeconds(130));
        Files.writeString(directory.resolve("versions").resolve("of-somebody-else"), "");
        assertThat(history.versions()).hasSize(100);
    }

    @Test
    void whoeverAnnouncedAVersionIsNamedWithIt() throws IOException {
        inForce("# 1", NOW);
        history.announce("# 2".getBytes(UTF_8), new Note("anna", "Gmail\nis slow"));
        inForce("# 2", NOW);
        inForce("# 3", NOW);
        assertThat(history.versions()).extracting(FileHistory.Version::note)
                .containsExactly(Note.NONE, new Note("anna", "Gmail is slow"), Note.NONE);
    }

    @Test
    void anAnnouncementIsForItsOctetsAlone() throws IOException {
        history.announce("# mine".getBytes(UTF_8), new Note("anna", "because"));
        inForce("# of somebody who edited the file meanwhile", NOW);
        assertThat(history.newest().orElseThrow().note()).isEqualTo(Note.NONE);
    }

    @Test
    void theNotesOfVersionsThatAreGoneAreGoneToo() throws IOException {
        for (int i = 1; i <= FileHistory.KEPT + 1; i++) {
            history.announce(("# " + i).getBytes(UTF_8), new Note("anna", "number " + i));
            inForce("# " + i, NOW);
        }
        assertThat(directory.resolve("versions").resolve("1.note")).doesNotExist();
        assertThat(directory.resolve("versions").resolve("2.note")).exists();
    }

    @Test
    void aVersionMayHoldSecretsAndIsItsOwnersAlone() throws IOException {
        history.announce("password = 1".getBytes(UTF_8), new Note("anna", "because"));
        inForce("password = 1", NOW);
        for (String name : new String[]{"1.toml", "1.note"}) {
            assertThat(PosixFilePermissions
                    .toString(Files.getPosixFilePermissions(directory.resolve("versions").resolve(name))))
                    .isEqualTo("rw-------");
        }
    }

    private int inForce(String text, Instant when) throws IOException {
        return history.inForce(text.getBytes(UTF_8), when);
    }
}
