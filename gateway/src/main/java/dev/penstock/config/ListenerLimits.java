package dev.penstock.config;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.ByteSize;

/**
 * What one listener limits otherwise than {@code [inbound]}; null means as there.
 *
 * @param maxSessions at one time on this listener; null for no limit of its own
 */
public record ListenerLimits(@Nullable Integer maxSessions, @Nullable ByteSize maxMessageSize,
        @Nullable Integer maxRecipients, @Nullable Integer maxMessagesPerSession, @Nullable Duration commandTimeout) {
    public static final ListenerLimits NONE = new ListenerLimits(null, null, null, null, null);
}
