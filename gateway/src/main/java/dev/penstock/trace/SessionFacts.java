package dev.penstock.trace;

import java.net.InetAddress;

import org.jspecify.annotations.Nullable;

/**
 * Who a session is with, as far as it is known, and what it has in hand. Immutable. A text that isn't known, or that
 * sessions of that direction don't have, is empty.
 *
 * @param address  of the client, or of the host; null when none is known
 * @param host     the name of the host; of a client what it called itself
 * @param listener that the client has come to
 * @param source   that is sent from
 * @param site     that is sent to
 * @param provider whose hosts these are
 * @param tenant   of the message in hand
 */
public record SessionFacts(String session, Direction direction, @Nullable InetAddress address, String host,
        String listener, String source, String site, String provider, String tenant) {
    /** {@code 192.0.2.1}, {@code mx.example.org[192.0.2.1]}, or as much of it as is known. */
    public String peer() {
        InetAddress known = address;
        return host.isEmpty() && known != null
                ? known.getHostAddress()
                : host + (known == null ? "" : "[" + known.getHostAddress() + "]");
    }
}
