package dev.penstock.policy;

import java.net.InetSocketAddress;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Identity;

/**
 * Who is speaking, as far as it is known when the question is asked. Immutable.
 *
 * @param sessionId of the SMTP session or HTTP request
 * @param listener  the listener's name
 * @param address   the client's, as a trusted proxy told it if there is one
 * @param helo      empty before EHLO
 * @param protocol  as {@link dev.penstock.message.Origin#protocol()}
 * @param tls       protocol and cipher, empty without TLS
 * @param identity  null when not logged in
 * @param relayNetwork whether the address is in {@code inbound.relay-networks}
 * @param tenant    the listener's, empty for none
 * @param campaign  the listener's, empty for none
 * @param pool      of sources that the client wants all its mail to be sent by, empty for none
 */
public record Client(String sessionId, String listener, InetSocketAddress address, String helo, String protocol,
        String tls, @Nullable Identity identity, boolean relayNetwork, String tenant, String campaign,
        String pool) {
    public Client(String sessionId, String listener, InetSocketAddress address, String helo, String protocol,
            String tls, @Nullable Identity identity, boolean relayNetwork, String tenant, String campaign) {
        this(sessionId, listener, address, helo, protocol, tls, identity, relayNetwork, tenant, campaign, "");
    }

    /** That wants its mail to be sent by a pool. */
    public Client wanting(String wantedPool) {
        return new Client(sessionId, listener, address, helo, protocol, tls, identity, relayNetwork, tenant, campaign,
                wantedPool);
    }
}
