package dev.penstock.config;

import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.networks;
import static dev.penstock.config.Types.rate;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * What one client may do, over all of its sessions. A client is an IPv4 address or an IPv6 network of
 * {@code ipv6Prefix} bits; sessions are counted for the network around it too. Null means no limit. Each component is
 * the key of its name.
 *
 * <p>A rate without {@code max_burst} lets its whole count come at once, as anvil of Postfix does: whoever is over it is
 * refused, not delayed. Nothing here applies to {@code relay-networks} (smtpd_client_event_limit_exceptions).
 */
public record ClientLimits(List<String> exempt, int ipv6Prefix, int networkPrefixV4, int networkPrefixV6,
        @Nullable Integer maxSessionsPerNetwork, @Nullable Rate sessionRate, @Nullable Rate messageRate,
        @Nullable Rate recipientRate, @Nullable Rate errorRate, int maxClients)
        implements
            TableRecord<ClientLimits> {
    static final Table<ClientLimits> TABLE = Table
            .of(ClientLimits.class, ClientLimits::new,
                    "What one client may do, over all of its sessions. A rate is \"100/min\", "
                            + "\"10/s,max_burst=50\" or \"none\".")
            .rule(ClientLimits::check);
    public static final Key<ClientLimits, List<String>> EXEMPT = TABLE.key("exempt", ClientLimits::exempt,
            networks("127.0.0.0/8", "::1/128"), "Networks these limits don't apply to, relay-networks besides.");
    public static final Key<ClientLimits, Integer> IPV6_PREFIX = TABLE.key("ipv6-prefix", ClientLimits::ipv6Prefix,
            integer(64, 1, 128), "An IPv6 client is a network of this many bits; a customer has a /64 at least.");
    public static final Key<ClientLimits, Integer> NETWORK_PREFIX_V4 = TABLE.key("network-prefix-v4",
            ClientLimits::networkPrefixV4, integer(24, 1, Integer.SIZE),
            "Sessions are counted for the network of this many bits around an IPv4 client, too.");
    public static final Key<ClientLimits, Integer> NETWORK_PREFIX_V6 = TABLE.key("network-prefix-v6",
            ClientLimits::networkPrefixV6, integer(48, 1, 128),
            "Sessions are counted for the network of this many bits around an IPv6 client, too.");
    public static final Key<ClientLimits, @Nullable Integer> MAX_SESSIONS_PER_NETWORK = TABLE.key(
            "max-sessions-per-network", ClientLimits::maxSessionsPerNetwork,
            integer(0, 0, 1_000_000).as(count -> count == 0 ? null : count, count -> count == null ? 0 : count),
            "At one time, from one such network; 0 for no limit. More get 421.");
    public static final Key<ClientLimits, @Nullable Rate> SESSION_RATE = TABLE.key("session-rate",
            ClientLimits::sessionRate, rate("none"),
            "New sessions; more get 421 4.7.0 (Postfix: smtpd_client_connection_rate_limit).");
    public static final Key<ClientLimits, @Nullable Rate> MESSAGE_RATE = TABLE.key("message-rate",
            ClientLimits::messageRate, rate("none"),
            "MAIL commands; more get 451 4.7.1 (Postfix: smtpd_client_message_rate_limit).");
    public static final Key<ClientLimits, @Nullable Rate> RECIPIENT_RATE = TABLE.key("recipient-rate",
            ClientLimits::recipientRate, rate("none"),
            "RCPT commands; more get 452 4.7.1 (Postfix: smtpd_client_recipient_rate_limit).");
    public static final Key<ClientLimits, @Nullable Rate> ERROR_RATE = TABLE.key("error-rate", ClientLimits::errorRate,
            rate("100/min,max_burst=100"),
            "Errors; a client above it gets 421 4.7.0 instead of a greeting, until they are worked off, for one period "
                    + "of the rate at most.");
    public static final Key<ClientLimits, Integer> MAX_CLIENTS = TABLE.key("max-clients", ClientLimits::maxClients,
            integer(100_000, 1, 100_000_000),
            "Clients without a session that are remembered; the one not seen for longest is forgotten first.");

    public static final ClientLimits DEFAULT = TABLE.defaults();

    public ClientLimits {
        exempt = List.copyOf(exempt);
    }

    private ClientLimits(Values<ClientLimits> values) {
        this(values.get(EXEMPT), values.get(IPV6_PREFIX), values.get(NETWORK_PREFIX_V4), values.get(NETWORK_PREFIX_V6),
                values.get(MAX_SESSIONS_PER_NETWORK), values.get(SESSION_RATE), values.get(MESSAGE_RATE),
                values.get(RECIPIENT_RATE), values.get(ERROR_RATE), values.get(MAX_CLIENTS));
    }

    private static void check(TableBinder file, ClientLimits clients) {
        if (clients.networkPrefixV6() > clients.ipv6Prefix()) {
            file.reject("network-prefix-v6", clients.networkPrefixV6() + " is more than ipv6-prefix, "
                    + clients.ipv6Prefix() + "; the network around a client can't be smaller than the client");
        }
    }
}
