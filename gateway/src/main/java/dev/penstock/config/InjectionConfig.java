package dev.penstock.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

import dev.penstock.units.ByteSize;

/**
 * Mail taken over HTTP.
 *
 * @param address              to listen on; empty for not at all
 * @param port                 to listen on
 * @param maxBody              octets of a request's body, after gzip; more get 413 (request_body_limit of KumoMTA, 2 MB)
 * @param maxRecipients        of one request; more get 422
 * @param maxConcurrent        requests at one time; more get 429
 * @param maxConnections       at one time; more are closed at once
 * @param maxConnectionsPerAddress of these, from one address (IPv6: /64), relay networks but for
 * @param memoryLimit          octets that all requests hold at one time: bodies, what is made of them, messages; what
 *                             goes beyond gets 503; at least 8 times {@code maxBody}, and by default so much
 * @param deadline             for a request's body to come, and for its messages to be made
 * @param requireAuth          whether clients outside {@code relayNetworks} must log in; false only behind a proxy that
 *                             asks
 * @param relayNetworks        CIDR blocks whose clients need not log in
 * @param directory            where earlier versions kept idempotency keys, which a start takes over
 * @param idempotencyRetention how long keys are remembered that are recorded from now on
 * @param maxKeys              how many are; requests with further ones get 503
 * @param certificates         for TLS from the first octet, chosen as a listener's; none for HTTP in clear
 */
public record InjectionConfig(String address, int port, ByteSize maxBody, int maxRecipients, int maxConcurrent,
        int maxConnections, int maxConnectionsPerAddress, ByteSize memoryLimit, Duration deadline, boolean requireAuth,
        List<String> relayNetworks, Path directory, Duration idempotencyRetention, int maxKeys,
        List<ListenerTls.Certificate> certificates) {
    public static final InjectionConfig DEFAULT = new InjectionConfig("", 8026, ByteSize.ofMegabytes(16), 10_000, 64,
            1000, 100, ByteSize.ofMegabytes(128), Duration.ofMinutes(1), true, List.of(), Path.of("data", "injection"),
            Duration.ofHours(24), 500_000, List.of());

    public InjectionConfig {
        relayNetworks = List.copyOf(relayNetworks);
        certificates = List.copyOf(certificates);
    }

    /** In clear. */
    public InjectionConfig(String address, int port, ByteSize maxBody, int maxRecipients, int maxConcurrent,
            int maxConnections, int maxConnectionsPerAddress, ByteSize memoryLimit, Duration deadline,
            boolean requireAuth, List<String> relayNetworks, Path directory, Duration idempotencyRetention,
            int maxKeys) {
        this(address, port, maxBody, maxRecipients, maxConcurrent, maxConnections, maxConnectionsPerAddress,
                memoryLimit, deadline, requireAuth,
                relayNetworks, directory, idempotencyRetention, maxKeys, List.of());
    }

    /** Its TLS, as of a listener. */
    public ListenerTls tls() {
        return !enabled() || certificates.isEmpty()
                ? ListenerTls.NONE
                : new ListenerTls(ListenerTls.Mode.IMPLICIT, certificates, ListenerTls.NONE.minProtocol(),
                        ListenerTls.ClientCertificates.NONE, Optional.empty());
    }

    /** Whether mail is taken over HTTP at all. */
    public boolean enabled() {
        return !address.isEmpty();
    }
}
