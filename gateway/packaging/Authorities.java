import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.stream.Stream;

/**
 * Writes a directory of PEM certificates as the key store that Java reads its authorities from: PKCS #12 without a password,
 * entries in the order of their names, so that the same certificates give the same octets. For gateway/packaging/build; run
 * from its source. Confined to the main thread.
 */
final class Authorities {
    private static final int FEWEST = 50; // fewer are no public authorities but a mistake

    private Authorities() {}

    /** Arguments: the directory of files {@code NAME.crt}, the file to write. */
    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        System.setProperty("keystore.pkcs12.certProtectionAlgorithm", "NONE");
        System.setProperty("keystore.pkcs12.macAlgorithm", "NONE");
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        CertificateFactory certificates = CertificateFactory.getInstance("X.509");
        for (Path file : files(Path.of(arguments[0]))) {
            try (InputStream in = Files.newInputStream(file)) {
                Certificate authority = certificates.generateCertificate(in);
                store.setCertificateEntry(file.getFileName().toString().replaceAll("\\.crt$", "").toLowerCase(java.util.Locale.ROOT), authority);
            }
        }
        if (store.size() < FEWEST) {
            throw new IllegalStateException(arguments[0] + " has " + store.size() + " certificates, too few to trust the web by");
        }
        try (OutputStream out = Files.newOutputStream(Path.of(arguments[1]))) {
            store.store(out, null);
        }
    }

    private static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.filter(file -> file.toString().endsWith(".crt")).sorted().toList();
        }
    }
}
