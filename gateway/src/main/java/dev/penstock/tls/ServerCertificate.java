package dev.penstock.tls;

import java.security.PrivateKey;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import dev.penstock.config.ListenerTls;
import dev.penstock.units.CertificateFileException;
import dev.penstock.units.PemFile;

/**
 * A certificate that has been read, with its key and those that vouch for it. Immutable.
 *
 * @param chain leaf first
 * @param names DNS names it is good for, lower case, wildcards included
 */
record ServerCertificate(List<X509Certificate> chain, PrivateKey key, Set<String> names) {
    private static final int DNS_NAME = 2; // RFC 5280 4.2.1.6, the tag of dNSName

    /** @throws CertificateFileException when a file can't be used, or the key isn't the certificate's */
    static ServerCertificate read(ListenerTls.Certificate files) {
        PemFile.Pair pair = PemFile.pair(files.chain(), files.key());
        return new ServerCertificate(pair.chain(), pair.key(), names(pair.chain().getFirst(), files));
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
}
