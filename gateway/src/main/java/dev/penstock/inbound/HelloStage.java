package dev.penstock.inbound;

import java.net.InetSocketAddress;
import java.util.Map;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.Identity;
import dev.penstock.reception.TraceField;
import dev.penstock.smtp.Command;

/** EHLO, HELO, STARTTLS and XCLIENT: who the client is, and how it speaks. Confined to the session's event loop. */
final class HelloStage {
    private static final Logger log = LoggerFactory.getLogger(HelloStage.class);

    private final StageView session;
    private final SmtpServer server;
    private final ClientFacts facts;
    private final ClientAccount account;

    HelloStage(StageView session, SmtpServer server, ClientFacts facts, ClientAccount account) {
        this.session = session;
        this.server = server;
        this.facts = facts;
        this.account = account;
    }

    /** RFC 3207 4: what is taken before TLS where TLS is required; wrong commands are told so. */
    static boolean needsTls(Command command) {
        return command instanceof Command.Mail || command instanceof Command.Rcpt || command instanceof Command.Data
                || command instanceof Command.Bdat || command instanceof Command.Auth
                || command instanceof Command.Xclient || command instanceof Command.Rset
                || command instanceof Command.Vrfy || command instanceof Command.Help;
    }

    Verdict hello(String name, boolean extended) {
        facts.hello(name, extended);
        Settings settings = session.settings();
        byte[] reply = extended
                ? settings.ehlo(facts.tls, facts.loggedIn, settings.xclientNetworks().contains(facts.peer),
                        server.clock().instant())
                : server.replies().helo;
        return new Verdict.Reset(new Verdict.Junk(reply)); // RFC 5321 4.1.4: as RSET
    }

    Verdict startTls() {
        if (session.settings().tls() == null) {
            return new Verdict.Fail(Replies.NO_TLS);
        }
        return facts.tls != null ? new Verdict.Fail(Replies.TLS_ACTIVE) : Verdict.Step.START_TLS;
    }

    /** XCLIENT_README of Postfix: a trusted client tells whom it speaks for; the session begins anew. */
    Verdict xclient(Map<String, String> attributes) {
        Settings settings = session.settings();
        if (!settings.xclientNetworks().contains(facts.peer)) {
            return new Verdict.Fail(Replies.XCLIENT_FORBIDDEN);
        }
        if (session.transaction() != null) {
            return new Verdict.Fail(Replies.IN_TRANSACTION);
        }
        InetSocketAddress newRemote = Xclient.address(attributes, "ADDR", "PORT", facts.remote);
        InetSocketAddress newLocal = Xclient.address(attributes, "DESTADDR", "DESTPORT", facts.local);
        if (newRemote == null) {
            return new Verdict.Fail(Replies.XCLIENT_BAD_ADDRESS);
        }
        SessionRefusal refusal = account.move(newRemote.getAddress());
        if (refusal != null) {
            return new Verdict.Goodbye(refusal.reply(server.hostname()), false);
        }
        String name = Xclient.name(attributes, "LOGIN", "");
        Identity login = name.isEmpty() ? null : server.authenticator().vouched(name);
        if (login == null && !name.isEmpty()) {
            // Not a refusal: a proxy that goes on regardless would send the client's mail as its own.
            log.info("event=login-not-taken session={} client={} name={}", session.id(), newRemote,
                    TraceField.printable(name));
        }
        facts.speaksFor(attributes, newRemote, newLocal, settings.relayNetworks(), login);
        return Verdict.Step.WELCOME;
    }
}
