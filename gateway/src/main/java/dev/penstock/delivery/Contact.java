package dev.penstock.delivery;

import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageEvent;

/**
 * Whom an attempt spoke to, as the delivery log has it. Immutable; one for all the messages of a session.
 *
 * @param site {@code source->site}, empty when the mail never got into a lane
 * @param peer null when no host was reached
 * @param offers keywords of the host's answer to EHLO
 */
record Contact(String site, MessageEvent.@Nullable Peer peer, String sourceAddress, String protocol,
        String sessionId, Set<String> offers) {
    /** Whether the host passes mail on itself, instead of being where it stays. */
    boolean relays() {
        return protocol.contains("SMTP"); // ESMTPS too
    }

    static Contact none(String site) {
        return new Contact(site, null, "", "", "", Set.of());
    }
}
