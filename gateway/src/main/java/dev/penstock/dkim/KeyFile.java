package dev.penstock.dkim;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.pkcs.RSAPrivateKey;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.jspecify.annotations.Nullable;

import dev.penstock.units.WholeFile;

/**
 * Reads a private key from a PEM file (RFC 7468): PKCS #8 ({@code PRIVATE KEY}) or PKCS #1 ({@code RSA PRIVATE KEY}); text
 * around the block is skipped. A file that anybody may read is no private key. Stateless.
 */
public final class KeyFile {
    /** RFC 8301 3.2: verifiers take no shorter one. */
    public static final int LEAST_RSA_BITS = 1024;
    private static final int MAX_BYTES = 64 << 10; // an RSA key of 16,384 bits takes 13 KB
    private static final Pattern BLOCK = Pattern
            .compile("-----BEGIN ((?:RSA )?PRIVATE KEY)-----\\s*([A-Za-z0-9+/=\\s]*?)\\s*-----END \\1-----");
    private static final List<String> ALGORITHMS = List.of("RSA", "Ed25519");

    private KeyFile() {}

    /** @throws KeyFileException when it can't be used */
    public static SigningKey read(Path file) {
        String text = text(file);
        Matcher block = BLOCK.matcher(text);
        if (!block.find()) {
            throw wrong(file, text.contains("ENCRYPTED")
                    ? "is encrypted; decrypt it with: openssl pkey -in FILE -out NEW-FILE"
                    : "has no private key in it; expected a PEM file with -----BEGIN PRIVATE KEY----- or "
                            + "-----BEGIN RSA PRIVATE KEY-----",
                    null);
        }
        try {
            byte[] der = Base64.getMimeDecoder().decode(block.group(2));
            SigningKey key = SigningKey.of(privateKey(block.group(1).startsWith("RSA") ? pkcs8(der) : der));
            if (key.algorithm() == SignatureAlgorithm.RSA_SHA256 && key.bits() < LEAST_RSA_BITS) {
                throw wrong(file, "has an RSA key of " + key.bits() + " bits; receivers take " + LEAST_RSA_BITS
                        + " at least (RFC 8301), 2048 is usual", null);
            }
            return key;
        } catch (IllegalArgumentException e) {
            throw wrong(file, String.valueOf(e.getMessage()), e);
        } catch (GeneralSecurityException | IOException e) {
            throw wrong(file, "the private key can't be read: " + e.getMessage(), e);
        }
    }

    private static PrivateKey privateKey(byte[] pkcs8) throws GeneralSecurityException {
        for (String algorithm : ALGORITHMS) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
            } catch (InvalidKeySpecException _) {
                // of another algorithm
            }
        }
        throw new IllegalArgumentException("the private key can't be read; expected one of RSA or Ed25519");
    }

    private static byte[] pkcs8(byte[] pkcs1) throws IOException {
        return new PrivateKeyInfo(new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE),
                RSAPrivateKey.getInstance(pkcs1)).getEncoded();
    }

    private static String text(Path file) {
        try {
            String text = new String(WholeFile.read(file, MAX_BYTES), StandardCharsets.ISO_8859_1);
            if (Files.getPosixFilePermissions(file).contains(PosixFilePermission.OTHERS_READ)) {
                throw wrong(file, "may be read by everybody; take that away with: chmod o= FILE", null);
            }
            return text;
        } catch (NoSuchFileException e) {
            throw new KeyFileException(file, "no such file", true, e);
        } catch (AccessDeniedException e) {
            throw wrong(file, "may not be read by this user", e);
        } catch (IOException e) {
            throw wrong(file, WholeFile.reason(e), e);
        }
    }

    private static KeyFileException wrong(Path file, String what, @Nullable Throwable cause) {
        return new KeyFileException(file, what, false, cause);
    }
}
