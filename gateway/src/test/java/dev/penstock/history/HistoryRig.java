package dev.penstock.history;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.HistoryConfig;
import dev.penstock.events.EventLines;
import dev.penstock.events.LogFile;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageEvent.Client;
import dev.penstock.message.MessageEvent.Peer;
import dev.penstock.message.MessageEvent.Response;
import dev.penstock.message.MessageId;
import dev.penstock.testing.FileClock;
import dev.penstock.testing.ManualClock;

/** A delivery log's files and an index of them that does nothing by itself. Confined to the test's thread. */
final class HistoryRig implements AutoCloseable {
    final ManualClock clock = new ManualClock();
    final Counters counters = new Counters();
    final Shown shown = new Shown(null);
    final Path logs;
    final HistoryConfig config;
    private final Path directory;
    LogFollower.Listing listing = LogFile::in;
    private @Nullable HistoryIndex index;
    private @Nullable LogFollower follower;

    HistoryRig(Path directory) throws IOException {
        this(directory, config(directory));
    }

    HistoryRig(Path directory, HistoryConfig config) throws IOException {
        this.directory = directory;
        logs = Files.createDirectories(directory.resolve("log"));
        this.config = config;
        open();
    }

    static HistoryConfig config(Path directory) {
        return HistoryConfig.DEFAULT.with(HistoryConfig.ENABLED, true)
                .with(HistoryConfig.DIRECTORY, directory.resolve("history"));
    }

    void open() throws IOException {
        index = new HistoryIndex(config, clock, clock::nanoTime, counters, shown);
        follower = new LogFollower(logs, directory -> listing.in(directory), index, clock::nanoTime, counters);
    }

    /** What the log has, in lines that the index hasn't; doesn't show them. */
    boolean read() throws IOException {
        return open(follower).round(() -> false);
    }

    /** Time passes, and that of the files with it: they aren't changed twice in a moment then. */
    void passes(Duration time) throws IOException {
        FileClock.steps(directory);
        clock.advance(time);
    }

    /** As {@link #read}, stopped before the first line. */
    void readNothing() throws IOException {
        assertThat(open(follower).round(() -> true)).isFalse();
    }

    /** Reads all there is and shows it. */
    void index() throws IOException {
        while (!read()) {
            // a file has taken another form
        }
        open(index).show();
    }

    void commit() throws IOException {
        open(index).commit();
    }

    /** As a kill does: nothing is committed. */
    void crash() throws IOException {
        open(index).close();
        index = null;
    }

    private static <T> T open(@Nullable T part) {
        if (part == null) {
            throw new IllegalStateException("closed");
        }
        return part;
    }

    @Override
    public void close() throws IOException {
        if (index != null) {
            index.close();
        }
        shown.close();
    }

    void write(String file, String text) throws IOException {
        Files.writeString(logs.resolve(file), text, UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    void write(String file, MessageEvent... events) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (MessageEvent event : events) {
            lines.append(EventLines.line(event));
        }
        write(file, lines.toString());
    }

    Page<Hit> search(Query query, int limit, @Nullable Cursor after) throws IOException {
        Snapshot held = shown.hold();
        try (Search search = new Search(logs, held)) {
            return search.page(query, limit, after);
        } finally {
            held.letGo();
        }
    }

    List<MessageEvent> find(Query query) throws IOException {
        return search(query, History.MAX_PAGE, null).items().stream().map(Hit::event).toList();
    }

    /** In pages of one. */
    List<MessageEvent> findOneByOne(Query query) throws IOException {
        List<MessageEvent> found = new ArrayList<>();
        Page<Hit> page = search(query, 1, null);
        while (true) {
            page.items().forEach(hit -> found.add(hit.event()));
            Cursor next = page.next();
            if (next == null) {
                return found;
            }
            page = search(query, 1, Cursor.parse(next.toString()));
        }
    }

    Story story(MessageId id) throws IOException {
        Snapshot held = shown.hold();
        try (Search search = new Search(logs, held)) {
            return search.story(id);
        } finally {
            held.letGo();
        }
    }

    static Query to(String recipient) {
        return new Query(recipient, null, null, null, null, null, null, null, null, java.util.Set.of());
    }

    static MessageId id(int number) {
        return new MessageId(ManualClock.START.toEpochMilli() << MessageId.MILLIS_SHIFT | number);
    }

    /** Of message {@code number} to {@code r<number>@r.example}, as many seconds after the clock's start. */
    static MessageEvent event(MessageEvent.Type type, int number) {
        long time = ManualClock.START.toEpochMilli() + number * 1_000L;
        boolean received = type == MessageEvent.Type.RECEPTION;
        return new MessageEvent(type, id(number), "s" + number % 3 + "@s.example",
                List.of("r" + number + "@r" + number % 7 + ".example"), "r" + number % 7 + ".example",
                "tenant" + number % 5, "campaign" + number % 2, received ? "" : "default->mx.r.example", 4096,
                new Response(250, "2.0.0", type.label().toLowerCase(Locale.ROOT), received ? "" : "."),
                new Peer("mx.r.example", "192.0.2.7"), "10.0.0.1", time, time, 0, "ESMTP", "session" + number, null,
                received ? new Client("ann", "app.example", "smtp", "<" + number + "@s.example>") : Client.NONE, "",
                received ? "" : "default", MessageEvent.Meaning.NONE);
    }

    static MessageEvent received(int number) {
        return event(MessageEvent.Type.RECEPTION, number);
    }

    static MessageEvent delivered(int number) {
        return event(MessageEvent.Type.DELIVERY, number);
    }
}
