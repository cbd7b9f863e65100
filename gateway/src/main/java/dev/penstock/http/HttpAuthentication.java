package dev.penstock.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.Base64;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLSession;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.FailedLogins;
import dev.penstock.auth.Identity;
import dev.penstock.tls.TlsSession;
import dev.penstock.units.Networks;

/**
 * Who sends a request, by its Authorization field: Basic (RFC 7617) or Bearer (RFC 6750). Over a connection without TLS
 * credentials are taken only from this machine itself, where a proxy in front ends TLS. Thread-safe; never blocks.
 */
public final class HttpAuthentication {
    private static final int MAX_NAME = 1024; // octets of user name and password together
    private static final String CHALLENGE = "Basic realm=\"penstock\", charset=\"UTF-8\"";

    private final Authenticator authenticator;
    private final FailureLog failures;
    private final FailedLogins pace = new FailedLogins();

    /** Writes failed logins to the log. Called on the authenticator's threads. */
    @FunctionalInterface
    public interface FailureLog {
        /**
         * @param detail    for the log only, never for the client
         * @param notLogged how many failed since the last line and were kept back
         */
        void failed(InetSocketAddress client, Exchange.Reason reason, String detail, long notLogged);
    }

    /**
     * A client that may send requests.
     *
     * @param identity null when it didn't log in
     * @param trusted  whether its address is among those that need not
     * @param tls      version and cipher suite; empty in clear
     */
    public record Caller(@Nullable Identity identity, boolean trusted, String tls) {}

    /** @param failures is told of some of them: as many as {@link FailedLogins} lets through */
    public HttpAuthentication(Authenticator authenticator, FailureLog failures) {
        this.authenticator = authenticator;
        this.failures = failures;
    }

    /**
     * Who it is; fails with a {@link Problem} when that isn't known, or when nobody may come so.
     *
     * @param required whether clients outside of {@code trusted} must log in
     * @param trusted  whose clients need not
     */
    public CompletableFuture<Caller> caller(HttpExchange exchange, boolean required, Networks trusted) {
        InetSocketAddress client = exchange.client();
        boolean known = trusted.contains(client.getAddress());
        SSLSession session = exchange.tls();
        String tls = session == null ? "" : session.getProtocol() + " " + session.getCipherSuite();
        String authorization = exchange.field(HttpHeaderNames.AUTHORIZATION);
        if (authorization.isEmpty()) {
            return known || !required
                    ? CompletableFuture.completedFuture(new Caller(null, known, tls))
                    : CompletableFuture.failedFuture(unauthorized("credentials are needed"));
        }
        if (session == null && !client.getAddress().isLoopbackAddress()) {
            return CompletableFuture.failedFuture(
                    Problem.of(Problem.Kind.FORBIDDEN, "credentials are taken over TLS only"));
        }
        CompletableFuture<Exchange.Step> step = ask(authorization, session,
                NetUtil.toAddressString(client.getAddress()));
        if (step == null) {
            return CompletableFuture.failedFuture(unauthorized("no credentials that can be read"));
        }
        return step.thenCompose(result -> switch (result) {
            case Exchange.Step.Success(Identity identity) ->
                CompletableFuture.completedFuture(new Caller(identity, known, tls));
            case Exchange.Step.Failure(Exchange.Reason reason, String detail) -> {
                long notLogged = pace.turn(client.getAddress());
                if (notLogged != FailedLogins.NOT_NOW) {
                    failures.failed(client, reason, detail, notLogged);
                }
                yield CompletableFuture.failedFuture(reason == Exchange.Reason.TEMPORARY
                        ? Problem.of(Problem.Kind.UNAVAILABLE, "credentials can't be checked now")
                                .with("Retry-After", "5")
                        : unauthorized("the credentials are wrong"));
            }
            case Exchange.Step.Challenge _ -> CompletableFuture.failedFuture(unauthorized("the token is wrong"));
        });
    }

    private static Problem unauthorized(String detail) {
        return Problem.of(Problem.Kind.UNAUTHORIZED, detail).with("WWW-Authenticate", CHALLENGE);
    }

    /** @return null when there is nothing to ask */
    private @Nullable CompletableFuture<Exchange.Step> ask(String authorization, @Nullable SSLSession session,
            String address) {
        int space = authorization.indexOf(' ');
        String scheme = space < 0 ? authorization : authorization.substring(0, space);
        String credentials = space < 0 ? "" : authorization.substring(space + 1).strip();
        return switch (scheme.toLowerCase(Locale.ROOT)) {
            case "basic" -> basic(credentials, address);
            case "bearer" -> bearer(credentials, session, address);
            default -> null;
        };
    }

    /** RFC 7617. */
    private @Nullable CompletableFuture<Exchange.Step> basic(String credentials, String address) {
        byte[] decoded;
        try {
            decoded = Base64.getDecoder().decode(credentials);
        } catch (IllegalArgumentException e) {
            return null;
        }
        int colon = 0;
        while (colon < decoded.length && decoded[colon] != ':') {
            colon++;
        }
        if (colon == decoded.length || decoded.length > MAX_NAME) {
            return null;
        }
        byte[] password = Arrays.copyOfRange(decoded, colon + 1, decoded.length);
        return authenticator.password(new String(decoded, 0, colon, UTF_8), password, address);
    }

    /** RFC 6750, asked as OAUTHBEARER asks (RFC 7628 3.1); null where that isn't offered. */
    private @Nullable CompletableFuture<Exchange.Step> bearer(String token, @Nullable SSLSession session,
            String address) {
        if (!token.chars().allMatch(c -> c > ' ' && c <= '~')) {
            return null;
        }
        TlsSession tls = session == null
                ? null
                : new TlsSession(session.getProtocol(), session.getCipherSuite(), "", null, session);
        Exchange exchange = authenticator.start("OAUTHBEARER", tls, address);
        return exchange == null
                ? null
                : exchange.respond(("n,,\u0001auth=Bearer " + token + "\u0001\u0001").getBytes(UTF_8));
    }
}
