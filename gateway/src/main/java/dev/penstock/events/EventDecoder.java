package dev.penstock.events;

import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageEvent.Client;
import dev.penstock.message.MessageEvent.Meaning;
import dev.penstock.message.MessageEvent.Peer;
import dev.penstock.message.MessageEvent.Response;
import dev.penstock.message.MessageEvent.Tls;
import dev.penstock.message.MessageId;
import dev.penstock.units.MailClass;

/**
 * Reads lines of the delivery log back into events. Confined to one thread while it reads a line; what a line doesn't say is
 * what it is in an event of which it isn't known.
 */
public final class EventDecoder {
    private static final JsonFactory JSON = new JsonFactory();

    private MessageEvent.@Nullable Type type;
    private MessageId id = MessageEvent.NO_ID;
    private String sender = "";
    private List<String> recipients = List.of();
    private String domain = "";
    private String tenant = "";
    private String campaign = "";
    private String site = "";
    private long size;
    private Response response = new Response(0, "", "", "");
    private @Nullable Peer peer;
    private String sourceAddress = "";
    private long eventMillis = Long.MIN_VALUE;
    private long createdMillis;
    private int attempts;
    private String protocol = "";
    private String sessionId = "";
    private String cipher = "";
    private String version = "";
    private String policy = "";
    private String result = "";
    private boolean resumed;
    private String user = "";
    private String helo = "";
    private String listener = "";
    private String messageId = "";
    private String provider = "";
    private String pool = "";
    private String bounceClass = Meaning.NONE.bounceClass();
    private String category = "";
    private String scope = "";
    private String action = "";
    private MailClass mailClass = MailClass.BULK;

    private EventDecoder() {}

    /** The event that a line tells of, with or without the end of the line; null when it is torn or tells of none. */
    public static @Nullable MessageEvent decode(byte[] line, int offset, int length) {
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), line, offset, length)) {
            return json.nextToken() == JsonToken.START_OBJECT ? new EventDecoder().event(json) : null;
        } catch (JacksonException | DateTimeParseException _) {
            return null;
        }
    }

    private @Nullable MessageEvent event(JsonParser json) {
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = json.currentName();
            json.nextToken();
            property(name, json);
        }
        MessageEvent.Type known = type;
        if (known == null || eventMillis == Long.MIN_VALUE || json.currentToken() != JsonToken.END_OBJECT) {
            return null;
        }
        Tls tls = version.isEmpty() && cipher.isEmpty() ? null : new Tls(version, cipher, policy, result, resumed);
        return new MessageEvent(known, id, sender, recipients, domain, tenant, campaign, site, size, response, peer,
                sourceAddress, eventMillis, createdMillis, attempts, protocol, sessionId, tls,
                new Client(user, helo, listener, messageId), provider, pool,
                new Meaning(bounceClass, category, scope, action), mailClass);
    }

    private void property(String name, JsonParser json) {
        switch (name) {
            case "type" -> type = type(text(json));
            case "id" -> {
                MessageId read = MessageId.parse(text(json));
                id = read == null ? MessageEvent.NO_ID : read;
            }
            case "sender" -> sender = text(json);
            case "recipient" -> recipients = texts(json);
            case "domain" -> domain = text(json);
            case "tenant" -> tenant = text(json);
            case "campaign" -> campaign = text(json);
            case "site" -> site = text(json);
            case "size" -> size = number(json);
            case "response" -> response = response(json);
            case "peer_address" -> peer = peer(json);
            case "source_address" -> sourceAddress = address(json);
            case "event_time" -> eventMillis = Instant.parse(text(json)).toEpochMilli();
            case "created_time" -> createdMillis = Instant.parse(text(json)).toEpochMilli();
            case "num_attempts" -> attempts = (int) number(json);
            case "delivery_protocol", "reception_protocol" -> protocol = text(json);
            case "session_id" -> sessionId = text(json);
            case "tls_cipher" -> cipher = text(json);
            case "tls_protocol_version" -> version = text(json);
            case "tls_policy" -> policy = text(json);
            case "tls_result" -> result = text(json);
            case "tls_resumed" -> resumed = json.currentToken() == JsonToken.VALUE_TRUE;
            case "user" -> user = text(json);
            case "helo" -> helo = text(json);
            case "listener" -> listener = text(json);
            case "message_id" -> messageId = text(json);
            case "provider_name" -> provider = text(json);
            case "egress_pool" -> pool = text(json);
            case "bounce_classification" -> bounceClass = text(json);
            case "bounce_category" -> category = text(json);
            case "bounce_scope" -> scope = text(json);
            case "bounce_action" -> action = text(json);
            case "mail_class" -> {
                MailClass read = MailClass.of(text(json));
                mailClass = read == null ? MailClass.BULK : read;
            }
            default -> json.skipChildren();
        }
    }

    private static MessageEvent.@Nullable Type type(String label) {
        for (MessageEvent.Type one : MessageEvent.Type.values()) {
            if (one.label().equals(label)) {
                return one;
            }
        }
        return null;
    }

    private static Response response(JsonParser json) {
        int code = 0;
        String enhanced = "";
        String content = "";
        String command = "";
        if (json.currentToken() != JsonToken.START_OBJECT) {
            json.skipChildren();
            return new Response(code, enhanced, content, command);
        }
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = json.currentName();
            json.nextToken();
            switch (name) {
                case "code" -> code = (int) number(json);
                case "enhanced_code" -> enhanced = enhanced(json);
                case "content" -> content = text(json);
                case "command" -> command = text(json);
                default -> json.skipChildren();
            }
        }
        return new Response(code, enhanced, content, command);
    }

    private static String enhanced(JsonParser json) {
        if (json.currentToken() != JsonToken.START_OBJECT) {
            json.skipChildren();
            return "";
        }
        long[] parts = new long[3];
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = json.currentName();
            json.nextToken();
            switch (name) {
                case "class" -> parts[0] = number(json);
                case "subject" -> parts[1] = number(json);
                case "detail" -> parts[2] = number(json);
                default -> json.skipChildren();
            }
        }
        return parts[0] + "." + parts[1] + "." + parts[2];
    }

    private static @Nullable Peer peer(JsonParser json) {
        if (json.currentToken() != JsonToken.START_OBJECT) {
            json.skipChildren();
            return null;
        }
        String name = "";
        String address = "";
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String property = json.currentName();
            json.nextToken();
            switch (property) {
                case "name" -> name = text(json);
                case "addr" -> address = text(json);
                default -> json.skipChildren();
            }
        }
        return new Peer(name, address);
    }

    private static String address(JsonParser json) {
        String address = "";
        if (json.currentToken() != JsonToken.START_OBJECT) {
            json.skipChildren();
            return address;
        }
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String property = json.currentName();
            json.nextToken();
            if (property.equals("address")) {
                address = text(json);
            } else {
                json.skipChildren();
            }
        }
        return address;
    }

    private static List<String> texts(JsonParser json) {
        if (json.currentToken() != JsonToken.START_ARRAY) {
            return List.of(text(json));
        }
        List<String> texts = new ArrayList<>();
        for (JsonToken next = json.nextToken(); next != null && next != JsonToken.END_ARRAY; next = json.nextToken()) {
            texts.add(text(json));
        }
        return List.copyOf(texts);
    }

    /** Empty for null and for what is no text. */
    private static String text(JsonParser json) {
        if (json.currentToken() == JsonToken.VALUE_STRING) {
            return json.getString();
        }
        json.skipChildren();
        return "";
    }

    private static long number(JsonParser json) {
        if (json.currentToken() == JsonToken.VALUE_NUMBER_INT) {
            return json.getLongValue();
        }
        json.skipChildren();
        return 0;
    }
}
