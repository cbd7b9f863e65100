package dev.penstock.delivery;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.SaslClient;
import dev.penstock.config.RouteLogin;
import dev.penstock.routing.MailHost;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.Reply;
import dev.penstock.trace.Secrets;

/**
 * Logs a session in to its host as a route or a path has it (AUTH, RFC 4954 4). Confined to the delivery session. Whatever
 * goes wrong is about that and no message, and nothing is sent over a session that isn't logged in. A host that quotes what it
 * was sent isn't quoted: what went wrong is told to the log, and to those who look at queues.
 */
final class HostLogin {
    private static final int CHALLENGE = 334;
    /** RFC 5321 4.5.3.1.4 without CRLF; what has no room goes in a line of its own (RFC 4954 4). */
    private static final int MAX_COMMAND = 510;
    private static final byte[] CANCEL = {'*', '\r', '\n'};

    private final SmtpClientSession session;
    private final RouteLogin login;
    private final Duration time;
    private final Secrets secrets = new Secrets();

    /** @param time for each answer */
    HostLogin(SmtpClientSession session, RouteLogin login, Duration time) {
        this.session = session;
        this.login = login;
        this.time = time;
    }

    /** @param offered by the host, under TLS when there is TLS */
    void run(Capabilities offered) throws SessionException {
        if (!session.isEncrypted() && !login.withoutTls() && !session.isOnThisMachine()) {
            throw failure("has no TLS with us, and the password isn't said in clear");
        }
        if (!login.withoutCertificate() && !session.certificateProblem().isEmpty()) {
            throw failure("has no certificate for its name, without which the password isn't said: "
                    + session.certificateProblem());
        }
        if (!offered.has(Capabilities.AUTH)) {
            throw failure("offers no AUTH, and there is a user to log in as");
        }
        String list = offered.keywords().getOrDefault(Capabilities.AUTH, "").toUpperCase(Locale.ROOT);
        Set<String> mechanisms = new HashSet<>(Arrays.asList(list.split(" +", -1)));
        SaslClient sasl = SaslClient.strongest(mechanisms, login.user(), login.password());
        if (sasl == null) {
            throw failure("offers AUTH, and none of SCRAM-SHA-256, PLAIN and LOGIN");
        }
        secrets.addLogin(login.user(), login.password());
        try {
            exchange(sasl);
        } catch (SessionException e) {
            throw new SessionException(e.phase(), withoutSecrets(e.reason()));
        }
    }

    private Cause withoutSecrets(Cause reason) {
        return switch (reason) {
            case Cause.Replied(Reply reply) -> new Cause.Replied(secrets.outOf(reply));
            case Failure(Failure.Kind kind, String text) when secrets.areIn(text) ->
                new Failure(kind, session.host().text() + " quotes the login: " + Secrets.MASKED);
            case Failure failure -> failure;
            case Cause.Unroutable unroutable -> unroutable;
        };
    }

    private void exchange(SaslClient sasl) throws SessionException {
        String command = Phase.AUTH.command() + " " + sasl.mechanism();
        byte[] initial = sasl.initial((MAX_COMMAND - command.length() - 1) / 4 * 3);
        Reply reply = ask(initial == null ? command : command + " " + secret(initial));
        while (reply.code() == CHALLENGE) {
            byte[] response = sasl.respond(reply.lines().getFirst());
            if (response == null) {
                session.append(CANCEL);
                session.ask(Phase.AUTH, time);
                throw failure(sasl.problem());
            }
            reply = ask(secret(response));
        }
        if (!reply.isPositive()) {
            throw new SessionException(Phase.AUTH, new Cause.Replied(reply));
        }
        if (reply.isIntermediate() || !sasl.isComplete()) {
            throw failure("took the login before it had proved that it knows the password, or knew it");
        }
    }

    /** @return as it is sent (RFC 4954 4) */
    private String secret(byte[] response) {
        String sent = Base64.getEncoder().encodeToString(response);
        secrets.add(sent);
        return sent;
    }

    private Reply ask(String line) throws SessionException {
        session.append((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
        return session.ask(Phase.AUTH, time);
    }

    private SessionException failure(String what) {
        return new SessionException(Phase.AUTH,
                new Failure(Failure.Kind.ROUTE_LOGIN, session.host().text() + " " + what));
    }

    /** Whether what is said to it leaves this machine. */
    static boolean isOnThisMachine(MailHost host, HostConnection connection) {
        return host.isUnixSocket() || host.address() instanceof InetSocketAddress address
                && address.getAddress() != null && address.getAddress().isLoopbackAddress()
                && isLoopback(connection.wire().getRemoteSocketAddress()); // not that of a proxy's machine
    }

    private static boolean isLoopback(@Nullable Object address) {
        return address instanceof InetSocketAddress remote && remote.getAddress() != null
                && remote.getAddress().isLoopbackAddress();
    }
}
