package dev.penstock.delivery;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.TrafficLimits;

/**
 * How a session is spoken: what is configured for all, and in its place what the keys of its path say. Immutable.
 *
 * @param times           for each phase
 * @param pipelining      whether PIPELINING is used where it is offered
 * @param reset           whether RSET may be said
 * @param convertEightBit whether 8-bit content is converted for hosts without 8BITMIME
 */
record SessionRules(Times times, boolean pipelining, boolean reset, boolean convertEightBit) {
    /** For the handshake, when a command's time isn't shorter. */
    private static final Duration HANDSHAKE_TIME = Duration.ofMinutes(1);

    /**
     * Deadlines for whole phases (RFC 5321 4.5.3.2).
     *
     * @param startTls  for the answer to the command
     * @param handshake for what follows it
     * @param dataBlock for each block of content to be taken
     */
    record Times(Duration connect, Duration greeting, Duration hello, Duration startTls, Duration handshake,
            Duration auth, Duration reset, Duration mail, Duration rcpt, Duration dataInit, Duration dataBlock,
            Duration dataDone, Duration quit) {
        /** For what is sent in this phase, and for its answer. */
        Duration of(Phase phase) {
            return switch (phase) {
                case ROUTE, CONNECT -> connect;
                case GREETING -> greeting;
                case HELLO, HELO, LHLO -> hello;
                case STARTTLS -> startTls;
                case AUTH -> auth;
                case RSET -> reset;
                case MAIL -> mail;
                case RCPT -> rcpt;
                case DATA -> dataInit;
                case CONTENT -> dataBlock;
                case END_OF_DATA -> dataDone;
                case QUIT -> quit;
            };
        }
    }

    /** With hosts that no path says anything of. */
    static SessionRules of(DeliveryConfig config) {
        return of(config, TrafficLimits.DEFAULT);
    }

    static SessionRules of(DeliveryConfig config, TrafficLimits path) {
        Duration command = config.commandTimeout();
        Duration handshake = command.compareTo(HANDSHAKE_TIME) < 0 ? command : HANDSHAKE_TIME;
        return new SessionRules(new Times(
                or(path.connectTimeout(), config.connectTimeout()),
                or(path.bannerTimeout(), config.greetingTimeout()),
                or(path.ehloTimeout(), command),
                or(path.starttlsTimeout(), command),
                or(path.tlsHandshakeTimeout(), handshake),
                or(path.authTimeout(), command),
                or(path.rsetTimeout(), command),
                or(path.mailFromTimeout(), command),
                or(path.rcptToTimeout(), command),
                or(path.dataTimeout(), config.dataInitTimeout()),
                config.dataBlockTimeout(),
                or(path.dataDotTimeout(), config.dataDoneTimeout()),
                config.quitTimeout()),
                path.enablePipelining(), path.enableRset(), config.convertEightBit());
    }

    private static Duration or(@Nullable Duration ofPath, Duration ofAll) {
        return ofPath == null ? ofAll : ofPath;
    }
}
