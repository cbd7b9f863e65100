package dev.penstock.units;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads certificates and keys from PEM files (RFC 7468); text around the blocks is skipped. Stateless. */
public final class PemFile {
    private static final int MAX_BYTES = 1 << 20; // no chain is that long: it is another file
    private static final Pattern BLOCK = Pattern
            .compile("-----BEGIN ([A-Z0-9 ]+)-----\\s*([A-Za-z0-9+/=\\s]*?)\\s*-----END \\1-----");
    private static final Pattern BEGIN = Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----");
    /** In the order of what is met most. */
    private static final List<String> KEY_ALGORITHMS = List.of("EC", "RSA", "Ed25519");

    private static final byte[] PROOF = {1, 2, 3, 4, 5, 6, 7, 8};

    private PemFile() {}

    /**
     * A certificate and its key.
     *
     * @param chain leaf first
     */
    public record Pair(List<X509Certificate> chain, PrivateKey key) {}

    /** @throws CertificateFileException when a file can't be used, or the key isn't the certificate's */
    public static Pair pair(Path chainFile, Path keyFile) {
        List<X509Certificate> chain = certificates(chainFile);
        PrivateKey key = key(keyFile);
        X509Certificate leaf = chain.getFirst();
        if (!belong(key, leaf)) {
            boolean later = chain.stream().anyMatch(certificate -> belong(key, certificate));
            throw new CertificateFileException(keyFile, later
                    ? "is the key of a later certificate in " + chainFile + "; its own must come first there"
                    : "isn't the key of the certificate in " + chainFile + " ("
                            + leaf.getSubjectX500Principal().getName() + ")");
        }
        return new Pair(chain, key);
    }

    private static boolean belong(PrivateKey key, X509Certificate certificate) {
        PublicKey publicKey = certificate.getPublicKey();
        String algorithm = switch (publicKey.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> publicKey.getAlgorithm();
        };
        try {
            Signature signing = Signature.getInstance(algorithm);
            signing.initSign(key);
            signing.update(PROOF);
            byte[] signature = signing.sign();
            Signature verifying = Signature.getInstance(algorithm);
            verifying.initVerify(publicKey);
            verifying.update(PROOF);
            return verifying.verify(signature);
        } catch (GeneralSecurityException _) {
            return false; // a key of another algorithm
        }
    }

    /** All certificates of the file, in its order; one at least. */
    public static List<X509Certificate> certificates(Path file) {
        List<X509Certificate> certificates = new ArrayList<>();
        Matcher block = BLOCK.matcher(read(file));
        while (block.find()) {
            if (!block.group(1).equals("CERTIFICATE")) {
                continue;
            }
            try {
                certificates.add((X509Certificate) CertificateFactory.getInstance("X.509")
                        .generateCertificate(new ByteArrayInputStream(decode(file, block.group(2)))));
            } catch (CertificateException e) {
                throw new CertificateFileException(file,
                        "certificate " + (certificates.size() + 1) + " can't be read: " + e.getMessage(), e);
            }
        }
        if (certificates.isEmpty()) {
            throw new CertificateFileException(file,
                    "has no certificate in it; expected a PEM file with -----BEGIN CERTIFICATE-----");
        }
        return List.copyOf(certificates);
    }

    /** The first private key of the file. */
    static PrivateKey key(Path file) {
        String text = read(file);
        Matcher block = BLOCK.matcher(text);
        while (block.find()) {
            if (block.group(1).equals("PRIVATE KEY")) {
                return key(file, decode(file, block.group(2)));
            }
        }
        throw new CertificateFileException(file, "has no PKCS #8 private key in it" + foundInstead(text));
    }

    private static String foundInstead(String text) {
        Matcher begin = BEGIN.matcher(text);
        while (begin.find()) {
            switch (begin.group(1)) {
                case "ENCRYPTED PRIVATE KEY" -> {
                    return " that can be read: it is encrypted; decrypt it with: openssl pkey -in FILE -out NEW-FILE";
                }
                case "RSA PRIVATE KEY", "EC PRIVATE KEY" -> {
                    return " but an older form (" + begin.group(1)
                            + "); convert it with: openssl pkcs8 -topk8 -nocrypt -in FILE -out NEW-FILE";
                }
                case "PRIVATE KEY" -> {
                    return " that is whole; expected lines of base64 and -----END PRIVATE KEY-----";
                }
                default -> {
                    // a certificate beside the key
                }
            }
        }
        return "; expected a PEM file with -----BEGIN PRIVATE KEY-----";
    }

    private static PrivateKey key(Path file, byte[] pkcs8) {
        for (String algorithm : KEY_ALGORITHMS) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
            } catch (InvalidKeySpecException _) {
                // of another algorithm
            } catch (GeneralSecurityException e) {
                throw new CertificateFileException(file, "can't be read: " + e.getMessage(), e);
            }
        }
        throw new CertificateFileException(file, "the private key can't be read; expected one of RSA, EC or Ed25519");
    }

    private static byte[] decode(Path file, String base64) {
        try {
            return Base64.getMimeDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw new CertificateFileException(file, "isn't well-formed base64: " + e.getMessage(), e);
        }
    }

    private static String read(Path file) {
        try {
            return new String(WholeFile.read(file, MAX_BYTES), StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            throw new CertificateFileException(file, "no such file", e);
        } catch (AccessDeniedException e) {
            throw new CertificateFileException(file, "may not be read by this user", e);
        } catch (IOException e) {
            throw new CertificateFileException(file, WholeFile.reason(e), e);
        }
    }
}
