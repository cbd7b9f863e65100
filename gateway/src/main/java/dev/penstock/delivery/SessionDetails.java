package dev.penstock.delivery;

import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageEvent;

/**
 * Whom an attempt spoke to, as the delivery log has it. Immutable; one for all the messages of a session.
 *
 * @param site {@code source->site}, empty when the mail never got into a ready queue
 * @param peer null when no host was reached
 * @param tls  null in clear
 * @param offers keywords of the host's answer to EHLO
 */
record SessionDetails(String site, MessageEvent.@Nullable Peer peer, String sourceAddress, String protocol,
        String sessionId, MessageEvent.@Nullable Tls tls, Set<String> offers) {
    /** Whether the host passes mail on itself, instead of being where it stays. */
    boolean relays() {
        return protocol.contains("SMTP"); // ESMTPS too
    }

    /** Of an attempt before this one, of which only the host is known; null when there was none. */
    static SessionDetails past(@Nullable String host) {
        return new SessionDetails("", host == null ? null : new MessageEvent.Peer(host, ""), "", "", "", null,
                Set.of());
    }

    static SessionDetails none(String site) {
        return new SessionDetails(site, null, "", "", "", null, Set.of());
    }
}
