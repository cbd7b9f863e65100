package dev.penstock.tls;

import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import dev.penstock.config.ListenerTls;

/**
 * A certificate that has been read, with its key and those that vouch for it. Immutable.
 *
 * @param chain leaf first
 * @param names DNS names it is good for, lower case, wildcards included
 */
record ServerCertificate(List<X509Certificate> chain, PrivateKey key, Set<String> names) {
    private static final int DNS_NAME = 2; // RFC 5280 4.2.1.6, the tag of dNSName
    private static final byte[] PROOF = {1, 2, 3, 4, 5, 6, 7, 8};

    /** @throws CertificateFileException when a file can't be used, or the key isn't the certificate's */
    static ServerCertificate read(ListenerTls.Certificate files) {
        List<X509Certificate> chain = PemFile.certificates(files.chain());
        PrivateKey key = PemFile.key(files.key());
        if (!belong(key, chain.getFirst())) {
            boolean later = chain.stream().anyMatch(certificate -> belong(key, certificate));
            throw new CertificateFileException(files.key(), later
                    ? "is the key of a later certificate in " + files.chain()
                            + "; the server's own must come first there"
                    : "isn't the key of the certificate in " + files.chain() + " (" + subject(chain.getFirst()) + ")");
        }
        return new ServerCertificate(chain, key, names(chain.getFirst(), files));
    }

    X509Certificate leaf() {
        return chain.getFirst();
    }

    /** As JSSE names key types: {@code RSA}, {@code EC}, {@code EdDSA}. */
    String keyType() {
        return leaf().getPublicKey().getAlgorithm();
    }

    boolean isExactlyFor(String serverName) {
        return names.contains(serverName);
    }

    /** RFC 9525 6.3: the asterisk stands for one whole label. */
    boolean isByWildcardFor(String serverName) {
        int dot = serverName.indexOf('.');
        return dot > 0 && names.contains("*" + serverName.substring(dot));
    }

    private static String subject(X509Certificate certificate) {
        return certificate.getSubjectX500Principal().getName();
    }

    private static Set<String> names(X509Certificate certificate, ListenerTls.Certificate files) {
        Set<String> names = new LinkedHashSet<>();
        try {
            Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
            if (alternatives != null) {
                for (List<?> name : alternatives) {
                    if (name.get(0) instanceof Integer tag && tag == DNS_NAME && name.get(1) instanceof String text) {
                        names.add(text.toLowerCase(Locale.ROOT));
                    }
                }
            }
        } catch (CertificateParsingException e) {
            throw new CertificateFileException(files.chain(), "its names can't be read: " + e.getMessage(), e);
        }
        return Set.copyOf(names);
    }

    private static boolean belong(PrivateKey key, X509Certificate certificate) {
        PublicKey publicKey = certificate.getPublicKey();
        String algorithm = switch (publicKey.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> publicKey.getAlgorithm();
        };
        try {
            Signature signing = Signature.getInstance(algorithm);
            signing.initSign(key);
            signing.update(PROOF);
            byte[] signature = signing.sign();
            Signature verifying = Signature.getInstance(algorithm);
            verifying.initVerify(publicKey);
            verifying.update(PROOF);
            return verifying.verify(signature);
        } catch (GeneralSecurityException _) {
            return false; // a key of another algorithm
        }
    }
}
