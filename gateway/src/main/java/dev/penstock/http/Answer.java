package dev.penstock.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.HashMap;
import java.util.Map;

/**
 * What a request is answered with. Immutable by agreement: nobody writes to the body.
 *
 * @param headers besides Content-Type and Content-Length
 * @param body    UTF-8
 */
public record Answer(int status, String contentType, Map<String, String> headers, Body body) {
    public static final int OK = 200;
    public static final String JSON = "application/json";
    public static final String PROBLEM = "application/problem+json";

    public Answer {
        headers = Map.copyOf(headers);
    }

    /** Octets, compared by identity. */
    public static final class Body {
        private final byte[] octets;

        public Body(byte[] octets) {
            this.octets = octets;
        }

        /** Not a copy. */
        public byte[] octets() {
            return octets;
        }
    }

    public static Answer json(byte[] body) {
        return new Answer(OK, JSON, Map.of(), new Body(body));
    }

    /** Without header fields of its own. */
    public static Answer text(int status, String contentType, String body) {
        return new Answer(status, contentType, Map.of(), new Body(body.getBytes(UTF_8)));
    }

    /** With one header field more. */
    public Answer with(String header, String value) {
        Map<String, String> more = new HashMap<>(headers);
        more.put(header, value);
        return new Answer(status, contentType, more, body);
    }
}
