package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * An authority of a test's own and what it issues, made by openssl: certificates of servers, which are good for
 * 127.0.0.1 too, and of clients. Immutable.
 */
final class Certificates {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String DAYS = "2";

    private final Path directory;
    private final String openssl;

    /** PEM files; the key in PKCS #8. */
    record Pem(Path chain, Path key) {}

    private Certificates(Path directory, String openssl) {
        this.directory = directory;
        this.openssl = openssl;
    }

    static Certificates create(Path directory) throws IOException, InterruptedException {
        Certificates certificates = new Certificates(Files.createDirectories(directory), Peers.require("openssl"));
        certificates.openssl("authority", List.of("-out", certificates.authority().toString(), "-keyout",
                directory.resolve("authority.key").toString(), "-subj", "/CN=Penstock test authority", "-addext",
                "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"));
        return certificates;
    }

    /** The certificate that vouches for all others. */
    Path authority() {
        return directory.resolve("authority.pem");
    }

    Pem server(String name) throws IOException, InterruptedException {
        return issue(name, "subjectAltName=DNS:" + name + ",IP:127.0.0.1", "serverAuth");
    }

    Pem client(String name) throws IOException, InterruptedException {
        return issue(name, "subjectAltName=email:" + name, "clientAuth");
    }

    private Pem issue(String name, String names, String usage) throws IOException, InterruptedException {
        Pem pem = new Pem(directory.resolve(name + ".pem"), directory.resolve(name + ".key"));
        openssl(name,
                List.of("-out", pem.chain().toString(), "-keyout", pem.key().toString(), "-subj", "/CN=" + name,
                        "-addext", names, "-addext", "extendedKeyUsage=" + usage, "-addext",
                        "basicConstraints=critical,CA:FALSE", "-CA", authority().toString(), "-CAkey",
                        directory.resolve("authority.key").toString()));
        return pem;
    }

    private void openssl(String name, List<String> options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-noenc", "-days", DAYS));
        command.addAll(options);
        PeerProcess.run(directory, "openssl-" + name, PATIENCE, command);
    }
}
