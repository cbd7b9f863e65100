package dev.penstock.spool;

import static dev.penstock.spool.AppendTest.deferred;
import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.message.MessageId;

class SpoolInspectorTest {
    @TempDir
    Path directory;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(printed, true, UTF_8);

    @Test
    void looksIntoASpoolInUse() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            SpoolEntry small = fixture.accept("hello\r\n".getBytes(US_ASCII), "a@one.example").getFirst();
            await(fixture.spool.recordAttempt(small, deferred(2, 1_790_000_000_000L, 0, "451 4.7.1 grey")));
            SpoolEntry large = fixture.accept(content(1, 100_000), "b@two.example").getFirst();
            SpoolEntry done = fixture.accept(content(2, 10), "c@three.example").getFirst();
            await(fixture.spool.done(done));

            assertThat(SpoolInspector.verify(directory, out)).isZero();
            assertThat(text()).contains(
                    "2 messages with 2 destinations not done, 0 held for a key, 0 damaged places, 0 in quarantine");
            assertThat(SpoolInspector.list(directory, out)).isZero();
            assertThat(text())
                    .contains(new MessageId(small.messageId()).toString(), "a@one.example DEFERRED: 451 4.7.1",
                            "b@two.example")
                    .doesNotContain("c@three.example");
            assertThat(SpoolInspector.cat(directory, new MessageId(small.messageId()), out)).isZero();
            assertThat(text()).isEqualTo("hello\r\n");
            assertThat(SpoolInspector.cat(directory, new MessageId(large.messageId()), out)).isZero();
            assertThat(text().getBytes(US_ASCII)).isEqualTo(content(1, 100_000));
            assertThat(SpoolInspector.cat(directory, new MessageId(1), out)).isEqualTo(1);
        }
    }

    @Test
    void tellsOfDamageInASpoolAtRestAndChangesNothing() throws IOException {
        SpoolEntry entry;
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            entry = fixture.accept(content(1, 500), "a@one.example").getFirst();
            fixture.accept(content(2, 500), "b@one.example");
        }
        Path segment = directory.resolve("data-000001.seg");
        byte[] octets = Files.readAllBytes(segment);
        octets[300] ^= 1;
        Files.write(segment, octets);

        assertThat(SpoolInspector.verify(directory, out)).isEqualTo(1);
        assertThat(text()).contains("DAMAGED", "octets 128 to", "1 records of the index are not in the segment");
        assertThat(Files.readAllBytes(segment)).isEqualTo(octets);
        assertThat(entry.messageId()).isNotZero();
    }

    private String text() {
        String text = printed.toString(UTF_8);
        printed.reset();
        return text;
    }
}
