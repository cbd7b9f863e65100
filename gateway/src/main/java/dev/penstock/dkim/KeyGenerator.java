package dev.penstock.dkim;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.util.Base64;

import dev.penstock.units.PrivateFiles;

/** Makes private keys, and the records that belong to them. Stateless. */
public final class KeyGenerator {
    private static final int PEM_LINE = 64; // RFC 7468 2
    private static final int MAX_STRING = 255; // octets of a character-string, RFC 1035 3.3

    private KeyGenerator() {}

    /**
     * Makes a file with a new key, readable for its owner alone.
     *
     * @param bits of an RSA key
     * @throws java.nio.file.FileAlreadyExistsException when there is one
     */
    public static void write(Path file, SignatureAlgorithm algorithm, int bits) throws IOException {
        byte[] key;
        try {
            KeyPairGenerator generator = KeyPairGenerator
                    .getInstance(algorithm == SignatureAlgorithm.RSA_SHA256 ? "RSA" : "Ed25519");
            if (algorithm == SignatureAlgorithm.RSA_SHA256) {
                generator.initialize(bits);
            }
            key = generator.generateKeyPair().getPrivate().getEncoded();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has RSA and Ed25519", e);
        }
        Path directory = file.toAbsolutePath().getParent();
        if (directory != null) {
            PrivateFiles.createDirectories(directory);
        }
        String pem = "-----BEGIN PRIVATE KEY-----\n"
                + Base64.getMimeEncoder(PEM_LINE, new byte[]{'\n'}).encodeToString(key)
                + "\n-----END PRIVATE KEY-----\n";
        try (FileChannel channel = PrivateFiles.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer octets = ByteBuffer.wrap(pem.getBytes(StandardCharsets.US_ASCII));
            while (octets.hasRemaining()) {
                channel.write(octets);
            }
            channel.force(true);
        }
    }

    /** The key's record as a zone file has it, cut into strings that are short enough. */
    public static String zoneRecord(String domain, String selector, SigningKey key) {
        StringBuilder line = new StringBuilder(selector + "._domainkey." + domain + ". IN TXT (");
        String record = key.record();
        for (int i = 0; i < record.length(); i += MAX_STRING) {
            line.append(" \"").append(record, i, Math.min(i + MAX_STRING, record.length())).append('"');
        }
        return line.append(" )").toString();
    }
}
