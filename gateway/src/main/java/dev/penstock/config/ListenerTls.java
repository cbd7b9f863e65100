package dev.penstock.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * TLS of one listener.
 *
 * @param mode               {@link Mode#NONE} when there is no certificate
 * @param certificates       the one whose names match the client's server name (SNI) is used, the first when none does
 * @param minProtocol        {@code TLSv1.2} or {@code TLSv1.3}
 * @param clientCertificates whether clients are asked for one
 * @param clientCa           PEM file of the authorities that client certificates are checked against
 */
public record ListenerTls(Mode mode, List<Certificate> certificates, String minProtocol,
        ClientCertificates clientCertificates, Optional<Path> clientCa) {
    public static final ListenerTls NONE = new ListenerTls(Mode.NONE, List.of(), "TLSv1.2", ClientCertificates.NONE,
            Optional.empty());

    public ListenerTls {
        certificates = List.copyOf(certificates);
    }

    public enum Mode {
        NONE,
        /** STARTTLS is offered (RFC 3207). */
        OFFERED,
        /** STARTTLS is offered, and nothing but EHLO, NOOP, QUIT and STARTTLS is taken before it (530 5.7.0). */
        REQUIRED,
        /** TLS from the first octet (RFC 8314: port 465). */
        IMPLICIT
    }

    public enum ClientCertificates {
        NONE,
        /** Asked for; a client without one, or with one that doesn't verify, goes on without an identity. */
        REQUESTED,
        /** The handshake fails without one that verifies. */
        REQUIRED
    }

    /**
     * PEM files, looked at again when they change.
     *
     * @param chain the certificate and those that vouch for it, leaf first
     * @param key   its private key, PKCS #8, not encrypted
     */
    public record Certificate(Path chain, Path key) {}
}
