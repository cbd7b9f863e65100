package dev.penstock.delivery;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageEvent;

/**
 * Whom an attempt spoke to, as the delivery log has it. Immutable; one for all the messages of a session.
 *
 * @param site {@code source->site}, empty when the mail never got into a lane
 * @param peer null when no host was reached
 */
record Contact(String site, MessageEvent.@Nullable Peer peer, String sourceAddress, String protocol,
        String sessionId) {
    static Contact none(String site) {
        return new Contact(site, null, "", "", "");
    }
}
