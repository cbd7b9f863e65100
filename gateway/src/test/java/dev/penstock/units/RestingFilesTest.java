package dev.penstock.units;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.units.RestingFiles.State;

class RestingFilesTest {
    @TempDir
    Path directory;

    private Path one;
    private Path two;

    @BeforeEach
    void write() throws IOException {
        one = Files.writeString(directory.resolve("one"), "1");
        two = Files.writeString(directory.resolve("two"), "2");
    }

    @Test
    void aChangeIsOneWhenTwoLooksHaveSeenIt() throws IOException {
        RestingFiles files = taken();
        assertThat(files.look()).isEqualTo(State.TAKEN);
        Files.writeString(one, "");
        assertThat(files.look()).isEqualTo(State.MOVING);
        assertThat(files.isEmpty()).isTrue();
        Files.writeString(one, "11");
        assertThat(files.look()).isEqualTo(State.MOVING);
        Files.writeString(two, "22");
        assertThat(files.look()).isEqualTo(State.MOVING);
        assertThat(files.look()).isEqualTo(State.CHANGED);
        assertThat(files.look()).as("until it is taken").isEqualTo(State.CHANGED);
        assertThat(files.areStill()).isTrue();
        files.take();
        assertThat(files.look()).isEqualTo(State.TAKEN);
    }

    @Test
    void whatChangesWhileItIsReadIsLookedAtAgain() throws IOException {
        RestingFiles files = taken();
        Files.writeString(one, "11");
        files.look();
        assertThat(files.look()).isEqualTo(State.CHANGED);
        Files.writeString(two, "22");
        assertThat(files.areStill()).isFalse();
        assertThat(files.look()).isEqualTo(State.CHANGED);
        assertThat(files.areStill()).isTrue();
    }

    @Test
    void oneOfTheSameSizeAndTimeIsAnother() throws IOException {
        RestingFiles files = taken();
        FileTime time = Files.getLastModifiedTime(one);
        Files.writeString(one, "3");
        Files.setLastModifiedTime(one, time);
        files.look();
        assertThat(files.look()).as("written in place").isEqualTo(State.CHANGED);
        files.take();
        Path other = Files.writeString(directory.resolve("other"), "4");
        Files.setLastModifiedTime(other, time);
        Files.move(other, one, StandardCopyOption.ATOMIC_MOVE);
        files.look();
        assertThat(files.look()).as("renamed").isEqualTo(State.CHANGED);
    }

    @Test
    void aLinkThatIsTurnedRoundChangesAllFilesBehindIt() throws IOException {
        Path old = Files.createDirectory(directory.resolve("..1"));
        Path fresh = Files.createDirectory(directory.resolve("..2"));
        Files.writeString(old.resolve("pem"), "1");
        Files.writeString(fresh.resolve("pem"), "1");
        Path data = Files.createSymbolicLink(directory.resolve("..data"), old);
        Path link = Files.createSymbolicLink(directory.resolve("pem"), Path.of("..data/pem"));
        RestingFiles files = new RestingFiles(link);
        files.take();
        Path turned = Files.createSymbolicLink(directory.resolve("..data_tmp"), fresh);
        Files.move(turned, data, StandardCopyOption.ATOMIC_MOVE);
        files.look();
        assertThat(files.look()).isEqualTo(State.CHANGED);
    }

    @Test
    void oneThatIsGoneIsMissingUntilItHasComeBackAndRests() throws IOException {
        RestingFiles files = taken();
        Files.delete(two);
        assertThat(files.look()).isEqualTo(State.MISSING);
        assertThat(files.missing()).hasMessageContaining("two");
        Files.writeString(two, "2");
        assertThat(files.look()).isEqualTo(State.MOVING);
        assertThat(files.missing()).isNull();
        assertThat(files.look()).isEqualTo(State.CHANGED);
    }

    private RestingFiles taken() {
        RestingFiles files = new RestingFiles(one, two);
        files.take();
        return files;
    }
}
