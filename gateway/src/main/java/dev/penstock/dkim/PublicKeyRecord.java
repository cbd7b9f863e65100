package dev.penstock.dkim;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;

/**
 * A key as it stands in the DNS (RFC 6376 3.6.1). Immutable by agreement.
 *
 * @param keyType   of {@code k=}, {@code rsa} when nothing is said
 * @param publicKey of {@code p=}; empty when it has been revoked
 * @param testing   {@code t=y}: a failed signature is to be taken for none
 * @param strict    {@code t=s}: the domain of {@code i=} must be that of {@code d=}, and none below it
 */
@SuppressWarnings("ArrayRecordComponent") // never changed; compared by its octets where it is
public record PublicKeyRecord(String keyType, byte[] publicKey, boolean testing, boolean strict) {
    /** DER of a SubjectPublicKeyInfo before the 32 octets (RFC 8410 4). */
    private static final byte[] ED25519_PREFIX = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21,
        0x00};
    private static final int ED25519_OCTETS = 32;

    /**
     * Reads the text of a record.
     *
     * @throws IllegalArgumentException when it is no key that can be used for mail; the message says why
     */
    public static PublicKeyRecord parse(String text) {
        TagList tags = TagList.parse(text);
        if (!tags.get("v", "DKIM1").equals("DKIM1") || tags.get("v") != null
                && !tags.tags().keySet().iterator().next().equals("v")) {
            throw new IllegalArgumentException("v= must be DKIM1, and the first tag");
        }
        String p = tags.get("p");
        if (p == null) {
            throw new IllegalArgumentException("the tag p= is missing");
        }
        List<String> hashes = List.of(TagList.withoutSpace(tags.get("h", "sha256")).split(":"));
        if (!hashes.contains("sha256")) {
            throw new IllegalArgumentException("h= doesn't allow sha256");
        }
        List<String> services = List.of(TagList.withoutSpace(tags.get("s", "*")).split(":"));
        if (!services.contains("*") && !services.contains("email")) {
            throw new IllegalArgumentException("s= doesn't allow email");
        }
        List<String> flags = List.of(TagList.withoutSpace(tags.get("t", "")).split(":"));
        byte[] key;
        try {
            key = Base64.getDecoder().decode(TagList.withoutSpace(p));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("p= isn't well-formed base64: " + e.getMessage(), e);
        }
        return new PublicKeyRecord(tags.get("k", "rsa"), key, flags.contains("y"), flags.contains("s"));
    }

    public boolean isRevoked() {
        return publicKey.length == 0;
    }

    /** Of the modulus; 256 for Ed25519. Zero when the key can't be read. */
    public int bits() {
        try {
            return publicKey(keyType.equals("ed25519")
                    ? SignatureAlgorithm.ED25519_SHA256
                    : SignatureAlgorithm.RSA_SHA256, publicKey) instanceof RSAPublicKey rsa
                            ? rsa.getModulus().bitLength()
                            : ED25519_OCTETS * Byte.SIZE;
        } catch (GeneralSecurityException | IllegalArgumentException _) {
            return 0;
        }
    }

    /** Whether it is the other half of a private key. */
    public boolean belongsTo(SigningKey key) {
        return keyType.equals(key.algorithm().keyType()) && Arrays.equals(publicKey, key.publicKey());
    }

    /** Whether the signature of the canonical header is this key's. */
    static boolean verifies(SignatureAlgorithm algorithm, byte[] publicKey, byte[] header, byte[] signature)
            throws GeneralSecurityException {
        boolean rsa = algorithm == SignatureAlgorithm.RSA_SHA256;
        Signature verification = Signature.getInstance(rsa ? "SHA256withRSA" : "Ed25519");
        verification.initVerify(publicKey(algorithm, publicKey));
        verification.update(rsa ? header : BodyHash.sha256().digest(header));
        return verification.verify(signature);
    }

    private static PublicKey publicKey(SignatureAlgorithm algorithm, byte[] octets) throws GeneralSecurityException {
        return switch (algorithm) {
            case RSA_SHA256 -> KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(info(octets)));
            case ED25519_SHA256 -> {
                if (octets.length != ED25519_OCTETS) {
                    throw new IllegalArgumentException("p= has " + octets.length + " octets; an Ed25519 key has "
                            + ED25519_OCTETS);
                }
                byte[] info = Arrays.copyOf(ED25519_PREFIX, ED25519_PREFIX.length + ED25519_OCTETS);
                System.arraycopy(octets, 0, info, ED25519_PREFIX.length, ED25519_OCTETS);
                yield KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(info));
            }
        };
    }

    /** RFC 6376 3.6.1 says RSAPublicKey, its examples and everybody else SubjectPublicKeyInfo (erratum 3017). */
    private static byte[] info(byte[] octets) {
        try {
            org.bouncycastle.asn1.pkcs.RSAPublicKey bare = org.bouncycastle.asn1.pkcs.RSAPublicKey.getInstance(octets);
            return new SubjectPublicKeyInfo(new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption), bare)
                    .getEncoded();
        } catch (java.io.IOException | IllegalArgumentException _) {
            return octets;
        }
    }
}
