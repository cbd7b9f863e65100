package dev.penstock.admin;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.admin.HistoryAnswer.HistoryEvents;
import dev.penstock.admin.HistoryAnswer.MessageStory;
import dev.penstock.admin.QueueAnswer.MessageDetail;
import dev.penstock.history.Cursor;
import dev.penstock.history.History;
import dev.penstock.history.HistoryException;
import dev.penstock.history.Query;
import dev.penstock.history.Story;
import dev.penstock.http.Problem;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.queue.NamePattern;
import dev.penstock.queue.QueueViews;
import dev.penstock.spool.Spool;
import dev.penstock.units.Durations;

/** What became of messages: the routes that ask the index of the delivery log. Stateless but for what it asks. */
public final class StoryRoutes {
    private static final int USUAL = 100;
    private static final String OFF = "the index of the delivery log is off, so that past mail can't be found: "
            + "enabled = true in [history] switches it on at the next start; it then finds what the log still has";

    private final @Nullable History history;
    private final QueuedMessages queued;
    private final InstantSource clock;

    private StoryRoutes(@Nullable History history, QueuedMessages queued, InstantSource clock) {
        this.history = history;
        this.queued = queued;
        this.clock = clock;
    }

    /**
     * @param history null when it is off: what is asked is answered with 409 then
     * @param clock   from which {@code since=2h} is told
     */
    public static List<AdminRoute> of(@Nullable History history, QueueViews views, Spool spool, InstantSource clock) {
        return new StoryRoutes(history, new QueuedMessages(views, spool), clock).routes();
    }

    private List<AdminRoute> routes() {
        return List.of(
                AdminRoute.get("/history", Role.READ, "What happened to messages, queued and past ones: events of the "
                        + "delivery log that fit all that is asked for, what was logged last first.")
                        .query("recipient", String.class, "Address, whole, in upper or lower case")
                        .query("domain", String.class, "Of a recipient, whole, in upper or lower case")
                        .query("sender", String.class, "Reverse path, in upper or lower case; - for the null one")
                        .query("id", String.class, "Message's id")
                        .query("tenant", String.class, "Tenant; - for none")
                        .query("campaign", String.class, "Campaign; - for none")
                        .query("message_id", String.class, "Message-ID field, as it is written; only receptions and "
                                + "rejections have it")
                        .query("since", String.class, "The first moment, like 2026-12-01T08:00:00Z, or how long ago, "
                                + "like 2h")
                        .query("until", String.class, "The first moment that is too late, or how long ago")
                        .query("outcome", List.class, "What happened, one of these: " + outcomes())
                        .query("limit", Integer.class, "Events at most, " + USUAL + " unless said, up to "
                                + History.MAX_PAGE)
                        .query("cursor", String.class, "Where the page before ended: its next")
                        .answers(HistoryEvents.class, this::events),
                AdminRoute.get("/messages/{id}/story", Role.READ, "All that happened to a message, in order: its "
                        + "reception, each attempt, how it ended; and where it is queued now.")
                        .answers(MessageStory.class, this::story));
    }

    private static String outcomes() {
        return Stream.of(MessageEvent.Type.values()).map(MessageEvent.Type::label).collect(Collectors.joining(", "));
    }

    private HistoryEvents events(AdminRequest request) {
        History index = index();
        int limit = request.integer("limit", USUAL, 1, History.MAX_PAGE);
        Query query = query(request);
        Cursor after = request.query("cursor").map(text -> SelectionQuery.parsed(() -> Cursor.parse(text)))
                .orElse(null);
        return asked(index, found -> HistoryEvents.of(found.search(query, limit, after), found.stats()));
    }

    private MessageStory story(AdminRequest request) {
        History index = index();
        MessageId id = QueuedMessages.id(request);
        // Before the log is looked at: what is finished in between is told as both, not as neither.
        MessageDetail now = queued.detail(id);
        return asked(index, found -> {
            Story story = found.story(id);
            if (now == null && story.events().isEmpty() && story.whole() && story.gone() == 0) {
                throw Problem.of(Problem.Kind.NOT_FOUND, "nothing is known of message " + id
                        + ": it never was here, or the delivery log and its index don't go back so far");
            }
            return MessageStory.of(story, found.stats(), now);
        });
    }

    private History index() {
        History index = history;
        if (index == null) {
            throw Problem.of(Problem.Kind.CONFLICT, OFF);
        }
        return index;
    }

    /** What isn't so yet, or not any more, is for whoever asks to try again; what can't be read isn't. */
    private static <T> T asked(History index, Function<History, T> question) {
        try {
            return question.apply(index);
        } catch (HistoryException e) {
            String why = e.getMessage();
            throw Problem.of(e.getCause() == null ? Problem.Kind.CONFLICT : Problem.Kind.INTERNAL,
                    why == null ? e.toString() : why);
        }
    }

    private Query query(AdminRequest request) {
        return new Query(name(request, "recipient"), name(request, "domain"), name(request, "sender"),
                request.query("id").map(QueuedMessages::id).orElse(null), name(request, "tenant"),
                name(request, "campaign"), request.query("message_id").orElse(null), moment(request, "since"),
                moment(request, "until"), types(request));
    }

    /** As selections of queued mail have it, but that the index knows whole names alone. */
    private static @Nullable String name(AdminRequest request, String parameter) {
        Optional<String> name = request.query(parameter).map(String::strip);
        if (name.isPresent() && (name.get().isEmpty() || !new NamePattern(name.get(), true).isLiteral())) {
            throw Problem.of(Problem.Kind.INVALID, parameter + " \"" + name.get()
                    + "\": expected a whole name; past mail isn't found by a part of one");
        }
        return name.map(text -> text.equals(NamePattern.NONE) ? "" : text).orElse(null);
    }

    private static Set<MessageEvent.Type> types(AdminRequest request) {
        Set<MessageEvent.Type> types = EnumSet.noneOf(MessageEvent.Type.class);
        for (String text : request.queries("outcome")) {
            types.add(Stream.of(MessageEvent.Type.values()).filter(type -> type.label().equalsIgnoreCase(text.strip()))
                    .findAny().orElseThrow(() -> Problem.of(Problem.Kind.INVALID,
                            "outcome \"" + text + "\": expected one of " + outcomes())));
        }
        return types;
    }

    private @Nullable Instant moment(AdminRequest request, String parameter) {
        return request.query(parameter).map(text -> {
            try {
                Instant moment = instant(text.strip());
                return Instant.ofEpochMilli(moment.toEpochMilli()); // no farther than the log's times go
            } catch (IllegalArgumentException | DateTimeException | ArithmeticException _) {
                throw Problem.of(Problem.Kind.INVALID, parameter + " \"" + text
                        + "\": expected a time like 2026-12-01T08:00:00Z, or how long ago, like 2h");
            }
        }).orElse(null);
    }

    private Instant instant(String text) {
        try {
            return Instant.parse(text);
        } catch (DateTimeParseException _) {
            return clock.instant().minus(Durations.parse(text));
        }
    }
}
