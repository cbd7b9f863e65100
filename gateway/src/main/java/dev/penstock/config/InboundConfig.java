package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.networks;
import static dev.penstock.config.Types.size;
import static dev.penstock.config.Types.table;
import static dev.penstock.config.Types.text;

import java.time.Duration;
import java.util.List;

import dev.penstock.units.ByteSize;

/**
 * Limits of the SMTP server. Defaults follow Postfix 3.12 where it has the same knob. Each component is the key of its
 * name.
 */
public record InboundConfig(int eventLoops, List<String> relayNetworks, ByteSize maxMessageSize, int maxRecipients,
        int maxSessions, int maxSessionsPerAddress, int maxMessagesPerSession, Duration commandTimeout,
        Duration dataTimeout,
        int softErrorLimit, Duration errorDelay, int hardErrorLimit, int junkCommandLimit, int maxLineLength,
        ByteSize memoryLimit, String banner, ClientLimits clients, ContentRules content, HostilityConfig hostility)
        implements
            TableRecord<InboundConfig> {
    static final int LEAST_RECIPIENTS = 100; // RFC 5321 4.5.3.1.8
    static final int MOST_RECIPIENTS = 50_000;
    private static final int MIN_LINE_LENGTH = 1_000; // RFC 5321 4.5.3.1.6: octets of a text line with its CRLF

    static final Table<InboundConfig> TABLE = Table
            .of(InboundConfig.class, InboundConfig::new, "Limits of the SMTP server.")
            .rule(InboundConfig::check);
    public static final Key<InboundConfig, Integer> EVENT_LOOPS = TABLE
            .key("event-loops", InboundConfig::eventLoops, integer(0, 0, 1_024),
                    "Event loop threads; 0 means one per core.")
            .restart();
    public static final Key<InboundConfig, List<String>> RELAY_NETWORKS = TABLE.key("relay-networks",
            InboundConfig::relayNetworks, networks("127.0.0.0/8", "::1/128"),
            "Clients in these networks may send to any domain; others as users, to local domains, and as relay rules say.");
    public static final Key<InboundConfig, ByteSize> MAX_MESSAGE_SIZE = TABLE.key("max-message-size",
            InboundConfig::maxMessageSize, size("10240000", "1 KB", "1 GB"),
            "Octets of content, announced as SIZE (Postfix: message_size_limit).");
    public static final Key<InboundConfig, Integer> MAX_RECIPIENTS = TABLE
            .key("max-recipients", InboundConfig::maxRecipients, integer(1000, LEAST_RECIPIENTS, MOST_RECIPIENTS),
                    "Per message; more get 452 4.5.3 (Postfix: smtpd_recipient_limit).");
    public static final Key<InboundConfig, Integer> MAX_SESSIONS = TABLE.key("max-sessions",
            InboundConfig::maxSessions, integer(15_000, 1, 1_000_000),
            "At one time, over all listeners; more get 421.");
    public static final Key<InboundConfig, Integer> MAX_SESSIONS_PER_ADDRESS = TABLE.key("max-sessions-per-address",
            InboundConfig::maxSessionsPerAddress, integer(50, 1, 1_000_000),
            "At one time, per client; relay-networks and clients.exempt are exempt (Postfix: "
                    + "smtpd_client_connection_count_limit).");
    public static final Key<InboundConfig, Integer> MAX_MESSAGES_PER_SESSION = TABLE.key("max-messages-per-session",
            InboundConfig::maxMessagesPerSession, integer(10_000, 1, Integer.MAX_VALUE),
            "Accepted in one session, then 421.");
    public static final Key<InboundConfig, Duration> COMMAND_TIMEOUT = TABLE.key("command-timeout",
            InboundConfig::commandTimeout, duration("5m", "1s", "1h"),
            "Between two commands (Postfix: smtpd_timeout).");
    public static final Key<InboundConfig, Duration> DATA_TIMEOUT = TABLE.key("data-timeout",
            InboundConfig::dataTimeout, duration("30m", "1s", "1d"), "For a whole message, from 354 to its end.");
    public static final Key<InboundConfig, Integer> SOFT_ERROR_LIMIT = TABLE.key("soft-error-limit",
            InboundConfig::softErrorLimit, integer(10, 0, 10_000),
            "After this many errors every reply is delayed (Postfix: smtpd_soft_error_limit).");
    public static final Key<InboundConfig, Duration> ERROR_DELAY = TABLE.key("error-delay", InboundConfig::errorDelay,
            duration("1s", "0s", "1m"), "How long a reply is delayed then (Postfix: smtpd_error_sleep_time).");
    public static final Key<InboundConfig, Integer> HARD_ERROR_LIMIT = TABLE.key("hard-error-limit",
            InboundConfig::hardErrorLimit, integer(20, 1, 10_000),
            "At this many errors the session ends with 421 (Postfix: smtpd_hard_error_limit).");
    public static final Key<InboundConfig, Integer> JUNK_COMMAND_LIMIT = TABLE.key("junk-command-limit",
            InboundConfig::junkCommandLimit, integer(100, 1, 1_000_000),
            "NOOP, RSET, VRFY, HELP … without a message between them (Postfix: smtpd_junk_command_limit).");
    public static final Key<InboundConfig, Integer> MAX_LINE_LENGTH = TABLE.key("max-line-length",
            InboundConfig::maxLineLength, integer(65_536, MIN_LINE_LENGTH, 16_000_000),
            "Octets of one line of content; a longer one gets the message refused, 500 5.5.2 (Postfix cuts at "
                    + "line_length_limit, 2048).");
    public static final Key<InboundConfig, ByteSize> MEMORY_LIMIT = TABLE.key("memory-limit",
            InboundConfig::memoryLimit, size("128 MB", "1 MB", "1 TB"),
            "Octets of messages being received, over all sessions. Beyond it sessions wait and new messages get "
                    + "452 4.3.1.");
    public static final Key<InboundConfig, String> BANNER = TABLE.key("banner", InboundConfig::banner,
            text("a text in quotes", "ESMTP Penstock", Syntax::banner)
                    .allowing("1 to 200 printable ASCII characters", "pattern", "^[ -~]{1,200}$"),
            "What the 220 greeting says behind the hostname (Postfix: smtpd_banner).");
    public static final Key<InboundConfig, ClientLimits> CLIENTS = TABLE.key("clients", InboundConfig::clients,
            table(ClientLimits.TABLE, ClientLimits.DEFAULT), "");
    public static final Key<InboundConfig, ContentRules> CONTENT = TABLE.key("content", InboundConfig::content,
            table(ContentRules.TABLE, ContentRules.DEFAULT), "");
    public static final Key<InboundConfig, HostilityConfig> HOSTILITY = TABLE.key("hostility",
            InboundConfig::hostility, table(HostilityConfig.TABLE, HostilityConfig.DEFAULT), "");

    public static final InboundConfig DEFAULT = TABLE.defaults();

    public InboundConfig {
        relayNetworks = List.copyOf(relayNetworks);
    }

    private InboundConfig(Values<InboundConfig> values) {
        this(values.get(EVENT_LOOPS), values.get(RELAY_NETWORKS), values.get(MAX_MESSAGE_SIZE),
                values.get(MAX_RECIPIENTS), values.get(MAX_SESSIONS), values.get(MAX_SESSIONS_PER_ADDRESS),
                values.get(MAX_MESSAGES_PER_SESSION), values.get(COMMAND_TIMEOUT), values.get(DATA_TIMEOUT),
                values.get(SOFT_ERROR_LIMIT), values.get(ERROR_DELAY), values.get(HARD_ERROR_LIMIT),
                values.get(JUNK_COMMAND_LIMIT), values.get(MAX_LINE_LENGTH), values.get(MEMORY_LIMIT),
                values.get(BANNER),
                values.get(CLIENTS), values.get(CONTENT), values.get(HOSTILITY));
    }

    private static void check(TableBinder file, InboundConfig inbound) {
        if (inbound.softErrorLimit() > inbound.hardErrorLimit()) {
            file.reject("soft-error-limit", inbound.softErrorLimit() + " is more than hard-error-limit, "
                    + inbound.hardErrorLimit() + ", so it could never be reached");
        }
    }

    /** With what {@code listener} limits otherwise. */
    public InboundConfig with(ListenerLimits listener) {
        InboundConfig changed = this;
        if (listener.maxMessageSize() != null) {
            changed = changed.with(MAX_MESSAGE_SIZE, listener.maxMessageSize());
        }
        if (listener.maxRecipients() != null) {
            changed = changed.with(MAX_RECIPIENTS, listener.maxRecipients());
        }
        if (listener.maxMessagesPerSession() != null) {
            changed = changed.with(MAX_MESSAGES_PER_SESSION, listener.maxMessagesPerSession());
        }
        return listener.commandTimeout() == null ? changed : changed.with(COMMAND_TIMEOUT, listener.commandTimeout());
    }
}
