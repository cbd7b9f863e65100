package dev.penstock.admin;

import java.io.IOException;
import java.time.Instant;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What remembers who has changed what, and why. Thread-safe. */
public interface Audit {
    /** Remembers nothing: for tests of routes. */
    Audit NONE = _ -> new Pending() {
        @Override
        public String id() {
            return "0";
        }

        @Override
        public void end(Result result) {
            // remembered nowhere
        }
    };

    /**
     * A request that may change something.
     *
     * @param who       the operator's name
     * @param via       how that is known: {@link Operator#via}
     * @param from      his address and port; {@code socket} over the Unix socket
     * @param verb      method and template: {@code POST /jobs}
     * @param path      below {@link AdminApi#ROOT}, with its query
     * @param reason    in his words; null when he gave none
     * @param selection of the body, which is what the request is about; null when there is none
     * @param what      the body's other members, without texts of files; null when there are none, or far too many
     * @param body      SHA-256 of the body, hexadecimal; null when there is none
     */
    record Request(String who, Role role, String via, String from, String verb, String path, @Nullable String reason,
            @Nullable JsonNode selection, @Nullable JsonNode what, @Nullable String body) {}

    /**
     * What came of it.
     *
     * @param status of HTTP
     * @param detail what was wrong; null when nothing was
     * @param count  of what it concerned; null where it concerned nothing that is counted
     * @param answer id of what was made, as of a job; null where there is none
     */
    record Result(int status, @Nullable String detail, @Nullable Long count, @Nullable String answer) {}

    /**
     * A request with its result.
     *
     * @param id     of the request, ascending in the order of requests
     * @param result null when none was recorded: it is under way, or the gateway was killed meanwhile
     */
    record Entry(String id, Instant at, Request request, @Nullable Result result) {}

    /** A request that is remembered, and may be done now. */
    interface Pending {
        String id();

        /** Returns when this is remembered, too; what can't be is logged. */
        void end(Result result);
    }

    /**
     * Returns when the request is remembered durably.
     *
     * @throws IOException when it can't be: then it must not be done
     */
    Pending begin(Request request) throws IOException;
}
