package dev.penstock.tls;

import java.time.Instant;
import java.util.Optional;

/**
 * TLS of all listeners. Immutable.
 *
 * @param waiting  steps of handshakes that wait for a thread now
 * @param notAfter when the certificate that expires first does; empty when no listener speaks TLS
 */
public record TlsFigures(TlsStats stats, int waiting, Optional<Instant> notAfter) {}
