package dev.penstock.injection;

import java.util.Map;

/**
 * What a request is answered with. Immutable by agreement: nobody writes to the body.
 *
 * @param headers besides Content-Type and Content-Length
 * @param body    UTF-8
 */
record Answer(int status, String contentType, Map<String, String> headers, Body body) {
    static final int OK = 200;
    static final String JSON = "application/json";
    static final String PROBLEM = "application/problem+json";

    Answer {
        headers = Map.copyOf(headers);
    }

    /** Octets, compared by identity. */
    static final class Body {
        final byte[] octets;

        Body(byte[] octets) {
            this.octets = octets;
        }
    }

    static Answer json(byte[] body) {
        return new Answer(OK, JSON, Map.of(), new Body(body));
    }

    Answer with(String header, String value) {
        Map<String, String> more = new java.util.HashMap<>(headers);
        more.put(header, value);
        return new Answer(status, contentType, more, body);
    }
}
