package dev.penstock.history;

import static dev.penstock.history.HistoryRig.delivered;
import static dev.penstock.history.HistoryRig.event;
import static dev.penstock.history.HistoryRig.id;
import static dev.penstock.history.HistoryRig.received;
import static dev.penstock.history.HistoryRig.to;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.EventsConfig.Compression;
import dev.penstock.events.EventLines;
import dev.penstock.message.MessageEvent;
import dev.penstock.testing.ManualClock;

/** What a search finds, in which order. */
class HistorySearchTest {
    private static final int MESSAGES = 500;
    private static final Query ALL = Query.ALL;

    @TempDir
    Path directory;
    private HistoryRig rig;
    private final List<MessageEvent> logged = new ArrayList<>();

    @BeforeEach
    void log() throws IOException {
        rig = new HistoryRig(directory);
        for (int i = 0; i < MESSAGES; i++) {
            logged.add(received(i));
            logged.add(i % 10 == 0 ? event(MessageEvent.Type.TRANSIENT_FAILURE, i) : delivered(i));
        }
        rig.write("delivery-1.jsonl", logged.subList(0, 700).toArray(MessageEvent[]::new));
        rig.write("delivery-2.jsonl", logged.subList(700, logged.size()).toArray(MessageEvent[]::new));
        rig.index();
    }

    @AfterEach
    void close() throws IOException {
        rig.close();
    }

    @Test
    void eachFieldFindsItsEventsTheNewestFirst() throws IOException {
        finds(ALL, _ -> true);
        finds(to("r17@r3.example"), event -> event.recipients().contains("r17@r3.example"));
        finds(new Query(null, "r3.example", null, null, null, null, null, null, null, Set.of()),
                event -> event.domain().equals("r3.example"));
        finds(new Query(null, null, "s1@s.example", null, null, null, null, null, null, Set.of()),
                event -> event.sender().equals("s1@s.example"));
        finds(Query.of(id(40)), event -> event.id().equals(id(40)));
        finds(new Query(null, null, null, null, "tenant2", null, null, null, null, Set.of()),
                event -> event.tenant().equals("tenant2"));
        finds(new Query(null, null, null, null, null, "campaign1", null, null, null, Set.of()),
                event -> event.campaign().equals("campaign1"));
        finds(new Query(null, null, null, null, null, null, "<40@s.example>", null, null, Set.of()),
                event -> event.client().messageId().equals("<40@s.example>"));
        finds(new Query(null, null, null, null, null, null, null, null, null,
                Set.of(MessageEvent.Type.TRANSIENT_FAILURE)),
                event -> event.type() == MessageEvent.Type.TRANSIENT_FAILURE);
        finds(new Query(null, null, null, null, null, null, null, null, null,
                Set.of(MessageEvent.Type.TRANSIENT_FAILURE, MessageEvent.Type.DELIVERY)),
                event -> event.type() != MessageEvent.Type.RECEPTION);
        finds(new Query(null, null, null, null, "tenant0", "campaign0", null, null, null,
                Set.of(MessageEvent.Type.TRANSIENT_FAILURE)),
                event -> event.tenant().equals("tenant0") && event.campaign().equals("campaign0")
                        && event.type() == MessageEvent.Type.TRANSIENT_FAILURE);
        Instant from = ManualClock.START.plusSeconds(100);
        Instant to = ManualClock.START.plusSeconds(110);
        finds(new Query(null, null, null, null, null, null, null, from, to, Set.of()),
                event -> event.eventMillis() >= from.toEpochMilli() && event.eventMillis() < to.toEpochMilli());
        assertThat(rig.find(to("nobody@r3.example"))).isEmpty();
        assertThat(rig.find(to("r17@r4.example"))).isEmpty(); // both are there, but not together
    }

    private void finds(Query query, Predicate<MessageEvent> fits) throws IOException {
        List<MessageEvent> expected = logged.reversed().stream().filter(fits).toList();
        assertThat(expected).isNotEmpty();
        assertThat(rig.find(query)).isEqualTo(expected);
        if (expected.size() < 300) {
            assertThat(rig.findOneByOne(query)).isEqualTo(expected);
        }
    }

    @Test
    void addressesAndDomainsFitInAnyCaseAndNamesDoNot() throws IOException {
        assertThat(rig.find(to("R17@R3.EXAMPLE"))).hasSize(2);
        assertThat(rig.find(new Query(null, "R3.Example", "S1@s.example", null, null, null, null, null, null,
                Set.of()))).isNotEmpty();
        assertThat(rig.find(new Query(null, null, null, null, "TENANT2", null, null, null, null, Set.of()))).isEmpty();
        assertThat(rig.find(new Query(null, null, null, null, null, null, "<40@S.example>", null, null, Set.of())))
                .isEmpty();
    }

    @Test
    void aStoryHasAllEventsOfAMessageInOrderOverFilesAndPartitions() throws IOException {
        rig.write("delivery-2.jsonl", event(MessageEvent.Type.TRANSIENT_FAILURE, 3));
        rig.index();
        rig.write("delivery-3.jsonl", event(MessageEvent.Type.BOUNCE, 3));
        rig.index();
        Story story = rig.story(id(3));
        assertThat(story.events()).extracting(hit -> hit.event().type()).containsExactly(MessageEvent.Type.RECEPTION,
                MessageEvent.Type.DELIVERY,
                MessageEvent.Type.TRANSIENT_FAILURE, MessageEvent.Type.BOUNCE);
        assertThat(story.events().getFirst().line()).startsWith("{\"type\":\"Reception\",").endsWith("}");
        assertThat(story.whole()).isTrue();
        assertThat(rig.story(id(MESSAGES + 1)).events()).isEmpty();
    }

    @Test
    void whatIsLoggedWhileSomebodyPagesMovesNothing() throws IOException {
        Page<Hit> first = rig.search(ALL, 10, null);
        rig.write("delivery-2.jsonl", delivered(MESSAGES + 1));
        rig.index();
        rig.commit();
        assertThat(rig.search(ALL, 10, first.next()).items()).extracting(Hit::event)
                .isEqualTo(logged.reversed().subList(10, 20));
        assertThat(rig.find(ALL).getFirst()).isEqualTo(delivered(MESSAGES + 1));
    }

    @Test
    void aCursorOfAnIndexThatWasMadeAnewIsRefused() throws IOException {
        Cursor old = rig.search(ALL, 10, null).next();
        rig.crash();
        HistoryIndex.deleteAll(rig.config.directory());
        rig.clock.advanceNanos(1_000_000_000);
        rig.open();
        rig.index();
        assertThatThrownBy(() -> rig.search(ALL, 10, old)).isInstanceOf(HistoryException.class)
                .hasMessageContaining("begin it again");
        assertThatThrownBy(() -> Cursor.parse("1-2-x")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatReadsALotThatDoesntFitIsBrokenOffAndGoesOn() throws IOException {
        // Each block has the tenant and the campaign, no event has both; one in the oldest block has.
        List<MessageEvent> events = new ArrayList<>();
        MessageEvent both = event(MessageEvent.Type.BOUNCE, 999_970); // tenant0, campaign0
        events.add(both);
        int blocks = Search.MAX_BLOCKS + 100;
        for (int i = 0; i < blocks * LogFollower.BLOCK_LINES - 1; i++) {
            events.add(delivered(i % 2 == 0 ? 10_005 : 10_002)); // tenant0 campaign1, tenant2 campaign0
        }
        rig.write("delivery-3.jsonl", events.toArray(MessageEvent[]::new));
        rig.index();
        Query query = new Query(null, null, null, null, "tenant0", "campaign0", null,
                ManualClock.START.plusSeconds(5_000), null, Set.of());
        Page<Hit> page = rig.search(query, 10, null);
        assertThat(page.items()).isEmpty();
        assertThat(page.searched()).isFalse();
        Page<Hit> rest = rig.search(query, 10, page.next());
        assertThat(rest.items()).extracting(Hit::event).containsExactly(both);
        assertThat(rest.next()).isNull();
        assertThat(rest.searched()).isTrue();
    }

    @Test
    void whatIsInFilesThatAreGoneIsSaidToBeGone() throws IOException {
        Files.delete(rig.logs.resolve("delivery-1.jsonl"));
        Page<Hit> page = rig.search(to("r17@r3.example"), 10, null);
        assertThat(page.items()).isEmpty();
        assertThat(page.gone()).isEqualTo(1);
        assertThat(rig.story(id(17)).gone()).isEqualTo(1);
        rig.index();
        assertThat(rig.find(to("r400@r1.example"))).hasSize(2);
    }

    @Test
    void whatIsInAFileThatCantBeReadIsSaidToBeGoneAndTheRestIsFound() throws IOException {
        Path packed = EventLines.compress(rig.logs.resolve("delivery-1.jsonl"), Compression.ZSTD);
        Files.write(packed, new byte[]{1, 2, 3, 4});
        Page<Hit> page = rig.search(ALL, History.MAX_PAGE, null);
        assertThat(page.items()).hasSize(logged.size() - 700);
        assertThat(page.gone()).isPositive();
        assertThat(rig.story(id(17)).gone()).isEqualTo(1);
    }

    @Test
    void aSearchHasOneFileOpenAtATime() throws IOException {
        for (int i = 3; i < 20; i++) {
            rig.write("delivery-" + i + ".jsonl", delivered(i));
        }
        rig.index();
        Snapshot held = rig.shown.hold();
        try (Search search = new Search(rig.logs, held)) {
            assertThat(search.page(ALL, History.MAX_PAGE, null).items()).hasSize(History.MAX_PAGE);
            assertThat(openFiles()).isEqualTo(1);
        } finally {
            held.letGo();
        }
        assertThat(openFiles()).isZero();
    }

    private long openFiles() throws IOException {
        long open = 0;
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path descriptor : descriptors) {
                try {
                    if (Files.readSymbolicLink(descriptor).startsWith(rig.logs)) {
                        open++;
                    }
                } catch (NoSuchFileException _) {
                    // closed meanwhile
                }
            }
        }
        return open;
    }
}
