package dev.penstock.events;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageEvent.Peer;
import dev.penstock.message.MessageEvent.Response;
import dev.penstock.message.MessageId;

/** Events for tests, and a reader for the lines they become. */
final class Events {
    static final long CREATED = 1_757_675_280_100L;
    static final long OCCURRED = 1_757_675_281_440L;

    private Events() {}

    static MessageEvent delivery(int number) {
        return new MessageEvent(MessageEvent.Type.DELIVERY, new MessageId(CREATED << MessageId.MILLIS_SHIFT | number),
                "a@s.example", List.of("r" + number + "@r.example"), "r.example", "tenant", "camp",
                "default->mx.r.example+2", 4096, new Response(250, "2.0.0", "Ok: queued as 4XyZ", "."),
                new Peer("mx.r.example", "192.0.2.7"), "10.0.0.1:53210", OCCURRED, CREATED, 0, "ESMTP",
                "01K3SESSION");
    }

    static MessageEvent rejection(int number) {
        return new MessageEvent(MessageEvent.Type.REJECTION, MessageEvent.NO_ID, "a@s.example",
                List.of("r" + number + "@r.example"), "r.example", "", "", "", 0,
                new Response(554, "5.7.1", "Relay access denied", "RCPT TO"), new Peer("client.example", "192.0.2.9"),
                "", OCCURRED, OCCURRED, 0, "ESMTP", "1a");
    }

    /** The object in {@code line}: texts, longs, nulls, lists and maps. Fails on anything that isn't JSON. */
    @SuppressWarnings("unchecked")
    static Map<String, Object> json(String line) {
        try (JsonParser parser = new JsonFactory().createParser(ObjectReadContext.empty(), line)) {
            parser.nextToken();
            Object value = value(parser);
            if (parser.nextToken() != null) {
                throw new AssertionError("more than one value: " + line);
            }
            return (Map<String, Object>) Objects.requireNonNull(value);
        }
    }

    private static @Nullable Object value(JsonParser parser) {
        return switch (parser.currentToken()) {
            case VALUE_STRING -> parser.getString();
            case VALUE_NUMBER_INT -> parser.getLongValue();
            case VALUE_NULL -> null;
            case START_ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    list.add(value(parser));
                }
                yield list;
            }
            case START_OBJECT -> {
                Map<String, @Nullable Object> map = new LinkedHashMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String name = parser.currentName();
                    parser.nextToken();
                    map.put(name, value(parser));
                }
                yield map;
            }
            default -> throw new AssertionError("unexpected " + parser.currentToken());
        };
    }
}
