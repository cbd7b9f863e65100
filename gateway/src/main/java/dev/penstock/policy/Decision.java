package dev.penstock.policy;

import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.smtp.Reply;

/** The answer of a policy. Immutable. */
public sealed interface Decision {
    /** Go on. */
    Accept ACCEPT = new Accept(null, null, Map.of(), List.of());

    /**
     * Go on, with changes.
     *
     * @param tenant        instead of the one there was; null to leave it
     * @param campaign      likewise
     * @param addHeaders    header fields to put before the message's own, name to value; only at the message's end
     * @param removeHeaders names of header fields to leave out; only at the message's end
     */
    record Accept(@Nullable String tenant, @Nullable String campaign, Map<String, String> addHeaders,
            List<String> removeHeaders) implements Decision {}

    /** @param reply 4xx or 5xx; with 421 the session ends (RFC 5321 3.8) */
    record Refuse(Reply reply) implements Decision {}
}
