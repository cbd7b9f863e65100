package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.Exchange;
import dev.penstock.auth.FailedLogins;
import dev.penstock.auth.Identity;
import dev.penstock.smtp.Command;

/**
 * The dialogue of AUTH (RFC 4954), up to its last reply. Confined to the session's event loop; made for a session's first
 * AUTH.
 */
final class Authentication {
    private static final Logger log = LoggerFactory.getLogger(Authentication.class);

    /** RFC 4954 4: octets of AUTH with its initial response, and of a response, without CRLF. */
    static final int MAX_LINE = 12_288;

    private final Session session;
    private final SmtpServer server;
    private final ClientFacts facts;
    private @Nullable Exchange exchange; // only in phase AUTH

    Authentication(Session session) {
        this.session = session;
        this.server = session.server;
        this.facts = session.facts;
    }

    void begin(Command.Auth auth) {
        if (session.isOutOfStep()) { // RFC 4954 4: it is the last of its group
            return;
        }
        if (!facts.esmtp) {
            session.fail(Replies.HELLO_FIRST);
        } else if (facts.loggedIn) {
            session.fail(Replies.AUTH_ACTIVE);
        } else if (session.transaction != null) {
            session.fail(Replies.IN_TRANSACTION);
        } else {
            Exchange begun = session.settings.mechanisms(facts.tls).contains(auth.mechanism())
                    ? server.authenticator().start(auth.mechanism(), facts.tls,
                            NetUtil.toAddressString(facts.remote.getAddress()))
                    : null;
            if (begun == null) {
                boolean later = facts.tls == null && session.settings.tls() != null
                        && session.settings.listener().mechanisms().contains(auth.mechanism());
                session.fail(later ? Replies.TLS_FIRST : Replies.NO_SUCH_MECHANISM);
                return;
            }
            exchange = begun;
            session.phase = Session.Phase.AUTH;
            String initial = auth.initialResponse();
            if (initial == null) {
                session.await(begun.respond(null), this::step);
            } else {
                response(initial.equals("=") ? "" : initial);
            }
        }
    }

    void response(byte[] in, int offset, int length) {
        if (length > MAX_LINE) {
            leaveAuth(Replies.AUTH_TOO_LONG);
        } else if (length == 1 && in[offset] == '*') {
            leaveAuth(Replies.AUTH_CANCELLED);
        } else {
            response(new String(in, offset, length, ISO_8859_1));
        }
    }

    private void response(String base64) {
        byte[] response = base64.equals("=") ? null : Exchange.decode(base64); // "=" means something only initially
        if (response == null) {
            leaveAuth(Replies.AUTH_MALFORMED);
            return;
        }
        Exchange running = exchange;
        if (running != null) {
            session.await(running.respond(response), this::step);
        }
    }

    private void step(Exchange.Step step) {
        switch (step) {
            case Exchange.Step.Challenge(String base64) -> session.say(("334 " + base64 + "\r\n").getBytes(ISO_8859_1));
            case Exchange.Step.Success(Identity proved) -> {
                session.phase = Session.Phase.COMMANDS;
                exchange = null;
                facts.loggedIn(proved);
                server.counters().logins.increment();
                session.say(Replies.AUTHENTICATED);
            }
            case Exchange.Step.Failure(Exchange.Reason reason, String detail) -> {
                long notLogged = server.failedLogins().turn(facts.remote.getAddress());
                if (notLogged != FailedLogins.NOT_NOW) {
                    log.info("event=auth-failed session={} client={} reason={} detail={} not-logged={}",
                            session.sessionId(), facts.remote, reason, detail, notLogged);
                }
                server.counters().loginsFailed.increment();
                switch (reason) {
                    case CREDENTIALS -> leaveAuth(Replies.AUTH_FAILED);
                    case MALFORMED -> leaveAuth(Replies.AUTH_MALFORMED);
                    case TEMPORARY -> { // no error of the client's
                        session.phase = Session.Phase.COMMANDS;
                        exchange = null;
                        session.junk(Replies.AUTH_UNAVAILABLE);
                    }
                }
            }
        }
    }

    private void leaveAuth(byte[] reply) {
        session.phase = Session.Phase.COMMANDS;
        exchange = null;
        session.fail(reply);
    }
}
