package dev.penstock.admin;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.admin.QueueAnswer.DestinationDetail;
import dev.penstock.admin.QueueAnswer.MessageDetail;
import dev.penstock.admin.QueueAnswer.RecipientState;
import dev.penstock.http.Problem;
import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Origin;
import dev.penstock.queue.MessageRow;
import dev.penstock.queue.QueueViews;
import dev.penstock.spool.AttemptState;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;

/** Single queued messages, as queue and spool know them together. Stateless but for what it asks. */
final class QueuedMessages {
    private final QueueViews views;
    private final Spool spool;

    QueuedMessages(QueueViews views, Spool spool) {
        this.views = views;
        this.spool = spool;
    }

    /**
     * The id in a request's path.
     *
     * @throws Problem when it isn't one
     */
    static MessageId id(AdminRequest request) {
        return id(request.path("id"));
    }

    /** @throws Problem when it isn't one */
    static MessageId id(String text) {
        MessageId id = MessageId.parse(text);
        if (id == null) {
            throw Problem.of(Problem.Kind.INVALID, "\"" + text + "\" isn't a message's id, like 06EB2QXV4R001");
        }
        return id;
    }

    /** Null when it isn't queued. */
    @Nullable
    MessageDetail detail(MessageId id) {
        List<MessageRow> rows = views.message(id);
        if (rows.isEmpty()) {
            return null;
        }
        Envelope envelope = envelope(rows.getFirst().entry());
        List<DestinationDetail> details = new ArrayList<>();
        for (MessageRow row : rows) {
            details.add(DestinationDetail.of(row, views.why(row),
                    envelope == null ? List.of() : recipients(envelope, row.entry())));
        }
        return new MessageDetail(id.toString(), envelope == null ? null : envelope.sender(),
                envelope == null ? "" : origin(envelope.origin()),
                envelope == null ? null : Instant.ofEpochMilli(envelope.receivedMillis()), details);
    }

    /** Null when the spool has it no more, or can't read it. */
    @Nullable
    Envelope envelope(SpoolEntry entry) {
        try {
            return spool.read(entry, _ -> false).envelope();
        } catch (IOException _) {
            return spool.envelope(entry);
        }
    }

    private static String origin(Origin origin) {
        return Stream.of(origin.protocol(), origin.address(), origin.helo(), origin.identity())
                .filter(part -> !part.isEmpty()).collect(Collectors.joining(" "));
    }

    private List<RecipientState> recipients(Envelope envelope, SpoolEntry entry) {
        Map<Integer, AttemptState.RecipientState> states = new HashMap<>();
        try {
            spool.lastAttempt(entry).recipients().forEach(state -> states.put(state.recipient(), state));
        } catch (IOException _) {
            // its recipients are shown without what became of them
        }
        Destination destination = envelope.destinations().get(entry.destination());
        return destination.recipients().stream().map(index -> {
            AttemptState.RecipientState state = states.get(index);
            return new RecipientState(envelope.recipients().get(index).address(),
                    state == null ? "untried" : state.status().name().toLowerCase(Locale.ROOT),
                    state == null ? "" : state.lastReply());
        }).toList();
    }
}
