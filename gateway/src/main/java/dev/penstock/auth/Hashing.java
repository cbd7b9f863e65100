package dev.penstock.auth;

import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.security.spec.InvalidKeySpecException;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.generators.OpenBSDBCrypt;
import org.bouncycastle.crypto.params.Argon2Parameters;

import dev.penstock.config.PasswordHash;
import dev.penstock.config.ScramVerifier;

/** Makes and checks what is kept of passwords. Stateless. Slow on purpose, but for the HMACs. */
public final class Hashing {
    private static final String HMAC = "HmacSHA256";
    private static final SecureRandom RANDOM = new SecureRandom();

    private Hashing() {}

    /** An Argon2id hash with the default costs and a new salt. */
    public static PasswordHash.Argon2id argon2id(String password) {
        byte[] salt = random(PasswordHash.Argon2id.SALT_LENGTH);
        byte[] hash = argon2id(PasswordHash.Argon2id.DEFAULT_MEMORY, PasswordHash.Argon2id.DEFAULT_ITERATIONS,
                PasswordHash.Argon2id.DEFAULT_PARALLELISM, salt, PasswordHash.Argon2id.HASH_LENGTH,
                Utf8.encode(password));
        Base64.Encoder base64 = Base64.getEncoder().withoutPadding();
        return new PasswordHash.Argon2id(PasswordHash.Argon2id.DEFAULT_MEMORY,
                PasswordHash.Argon2id.DEFAULT_ITERATIONS, PasswordHash.Argon2id.DEFAULT_PARALLELISM,
                base64.encodeToString(salt), base64.encodeToString(hash));
    }

    /** A verifier with a new salt. */
    public static ScramVerifier scramSha256(String password, int iterations) {
        byte[] salt = random(ScramVerifier.SALT_LENGTH);
        return scramSha256(password, salt, iterations);
    }

    /** RFC 5802 3: SaltedPassword, ClientKey, StoredKey, ServerKey. */
    static ScramVerifier scramSha256(String password, byte[] salt, int iterations) {
        byte[] salted = salted(password, salt, iterations);
        Base64.Encoder base64 = Base64.getEncoder();
        return new ScramVerifier(iterations, base64.encodeToString(salt),
                base64.encodeToString(sha256(hmac(salted, Utf8.encode("Client Key")))),
                base64.encodeToString(hmac(salted, Utf8.encode("Server Key"))));
    }

    /** RFC 5802 3: SaltedPassword. */
    static byte[] salted(String password, byte[] salt, int iterations) {
        try {
            return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                    .generateSecret(new PBEKeySpec(password.toCharArray(), salt, iterations, 256)).getEncoded();
        } catch (NoSuchAlgorithmException | InvalidKeySpecException e) {
            throw new LinkageError("every JDK has PBKDF2WithHmacSHA256", e);
        }
    }

    /** Blocks for as long as the hash costs. */
    static boolean matches(PasswordHash expected, byte[] password) {
        return switch (expected) {
            case PasswordHash.Bcrypt(String text) -> OpenBSDBCrypt.checkPassword(text, password);
            case PasswordHash.Argon2id(int memory, int iterations, int parallelism, String salt, String hash) -> {
                byte[] known = Base64.getDecoder().decode(hash);
                byte[] found = argon2id(memory, iterations, parallelism, Base64.getDecoder().decode(salt),
                        known.length, password);
                yield MessageDigest.isEqual(known, found);
            }
        };
    }

    private static byte[] argon2id(int memory, int iterations, int parallelism, byte[] salt, int length,
            byte[] password) {
        Argon2BytesGenerator generator = new Argon2BytesGenerator();
        generator.init(new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
                .withVersion(Argon2Parameters.ARGON2_VERSION_13)
                .withMemoryAsKB(memory)
                .withIterations(iterations)
                .withParallelism(parallelism)
                .withSalt(salt)
                .build());
        byte[] hash = new byte[length];
        generator.generateBytes(password, hash);
        return hash;
    }

    static byte[] hmac(byte[] key, byte[]... parts) {
        try {
            Mac mac = Mac.getInstance(HMAC);
            mac.init(new SecretKeySpec(key, HMAC));
            for (byte[] part : parts) {
                mac.update(part);
            }
            return mac.doFinal();
        } catch (NoSuchAlgorithmException | InvalidKeyException e) {
            throw new LinkageError("every JDK has " + HMAC, e);
        }
    }

    static byte[] sha256(byte[] octets) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(octets);
        } catch (NoSuchAlgorithmException e) {
            throw new LinkageError("every JDK has SHA-256", e);
        }
    }

    static byte[] random(int length) {
        byte[] octets = new byte[length];
        RANDOM.nextBytes(octets);
        return octets;
    }
}
