package dev.penstock.inbound;

import java.time.Duration;
import java.util.List;

import dev.penstock.config.InboundConfig;
import dev.penstock.units.ByteSize;

/** The defaults with what a test wants otherwise. */
final class ConfigBuilder {
    private InboundConfig config = InboundConfig.DEFAULT;

    InboundConfig build() {
        return new InboundConfig(2, config.relayNetworks(), config.maxMessageSize(), config.maxRecipients(),
                config.maxSessions(), config.maxSessionsPerAddress(), config.maxMessagesPerSession(),
                config.commandTimeout(), config.dataTimeout(), config.softErrorLimit(), config.errorDelay(),
                config.hardErrorLimit(), config.junkCommandLimit(), config.maxLineLength(), config.memoryLimit());
    }

    ConfigBuilder relayNetworks(String... networks) {
        return with(List.of(networks), config.maxMessageSize(), config.memoryLimit());
    }

    ConfigBuilder maxMessageSize(long octets) {
        return with(config.relayNetworks(), new ByteSize(octets), config.memoryLimit());
    }

    ConfigBuilder memoryLimit(long octets) {
        return with(config.relayNetworks(), config.maxMessageSize(), new ByteSize(octets));
    }

    private ConfigBuilder with(List<String> networks, ByteSize maxMessageSize, ByteSize memoryLimit) {
        config = new InboundConfig(config.eventLoops(), networks, maxMessageSize, config.maxRecipients(),
                config.maxSessions(), config.maxSessionsPerAddress(), config.maxMessagesPerSession(),
                config.commandTimeout(), config.dataTimeout(), config.softErrorLimit(), config.errorDelay(),
                config.hardErrorLimit(), config.junkCommandLimit(), config.maxLineLength(), memoryLimit);
        return this;
    }

    ConfigBuilder counts(int maxRecipients, int maxSessions, int maxSessionsPerAddress, int maxMessagesPerSession) {
        config = new InboundConfig(config.eventLoops(), config.relayNetworks(), config.maxMessageSize(), maxRecipients,
                maxSessions, maxSessionsPerAddress, maxMessagesPerSession, config.commandTimeout(),
                config.dataTimeout(), config.softErrorLimit(), config.errorDelay(), config.hardErrorLimit(),
                config.junkCommandLimit(), config.maxLineLength(), config.memoryLimit());
        return this;
    }

    ConfigBuilder timeouts(Duration command, Duration data) {
        config = new InboundConfig(config.eventLoops(), config.relayNetworks(), config.maxMessageSize(),
                config.maxRecipients(), config.maxSessions(), config.maxSessionsPerAddress(),
                config.maxMessagesPerSession(), command, data, config.softErrorLimit(), config.errorDelay(),
                config.hardErrorLimit(), config.junkCommandLimit(), config.maxLineLength(), config.memoryLimit());
        return this;
    }

    ConfigBuilder errors(int soft, Duration delay, int hard, int junk) {
        config = new InboundConfig(config.eventLoops(), config.relayNetworks(), config.maxMessageSize(),
                config.maxRecipients(), config.maxSessions(), config.maxSessionsPerAddress(),
                config.maxMessagesPerSession(), config.commandTimeout(), config.dataTimeout(), soft, delay, hard, junk,
                config.maxLineLength(), config.memoryLimit());
        return this;
    }

    ConfigBuilder maxLineLength(int octets) {
        config = new InboundConfig(config.eventLoops(), config.relayNetworks(), config.maxMessageSize(),
                config.maxRecipients(), config.maxSessions(), config.maxSessionsPerAddress(),
                config.maxMessagesPerSession(), config.commandTimeout(), config.dataTimeout(), config.softErrorLimit(),
                config.errorDelay(), config.hardErrorLimit(), config.junkCommandLimit(), octets, config.memoryLimit());
        return this;
    }
}
