package dev.penstock.mtasts;

import java.io.IOException;
import java.net.InetAddress;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.penstock.routing.Lookups;
import dev.penstock.tls.ClientTls;
import dev.penstock.tls.HttpsExchange;

/**
 * Fetches policies over HTTPS (RFC 8461 3.3): the certificate is good for {@code mta-sts.DOMAIN}, redirects aren't followed,
 * the answer is 200, text/plain and of at most {@value #MAX_OCTETS} octets, all within a minute, in which each of the host's
 * addresses has its share. Thread-safe. A fetch that {@link FetchGate} lets out late, because others are out to the same
 * address or everywhere, fails after {@value #WAIT_MINUTES} minutes.
 *
 * <p>The host's addresses are those that our own DNS look-ups give, without the networks that records may not send us to.
 */
public final class HttpsFetch implements StsFetch {
    private static final int PORT = 443;
    private static final int MAX_OCTETS = 64 << 10; // RFC 8461 3.3
    private static final Duration TIME = Duration.ofMinutes(1); // RFC 8461 3.3
    /** A host that answers within 50 ms has 9,600 policies fetched meanwhile. */
    private static final int WAIT_MINUTES = 2;
    private static final String PATH = "/.well-known/mta-sts.txt";
    private static final int OK = 200;

    private final Lookups lookups;
    private final HttpsExchange https;
    private final int port;
    private final FetchGate<InetAddress> gate = new FetchGate<>(Thread::startVirtualThread);

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
        return lookups.addresses(host).thenCompose(addresses -> {
            if (addresses.isEmpty()) {
                return CompletableFuture.failedFuture(new StsException("sts-policy-fetch-error",
                        host + " has no address"));
            }
            CompletableFuture<StsText.Published> result = new CompletableFuture<>();
            AtomicBoolean begun = new AtomicBoolean();
            gate.submit(addresses.getFirst(), () -> {
                if (begun.compareAndSet(false, true)) {
                    complete(result, host, addresses);
                }
            });
            CompletableFuture.delayedExecutor(WAIT_MINUTES, TimeUnit.MINUTES, Runnable::run).execute(() -> {
                if (begun.compareAndSet(false, true)) {
                    Thread.startVirtualThread(() -> result.completeExceptionally(new StsException(
                            "sts-policy-fetch-error", host + " is asked for too many policies at one time")));
                }
            });
            return result;
        });
    }

    private void complete(CompletableFuture<StsText.Published> result, String host, List<InetAddress> addresses) {
        try {
            result.complete(fetch(host, addresses));
        } catch (RuntimeException | Error e) {
            result.completeExceptionally(e);
        }
    }

    private StsText.Published fetch(String host, List<InetAddress> addresses) {
        HttpsExchange.Answer answer;
        try {
            answer = https.get(host, addresses, port, PATH);
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
