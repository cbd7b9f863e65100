package dev.penstock.dkim;

import java.io.IOException;
import java.security.PrivateKey;
import java.security.interfaces.EdECPrivateKey;
import java.security.interfaces.RSAPrivateCrtKey;
import java.util.Base64;

import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSAPublicKey;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;

/**
 * A private key that signatures are made with. Immutable; shows nothing of the key.
 *
 * @param bits       of the modulus; 256 for Ed25519
 * @param publicKey  as in {@code p=}, before Base64: a SubjectPublicKeyInfo for RSA, the 32 octets of an Ed25519 key
 *                   (RFC 8463 4.2)
 */
@SuppressWarnings("ArrayRecordComponent") // never changed; compared by its octets where it is
public record SigningKey(SignatureAlgorithm algorithm, PrivateKey key, int bits, byte[] publicKey) {
    private static final int ED25519_BITS = 256;

    /** @throws IllegalArgumentException when it is neither an RSA key with its public exponent nor one of Ed25519 */
    static SigningKey of(PrivateKey key) {
        return switch (key) {
            case RSAPrivateCrtKey rsa ->
                new SigningKey(SignatureAlgorithm.RSA_SHA256, rsa, rsa.getModulus().bitLength(),
                        publicKey(rsa));
            case EdECPrivateKey edwards when edwards.getParams().getName().equals("Ed25519") -> new SigningKey(
                    SignatureAlgorithm.ED25519_SHA256, edwards, ED25519_BITS,
                    new Ed25519PrivateKeyParameters(edwards.getBytes().orElseThrow(
                            () -> new IllegalArgumentException("the key doesn't show itself"))).generatePublicKey()
                            .getEncoded());
            default -> throw new IllegalArgumentException(
                    "is a key for " + key.getAlgorithm() + "; expected one of RSA or Ed25519");
        };
    }

    private static byte[] publicKey(RSAPrivateCrtKey key) {
        try {
            ASN1EncodableVector info = new ASN1EncodableVector(2);
            info.add(new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE));
            info.add(new DERBitString(new RSAPublicKey(key.getModulus(), key.getPublicExponent())
                    .getEncoded(ASN1Encoding.DER)));
            return new DERSequence(info).getEncoded(ASN1Encoding.DER);
        } catch (IOException e) {
            throw new IllegalStateException("written into memory", e);
        }
    }

    /** What stands in the DNS at {@code SELECTOR._domainkey.DOMAIN}, as one text. */
    public String record() {
        return "v=DKIM1; k=" + algorithm.keyType() + "; p=" + Base64.getEncoder().encodeToString(publicKey);
    }

    @Override
    public String toString() {
        return algorithm.tag() + " (" + bits + " bits)";
    }
}
