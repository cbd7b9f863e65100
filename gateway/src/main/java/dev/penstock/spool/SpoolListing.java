package dev.penstock.spool;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import com.google.errorprone.annotations.FormatMethod;
import org.agrona.collections.LongHashSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamWriteFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;

import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.units.CleanText;

/**
 * What of a spool isn't done, printed while it is read. Confined to one thread.
 *
 * <p>The segments are read twice: first for what is done, what attempts have left and which requests are recorded, then
 * for the messages, of which one at a time is in memory. Where a spool is in use, what changes between the two may be
 * missed.
 */
public final class SpoolListing {
    /** How it is printed. */
    public enum Form {
        /** A line for each destination, and one for each recipient that an attempt has decided about. */
        TABLE,
        /** A JSON object for each destination, on a line of its own. */
        JSON,
        /** Nothing but how many there are. */
        COUNT,
        /** The same as a JSON object. */
        COUNT_JSON
    }

    /** Where a destination stands, as far as the spool knows. */
    public enum State {
        /** No attempt has been made. */
        NEW,
        /**
         * No attempt is made before a time that the sender named (RFC 4865), or until the preflight lets it go; that it
         * has is seen after an attempt.
         */
        HELD,
        /** Its next attempt is ahead. */
        DEFERRED,
        /** The time of its next attempt has come. */
        DUE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Which destinations; each null for all.
     *
     * @param domain    the recipients', in any case
     * @param recipient a whole address, in any case
     * @param tenant    empty for messages without one
     */
    public record Filter(@Nullable String domain, @Nullable String recipient, @Nullable String tenant,
            @Nullable State state) {
        public static final Filter ALL = new Filter(null, null, null, null);

        boolean fits(Envelope envelope, Destination destination, State itsState) {
            return (tenant == null || tenant.equals(envelope.tenant()))
                    && (domain == null || domain.equalsIgnoreCase(destination.domain()))
                    && (state == null || state == itsState)
                    && (recipient == null || destination.recipients().stream().anyMatch(
                            index -> envelope.recipients().get(index).address().equalsIgnoreCase(recipient)));
        }
    }

    private static final JsonFactory JSON = JsonFactory.builder().rootValueSeparator("\n")
            .enable(JsonWriteFeature.ESCAPE_NON_ASCII).disable(StreamWriteFeature.AUTO_CLOSE_TARGET).build();

    private record Key(long id, int destination) {}

    private record Attempt(int serial, int attempts, long nextMillis, long segment, long position, int length) {}

    private final SpoolFiles files;
    private final Filter filter;
    private final Instant now;
    private final DoneSet done = new DoneSet();
    private final Map<Key, Attempt> attempts = new HashMap<>();
    private final LongHashSet recordedRequests = new LongHashSet();
    private final LongHashSet seen = new LongHashSet();
    private long messages;
    private long destinations;
    private long octets;

    SpoolListing(Path directory, Filter filter, Instant now) {
        this.files = new SpoolFiles(directory);
        this.filter = filter;
        this.now = now;
    }

    void print(Form form, PrintStream out) throws IOException {
        files.forEach((number, _, data) -> files.scan(data, (position, octets, at) -> note(number, position, octets,
                at)));
        attempts.keySet().removeIf(key -> done.contains(key.id, key.destination));
        if (form == Form.TABLE) {
            out.printf("%-13s %4s %-8s %8s %-24s %-24s %8s %-30s %s%n", "ID", "DEST", "STATE", "ATTEMPTS", "NEXT",
                    "RECEIVED", "SIZE", "SENDER", "RECIPIENTS");
        }
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out)) {
            files.forEach((_, _, data) -> files.scan(data, (_, octets, at) -> message(octets, at, form, out, json)));
            count(form, out, json);
            if (form == Form.COUNT_JSON || form == Form.JSON && destinations > 0) {
                json.writeRaw('\n');
            }
        }
    }

    private void note(long segment, long position, ByteBuffer octets, int at) {
        long id = Records.id(octets, at);
        int destination = Records.destination(octets, at);
        switch (Records.type(octets, at)) {
            case Records.ATTEMPT -> {
                Key key = new Key(id, destination);
                Attempt before = attempts.get(key);
                int serial = Records.serial(octets, at);
                if (before == null || serial - before.serial > 0) {
                    AttemptState state = Metas.attempt(octets, at);
                    attempts.put(key, new Attempt(serial, state.attempts(), state.nextMillis(), segment, position,
                            Records.length(octets, at)));
                }
            }
            case Records.DONE -> done.add(id, destination);
            case Records.KEY -> recordedRequests.add(id);
            default -> {
                // the second time's affair
            }
        }
    }

    private void message(ByteBuffer record, int at, Form form, PrintStream out, JsonGenerator json)
            throws IOException {
        long id = Records.id(record, at);
        if (Records.type(record, at) != Records.ACCEPTED || !seen.add(id)) {
            return;
        }
        int count = Records.destination(record, at);
        boolean open = false;
        for (int destination = 0; destination < count && !open; destination++) {
            open = !done.contains(id, destination);
        }
        long request = Metas.request(record, at);
        if (!open || request != 0 && !recordedRequests.contains(request)) {
            return;
        }
        Metas.Accepted accepted = Metas.accepted(record, at);
        boolean counted = false;
        for (Destination destination : accepted.envelope().destinations()) {
            if (done.contains(id, destination.index())) {
                continue;
            }
            Attempt attempt = attempts.get(new Key(id, destination.index()));
            State state = state(accepted.envelope(), attempt);
            if (!filter.fits(accepted.envelope(), destination, state)) {
                continue;
            }
            destinations++;
            if (!counted) {
                counted = true;
                messages++;
                octets += accepted.contentLength();
            }
            switch (form) {
                case TABLE -> line(accepted, destination, attempt, state, out);
                case JSON -> json(accepted, destination, attempt, state, json);
                case COUNT, COUNT_JSON -> {
                    // at the end
                }
            }
        }
    }

    private State state(Envelope envelope, @Nullable Attempt attempt) {
        if (attempt == null) {
            return envelope.options().holdUntilMillis() > now.toEpochMilli() || envelope.options().heldFor() != null
                    ? State.HELD
                    : State.NEW;
        }
        return attempt.nextMillis > now.toEpochMilli() ? State.DEFERRED : State.DUE;
    }

    private void line(Metas.Accepted accepted, Destination destination, @Nullable Attempt attempt, State state,
            PrintStream out) throws IOException {
        Envelope envelope = accepted.envelope();
        StringBuilder recipients = new StringBuilder();
        for (int index : destination.recipients()) {
            recipients.append(recipients.isEmpty() ? "" : ",").append(envelope.recipients().get(index).address());
        }
        println(out, "%s %4d %-8s %8d %-24s %-24s %8d %-30s %s", envelope.id(), destination.index(), state,
                attempt == null ? 0 : attempt.attempts,
                attempt == null ? "-" : Instant.ofEpochMilli(attempt.nextMillis),
                Instant.ofEpochMilli(envelope.receivedMillis()), accepted.contentLength(),
                "<" + envelope.sender() + ">", recipients);
        if (attempt == null && envelope.options().heldFor() != null) {
            println(out, "              preflight: %s", envelope.options().heldFor());
        }
        for (RecipientState recipient : decided(attempt)) {
            println(out, "              %s %s: %s", envelope.recipients().get(recipient.recipient()).address(),
                    recipient.status(), recipient.lastReply());
        }
    }

    @FormatMethod
    private static void println(PrintStream out, String format, Object... values) {
        out.println(CleanText.of(String.format(Locale.ROOT, format, values)));
    }

    private void json(Metas.Accepted accepted, Destination destination, @Nullable Attempt attempt, State state,
            JsonGenerator json) throws IOException {
        Envelope envelope = accepted.envelope();
        json.writeStartObject();
        json.writeStringProperty("id", envelope.id().toString());
        json.writeNumberProperty("destination", destination.index());
        json.writeStringProperty("state", state.toString());
        json.writeStringProperty("domain", destination.domain());
        json.writeStringProperty("tenant", envelope.tenant());
        json.writeStringProperty("campaign", envelope.campaign());
        json.writeStringProperty("user", envelope.origin().identity());
        json.writeStringProperty("sender", envelope.sender());
        json.writeArrayPropertyStart("recipients");
        for (int index : destination.recipients()) {
            json.writeString(envelope.recipients().get(index).address());
        }
        json.writeEndArray();
        json.writeNumberProperty("size", accepted.contentLength());
        json.writeStringProperty("received", Instant.ofEpochMilli(envelope.receivedMillis()).toString());
        json.writeNumberProperty("attempts", attempt == null ? 0 : attempt.attempts);
        if (attempt == null) {
            json.writeNullProperty("next");
        } else {
            json.writeStringProperty("next", Instant.ofEpochMilli(attempt.nextMillis).toString());
        }
        String heldFor = attempt == null ? envelope.options().heldFor() : null;
        if (heldFor != null) {
            json.writeStringProperty("held_for", heldFor);
        }
        json.writeArrayPropertyStart("results");
        for (RecipientState recipient : decided(attempt)) {
            json.writeStartObject();
            json.writeStringProperty("recipient", envelope.recipients().get(recipient.recipient()).address());
            json.writeStringProperty("status", recipient.status().name().toLowerCase(Locale.ROOT));
            json.writeStringProperty("reply", recipient.lastReply());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    /** What the last attempt left of each recipient; nothing when its segment has just been reclaimed. */
    private List<RecipientState> decided(@Nullable Attempt attempt) throws IOException {
        if (attempt == null) {
            return List.of();
        }
        try {
            return Metas.attempt(files.read(attempt.segment, attempt.position, attempt.length), 0).recipients();
        } catch (NoSuchFileException _) {
            return List.of();
        }
    }

    private void count(Form form, PrintStream out, JsonGenerator json) {
        switch (form) {
            case COUNT -> out.printf("%d destinations of %d messages, %d octets%n", destinations, messages, octets);
            case COUNT_JSON -> {
                json.writeStartObject();
                json.writeNumberProperty("destinations", destinations);
                json.writeNumberProperty("messages", messages);
                json.writeNumberProperty("octets", octets);
                json.writeEndObject();
            }
            case TABLE, JSON -> {
                // said already
            }
        }
    }
}
