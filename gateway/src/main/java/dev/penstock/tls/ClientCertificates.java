package dev.penstock.tls;

import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSession;
import javax.net.ssl.X509ExtendedTrustManager;

import dev.penstock.units.CertificateFileException;

/**
 * Checks clients' certificates against authorities of our own: chain, dates and use (RFC 5280), no revocation lists.
 * Immutable.
 *
 * <p>The trust manager leaves in the session what it found, and {@link #verified} tells it afterwards.
 */
final class ClientCertificates {
    /** JSSE wants a key exchange's name; for client certificates it plays no part in the check. */
    private static final String ANY = "UNKNOWN";
    /** In a session that a certificate was sent for, a Boolean. */
    private static final String VERIFIED = "dev.penstock.tls.verified";

    private final X509ExtendedTrustManager strict;

    private ClientCertificates(X509ExtendedTrustManager strict) {
        this.strict = strict;
    }

    /** @throws CertificateFileException when the file can't be used */
    static ClientCertificates read(Path file) {
        return new ClientCertificates(Authorities.trusting(Optional.of(file)));
    }

    /** @param lenient whether a handshake goes on whatever the certificate is worth */
    X509ExtendedTrustManager trustManager(boolean lenient) {
        return new Recording(lenient);
    }

    /** What the handshake found out; a resumed session had none, and its chain is checked now. */
    boolean verified(SSLSession session, X509Certificate[] chain) {
        return session.getValue(VERIFIED) instanceof Boolean found ? found : isGood(chain);
    }

    private boolean isGood(X509Certificate[] chain) {
        try {
            strict.checkClientTrusted(chain, ANY);
            return true;
        } catch (CertificateException _) {
            return false;
        }
    }

    private final class Recording extends Authorities.Judge {
        Recording(boolean lenient) {
            super(lenient);
        }

        /** Named to clients, so that they can choose. */
        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return strict.getAcceptedIssuers();
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
                throws CertificateException {
            CertificateException problem = judge(() -> strict.checkClientTrusted(chain, authType, engine));
            engine.getHandshakeSession().putValue(VERIFIED, problem == null);
        }
    }
}
