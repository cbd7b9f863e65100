package dev.penstock.inbound;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.Reply;
import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;
import dev.penstock.units.Networks;

/**
 * One listener's configuration with what follows from it. Immutable but for a cached answer; sessions take up a new one
 * with their next input.
 */
final class Settings {
    /** RFC 4865 3: the most a message may be held. */
    static final long MAX_HOLD_SECONDS = 30L * 24 * 60 * 60;
    private static final String XCLIENT_ATTRIBUTES = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";
    /** With parameters. BINARYMIME isn't among them: the next host may want lines, and nothing here makes some. */
    private static final Set<String> EXTENSIONS = Set.of(Capabilities.SIZE, Capabilities.EIGHT_BIT_MIME,
            Capabilities.AUTH, Capabilities.SMTPUTF8, Capabilities.DSN, Capabilities.REQUIRETLS,
            Capabilities.FUTURERELEASE, Capabilities.DELIVERBY);
    private static final long EHLO_AGE_SECONDS = 3600; // FUTURERELEASE tells a date that moves on

    private final String hostname;
    private final ListenerConfig listener;
    private final InboundConfig config;
    private final Networks relayNetworks;
    private final Networks proxyNetworks;
    private final Networks xclientNetworks;
    private final @Nullable ServerTls tls;
    private final Authenticator authenticator;
    private final ListenerCounters counters;
    private final Set<String> offered;
    private final Set<String> offeredOverTls;
    /** The first reply of a session. */
    final byte[] greeting;
    private volatile @Nullable Cached cached;

    private record Cached(long madeSecond, String mechanisms, Ehlo ehlo) {}

    /** The answer to EHLO without TLS and without XCLIENT, which is what nearly all sessions get. */
    private static final class Ehlo {
        private final byte[] encoded;

        Ehlo(byte[] encoded) {
            this.encoded = encoded;
        }
    }

    Settings(String hostname, ListenerConfig listener, InboundConfig inbound, @Nullable ServerTls tls,
            Authenticator authenticator, ListenerCounters counters) {
        this.counters = counters;
        this.hostname = hostname;
        this.listener = listener;
        this.config = inbound.with(listener.limits());
        this.relayNetworks = Networks.parse(inbound.relayNetworks());
        this.proxyNetworks = Networks.parse(listener.proxyNetworks());
        this.xclientNetworks = Networks.parse(listener.xclientNetworks());
        this.tls = tls;
        this.authenticator = authenticator;
        Set<String> keywords = new HashSet<>(EXTENSIONS);
        keywords.removeAll(listener.withheld());
        this.offeredOverTls = Set.copyOf(keywords);
        this.greeting = Replies.encoded(220, "", hostname + " " + inbound.banner());
        keywords.remove(Capabilities.REQUIRETLS); // RFC 8689 3
        this.offered = Set.copyOf(keywords);
    }

    InboundConfig config() {
        return config;
    }

    ListenerConfig listener() {
        return listener;
    }

    /** Of the listener, and so of all settings that it has had. */
    ListenerCounters counters() {
        return counters;
    }

    /** Whose clients may send to any domain. */
    Networks relayNetworks() {
        return relayNetworks;
    }

    /** Whose connections begin with a PROXY header. */
    Networks proxyNetworks() {
        return proxyNetworks;
    }

    /** Whose clients may use XCLIENT. */
    Networks xclientNetworks() {
        return xclientNetworks;
    }

    /** Null when this listener speaks no TLS. */
    @Nullable
    ServerTls tls() {
        return tls;
    }

    boolean isImplicitTls() {
        return tls != null && listener.tls().mode() == ListenerTls.Mode.IMPLICIT;
    }

    boolean requiresTls() {
        return tls != null && listener.tls().mode() == ListenerTls.Mode.REQUIRED;
    }

    /** Keywords whose parameters are taken. */
    Set<String> offered(boolean overTls) {
        return overTls ? offeredOverTls : offered;
    }

    boolean offers(String keyword) {
        return !listener.withheld().contains(keyword);
    }

    /** SASL mechanisms that a session may use now, strongest first; none where TLS must come first. */
    List<String> mechanisms(@Nullable TlsSession session) {
        if (session == null && requiresTls()) {
            return List.of();
        }
        List<String> possible = authenticator.mechanisms(session);
        return possible.isEmpty() ? possible : possible.stream().filter(listener.mechanisms()::contains).toList();
    }

    /**
     * The answer to EHLO; not to be written to.
     *
     * @param session       null before TLS
     * @param authenticated whether the client has proved who it is, so that AUTH isn't offered any more
     * @param xclient       whether the client may use XCLIENT
     */
    byte[] ehlo(@Nullable TlsSession session, boolean authenticated, boolean xclient, Instant now) {
        if (session != null || authenticated || xclient) {
            return build(session, authenticated ? "" : String.join(" ", mechanisms(session)), xclient, now);
        }
        List<String> mechanisms = mechanisms(null);
        String joined = mechanisms.isEmpty() ? "" : String.join(" ", mechanisms);
        Cached before = cached;
        if (before != null && now.getEpochSecond() - before.madeSecond() < EHLO_AGE_SECONDS
                && before.mechanisms().equals(joined)) {
            return before.ehlo().encoded;
        }
        byte[] ehlo = build(null, joined, false, now);
        cached = new Cached(now.getEpochSecond(), joined, new Ehlo(ehlo));
        return ehlo;
    }

    private byte[] build(@Nullable TlsSession session, String mechanisms, boolean xclient, Instant now) {
        List<String> lines = new ArrayList<>();
        lines.add(hostname);
        offer(lines, Capabilities.PIPELINING, "");
        offer(lines, Capabilities.SIZE, " " + config.maxMessageSize().bytes());
        offer(lines, Capabilities.EIGHT_BIT_MIME, "");
        if (tls != null && session == null) {
            lines.add(Capabilities.STARTTLS);
        }
        if (!mechanisms.isEmpty()) {
            lines.add(Capabilities.AUTH + " " + mechanisms);
        }
        offer(lines, Capabilities.ENHANCED_STATUS_CODES, "");
        offer(lines, Capabilities.CHUNKING, "");
        offer(lines, Capabilities.SMTPUTF8, "");
        offer(lines, Capabilities.DSN, "");
        if (session != null) {
            offer(lines, Capabilities.REQUIRETLS, "");
        }
        offer(lines, Capabilities.LIMITS,
                " MAILMAX=" + config.maxMessagesPerSession() + " RCPTMAX=" + config.maxRecipients());
        offer(lines, Capabilities.FUTURERELEASE, " " + MAX_HOLD_SECONDS + " "
                + Instant.ofEpochSecond(now.getEpochSecond() + MAX_HOLD_SECONDS));
        offer(lines, Capabilities.DELIVERBY, "");
        if (xclient) {
            lines.add(Capabilities.XCLIENT + " " + XCLIENT_ATTRIBUTES);
        }
        lines.add(Capabilities.HELP);
        return new Reply(250, null, lines).encode();
    }

    private void offer(List<String> lines, String keyword, String parameters) {
        if (offers(keyword)) {
            lines.add(keyword + parameters);
        }
    }
}
