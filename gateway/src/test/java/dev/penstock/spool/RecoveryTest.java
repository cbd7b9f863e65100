package dev.penstock.spool;

import static dev.penstock.spool.AppendTest.deferred;
import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static dev.penstock.spool.SpoolFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;

class RecoveryTest {
    @TempDir
    Path directory;

    @Test
    void tellsOfEveryDestinationThatIsNotDoneAfterACleanStopAndAfterACrash() throws IOException {
        Path crashed = directory.resolve("crashed");
        Path clean = directory.resolve("clean");
        Envelope extended;
        String plain;
        String attempted;
        AttemptState state = deferred(3, 1_790_000_123_456L, 0, "451 4.7.1 later");
        try (SpoolFixture fixture = SpoolFixture.open(clean)) {
            plain = key(fixture.accept(content(1, 2000), "a@one.example").getFirst());
            SpoolEntry entry = fixture.accept(content(2, 3000), "b@two.example").getFirst();
            attempted = key(entry);
            await(fixture.spool.recordAttempt(entry, deferred(2, 5, 0, "450 x")));
            await(fixture.spool.recordAttempt(entry, state));
            await(fixture.spool.done(fixture.accept(content(3, 10), "c@three.example").getFirst()));
            extended = fixture.envelope("d@one.example", "e@two.example", "f@three.example");
            List<SpoolEntry> destinations = await(fixture.append(extended, content(4, 50_000)));
            await(fixture.spool.done(destinations.get(1)));
            SpoolFixture.copy(clean, crashed);
        }
        for (Path path : List.of(crashed, clean)) {
            for (int start = 0; start < 3; start++) {
                try (SpoolFixture fixture = SpoolFixture.open(path)) {
                    assertThat(fixture.recovered.keySet()).as("start %d of %s", start, path).containsExactlyInAnyOrder(
                            plain, attempted, extended.id() + "/0", extended.id() + "/2");
                    SpoolFixture.Recovered found = fixture.recovered(attempted);
                    assertThat(found.attempts()).isEqualTo(3);
                    assertThat(found.nextMillis()).isEqualTo(1_790_000_123_456L);
                    assertThat(found.size()).isEqualTo(3000);
                    assertThat(fixture.spool.lastAttempt(found.entry())).isEqualTo(state);
                    assertThat(fixture.read(found.entry())).isEqualTo(content(2, 3000));
                    SpoolFixture.Recovered large = fixture.recovered(extended.id() + "/2");
                    assertThat(large.envelope()).isEqualTo(extended);
                    assertThat(fixture.read(large.entry())).isEqualTo(content(4, 50_000));
                    assertThat(fixture.recovered(plain).attempts()).isZero();
                    assertThat(fixture.spool.stats().quarantined()).isZero();
                    assertThat(fixture.spool.stats().messages()).isEqualTo(3);
                    assertThat(fixture.spool.entries(extended.id())).hasSize(2);
                    assertThat(fixture.spool.find(extended.id(), 1)).isEmpty();
                }
            }
        }
    }

    @Test
    void idsGrowAcrossARestartWithTheClockSetBackAndEverythingDeleted() throws IOException {
        MessageId last;
        try (SpoolFixture fixture = SpoolFixture.open(SpoolFixture.config(directory),
                () -> Instant.ofEpochMilli(1_790_000_000_000L))) {
            SpoolEntry entry = fixture.accept(content(1, 10), "a@one.example").getFirst();
            await(fixture.spool.done(entry));
            last = new MessageId(entry.messageId());
        }
        for (int start = 0; start < 3; start++) {
            try (SpoolFixture fixture = SpoolFixture.open(SpoolFixture.config(directory),
                    () -> Instant.ofEpochMilli(1_000_000_000_000L))) {
                assertThat(fixture.spool.nextId()).isGreaterThan(last);
            }
        }
    }

    @Test
    void aSpoolThatWasAnotherNodesIsTakenOverAndIdsGoOnGrowing() throws IOException {
        InstantSource back = () -> Instant.ofEpochMilli(1_000_000_000_000L);
        MessageId last;
        String first;
        try (SpoolFixture fixture = SpoolFixture.open(SpoolFixture.config(directory), 1023,
                () -> Instant.ofEpochMilli(1_790_000_000_000L))) {
            last = new MessageId(fixture.accept(content(1, 10), "a@one.example").getFirst().messageId());
            assertThat(last.node()).isEqualTo(1023);
            first = last + "/0";
        }
        for (int node : new int[]{7, 1023, 0}) {
            try (SpoolFixture fixture = SpoolFixture.open(SpoolFixture.config(directory), node, back)) {
                assertThat(fixture.recovered).as("what node 1023 took, at node %d", node).containsOnlyKeys(first);
                MessageId next = new MessageId(
                        fixture.accept(content(2, 10), "b@one.example").getFirst().messageId());
                assertThat(next).isGreaterThan(last);
                assertThat(next.node()).isEqualTo(node);
                last = next;
                await(fixture.spool.done(fixture.spool.find(next, 0).orElseThrow()));
            }
        }
    }
}
