package dev.penstock.units;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.Fifo;

@Timeout(300)
class WholeFileTest {
    private static final int ROUNDS = 2_000;

    @TempDir
    Path directory;

    @Test
    void aFileOfTheLargestSizeIsReadAndOneOctetMoreIsAnError() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "12345");
        assertThat(WholeFile.read(file, 5)).isEqualTo("12345".getBytes(StandardCharsets.US_ASCII));
        assertThatThrownBy(() -> WholeFile.read(file, 4)).isInstanceOf(IOException.class)
                .hasMessage(file + ": has more than 4 octets");
    }

    @Test
    void aLinkIsFollowed() throws IOException {
        Files.writeString(directory.resolve("file"), "x");
        Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("file"));
        assertThat(WholeFile.read(link, 5)).hasSize(1);
    }

    @Test
    void whatIsNoFileIsNamedAndNotWaitedFor() throws Exception {
        Path fifo = Fifo.make(directory.resolve("fifo"));
        assertThatThrownBy(() -> WholeFile.read(fifo, 5)).isInstanceOf(IOException.class)
                .hasMessage(fifo + ": is a FIFO, a socket or a device; expected a file");
        assertThatThrownBy(() -> WholeFile.read(Path.of("/dev/zero"), 5)).hasMessageContaining("device");
        assertThatThrownBy(() -> WholeFile.read(directory, 5))
                .hasMessage(directory + ": is a directory; expected a file");
        assertThatThrownBy(() -> WholeFile.read(directory.resolve("none"), 5)).isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void whatIsReadWhileOthersTakeItsPlaceIsOneOfThemOrAnError() throws Exception {
        Path file = directory.resolve("file");
        byte[] ones = "1".repeat(30_000).getBytes(StandardCharsets.US_ASCII);
        byte[] twos = "2".repeat(50_000).getBytes(StandardCharsets.US_ASCII);
        Files.write(file, ones);
        Thread writer = Thread.ofPlatform().start(() -> {
            try {
                for (int i = 0; i < ROUNDS; i++) {
                    Path other = Files.write(directory.resolve("other"), i % 2 == 0 ? twos : ones);
                    Files.move(other, file, StandardCopyOption.ATOMIC_MOVE);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        int whole = 0;
        while (writer.isAlive() || whole == 0) {
            try {
                assertThat(WholeFile.read(file, 100_000)).satisfiesAnyOf(read -> assertThat(read).isEqualTo(ones),
                        read -> assertThat(read).isEqualTo(twos));
                whole++;
            } catch (NoSuchFileException e) {
                throw e;
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("changes while it is read");
            }
        }
        assertThat(writer.join(Duration.ofMinutes(4))).isTrue();
    }
}
