package dev.penstock.dkim;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;

import com.amazon.corretto.crypto.provider.AmazonCorrettoCryptoProvider;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who does the arithmetic of signatures: AWS-LC by way of the Amazon Corretto Crypto Provider, a quarter of the JDK's cost
 * for RSA-2048 and a fortieth for Ed25519, or the JDK where that library can't be loaded. Immutable.
 */
public final class Crypto {
    private static final Logger log = LoggerFactory.getLogger(Crypto.class);
    private static final byte[] PROOF = {1, 2, 3, 4, 5, 6, 7, 8};

    /** Loads the library when it is first asked for: whoever signs nothing does without. */
    private static final class Best {
        static final Crypto INSTANCE = best();
    }

    private final @Nullable Provider provider; // null for the JDK's own
    private final String name;

    private Crypto(@Nullable Provider provider, String name) {
        this.provider = provider;
        this.name = name;
    }

    /** The fastest there is; which one that is, the log says once. */
    public static Crypto fastest() {
        return Best.INSTANCE;
    }

    /** The JDK's own. */
    public static Crypto jdk() {
        return new Crypto(null, "JDK");
    }

    private static Crypto best() {
        String why;
        try {
            AmazonCorrettoCryptoProvider corretto = AmazonCorrettoCryptoProvider.INSTANCE;
            Throwable failure = corretto.getLoadingError();
            if (failure == null) {
                String name = corretto.getName() + " " + corretto.getVersionStr();
                log.info("event=dkim-crypto provider={}", name);
                return new Crypto(corretto, name);
            }
            why = failure.toString();
        } catch (LinkageError e) {
            why = e.toString();
        }
        log.warn("event=dkim-crypto provider=jdk effect=\"signatures cost several times as much\" why={}", why);
        return jdk();
    }

    public String name() {
        return name;
    }

    /**
     * The key in the form that this one takes, tried: what it signs, the JDK verifies.
     *
     * @throws IllegalArgumentException when it can't be used
     */
    SigningKey take(SigningKey key) {
        try {
            // the JDK's keys of Ed25519 are taken as they are
            PrivateKey own = provider == null || key.algorithm() == SignatureAlgorithm.ED25519_SHA256
                    ? key.key()
                    : KeyFactory.getInstance("RSA", provider)
                            .generatePrivate(new PKCS8EncodedKeySpec(key.key().getEncoded()));
            SigningKey taken = new SigningKey(key.algorithm(), own, key.bits(), key.publicKey());
            if (!PublicKeyRecord.verifies(key.algorithm(), key.publicKey(), PROOF, sign(taken, PROOF))) {
                throw new IllegalArgumentException("the private key doesn't fit its own public key");
            }
            return taken;
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("the private key can't be used: " + e.getMessage(), e);
        }
    }

    /**
     * Signs the canonical octets of a header.
     *
     * @param key as {@link #take taken}
     */
    byte[] sign(SigningKey key, byte[] header) throws GeneralSecurityException {
        boolean rsa = key.algorithm() == SignatureAlgorithm.RSA_SHA256;
        String algorithm = rsa ? "SHA256withRSA" : "Ed25519";
        Signature signature = provider == null
                ? Signature.getInstance(algorithm)
                : Signature.getInstance(algorithm, provider);
        signature.initSign(key.key());
        signature.update(rsa ? header : BodyHash.sha256().digest(header)); // RFC 8463 3: of the hash, and hashed again
        return signature.sign();
    }
}
