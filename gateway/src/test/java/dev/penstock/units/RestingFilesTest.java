package dev.penstock.units;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

import dev.penstock.testing.FileClock;
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
        FileClock.steps(directory);
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
        FileClock.steps(directory);
        Files.writeString(two, "2");
        assertThat(files.look()).isEqualTo(State.MOVING);
        assertThat(files.missing()).isNull();
        assertThat(files.look()).isEqualTo(State.CHANGED);
    }

    @Test
    void whatIsWrittenBetweenAllLooksIsReadAfterAWhileWhenItRestsForAMoment() throws IOException {
        List<String> pauses = new ArrayList<>();
        RestingFiles files = new RestingFiles(() -> pauses.add("pause"), one, two);
        files.take();
        for (int round = 0; round < 2; round++) {
            for (int look = 1; look <= RestingFiles.MAX_MOVING; look++) {
                rewrite();
                assertThat(files.look()).as("look %d", look).isEqualTo(State.MOVING);
            }
            assertThat(pauses).hasSize(round);
            rewrite();
            assertThat(files.look()).isEqualTo(State.CHANGED);
            assertThat(pauses).hasSize(round + 1);
            assertThat(files.areStill()).isTrue();
            files.take();
        }
    }

    @Test
    void whatNeverRestsIsReadAllTheSameAndWarnedOfOnce() throws IOException {
        Logger log = (Logger) LoggerFactory.getLogger(RestingFiles.class);
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        lines.start();
        log.addAppender(lines);
        try {
            RestingFiles files = new RestingFiles(this::rewrite, one, two);
            files.take();
            for (int look = 0; look <= 2 * RestingFiles.MAX_MOVING; look++) {
                rewrite();
                assertThat(files.look()).isEqualTo(look < RestingFiles.MAX_MOVING ? State.MOVING : State.CHANGED);
            }
            assertThat(lines.list).extracting(ILoggingEvent::getFormattedMessage).containsExactly(
                    "event=file-without-rest file=" + one + " looks=6 effect=\"read all the same\"");
        } finally {
            log.detachAppender(lines);
        }
    }

    @Test
    void aLookOnRequestWaitsForTheSecondOne() throws IOException {
        List<String> pauses = new ArrayList<>();
        RestingFiles files = new RestingFiles(() -> pauses.add("pause"), one, two);
        files.take();
        assertThat(files.lookNow()).isEqualTo(State.TAKEN);
        assertThat(pauses).isEmpty();
        rewrite();
        assertThat(files.lookNow()).isEqualTo(State.CHANGED);
        assertThat(pauses).hasSize(1);
        RestingFiles moving = new RestingFiles(this::rewrite, one, two);
        rewrite();
        assertThat(moving.lookNow()).as("written meanwhile").isEqualTo(State.MOVING);
    }

    /** Another file with what the old one had, as some tools leave it each second. */
    private void rewrite() {
        try {
            FileClock.steps(directory); // it may have the number of the file before the last
            Path other = Files.copy(one, directory.resolve("other"));
            Files.move(other, one, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private RestingFiles taken() {
        RestingFiles files = new RestingFiles(one, two);
        files.take();
        return files;
    }
}
