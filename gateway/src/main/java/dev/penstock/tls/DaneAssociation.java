package dev.penstock.tls;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.util.List;

/**
 * One TLSA record that mail can use (RFC 7672 3.1). Immutable; {@code data} must not be changed.
 *
 * @param usage    2: an authority of the server's own, 3: its certificate itself (RFC 7218)
 * @param selector 0: of the whole certificate, 1: of its public key
 * @param matching 0: as it is, 1: SHA-256, 2: SHA-512
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record DaneAssociation(int usage, int selector, int matching, byte[] data) {
    static final int AUTHORITY = 2;
    static final int SERVER = 3;
    static final int CERTIFICATE = 0;
    private static final int KEY = 1;
    static final int WHOLE = 0;
    private static final int SHA_256 = 1;
    private static final int SHA_512 = 2;
    private static final int SHA_256_OCTETS = 32;
    private static final int SHA_512_OCTETS = 64;

    /** Whether it says anything to a client of mail; PKIX usages (0, 1) don't (RFC 7672 3.1.3). */
    public boolean isUsable() {
        boolean known = (usage == AUTHORITY || usage == SERVER) && (selector == CERTIFICATE || selector == KEY);
        return known && switch (matching) {
            case WHOLE -> data.length > 0;
            case SHA_256 -> data.length == SHA_256_OCTETS;
            case SHA_512 -> data.length == SHA_512_OCTETS;
            default -> false;
        };
    }

    /** The usable ones, of digests of the same thing only the strongest (RFC 7671 9). */
    public static List<DaneAssociation> usable(List<DaneAssociation> records) {
        List<DaneAssociation> usable = records.stream().filter(DaneAssociation::isUsable).toList();
        return usable.stream().filter(one -> one.matching == WHOLE || usable.stream().noneMatch(
                other -> other.usage == one.usage && other.selector == one.selector && other.matching > one.matching))
                .toList();
    }

    boolean matches(X509Certificate certificate) throws CertificateEncodingException {
        byte[] selected = selector == KEY ? certificate.getPublicKey().getEncoded() : certificate.getEncoded();
        return MessageDigest.isEqual(data, switch (matching) {
            case SHA_256 -> digest("SHA-256", selected);
            case SHA_512 -> digest("SHA-512", selected);
            default -> selected;
        });
    }

    private static byte[] digest(String algorithm, byte[] octets) {
        try {
            return MessageDigest.getInstance(algorithm).digest(octets);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has " + algorithm, e);
        }
    }
}
