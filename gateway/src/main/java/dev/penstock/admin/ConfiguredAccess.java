package dev.penstock.admin;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.cookie.Cookie;
import io.netty.handler.codec.http.cookie.ServerCookieDecoder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.CertificateNames;
import dev.penstock.auth.FailedLogins;
import dev.penstock.config.AdminConfig;
import dev.penstock.http.HttpExchange;
import dev.penstock.http.Problem;
import dev.penstock.tls.ServerTls;

/**
 * Lets in who has a right to: over the Unix socket, by a token, by a client certificate, by a console's session, or from
 * this machine as {@code admin.loopback-role} says. Thread-safe; never blocks.
 */
public final class ConfiguredAccess implements Access {
    private static final Logger log = LoggerFactory.getLogger(ConfiguredAccess.class);
    private static final String CHALLENGE = "Bearer realm=\"penstock\"";
    private static final String TOKEN = "token";
    private static final String CERTIFICATE = "certificate";
    private static final String LOOPBACK = "loopback";
    private static final String BEARER = "bearer ";
    /** Of what proxies say for whom they ask: somebody on this machine forwards what comes from elsewhere. */
    private static final List<String> FORWARDED = List.of("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via");

    private final Tokens tokens;
    private final ConsoleSessions console;
    private final Set<String> names;
    private final Supplier<@Nullable ServerTls> tls;
    private final FailedLogins pace = new FailedLogins();
    private volatile AdminConfig config;

    /**
     * @param hostname by which browsers may ask for this gateway, besides addresses
     * @param tls      that client certificates are checked by; asked for each connection
     */
    public ConfiguredAccess(String hostname, AdminConfig config, Tokens tokens, ConsoleSessions console,
            Supplier<@Nullable ServerTls> tls) {
        this.names = Set.of(hostname.toLowerCase(Locale.ROOT));
        this.config = config;
        this.tokens = tokens;
        this.console = console;
        this.tls = tls;
    }

    /** For requests that come from now on. */
    public void reconfigure(AdminConfig changed) {
        config = changed;
    }

    @Override
    public CompletableFuture<Operator> operator(HttpExchange exchange) {
        try {
            return CompletableFuture.completedFuture(find(exchange));
        } catch (Problem e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private Operator find(HttpExchange exchange) {
        if (exchange.isOverUnixSocket()) {
            return new Operator(exchange.peer().orElse("local"), Role.CONFIGURE, "socket");
        }
        boolean encrypted = exchange.tls() != null;
        BrowserGuard.check(request(exchange, encrypted), names);
        InetSocketAddress client = exchange.client();
        boolean loopback = client.getAddress().isLoopbackAddress();
        String authorization = exchange.field(HttpHeaderNames.AUTHORIZATION);
        if (!authorization.isEmpty()) {
            if (!encrypted && !loopback) {
                throw Problem.of(Problem.Kind.FORBIDDEN, "credentials are taken over TLS only");
            }
            return byToken(authorization, client);
        }
        boolean local = loopback && FORWARDED.stream().allMatch(field -> exchange.fieldOrNull(field) == null);
        Operator known = ConsoleSessions.mayTravel(encrypted, client.getAddress())
                ? bySession(exchange, client.getAddress(), local)
                : null;
        if (known == null) {
            known = byCertificate(exchange);
        }
        if (known == null && local) {
            known = operator("local", config.loopbackRole(), LOOPBACK);
        }
        if (known == null) {
            throw unauthorized("credentials are needed: a token, or a client certificate");
        }
        return known;
    }

    private static BrowserGuard.Request request(HttpExchange exchange, boolean encrypted) {
        return new BrowserGuard.Request(exchange.field(HttpHeaderNames.HOST),
                exchange.fieldOrNull(HttpHeaderNames.ORIGIN),
                exchange.fieldOrNull("Sec-Fetch-Site"), exchange.hasBody(),
                exchange.field(HttpHeaderNames.CONTENT_TYPE), encrypted);
    }

    private Operator byToken(String authorization, InetSocketAddress client) {
        if (!authorization.toLowerCase(Locale.ROOT).startsWith(BEARER)) {
            throw unauthorized("a token is expected: Authorization: Bearer penstock_…");
        }
        InetAddress address = client.getAddress();
        return switch (tokens.find(authorization.substring(BEARER.length()).strip(), address)) {
            case Tokens.Found.Holder(Tokens.View view) -> new Operator(view.name(), view.role(), TOKEN, view.id());
            case Tokens.Found.Nobody(String why) -> {
                long notLogged = pace.turn(address);
                if (notLogged != FailedLogins.NOT_NOW) {
                    log.info("event=admin-login-failed client={} why={} not-logged={}", client, why, notLogged);
                }
                throw unauthorized("the token is wrong, has expired, or isn't for this address");
            }
        };
    }

    private @Nullable Operator bySession(HttpExchange exchange, InetAddress client, boolean local) {
        String cookies = exchange.field(HttpHeaderNames.COOKIE);
        if (!cookies.isEmpty()) {
            for (Cookie cookie : ServerCookieDecoder.STRICT.decode(cookies)) {
                if (cookie.name().equals(ConsoleSessions.COOKIE)) {
                    Operator granted = console.operator(cookie.value());
                    Operator now = granted == null ? null : now(granted, client, local);
                    return now == null
                            ? null
                            : new Operator(now.name(), now.role(), ConsoleSessions.VIA, cookie.value());
                }
            }
        }
        return null;
    }

    /** What gave a session its rights, asked anew; null when it gives none any more. */
    private @Nullable Operator now(Operator granted, InetAddress client, boolean local) {
        return switch (granted.via()) {
            case TOKEN -> {
                Tokens.View view = tokens.valid(granted.credential(), client);
                yield view == null ? null : new Operator(view.name(), view.role(), TOKEN, view.id());
            }
            case CERTIFICATE -> {
                AdminConfig.Client named = config.clients().get(granted.credential());
                yield named == null ? null : operator(granted.name(), named.role(), CERTIFICATE);
            }
            case LOOPBACK -> local ? operator(granted.name(), config.loopbackRole(), LOOPBACK) : null;
            default -> granted; // over the socket: the system let him in
        };
    }

    /** The most that one of its names may. */
    private @Nullable Operator byCertificate(HttpExchange exchange) {
        ServerTls server = tls.get();
        X509Certificate certificate = server == null ? null : exchange.clientCertificate(server);
        Operator most = null;
        if (certificate != null) {
            for (String name : CertificateNames.of(certificate)) {
                AdminConfig.Client client = config.clients().get(name);
                Operator operator = client == null ? null : operator(name, client.role(), CERTIFICATE);
                if (operator != null && (most == null || operator.role().includes(most.role()))) {
                    most = operator;
                }
            }
        }
        return most;
    }

    private static @Nullable Operator operator(String name, AdminConfig.Access access, String via) {
        String credential = via.equals(CERTIFICATE) ? name : "";
        return switch (access) {
            case NONE -> null;
            case READ -> new Operator(name, Role.READ, via, credential);
            case OPERATE -> new Operator(name, Role.OPERATE, via, credential);
            case CONFIGURE -> new Operator(name, Role.CONFIGURE, via, credential);
        };
    }

    private static Problem unauthorized(String detail) {
        return Problem.of(Problem.Kind.UNAUTHORIZED, detail)
                .with(HttpHeaderNames.WWW_AUTHENTICATE.toString(), CHALLENGE);
    }
}
