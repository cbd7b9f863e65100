package dev.penstock.policy;

import java.net.InetSocketAddress;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Identity;
import dev.penstock.units.MailClass;

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
 * @param wantedClass of all its mail, as the client says; null when it doesn't
 * @param mailClass the listener's
 */
public record Client(String sessionId, String listener, InetSocketAddress address, String helo, String protocol,
        String tls, @Nullable Identity identity, boolean relayNetwork, String tenant, String campaign,
        String pool, @Nullable MailClass wantedClass, MailClass mailClass) {
    public Client(String sessionId, String listener, InetSocketAddress address, String helo, String protocol,
            String tls, @Nullable Identity identity, boolean relayNetwork, String tenant, String campaign) {
        this(sessionId, listener, address, helo, protocol, tls, identity, relayNetwork, tenant, campaign, "", null,
                MailClass.BULK);
    }

    /** That wants its mail to be sent by a pool. */
    public Client wanting(String wantedPool) {
        return new Client(sessionId, listener, address, helo, protocol, tls, identity, relayNetwork, tenant, campaign,
                wantedPool, wantedClass, mailClass);
    }

    /** That says of which class its mail is. */
    public Client wanting(MailClass wanted) {
        return new Client(sessionId, listener, address, helo, protocol, tls, identity, relayNetwork, tenant, campaign,
                pool, wanted, mailClass);
    }

    /** At a listener whose mail is of a class when nothing else says one. */
    public Client at(MailClass listeners) {
        return new Client(sessionId, listener, address, helo, protocol, tls, identity, relayNetwork, tenant, campaign,
                pool, wantedClass, listeners);
    }
}
