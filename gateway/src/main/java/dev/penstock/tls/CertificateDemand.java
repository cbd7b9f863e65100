package dev.penstock.tls;

import java.util.List;
import java.util.Set;

/** What a server's certificate has to be for a handshake to go on. Immutable. */
public sealed interface CertificateDemand {
    /** Anything; whether the authorities vouch for it is noted. */
    CertificateDemand ANY = new Any();

    /** The authorities vouch for it, and it is for the server's name. */
    CertificateDemand NAMED = new Named();

    record Any() implements CertificateDemand {}

    record Named() implements CertificateDemand {}

    /**
     * It matches one of the TLSA records, and nobody else is asked (RFC 7672 3).
     *
     * @param associations usable ones, at least one
     * @param base         the name that the records are of, which SNI says
     * @param names        the certificate is for one of them, where a record is of an authority; lower case
     */
    record Dane(List<DaneAssociation> associations, String base, Set<String> names) implements CertificateDemand {
        public Dane {
            associations = List.copyOf(associations);
            names = Set.copyOf(names);
        }
    }
}
