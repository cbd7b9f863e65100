package dev.penstock.tls;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.CertificateFileException;
import dev.penstock.units.PemFile;

/** Who is trusted to vouch for certificates, and what a handshake makes of their opinion. Stateless. */
final class Authorities {
    private Authorities() {}

    /**
     * The JDK's check of chains and dates (RFC 5280), without revocation lists.
     *
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

    /**
     * Checks certificates as authorities do, and notes what they say. A strict one ends the handshake when that is bad, a
     * lenient one lets it go on. It refuses every check but the one that its end of the connection does, which it overrides.
     */
    abstract static class Judge extends X509ExtendedTrustManager {
        private final boolean lenient;

        Judge(boolean lenient) {
            this.lenient = lenient;
        }

        /** A check by the authorities. */
        @FunctionalInterface
        interface Check {
            void run() throws CertificateException;
        }

        /**
         * @return what is wrong with the certificate, null when nothing is
         * @throws CertificateException when something is, and this one is strict
         */
        final @Nullable CertificateException judge(Check check) throws CertificateException {
            try {
                check.run();
                return null;
            } catch (CertificateException e) {
                if (!lenient) {
                    throw e;
                }
                return e;
            }
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
                throws CertificateException {
            throw notHere();
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            throw notHere();
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw notHere();
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
                throws CertificateException {
            throw notHere();
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            throw notHere();
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw notHere();
        }

        private CertificateException notHere() {
            return new CertificateException("no such check belongs to " + getClass().getSimpleName());
        }
    }
}
