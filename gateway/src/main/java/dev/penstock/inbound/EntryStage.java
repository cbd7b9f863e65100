package dev.penstock.inbound;

import java.security.cert.X509Certificate;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.policy.Decision;
import dev.penstock.smtp.Reply;
import dev.penstock.tls.TlsSession;

/**
 * What comes before commands: whether a policy minds the client, the pause before the greeting, handshakes of TLS, and
 * clients that speak when they may not. Confined to the session's event loop.
 */
final class EntryStage {
    private static final Logger log = LoggerFactory.getLogger(EntryStage.class);

    private final StageView session;
    private final SmtpServer server;
    private final ClientFacts facts;
    private final ClientAccount account;
    private final boolean early; // the client has spoken behind the PROXY header, before it could be greeted
    private boolean greeted;
    private boolean secured;

    EntryStage(StageView session, SmtpServer server, ClientFacts facts, ClientAccount account, boolean early) {
        this.session = session;
        this.server = server;
        this.facts = facts;
        this.account = account;
        this.early = early;
    }

    Verdict begin() {
        return session.settings().isImplicitTls() ? Verdict.Step.HANDSHAKE : Verdict.Step.WELCOME;
    }

    /** Asks the policies. */
    Verdict welcome() {
        CompletableFuture<Decision> answer = server.policy().connect(facts.client(session.settings()));
        return LoopTasks.isGiven(answer) ? welcomed(answer.resultNow()) : new Verdict.Await<>(answer, this::welcomed);
    }

    private Verdict welcomed(Decision decision) {
        return switch (decision) {
            case Decision.Accept _ -> pause();
            case Decision.Refuse(Reply reply) -> {
                server.counters().sessionsRefused.increment();
                session.settings().counters().sessionsRefused.increment();
                yield new Verdict.Goodbye(reply.encode(), false);
            }
        };
    }

    /** In which only bad clients talk (RFC 5321 4.3.1). */
    private Verdict pause() {
        long delay = session.settings().config().hostility().greetDelay().toNanos();
        if (early && !greeted) {
            return talkedEarly(false);
        }
        if (delay == 0 || facts.relayNetwork || session.settings().listener().authRequired()) {
            return greet();
        }
        return new Verdict.Both(Verdict.Step.LISTEN, new Verdict.LookLater(delay, this::greet));
    }

    private Verdict greet() {
        greeted = true;
        return Verdict.Step.GREET;
    }

    /** Octets in the clear where TLS should be (CVE-2011-0411), or before the greeting: never executed. */
    Verdict talkedEarly(boolean inHandshake) {
        server.counters().earlyTalkers.increment();
        account.error();
        log.debug("event=early-talker session={} client={} handshake={}", session.id(), facts.remote, inHandshake);
        return inHandshake ? Verdict.Step.CUT_OFF : new Verdict.Goodbye(server.replies().earlyTalk, true);
    }

    boolean isSecured() {
        return secured;
    }

    /** RFC 3207 4.2: the session begins anew, with nothing that was said in the clear. */
    Verdict secured(TlsSession tls) {
        secured = true;
        X509Certificate shown = tls.client();
        facts.secured(tls, shown == null ? null : server.authenticator().certificate(shown));
        server.counters().tlsSessions.increment();
        return greeted ? Verdict.COMMANDS : Verdict.Step.WELCOME;
    }

    /**
     * Counts an error of the client's, unless it has said nothing, as checks of health do, or our threads for handshakes
     * have too much to do.
     *
     * @param cause null when the connection has ended
     * @param begun whether the client has said something
     */
    void handshakeFailed(@Nullable Throwable cause, boolean begun) {
        if (begun && !isOurs(cause)) {
            account.error();
        }
    }

    private static boolean isOurs(@Nullable Throwable cause) {
        for (Throwable at = cause; at != null; at = at.getCause()) {
            if (at instanceof RejectedExecutionException) {
                return true;
            }
        }
        return false;
    }
}
