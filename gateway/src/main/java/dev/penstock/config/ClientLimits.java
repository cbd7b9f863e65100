package dev.penstock.config;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * What one client may do, over all of its sessions. A client is an IPv4 address or an IPv6 network of
 * {@code ipv6Prefix} bits; besides, the same is counted for the network around it. Null means no limit.
 *
 * @param exempt               networks these limits don't apply to
 * @param ipv6Prefix           bits of an IPv6 address that tell clients apart (a customer has a /64 at least)
 * @param networkPrefixV4      bits of the network around an IPv4 client
 * @param networkPrefixV6      bits of the network around an IPv6 client
 * @param maxSessionsPerNetwork at one time (postscreen and smtpd have none); more get 421
 * @param sessionRate          new sessions of a client (smtpd_client_connection_rate_limit); more get 421 4.7.0
 * @param messageRate          MAIL commands of a client (smtpd_client_message_rate_limit); more get 451 4.7.1
 * @param recipientRate        RCPT commands of a client (smtpd_client_recipient_rate_limit); more get 452 4.7.1
 * @param errorRate            errors of a client; a client above it is not greeted, 421 4.7.0
 * @param maxClients           clients remembered at one time; the least recently seen is forgotten first
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
