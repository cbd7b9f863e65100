package dev.penstock.config;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * What one client may do, over all of its sessions. A client is an IPv4 address or an IPv6 network of
 * {@code ipv6Prefix} bits; sessions are counted for the network around it too. Null means no limit.
 *
 * <p>A rate without {@code max_burst} lets its whole count come at once, as anvil of Postfix does: whoever is over it is
 * refused, not delayed. Nothing here applies to {@code relay-networks} (smtpd_client_event_limit_exceptions).
 *
 * @param exempt               networks these limits don't apply to, relay networks besides
 * @param ipv6Prefix           bits of an IPv6 address that tell clients apart (a customer has a /64 at least)
 * @param networkPrefixV4      bits of the network around an IPv4 client
 * @param networkPrefixV6      bits of the network around an IPv6 client
 * @param maxSessionsPerNetwork at one time (postscreen and smtpd have none); more get 421
 * @param sessionRate          new sessions of a client (smtpd_client_connection_rate_limit); more get 421 4.7.0
 * @param messageRate          MAIL commands of a client (smtpd_client_message_rate_limit); more get 451 4.7.1
 * @param recipientRate        RCPT commands of a client (smtpd_client_recipient_rate_limit); more get 452 4.7.1
 * @param errorRate            errors of a client; a client above it is not greeted, 421 4.7.0, until they are worked
 *                             off, for one period of the rate at most
 * @param maxClients           clients without a session whose use of their rates is remembered; beyond that the least
 *                             seen are forgotten
 */
public record ClientLimits(List<String> exempt, int ipv6Prefix, int networkPrefixV4, int networkPrefixV6,
        @Nullable Integer maxSessionsPerNetwork, @Nullable Rate sessionRate, @Nullable Rate messageRate,
        @Nullable Rate recipientRate, @Nullable Rate errorRate, int maxClients) {
    public static final ClientLimits DEFAULT = new ClientLimits(List.of("127.0.0.0/8", "::1/128"), 64, 24, 48, null,
            null, null, null, Rate.parse("100/min,max_burst=100"), 100_000);

    public ClientLimits {
        exempt = List.copyOf(exempt);
    }
}
