package dev.penstock.inbound;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Identity;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Origin;
import dev.penstock.policy.Client;
import dev.penstock.reception.ClientSession;
import dev.penstock.reception.TraceField;
import dev.penstock.tls.TlsSession;
import dev.penstock.units.Networks;

/**
 * What a session knows of its client: by connection, PROXY, XCLIENT, TLS, EHLO and AUTH. Confined to the session's event
 * loop, but for {@link #seen()}. What is made of it for others is kept until something changes.
 */
final class ClientFacts {
    final InetAddress peer; // who may use XCLIENT or not, whomever it has spoken for
    private volatile Seen seen; // by other threads
    private final String sessionId;
    InetSocketAddress remote; // as PROXY or XCLIENT told it
    @Nullable
    InetSocketAddress local;
    @Nullable
    TlsSession tls;
    @Nullable
    Identity identity;
    boolean loggedIn; // by AUTH
    boolean relayNetwork;
    String helo = ""; // empty until EHLO or HELO
    boolean esmtp;
    private String clientName = ""; // as XCLIENT told it
    private @Nullable Client client; // what policies are told, made when it is first needed
    private @Nullable ClientSession clientSession; // what events are told, made for the first message
    private @Nullable Origin origin; // made for the first message after EHLO
    private @Nullable String traceStart; // likewise

    ClientFacts(String sessionId, InetSocketAddress remote, @Nullable InetSocketAddress local, Networks relayNetworks) {
        this.sessionId = sessionId;
        this.remote = remote;
        this.peer = remote.getAddress();
        this.local = local;
        this.relayNetwork = relayNetworks.contains(peer);
        this.seen = new Seen(remote, "", "", null, "SMTP");
    }

    /**
     * What others may see of it. Immutable.
     *
     * @param remote as PROXY or XCLIENT told it
     * @param helo   empty until EHLO or HELO
     * @param login  by AUTH, XCLIENT or certificate; empty for nobody
     */
    record Seen(InetSocketAddress remote, String helo, String login, @Nullable TlsSession tls, String protocol) {}

    /** For any thread. */
    Seen seen() {
        return seen;
    }

    void hello(String name, boolean extended) {
        helo = TraceField.printable(name);
        esmtp = extended;
        changed();
    }

    /** RFC 3207 4.2: nothing that was said in the clear counts. */
    void secured(TlsSession session, @Nullable Identity shown) {
        tls = session;
        helo = "";
        esmtp = false;
        loggedIn = false;
        identity = shown;
        changed();
    }

    void loggedIn(Identity proved) {
        identity = proved;
        loggedIn = true;
        changed();
    }

    /**
     * XCLIENT: the client speaks for another, of whom nothing else is known yet.
     *
     * @param login who it has logged in as there, where the attributes have a LOGIN; null for nobody
     */
    void speaksFor(Map<String, String> attributes, InetSocketAddress newRemote, @Nullable InetSocketAddress newLocal,
            Networks relayNetworks, @Nullable Identity login) {
        remote = newRemote;
        local = newLocal;
        relayNetwork = relayNetworks.contains(newRemote.getAddress());
        boolean another = attributes.containsKey("ADDR");
        clientName = Xclient.name(attributes, "NAME", another ? "" : clientName);
        if (another || attributes.containsKey("LOGIN")) {
            identity = login;
            loggedIn = identity != null;
        }
        helo = TraceField.printable(Xclient.name(attributes, "HELO", "")); // until the proxy says EHLO itself
        esmtp = Xclient.name(attributes, "PROTO", "").equalsIgnoreCase("ESMTP");
        changed();
    }

    /** The configuration has changed. */
    void reconfigured(Networks relayNetworks) {
        relayNetwork = relayNetworks.contains(remote.getAddress());
        client = null;
        clientSession = null;
    }

    private void changed() {
        client = null;
        clientSession = null;
        origin = null;
        traceStart = null;
        Identity known = identity;
        seen = new Seen(remote, helo, known == null ? "" : known.name(), tls, protocol(false));
    }

    Client client(Settings settings) {
        Client known = client;
        if (known == null) {
            TlsSession session = tls;
            known = new Client(sessionId, settings.listener().name(), remote, helo, protocol(false),
                    session == null ? "" : session.protocol() + " " + session.cipher(), identity, relayNetwork,
                    settings.listener().tenant(), settings.listener().campaign()).at(settings.listener().mailClass());
            client = known;
        }
        return known;
    }

    ClientSession clientSession(Settings settings) {
        ClientSession known = clientSession;
        if (known == null) {
            TlsSession session = tls;
            InetSocketAddress at = local;
            known = new ClientSession(sessionId, at == null ? "" : NetUtil.toSocketAddressString(at),
                    settings.listener().name(),
                    session == null ? null : new MessageEvent.Tls(session.protocol(), session.cipher()));
            clientSession = known;
        }
        return known;
    }

    /** RFC 3848; RFC 6531 3.7.3 for messages with SMTPUTF8. */
    String protocol(boolean smtpUtf8) {
        if (!esmtp) {
            return "SMTP";
        }
        return (smtpUtf8 ? "UTF8SMTP" : "ESMTP") + (tls == null ? "" : "S") + (loggedIn ? "A" : "");
    }

    Origin origin(boolean smtpUtf8) {
        Origin known = origin;
        if (known == null || smtpUtf8) {
            known = new Origin(protocol(smtpUtf8), NetUtil.toSocketAddressString(remote), helo,
                    identity == null ? "" : identity.name());
            if (!smtpUtf8) {
                origin = known;
            }
        }
        return known;
    }

    /** The beginning of the Received field, the same for every message. */
    String traceStart(String hostname) {
        String start = traceStart;
        if (start == null) {
            start = TraceField.start(helo, clientName, remote.getAddress(), tls, hostname);
            traceStart = start;
        }
        return start;
    }
}
