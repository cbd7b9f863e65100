package dev.penstock.dkim;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.util.Base64;

/** Private keys for tests, made once. */
public final class TestKeys {
    private static final int LINE = 64;
    private static final String RSA_PEM = generate("RSA", 1024);
    private static final String ED25519_PEM = generate("Ed25519", 0);

    private TestKeys() {}

    /** Of 1024 bits: made in no time. */
    public static Path rsa(Path file) throws IOException {
        return write(file, RSA_PEM);
    }

    public static Path ed25519(Path file) throws IOException {
        return write(file, ED25519_PEM);
    }

    static String rsaPem() {
        return RSA_PEM;
    }

    static String ed25519Pem() {
        return ED25519_PEM;
    }

    /** Readable for its owner alone, as a key must be. */
    public static Path write(Path file, String pem) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        Files.writeString(file, pem);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        return file;
    }

    static String generate(String algorithm, int bits) {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
            if (bits > 0) {
                generator.initialize(bits);
            }
            return pem("PRIVATE KEY", generator.generateKeyPair().getPrivate().getEncoded());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static String pem(String label, byte[] der) {
        return "-----BEGIN " + label + "-----\n"
                + Base64.getMimeEncoder(LINE, new byte[]{'\n'}).encodeToString(der) + "\n-----END " + label
                + "-----\n";
    }
}
