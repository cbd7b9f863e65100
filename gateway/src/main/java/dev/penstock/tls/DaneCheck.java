package dev.penstock.tls;

import java.io.ByteArrayInputStream;
import java.security.GeneralSecurityException;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/**
 * Whether a server's certificates are what its TLSA records say (RFC 7672 3.1, 3.2). Stateless.
 *
 * <p>A certificate that is named itself (usage 3) is good whatever its dates, names and issuer. One below a named authority
 * (usage 2) has to be in its time, issued by that authority through certificates that the server sends, and for the host.
 */
final class DaneCheck {
    /** GeneralName dNSName (RFC 5280 4.2.1.6). */
    private static final int DNS_NAME = 2;
    private static final String WILDCARD = "*.";

    private DaneCheck() {}

    /** @throws CertificateException when no record matches, saying what was tried */
    static void check(X509Certificate[] chain, CertificateDemand.Dane demand) throws CertificateException {
        String nearest = "no TLSA record matches the certificate";
        for (DaneAssociation association : demand.associations()) {
            if (association.usage() == DaneAssociation.SERVER) {
                if (association.matches(chain[0])) {
                    return;
                }
                continue;
            }
            String problem = checkAuthority(chain, association, demand.names());
            if (problem == null) {
                return;
            }
            nearest = problem.isEmpty() ? nearest : problem;
        }
        throw new CertificateException(nearest);
    }

    /** @return null when it is good, empty when the record is of another authority, else what is wrong below this one */
    private static @Nullable String checkAuthority(X509Certificate[] chain, DaneAssociation association,
            Set<String> names) throws CertificateException {
        X509Certificate authority = null;
        int length = chain.length;
        for (int i = 1; i < chain.length && authority == null; i++) {
            if (association.matches(chain[i])) {
                authority = chain[i];
                length = i;
            }
        }
        if (authority == null) {
            authority = given(association); // which needn't be sent
        }
        if (authority == null) {
            return "";
        }
        try {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(authority, null)));
            parameters.setRevocationEnabled(false);
            CertPathValidator.getInstance("PKIX").validate(
                    factory.generateCertPath(Arrays.asList(chain).subList(0, length)), parameters);
        } catch (CertPathValidatorException e) {
            return "the certificate isn't good below the authority that a TLSA record names: " + e.getMessage();
        } catch (GeneralSecurityException e) {
            throw new CertificateException("can't be checked: " + e.getMessage(), e);
        }
        return isFor(chain[0], names) ? null : "the certificate is for none of " + String.join(", ", names);
    }

    private static @Nullable X509Certificate given(DaneAssociation association) {
        if (association.selector() != DaneAssociation.CERTIFICATE || association.matching() != DaneAssociation.WHOLE) {
            return null;
        }
        try {
            return (X509Certificate) CertificateFactory.getInstance("X.509")
                    .generateCertificate(new ByteArrayInputStream(association.data()));
        } catch (CertificateException _) {
            return null; // it is no certificate: nothing matches it
        }
    }

    /** By its DNS names; an asterisk is one whole first label (RFC 7672 3.2.3). */
    private static boolean isFor(X509Certificate certificate, Set<String> names) throws CertificateException {
        Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
        if (alternatives == null) {
            return false;
        }
        for (List<?> alternative : alternatives) {
            if (alternative.getFirst() instanceof Integer type && type == DNS_NAME
                    && alternative.get(1) instanceof String presented
                    && names.stream().anyMatch(name -> matches(presented.toLowerCase(Locale.ROOT), name))) {
                return true;
            }
        }
        return false;
    }

    private static boolean matches(String presented, String name) {
        if (!presented.startsWith(WILDCARD)) {
            return presented.equals(name);
        }
        int dot = name.indexOf('.');
        return dot > 0 && name.substring(dot + 1).equals(presented.substring(WILDCARD.length()));
    }
}
