package dev.penstock.mtasts;

import java.io.IOException;
import java.net.InetAddress;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;

import dev.penstock.routing.Lookups;
import dev.penstock.tls.ClientTls;
import dev.penstock.tls.HttpsExchange;

/**
 * Fetches policies over HTTPS (RFC 8461 3.3): the certificate is good for {@code mta-sts.DOMAIN}, redirects aren't followed,
 * the answer is 200, text/plain and of at most {@value #MAX_OCTETS} octets, all within a minute. Thread-safe.
 *
 * <p>The host's addresses are those that our own DNS look-ups give, without the networks that records may not send us to.
 */
public final class HttpsFetch implements StsFetch {
    private static final int PORT = 443;
    private static final int MAX_OCTETS = 64 << 10; // RFC 8461 3.3
    private static final Duration TIME = Duration.ofMinutes(1); // RFC 8461 3.3
    private static final int MAX_AT_ONCE = 32;
    private static final String PATH = "/.well-known/mta-sts.txt";
    private static final int OK = 200;

    private final Lookups lookups;
    private final HttpsExchange https;
    private final int port;
    private final Semaphore places = new Semaphore(MAX_AT_ONCE);

    public HttpsFetch(Lookups lookups, ClientTls tls) {
        this(lookups, tls, PORT);
    }

    /** @param port of the hosts that have policies, in place of 443 */
    public HttpsFetch(Lookups lookups, ClientTls tls, int port) {
        this.lookups = lookups;
        this.https = new HttpsExchange(tls, TIME, MAX_OCTETS);
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
        HttpsExchange.Answer answer;
        try {
            answer = https.get(host, addresses.getFirst(), port, PATH);
        } catch (IOException e) {
            throw failure(host, e);
        }
        if (answer.status() != OK) {
            throw new StsException("sts-policy-fetch-error", host + " answered " + answer.status());
        }
        if (!answer.type().equals("text/plain")) {
            throw new StsException("sts-policy-invalid", host + " answered with '" + answer.type()
                    + "' instead of text/plain");
        }
        try {
            return StsText.policy(answer.body());
        } catch (IllegalArgumentException e) {
            throw new StsException("sts-policy-invalid", "the policy of " + host + " has " + e.getMessage());
        }
    }

    private static StsException failure(String host, IOException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateException) {
                return new StsException("sts-webpki-invalid",
                        "the certificate of " + host + " isn't good: " + cause.getMessage());
            }
        }
        return new StsException("sts-policy-fetch-error", "no policy from " + host + ": " + e);
    }
}
