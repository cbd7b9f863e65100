package dev.penstock.auth;

import java.io.StringWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The flat JSON objects of questions and answers. Stateless. */
final class Json {
    /** A value of another type. */
    static final Object OTHER = new Object();

    private static final JsonFactory FACTORY = JsonFactory.builder().build();

    private Json() {}

    /** An object of texts, in UTF-8. */
    static byte[] object(Map<String, String> fields) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = FACTORY.createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            fields.forEach(json::writeStringProperty);
            json.writeEndObject();
        }
        return Utf8.encode(text.toString());
    }

    /**
     * The fields of an object: a {@link String}, {@link Boolean} or {@link List} of texts each, {@link #OTHER} for what is
     * something else; without those that are null.
     *
     * @return null when the text isn't a JSON object
     */
    static @Nullable Map<String, Object> parse(String text) {
        try (JsonParser json = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                return null;
            }
            Map<String, Object> fields = new HashMap<>();
            for (JsonToken token = json.nextToken(); token == JsonToken.PROPERTY_NAME; token = json.nextToken()) {
                String name = json.currentName();
                Object value = value(json, json.nextToken());
                if (value != null) {
                    fields.put(name, value);
                }
            }
            return json.nextToken() == null ? fields : null;
        } catch (JacksonException _) {
            return null;
        }
    }

    private static @Nullable Object value(JsonParser json, @Nullable JsonToken token) {
        if (token == JsonToken.VALUE_STRING) {
            return json.getString();
        }
        if (token == JsonToken.VALUE_TRUE || token == JsonToken.VALUE_FALSE) {
            return json.getBooleanValue();
        }
        if (token == JsonToken.VALUE_NULL) {
            return null;
        }
        if (token != JsonToken.START_ARRAY) {
            json.skipChildren();
            return OTHER;
        }
        List<String> items = new ArrayList<>();
        boolean texts = true;
        for (JsonToken item = json.nextToken(); item != JsonToken.END_ARRAY; item = json.nextToken()) {
            if (item == JsonToken.VALUE_STRING) {
                items.add(json.getString());
            } else {
                texts = false;
                json.skipChildren();
            }
        }
        return texts ? items : OTHER;
    }
}
