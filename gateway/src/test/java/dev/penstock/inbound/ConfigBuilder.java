package dev.penstock.inbound;

import java.time.Duration;
import java.util.List;

import dev.penstock.config.ClientLimits;
import dev.penstock.config.ContentRules;
import dev.penstock.config.HostilityConfig;
import dev.penstock.config.InboundConfig;
import dev.penstock.units.ByteSize;

/** The defaults with what a test wants otherwise. */
final class ConfigBuilder {
    private static final InboundConfig BASE = InboundConfig.DEFAULT;

    private List<String> relayNetworks = BASE.relayNetworks();
    private ByteSize maxMessageSize = BASE.maxMessageSize();
    private int maxRecipients = BASE.maxRecipients();
    private int maxSessions = BASE.maxSessions();
    private int maxSessionsPerAddress = BASE.maxSessionsPerAddress();
    private int maxMessagesPerSession = BASE.maxMessagesPerSession();
    private Duration commandTimeout = BASE.commandTimeout();
    private Duration dataTimeout = BASE.dataTimeout();
    private int softErrorLimit = BASE.softErrorLimit();
    private Duration errorDelay = BASE.errorDelay();
    private int hardErrorLimit = BASE.hardErrorLimit();
    private int junkCommandLimit = BASE.junkCommandLimit();
    private int maxLineLength = BASE.maxLineLength();
    private ByteSize memoryLimit = BASE.memoryLimit();
    private String banner = BASE.banner();
    private ClientLimits clients = BASE.clients();
    private ContentRules content = BASE.content();
    private HostilityConfig hostility = BASE.hostility();

    InboundConfig build() {
        return InboundConfig.DEFAULT.with(InboundConfig.EVENT_LOOPS, 2)
                .with(InboundConfig.RELAY_NETWORKS, relayNetworks).with(InboundConfig.MAX_MESSAGE_SIZE, maxMessageSize)
                .with(InboundConfig.MAX_RECIPIENTS, maxRecipients).with(InboundConfig.MAX_SESSIONS, maxSessions)
                .with(InboundConfig.MAX_SESSIONS_PER_ADDRESS, maxSessionsPerAddress)
                .with(InboundConfig.MAX_MESSAGES_PER_SESSION, maxMessagesPerSession)
                .with(InboundConfig.COMMAND_TIMEOUT, commandTimeout).with(InboundConfig.DATA_TIMEOUT, dataTimeout)
                .with(InboundConfig.SOFT_ERROR_LIMIT, softErrorLimit).with(InboundConfig.ERROR_DELAY, errorDelay)
                .with(InboundConfig.HARD_ERROR_LIMIT, hardErrorLimit)
                .with(InboundConfig.JUNK_COMMAND_LIMIT, junkCommandLimit)
                .with(InboundConfig.MAX_LINE_LENGTH, maxLineLength).with(InboundConfig.MEMORY_LIMIT, memoryLimit)
                .with(InboundConfig.BANNER, banner)
                .with(InboundConfig.CLIENTS, clients).with(InboundConfig.CONTENT, content)
                .with(InboundConfig.HOSTILITY, hostility);
    }

    ConfigBuilder banner(String text) {
        banner = text;
        return this;
    }

    ConfigBuilder relayNetworks(String... networks) {
        relayNetworks = List.of(networks);
        return this;
    }

    ConfigBuilder maxMessageSize(long octets) {
        maxMessageSize = new ByteSize(octets);
        return this;
    }

    ConfigBuilder memoryLimit(long octets) {
        memoryLimit = new ByteSize(octets);
        return this;
    }

    ConfigBuilder counts(int recipients, int sessions, int sessionsPerAddress, int messagesPerSession) {
        maxRecipients = recipients;
        maxSessions = sessions;
        maxSessionsPerAddress = sessionsPerAddress;
        maxMessagesPerSession = messagesPerSession;
        return this;
    }

    ConfigBuilder timeouts(Duration command, Duration data) {
        commandTimeout = command;
        dataTimeout = data;
        return this;
    }

    ConfigBuilder errors(int soft, Duration delay, int hard, int junk) {
        softErrorLimit = soft;
        errorDelay = delay;
        hardErrorLimit = hard;
        junkCommandLimit = junk;
        return this;
    }

    ConfigBuilder maxLineLength(int octets) {
        maxLineLength = octets;
        return this;
    }

    ConfigBuilder clients(ClientLimits limits) {
        clients = limits;
        return this;
    }

    /** Limits for clients hold for this one too, wherever it is. */
    ConfigBuilder stranger() {
        ClientLimits was = clients;
        clients = was.with(ClientLimits.EXEMPT, List.of());
        return relayNetworks("192.0.2.0/24");
    }

    ConfigBuilder content(ContentRules.Handling newlines, ContentRules.Handling nul) {
        content = new ContentRules(newlines, nul, content.maxHeader(), content.maxHops());
        return this;
    }

    ConfigBuilder maxHeader(long octets) {
        content = new ContentRules(content.bareNewlines(), content.nul(), new ByteSize(octets), content.maxHops());
        return this;
    }

    ConfigBuilder hostility(HostilityConfig config) {
        hostility = config;
        return this;
    }

    ConfigBuilder greetDelay(Duration delay) {
        HostilityConfig was = hostility;
        hostility = was.with(HostilityConfig.GREET_DELAY, delay);
        return this;
    }

    ConfigBuilder deadlines(Duration command, Duration session) {
        HostilityConfig was = hostility;
        hostility = was.with(HostilityConfig.COMMAND_DEADLINE, command).with(HostilityConfig.SESSION_DEADLINE, session);
        return this;
    }

    ConfigBuilder minDataRate(long octets, Duration grace) {
        HostilityConfig was = hostility;
        hostility = was.with(HostilityConfig.MIN_DATA_RATE, new ByteSize(octets)).with(HostilityConfig.DATA_GRACE,
                grace);
        return this;
    }

    ConfigBuilder stressAt(int percent) {
        HostilityConfig was = hostility;
        hostility = was.with(HostilityConfig.STRESS_AT, percent);
        return this;
    }
}
