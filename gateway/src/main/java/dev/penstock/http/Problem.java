package dev.penstock.http;

import java.io.ByteArrayOutputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Why a request isn't answered with 200, as problem details (RFC 9457). An exception too, because it ends the work on a
 * request wherever that is. Immutable.
 */
public final class Problem extends RuntimeException {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String TYPES = "urn:penstock:problem:";

    /** What can be wrong with a request; the type's last word is for programs, the title for people. */
    public enum Kind {
        INVALID(422, "invalid-request", "The request isn't what this API takes"),
        KEY_REUSED(422, "idempotency-key-reused", "The idempotency key was used with another body"),
        UNAUTHORIZED(401, "unauthorized", "Credentials are needed"),
        FORBIDDEN(403, "forbidden", "This isn't permitted"),
        NOT_FOUND(404, "not-found", "There is nothing here"),
        CONFLICT(409, "conflict", "It isn't as the request expects it to be"),
        METHOD_NOT_ALLOWED(405, "method-not-allowed", "The method isn't allowed here"),
        TIMEOUT(408, "timeout", "The request took too long to come"),
        TOO_LARGE(413, "too-large", "The body is too large"),
        MEDIA_TYPE(415, "unsupported-media-type", "The body must be JSON, plain or in gzip"),
        TOO_MANY(429, "too-many-requests", "Too much at one time"),
        UNAVAILABLE(503, "unavailable", "Mail can't be taken now"),
        UNRECORDED(503, "not-recorded", "What can't be recorded isn't done"),
        INTERNAL(500, "internal", "A fault of the gateway's");

        private final int status;
        private final String type;
        private final String title;

        Kind(int status, String name, String title) {
            this.status = status;
            this.type = TYPES + name;
            this.title = title;
        }

        public int status() {
            return status;
        }

        /** A URI. */
        public String type() {
            return type;
        }

        public String title() {
            return title;
        }
    }

    /**
     * One thing that is wrong.
     *
     * @param pointer JSON Pointer (RFC 6901) into the body, empty for the whole
     */
    public record Wrong(String pointer, String detail) {}

    private final transient Kind kind;
    private final String detail;
    private final transient List<Wrong> wrongs;
    private final transient Map<String, String> headers;

    private Problem(Kind kind, String detail, List<Wrong> wrongs, Map<String, String> headers) {
        super(detail, null, false, false);
        this.kind = kind;
        this.detail = detail;
        this.wrongs = List.copyOf(wrongs);
        this.headers = Map.copyOf(headers);
    }

    public static Problem of(Kind kind, String detail) {
        return new Problem(kind, detail, List.of(), Map.of());
    }

    public static Problem invalid(List<Wrong> wrongs) {
        return new Problem(Kind.INVALID, wrongs.size() == 1
                ? wrongs.getFirst().detail
                : wrongs.size() + " things are wrong with the request", wrongs, Map.of());
    }

    /** With one header field of the answer more. */
    public Problem with(String header, String value) {
        Map<String, String> more = new HashMap<>(headers);
        more.put(header, value);
        return new Problem(kind, detail, wrongs, more);
    }

    public Kind kind() {
        return kind;
    }

    public Answer answer() {
        ByteArrayOutputStream out = new ByteArrayOutputStream(256);
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out)) {
            json.writeStartObject();
            json.writeStringProperty("type", kind.type);
            json.writeStringProperty("title", kind.title);
            json.writeNumberProperty("status", kind.status);
            json.writeStringProperty("detail", detail);
            if (!wrongs.isEmpty()) {
                json.writeName("errors");
                json.writeStartArray();
                for (Wrong wrong : wrongs) {
                    json.writeStartObject();
                    json.writeStringProperty("pointer", wrong.pointer);
                    json.writeStringProperty("detail", wrong.detail);
                    json.writeEndObject();
                }
                json.writeEndArray();
            }
            json.writeEndObject();
        }
        return new Answer(kind.status, Answer.PROBLEM, headers, new Answer.Body(out.toByteArray()));
    }
}
