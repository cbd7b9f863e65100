package dev.penstock.tls;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/** Makes the JDK's check of chains and dates (RFC 5280) for authorities of our own. Stateless. */
final class Authorities {
    private Authorities() {}

    /**
     * @param file PEM file of those to trust; those that come with Java when empty
     * @throws CertificateFileException when the file can't be used
     */
    static X509ExtendedTrustManager trusting(Optional<Path> file) {
        try {
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(file.isEmpty() ? null : anchors(PemFile.certificates(file.get())));
            for (TrustManager manager : factory.getTrustManagers()) {
                if (manager instanceof X509ExtendedTrustManager extended) {
                    return extended;
                }
            }
            throw new IllegalStateException("no X.509 trust manager in this Java");
        } catch (GeneralSecurityException | IOException e) {
            if (file.isPresent()) {
                throw new CertificateFileException(file.get(), "can't be used as authorities: " + e.getMessage(), e);
            }
            throw new IllegalStateException("no authorities to trust: " + e.getMessage(), e);
        }
    }

    private static KeyStore anchors(List<X509Certificate> certificates) throws GeneralSecurityException, IOException {
        KeyStore anchors = KeyStore.getInstance(KeyStore.getDefaultType());
        anchors.load(null, null);
        for (int i = 0; i < certificates.size(); i++) {
            anchors.setCertificateEntry(Integer.toString(i), certificates.get(i));
        }
        return anchors;
    }
}
