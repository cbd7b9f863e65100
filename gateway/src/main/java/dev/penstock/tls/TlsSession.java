package dev.penstock.tls;

import java.security.cert.X509Certificate;
import javax.net.ssl.SSLSession;

import org.jspecify.annotations.Nullable;

/**
 * What TLS came to on a connection. Immutable.
 *
 * @param protocol   {@code TLSv1.3}
 * @param cipher     {@code TLS_AES_256_GCM_SHA384}
 * @param serverName what the client asked for by SNI, empty when it didn't
 * @param client     the client's certificate when it was verified, null when there is none
 * @param session    for channel bindings (RFC 5929, RFC 9266)
 */
public record TlsSession(String protocol, String cipher, String serverName, @Nullable X509Certificate client,
        SSLSession session) {}
