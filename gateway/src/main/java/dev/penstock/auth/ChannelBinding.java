package dev.penstock.auth;

import org.jspecify.annotations.Nullable;

import dev.penstock.tls.ChannelBindings;
import dev.penstock.tls.TlsSession;

/** Where an exchange finds what ties it to its TLS connection (RFC 5056). Stateless. */
@FunctionalInterface
interface ChannelBinding {
    /** {@code tls-exporter}, RFC 9266. */
    String EXPORTER = "tls-exporter";
    /** {@code tls-server-end-point}, RFC 5929 4. */
    String SERVER_END_POINT = "tls-server-end-point";

    /** What JSSE's sessions give. */
    ChannelBinding OF_TLS = (type, tls) -> switch (type) {
        case EXPORTER -> ChannelBindings.exporter(tls);
        case SERVER_END_POINT -> ChannelBindings.serverEndPoint(tls);
        default -> null;
    };

    /** @return null when this connection has none of this type */
    byte @Nullable [] data(String type, TlsSession tls);
}
