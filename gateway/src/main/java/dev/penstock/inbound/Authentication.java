package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.concurrent.CompletableFuture;

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

    private final StageView session;
    private final SmtpServer server;
    private final ClientFacts facts;
    private @Nullable Exchange exchange; // only within the dialogue

    Authentication(StageView session, SmtpServer server, ClientFacts facts) {
        this.session = session;
        this.server = server;
        this.facts = facts;
    }

    /** Whether an AUTH may come that is taken. */
    static boolean isPossible(ClientFacts facts, Settings settings) {
        return facts.esmtp && !facts.loggedIn && !settings.mechanisms(facts.tls).isEmpty();
    }

    /** Whether a command line of five octets or more is AUTH with an argument. */
    static boolean isAuth(byte[] in, int offset) {
        return (in[offset] | 0x20) == 'a' && (in[offset + 1] | 0x20) == 'u' && (in[offset + 2] | 0x20) == 't'
                && (in[offset + 3] | 0x20) == 'h' && in[offset + 4] == ' ';
    }

    Verdict begin(Command.Auth auth) {
        if (!facts.esmtp) {
            return new Verdict.Fail(Replies.HELLO_FIRST);
        }
        if (facts.loggedIn) {
            return new Verdict.Fail(Replies.AUTH_ACTIVE);
        }
        if (session.transaction() != null) {
            return new Verdict.Fail(Replies.IN_TRANSACTION);
        }
        Settings settings = session.settings();
        Exchange begun = settings.mechanisms(facts.tls).contains(auth.mechanism())
                ? server.authenticator().start(auth.mechanism(), facts.tls,
                        NetUtil.toAddressString(facts.remote.getAddress()))
                : null;
        if (begun == null) {
            boolean later = facts.tls == null && settings.tls() != null
                    && settings.listener().mechanisms().contains(auth.mechanism());
            return new Verdict.Fail(later ? Replies.TLS_FIRST : Replies.NO_SUCH_MECHANISM);
        }
        exchange = begun;
        String initial = auth.initialResponse();
        return new Verdict.Enter(SessionPhase.AUTH, initial == null
                ? awaited(begun.respond(null))
                : response(begun, initial.equals("=") ? "" : initial)); // "=" means something only initially
    }

    /** A line of the dialogue. */
    Verdict response(byte[] in, int offset, int length) {
        Exchange running = exchange;
        if (running == null) {
            throw new IllegalStateException("a response without AUTH");
        }
        if (length > MAX_LINE) {
            return failed(Replies.AUTH_TOO_LONG);
        }
        if (length == 1 && in[offset] == '*') {
            return failed(Replies.AUTH_CANCELLED);
        }
        return response(running, new String(in, offset, length, ISO_8859_1));
    }

    private Verdict response(Exchange running, String base64) {
        byte[] response = base64.equals("=") ? null : Exchange.decode(base64);
        return response == null ? failed(Replies.AUTH_MALFORMED) : awaited(running.respond(response));
    }

    private Verdict awaited(CompletableFuture<Exchange.Step> answer) {
        return LoopTasks.isGiven(answer) ? step(answer.resultNow()) : new Verdict.Await<>(answer, this::step);
    }

    private Verdict step(Exchange.Step step) {
        return switch (step) {
            case Exchange.Step.Challenge(String base64) ->
                new Verdict.Say(("334 " + base64 + "\r\n").getBytes(ISO_8859_1));
            case Exchange.Step.Success(Identity proved) -> {
                facts.loggedIn(proved);
                server.counters().logins.increment();
                yield over(new Verdict.Say(Replies.AUTHENTICATED));
            }
            case Exchange.Step.Failure(Exchange.Reason reason, String detail) -> {
                long notLogged = server.failedLogins().turn(facts.remote.getAddress());
                if (notLogged != FailedLogins.NOT_NOW) {
                    log.info("event=auth-failed session={} client={} reason={} detail={} not-logged={}", session.id(),
                            facts.remote, reason, detail, notLogged);
                }
                server.counters().loginsFailed.increment();
                yield switch (reason) {
                    case CREDENTIALS -> failed(Replies.AUTH_FAILED);
                    case MALFORMED -> failed(Replies.AUTH_MALFORMED);
                    case TEMPORARY -> over(new Verdict.Junk(Replies.AUTH_UNAVAILABLE)); // no error of the client's
                };
            }
        };
    }

    private Verdict failed(byte[] reply) {
        return over(new Verdict.Fail(reply));
    }

    private Verdict over(Verdict last) {
        exchange = null;
        return new Verdict.Enter(SessionPhase.COMMANDS, last);
    }
}
