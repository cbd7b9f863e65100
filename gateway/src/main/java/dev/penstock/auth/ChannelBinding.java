package dev.penstock.auth;

import org.jspecify.annotations.Nullable;

import dev.penstock.tls.TlsSession;

/** Where an exchange finds what ties it to its TLS connection (RFC 5056). Stateless. */
interface ChannelBinding {
    /** {@code tls-exporter}, RFC 9266. */
    String EXPORTER = "tls-exporter";
    /** {@code tls-server-end-point}, RFC 5929 4. */
    String SERVER_END_POINT = "tls-server-end-point";

    /** @return null when this connection has none of this type */
    byte @Nullable [] data(String type, TlsSession tls);
}
