package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminJson;
import dev.penstock.admin.AdminProblem;
import dev.penstock.admin.HistoryAnswer.HistoryEvent;
import dev.penstock.admin.HistoryAnswer.HistoryEvents;
import dev.penstock.admin.HistoryAnswer.MessageStory;
import dev.penstock.admin.QueueAnswer.Messages;

/**
 * Where the mail to X is: queued and past mail in one answer, of a running gateway. Confined to the main thread.
 *
 * <p>What is queued is asked for first, so that what is finished in between is told as both, and not as neither.
 */
final class FindCommand {
    private static final int CONFLICT = 409; // RFC 9110 15.5.10: there is no index, or not now
    /** Found by their Message-ID field and looked for in the queue; as many as surely fit in one request's line. */
    private static final int MOST_IDS = 50;

    private final PrintStream out;
    private final PrintStream err;
    private final InstantSource clock;

    FindCommand(PrintStream out, PrintStream err, InstantSource clock) {
        this.out = out;
        this.err = err;
        this.clock = clock;
    }

    /** @param cursor where the past of an earlier answer ended; what is queued isn't told again then; null for none */
    int find(AdminClient gateway, HistoryOptions looked, int limit, @Nullable String cursor, boolean json)
            throws AdminProblem, IOException {
        List<String[]> past = looked.past();
        past.add(new String[]{"limit", String.valueOf(limit)});
        if (cursor != null) {
            past.add(new String[]{"cursor", cursor});
        }
        ObjectNode answer = AdminJson.MAPPER.createObjectNode();
        boolean queueToo = cursor == null && looked.outcomes.isEmpty();
        if (queueToo && looked.messageId == null) {
            answer.set("queued", gateway.get("/messages" + AdminClient.query(limited(looked.queued(), limit))));
        }
        boolean known = true;
        try {
            answer.set("history", gateway.get("/history" + AdminClient.query(past)));
        } catch (AdminProblem e) {
            if (e.status() != CONFLICT || !answer.has("queued")) {
                throw e;
            }
            err.println("penstock: " + e.getMessage());
            known = false;
        }
        if (queueToo && looked.messageId != null) {
            List<String[]> ids = ids(AdminJson.MAPPER.treeToValue(answer.get("history"), HistoryEvents.class));
            if (!ids.isEmpty()) {
                ids.addAll(looked.queued());
                answer.set("queued", gateway.get("/messages" + AdminClient.query(limited(ids, limit))));
            }
        }
        if (json) {
            out.println(Text.json(answer));
        } else {
            print(answer);
        }
        return known ? ExitCode.OK : ExitCode.TEMPORARY;
    }

    private static List<String[]> limited(List<String[]> query, int limit) {
        query.add(new String[]{"limit", String.valueOf(limit)});
        return query;
    }

    private List<String[]> ids(HistoryEvents found) {
        List<String> ids = found.events().stream().map(HistoryEvent::id).filter(Objects::nonNull).distinct().toList();
        if (ids.size() > MOST_IDS) {
            err.println("penstock: " + ids.size() + " messages have this Message-ID field; the queue is asked for "
                    + MOST_IDS + " of them");
        }
        List<String[]> query = new ArrayList<>();
        ids.stream().limit(MOST_IDS).forEach(id -> query.add(new String[]{"id", id}));
        return query;
    }

    private void print(ObjectNode answer) {
        if (answer.has("queued")) {
            Messages queued = AdminJson.MAPPER.treeToValue(answer.get("queued"), Messages.class);
            if (queued.messages().isEmpty() && queued.next() == null) {
                out.println("nothing of it is queued");
            } else {
                out.println("queued now:");
                new ViewTexts(out, clock.instant()).messages(queued);
            }
            if (queued.next() != null) {
                err.println("penstock: more may be queued: penstock message list with the same options, and --cursor "
                        + queued.next());
            }
            out.println();
        }
        if (answer.has("history")) {
            HistoryEvents past = AdminJson.MAPPER.treeToValue(answer.get("history"), HistoryEvents.class);
            out.println(past.events().isEmpty() ? "nothing happened that is found" : "what happened, the last first:");
            past.events().forEach(event -> out.println(HistoryTexts.line(event, true)));
            HistoryTexts.missing(past.reach()).forEach(line -> err.println("penstock: " + line));
            if (past.next() != null) {
                err.println("penstock: "
                        + (past.searched() ? "there is more" : "there may be more, much was read that doesn't fit")
                        + ": --cursor " + past.next());
            }
        }
    }

    int story(AdminClient gateway, String id, boolean json) throws AdminProblem, IOException {
        String path = "/messages/" + AdminClient.segment(id) + "/story";
        if (json) {
            out.println(Text.json(gateway.get(path)));
            return ExitCode.OK;
        }
        MessageStory story = gateway.get(path, MessageStory.class);
        new HistoryTexts(out).story(story);
        out.println();
        if (story.queued() == null) {
            out.println("nothing of it is queued");
        } else {
            out.println("queued now:");
            new ViewTexts(out, clock.instant()).destinations(story.queued());
        }
        if (!story.whole()) {
            err.println("penstock: more happened than is shown");
        }
        HistoryTexts.missing(story.reach()).forEach(line -> err.println("penstock: " + line));
        return ExitCode.OK;
    }
}
