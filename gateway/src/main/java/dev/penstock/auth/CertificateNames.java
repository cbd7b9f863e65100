package dev.penstock.auth;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;

import dev.penstock.config.CertificateName;

/** The names that a certificate gives its holder. Stateless. */
public final class CertificateNames {
    private static final int EMAIL = 1; // RFC 5280 4.2.1.6, rfc822Name
    private static final int DNS = 2;
    private static final int URI = 6;

    private CertificateNames() {}

    /**
     * Alternative names as the certificate orders them; where it has none of any kind, its common names (RFC 6125 6.4.4). In
     * the form that is compared.
     */
    public static List<String> of(X509Certificate certificate) {
        List<String> names = new ArrayList<>();
        try {
            Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
            for (List<?> alternative : alternatives == null ? List.<List<?>>of() : alternatives) {
                if (alternative.get(0) instanceof Integer type && (type == EMAIL || type == DNS || type == URI)
                        && alternative.get(1) instanceof String name) {
                    names.add(CertificateName.comparable(name));
                }
            }
            if (alternatives != null) {
                return names;
            }
            for (Rdn part : new LdapName(certificate.getSubjectX500Principal().getName()).getRdns()) {
                if (part.getType().equalsIgnoreCase("CN") && part.getValue() instanceof String name) {
                    names.add(CertificateName.comparable(name));
                }
            }
        } catch (CertificateParsingException | InvalidNameException _) {
            return List.of(); // nobody is logged in by a certificate that can't be read as a whole
        }
        return names;
    }
}
