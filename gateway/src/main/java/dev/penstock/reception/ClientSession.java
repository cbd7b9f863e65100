package dev.penstock.reception;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageEvent;

/**
 * The session that a message came by: what events tell of it and the envelope doesn't.
 *
 * @param id       of the session
 * @param local    the address and port it came in at, empty when unknown
 * @param listener its name
 * @param tls      what the session is secured with, null when it isn't
 */
public record ClientSession(String id, String local, String listener, MessageEvent.@Nullable Tls tls) {
    /** Of messages made here. */
    public static final ClientSession NONE = new ClientSession("", "", "", null);
}
