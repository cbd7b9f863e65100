package dev.penstock.inbound;

import java.util.List;

import dev.penstock.config.InboundConfig;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.Reply;

/** The configuration with what follows from it. Immutable; sessions take up a new one with their next input. */
final class Settings {
    private final InboundConfig config;
    private final Networks relayNetworks;
    private final byte[] ehlo;

    Settings(String hostname, InboundConfig config) {
        this.config = config;
        this.relayNetworks = Networks.parse(config.relayNetworks());
        this.ehlo = new Reply(250, null, List.of(hostname, Capabilities.PIPELINING,
                Capabilities.SIZE + " " + config.maxMessageSize().bytes(), Capabilities.EIGHT_BIT_MIME,
                Capabilities.ENHANCED_STATUS_CODES, Capabilities.HELP)).encode();
    }

    InboundConfig config() {
        return config;
    }

    /** Whose clients may send to any domain. */
    Networks relayNetworks() {
        return relayNetworks;
    }

    /** The answer to EHLO; not to be written to. */
    byte[] ehlo() {
        return ehlo;
    }
}
