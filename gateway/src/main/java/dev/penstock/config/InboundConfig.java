package dev.penstock.config;

import java.time.Duration;
import java.util.List;

import dev.penstock.units.ByteSize;

/**
 * Limits of the SMTP server. Defaults follow Postfix 3.12 where it has the same knob.
 *
 * @param eventLoops            event loop threads; 0 means as many as cores
 * @param relayNetworks         CIDR blocks whose clients may send to any domain
 * @param maxMessageSize        octets of content; announced as SIZE (message_size_limit, 10240000)
 * @param maxRecipients         per message; more get 452 4.5.3 (smtpd_recipient_limit, 1000)
 * @param maxSessions           at one time over all listeners; more get 421
 * @param maxSessionsPerAddress at one time per client, an IPv4 address or an IPv6 network
 *                              (smtpd_client_connection_count_limit, 50); relay networks are exempt, as in Postfix's
 *                              smtpd_client_event_limit_exceptions, and so are those of {@code clients.exempt}
 * @param maxMessagesPerSession accepted in one session, then 421
 * @param commandTimeout        between commands (smtpd_timeout, 300 s)
 * @param dataTimeout           for a whole message, from 354 to its end
 * @param softErrorLimit        after this many errors replies are delayed (smtpd_soft_error_limit, 10)
 * @param errorDelay            by this long each (smtpd_error_sleep_time, 1 s)
 * @param hardErrorLimit        at this many errors the session is closed with 421 (smtpd_hard_error_limit, 20)
 * @param junkCommandLimit      NOOP, VRFY, RSET, HELP … without a message between (smtpd_junk_command_limit, 100)
 * @param maxLineLength         octets of one line of content; longer lines get 500 5.5.2 at the end of data
 *                              (line_length_limit is 2048 there and cuts; we refuse)
 * @param memoryLimit           octets of messages being received, over all sessions; beyond it sessions stop being read
 *                              and new transactions get 452 4.3.1
 * @param clients               what one client may do over all its sessions
 * @param content               what content may look like
 * @param hostility             against clients that waste time
 */
public record InboundConfig(int eventLoops, List<String> relayNetworks, ByteSize maxMessageSize, int maxRecipients,
        int maxSessions, int maxSessionsPerAddress, int maxMessagesPerSession, Duration commandTimeout,
        Duration dataTimeout,
        int softErrorLimit, Duration errorDelay, int hardErrorLimit, int junkCommandLimit, int maxLineLength,
        ByteSize memoryLimit, ClientLimits clients, ContentRules content, HostilityConfig hostility) {
    public static final InboundConfig DEFAULT = new InboundConfig(0, List.of("127.0.0.0/8", "::1/128"),
            new ByteSize(10_240_000), 1000, 15_000, 50, 10_000, Duration.ofSeconds(300), Duration.ofMinutes(30), 10,
            Duration.ofSeconds(1), 20, 100, 65_536, ByteSize.ofMegabytes(128));

    public InboundConfig {
        relayNetworks = List.copyOf(relayNetworks);
    }

    /** With defaults for the tables inside. */
    public InboundConfig(int eventLoops, List<String> relayNetworks, ByteSize maxMessageSize, int maxRecipients,
            int maxSessions, int maxSessionsPerAddress, int maxMessagesPerSession, Duration commandTimeout,
            Duration dataTimeout, int softErrorLimit, Duration errorDelay, int hardErrorLimit, int junkCommandLimit,
            int maxLineLength, ByteSize memoryLimit) {
        this(eventLoops, relayNetworks, maxMessageSize, maxRecipients, maxSessions, maxSessionsPerAddress,
                maxMessagesPerSession, commandTimeout, dataTimeout, softErrorLimit, errorDelay, hardErrorLimit,
                junkCommandLimit, maxLineLength, memoryLimit, ClientLimits.DEFAULT, ContentRules.DEFAULT,
                HostilityConfig.DEFAULT);
    }

    /** With what {@code listener} limits otherwise. */
    public InboundConfig with(ListenerLimits listener) {
        return new InboundConfig(eventLoops, relayNetworks,
                listener.maxMessageSize() == null ? maxMessageSize : listener.maxMessageSize(),
                listener.maxRecipients() == null ? maxRecipients : listener.maxRecipients(), maxSessions,
                maxSessionsPerAddress,
                listener.maxMessagesPerSession() == null ? maxMessagesPerSession : listener.maxMessagesPerSession(),
                listener.commandTimeout() == null ? commandTimeout : listener.commandTimeout(), dataTimeout,
                softErrorLimit, errorDelay, hardErrorLimit, junkCommandLimit, maxLineLength, memoryLimit, clients,
                content, hostility);
    }
}
