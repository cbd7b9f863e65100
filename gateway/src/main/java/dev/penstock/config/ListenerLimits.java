package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.orNone;
import static dev.penstock.config.Types.size;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.ByteSize;

/** What one listener limits otherwise than {@code [inbound]}; null means as there. Each component is the key of its name. */
public record ListenerLimits(@Nullable Integer maxSessions, @Nullable ByteSize maxMessageSize,
        @Nullable Integer maxRecipients, @Nullable Integer maxMessagesPerSession, @Nullable Duration commandTimeout)
        implements
            TableRecord<ListenerLimits> {
    static final Table<ListenerLimits> TABLE = Table.of(ListenerLimits.class, ListenerLimits::new,
            "What is limited otherwise here than in [inbound].");
    public static final Key<ListenerLimits, @Nullable Integer> MAX_SESSIONS = TABLE
            .key("max-sessions", ListenerLimits::maxSessions, orNone(integer(1, 1, 1_000_000)),
                    "At one time on this listener; the limit of [inbound] holds besides.")
            .example("1000");
    public static final Key<ListenerLimits, @Nullable ByteSize> MAX_MESSAGE_SIZE = TABLE
            .key("max-message-size", ListenerLimits::maxMessageSize, orNone(size("1 KB", "1 KB", "1 GB")),
                    "As inbound.max-message-size.")
            .example("\"50 MB\"");
    public static final Key<ListenerLimits, @Nullable Integer> MAX_RECIPIENTS = TABLE
            .key("max-recipients", ListenerLimits::maxRecipients,
                    orNone(integer(InboundConfig.LEAST_RECIPIENTS, InboundConfig.LEAST_RECIPIENTS,
                            InboundConfig.MOST_RECIPIENTS)),
                    "As inbound.max-recipients.")
            .example("100");
    public static final Key<ListenerLimits, @Nullable Integer> MAX_MESSAGES_PER_SESSION = TABLE
            .key("max-messages-per-session", ListenerLimits::maxMessagesPerSession,
                    orNone(integer(1, 1, Integer.MAX_VALUE)), "As inbound.max-messages-per-session.")
            .example("100");
    public static final Key<ListenerLimits, @Nullable Duration> COMMAND_TIMEOUT = TABLE
            .key("command-timeout", ListenerLimits::commandTimeout, orNone(duration("1s", "1s", "1h")),
                    "As inbound.command-timeout.")
            .example("\"1m\"");

    public static final ListenerLimits NONE = TABLE.defaults();

    private ListenerLimits(Values<ListenerLimits> values) {
        this(values.get(MAX_SESSIONS), values.get(MAX_MESSAGE_SIZE), values.get(MAX_RECIPIENTS),
                values.get(MAX_MESSAGES_PER_SESSION), values.get(COMMAND_TIMEOUT));
    }
}
