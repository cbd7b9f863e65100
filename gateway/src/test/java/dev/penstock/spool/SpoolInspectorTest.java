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
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.message.MessageId;
import dev.penstock.spool.SpoolListing.Filter;
import dev.penstock.spool.SpoolListing.Form;
import dev.penstock.spool.SpoolListing.State;

class SpoolInspectorTest {
    @TempDir
    Path directory;

    private static final Instant NOW = Instant.parse("2026-11-28T12:00:00Z");

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
            list(Filter.ALL, Form.TABLE);
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
    void showsWhatStandsBeforeTheContentWithIt() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            for (int size : new int[]{5_000, 100_000}) {
                SpoolEntry entry = fixture.accept(300, content(1, size), "a@one.example").getFirst();
                assertThat(SpoolInspector.cat(directory, new MessageId(entry.messageId()), out)).isZero();
                assertThat(text().getBytes(US_ASCII)).isEqualTo(content(1, size));
                list(Filter.ALL, Form.JSON);
                assertThat(text()).contains("\"size\":" + size + ",");
            }
            assertThat(SpoolInspector.verify(directory, out)).isZero();
        }
    }

    @Test
    void listsByDomainRecipientTenantAndState() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            SpoolEntry due = fixture.accept(content(1, 10), "a@one.example", "b@two.example").getFirst();
            await(fixture.spool.recordAttempt(due, deferred(2, NOW.toEpochMilli(), 0, "451 4.7.1 grey")));
            SpoolEntry deferred = fixture.accept(content(2, 10), "c@one.example").getFirst();
            await(fixture.spool.recordAttempt(deferred, deferred(1, NOW.toEpochMilli() + 1, 0, "451 later")));

            assertThat(recipients(new Filter(null, null, null, null)))
                    .containsExactly("a@one.example", "b@two.example", "c@one.example");
            assertThat(recipients(new Filter("ONE.example", null, null, null)))
                    .containsExactly("a@one.example", "c@one.example");
            assertThat(recipients(new Filter(null, "B@Two.Example", null, null))).containsExactly("b@two.example");
            assertThat(recipients(new Filter(null, null, "tenant", null))).hasSize(3);
            assertThat(recipients(new Filter(null, null, "", null))).isEmpty();
            assertThat(recipients(new Filter(null, null, null, State.NEW))).containsExactly("b@two.example");
            assertThat(recipients(new Filter(null, null, null, State.DUE))).containsExactly("a@one.example");
            assertThat(recipients(new Filter(null, null, null, State.DEFERRED))).containsExactly("c@one.example");
            assertThat(recipients(new Filter("one.example", null, null, State.NEW))).isEmpty();
        }
    }

    @Test
    void listsAsJsonLinesAndCounts() throws IOException {
        try (SpoolFixture fixture = SpoolFixture.open(directory)) {
            SpoolEntry first = fixture.accept(content(1, 10), "a@one.example", "b@two.example").getFirst();
            await(fixture.spool.recordAttempt(first, deferred(2, NOW.toEpochMilli(), 0, "451 4.7.1 \"grey\"")));
            fixture.accept(content(2, 20), "c@one.example");

            list(Filter.ALL, Form.JSON);
            List<String> lines = text().lines().toList();
            assertThat(lines).hasSize(3);
            assertThat(lines.getFirst()).startsWith("{\"id\":\"" + new MessageId(first.messageId())
                    + "\",\"destination\":0,\"state\":\"due\",\"domain\":\"one.example\",\"tenant\":\"tenant\","
                    + "\"campaign\":\"campaign\",").contains("\"recipients\":[\"a@one.example\"],\"size\":10,")
                    .endsWith("\"attempts\":2,\"next\":\"2026-11-28T12:00:00Z\",\"results\":[{\"recipient\":"
                            + "\"a@one.example\",\"status\":\"deferred\",\"reply\":\"451 4.7.1 \\\"grey\\\"\"}]}");
            assertThat(lines.get(1)).contains("\"state\":\"new\"")
                    .endsWith("\"attempts\":0,\"next\":null,\"results\":[]}");
            list(Filter.ALL, Form.COUNT);
            assertThat(text()).isEqualTo("3 destinations of 2 messages, 30 octets\n");
            list(new Filter("two.example", null, null, null), Form.COUNT_JSON);
            assertThat(text()).isEqualTo("{\"destinations\":1,\"messages\":1,\"octets\":10}\n");
            list(new Filter("no.example", null, null, null), Form.JSON);
            assertThat(text()).isEmpty();
        }
    }

    private void list(Filter filter, Form form) throws IOException {
        assertThat(SpoolInspector.list(directory, filter, form, InstantSource.fixed(NOW), out)).isZero();
    }

    private List<String> recipients(Filter filter) throws IOException {
        list(filter, Form.JSON);
        return text().lines().map(line -> line.replaceAll(".*\"recipients\":\\[\"|\"\\],\"size.*", "")).toList();
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
