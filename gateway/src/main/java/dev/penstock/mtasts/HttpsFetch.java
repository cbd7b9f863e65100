package dev.penstock.mtasts;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;

import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.client.HttpClient;
import reactor.netty.http.client.HttpClientResponse;
import reactor.netty.resources.ConnectionProvider;
import reactor.netty.resources.LoopResources;

import dev.penstock.routing.Lookups;
import dev.penstock.tls.ClientTls;

/**
 * Fetches policies over HTTPS (RFC 8461 3.3): the certificate is good for {@code mta-sts.DOMAIN}, redirects aren't followed,
 * the answer is 200, text/plain and of at most {@value #MAX_OCTETS} octets, all within a minute. Thread-safe.
 *
 * <p>The host's addresses are those that our own DNS look-ups give, without the networks that records may not send us to.
 */
public final class HttpsFetch implements StsFetch {
    static final int PORT = 443;
    static final int MAX_OCTETS = 64 << 10; // RFC 8461 3.3
    private static final Duration TIME = Duration.ofMinutes(1); // RFC 8461 3.3
    private static final Duration CONNECT_TIME = Duration.ofSeconds(10);
    private static final int MAX_AT_ONCE = 32;
    private static final String PATH = "/.well-known/mta-sts.txt";
    private static final int OK = 200;

    private final Lookups lookups;
    private final ClientTls tls;
    private final int port;
    private final LoopResources loops = LoopResources.create("mta-sts", 1, true);
    private final Semaphore places = new Semaphore(MAX_AT_ONCE);
    private @Nullable SslContext context;

    public HttpsFetch(Lookups lookups, ClientTls tls) {
        this(lookups, tls, PORT);
    }

    /** @param port of the policies' hosts, for tests */
    HttpsFetch(Lookups lookups, ClientTls tls, int port) {
        this.lookups = lookups;
        this.tls = tls;
        this.port = port;
    }

    @Override
    public CompletableFuture<StsText.Published> fetch(String domain) {
        String host = "mta-sts." + domain;
        return lookups.addresses(host).thenApplyAsync(addresses -> {
            places.acquireUninterruptibly();
            try {
                return fetch(host, addresses);
            } finally {
                places.release();
            }
        }, Thread::startVirtualThread);
    }

    private StsText.Published fetch(String host, List<InetAddress> addresses) {
        if (addresses.isEmpty()) {
            throw new StsException("sts-policy-fetch-error", host + " has no address");
        }
        String body;
        try {
            body = get(host, addresses.getFirst()).block(TIME);
        } catch (RuntimeException | SSLException | UnknownHostException | CertificateException e) {
            throw failure(host, e);
        }
        try {
            return StsText.policy(body == null ? "" : body);
        } catch (IllegalArgumentException e) {
            throw new StsException("sts-policy-invalid", "the policy of " + host + " has " + e.getMessage());
        }
    }

    private static StsException failure(String host, Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof StsException said) {
                return said;
            }
            if (cause instanceof CertificateException) {
                return new StsException("sts-webpki-invalid",
                        "the certificate of " + host + " isn't good: " + cause.getMessage());
            }
        }
        return new StsException("sts-policy-fetch-error", "no policy from " + host + ": "
                + (e.getMessage() == null ? e.toString() : e.getMessage()));
    }

    private Mono<String> get(String host, InetAddress address)
            throws SSLException, UnknownHostException, CertificateException {
        InetSocketAddress to = new InetSocketAddress(InetAddress.getByAddress(host, address.getAddress()), port);
        SslContext ssl = context();
        return HttpClient.create(ConnectionProvider.newConnection()).runOn(loops).remoteAddress(() -> to)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, Math.toIntExact(CONNECT_TIME.toMillis()))
                .secure(spec -> spec.sslContext(ssl).serverNames(new SNIHostName(host)).handlerConfigurator(handler -> {
                    SSLParameters parameters = handler.engine().getSSLParameters();
                    parameters.setEndpointIdentificationAlgorithm("HTTPS");
                    handler.engine().setSSLParameters(parameters);
                }))
                .followRedirect(false).compress(false).responseTimeout(TIME)
                .headers(headers -> headers.set(HttpHeaderNames.HOST, host).set(HttpHeaderNames.ACCEPT, "text/plain"))
                .get().uri(PATH)
                .response((response, content) -> Flux.from(body(host, response, content.asByteArray())))
                .next();
    }

    private static Mono<String> body(String host, HttpClientResponse response, Flux<byte[]> content) {
        if (response.status().code() != OK) {
            return Mono.error(new StsException("sts-policy-fetch-error", host + " answered " + response.status()));
        }
        String type = response.responseHeaders().get(HttpHeaderNames.CONTENT_TYPE, "");
        if (!type.toLowerCase(Locale.ROOT).split(";", 2)[0].strip().equals("text/plain")) {
            return Mono.error(new StsException("sts-policy-invalid", host + " answered with " + type
                    + " instead of text/plain"));
        }
        return content.reduceWith(StringBuilder::new, (text, octets) -> {
            if (text.length() + octets.length > MAX_OCTETS) {
                throw new StsException("sts-policy-invalid", "the policy of " + host + " has more than " + MAX_OCTETS
                        + " octets");
            }
            return text.append(new String(octets, StandardCharsets.ISO_8859_1));
        }).map(StringBuilder::toString);
    }

    private synchronized SslContext context() throws SSLException, CertificateException {
        SslContext made = context == null
                ? SslContextBuilder.forClient().sslProvider(SslProvider.JDK).trustManager(tls.authorities()).build()
                : context;
        context = made;
        return made;
    }

    @Override
    public void close() {
        loops.dispose();
    }
}
