package dev.penstock.tls;

import java.net.Socket;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;

import org.jspecify.annotations.Nullable;

/**
 * Chooses the certificate that has the name asked for, then one that has it by a wildcard, then the first. Among several
 * for the same name (RSA and EC) the client's order of algorithms decides. Immutable; an alias is the place in the list.
 */
final class SniKeyManager extends X509ExtendedKeyManager {
    private final List<ServerCertificate> certificates;

    /** @param certificates one at least */
    SniKeyManager(List<ServerCertificate> certificates) {
        this.certificates = List.copyOf(certificates);
    }

    /** Those to choose from by algorithm, best first, for a name in lower case or empty. */
    List<ServerCertificate> candidates(String serverName) {
        List<ServerCertificate> exact = those(certificate -> certificate.isExactlyFor(serverName));
        if (!exact.isEmpty()) {
            return exact;
        }
        List<ServerCertificate> wildcard = those(certificate -> certificate.isByWildcardFor(serverName));
        return wildcard.isEmpty()
                ? those(certificate -> certificate.names().equals(certificates.getFirst().names()))
                : wildcard;
    }

    private List<ServerCertificate> those(Predicate<ServerCertificate> fit) {
        return certificates.stream().filter(fit).toList();
    }

    @Override
    public @Nullable String chooseEngineServerAlias(String keyType, Principal @Nullable [] issuers, SSLEngine engine) {
        for (ServerCertificate candidate : candidates(serverName(engine.getHandshakeSession()))) {
            if (candidate.keyType().equals(keyType)) {
                return Integer.toString(certificates.indexOf(candidate));
            }
        }
        return null;
    }

    /** What the client asked for by SNI, lower case; empty when it didn't. */
    static String serverName(Object session) {
        if (session instanceof ExtendedSSLSession extended) {
            for (SNIServerName name : extended.getRequestedServerNames()) {
                if (name instanceof SNIHostName host) {
                    return host.getAsciiName().toLowerCase(Locale.ROOT);
                }
            }
        }
        return "";
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
        return certificates.get(Integer.parseInt(alias)).chain().toArray(X509Certificate[]::new);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
        return certificates.get(Integer.parseInt(alias)).key();
    }

    @Override
    public String @Nullable [] getServerAliases(String keyType, Principal @Nullable [] issuers) {
        return null;
    }

    @Override
    public @Nullable String chooseServerAlias(String keyType, Principal @Nullable [] issuers, @Nullable Socket socket) {
        return null;
    }

    @Override
    public String @Nullable [] getClientAliases(String keyType, Principal @Nullable [] issuers) {
        return null;
    }

    @Override
    public @Nullable String chooseClientAlias(String[] keyType, Principal @Nullable [] issuers,
            @Nullable Socket socket) {
        return null;
    }
}
