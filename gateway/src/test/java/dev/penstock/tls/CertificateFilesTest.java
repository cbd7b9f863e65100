package dev.penstock.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

import io.netty.pkitesting.X509Bundle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ListenerTls.ClientCertificates;
import dev.penstock.testing.Peers;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestCertificates.PemFiles;
import dev.penstock.units.CertificateFileException;

/** What is said of files that can't be used. */
class CertificateFilesTest {
    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();

    @TempDir
    Path directory;

    @AfterEach
    void close() {
        handshakes.close();
    }

    @Test
    void aKeyOfAnotherCertificateIsRefused() {
        PemFiles a = write("a", authority.server("a.example"));
        PemFiles b = write("b", authority.server("b.example"));
        refuses(new PemFiles(a.chain(), b.key()),
                b.key() + ": isn't the key of the certificate in " + a.chain() + " (CN=a.example)");
    }

    @Test
    void aKeyOfAnotherAlgorithmIsRefused() {
        PemFiles a = write("a", authority.server("a.example"));
        PemFiles b = write("b", authority.server(TestCertificates.Kind.RSA, Duration.ofDays(1), "a.example"));
        refuses(new PemFiles(a.chain(), b.key()),
                b.key() + ": isn't the key of the certificate in " + a.chain() + " (CN=a.example)");
    }

    @Test
    void theServersOwnCertificateMustComeFirst() throws Exception {
        X509Bundle own = authority.server("a.example");
        PemFiles files = write("a", own);
        Files.writeString(files.chain(), own.getRootCertificatePEM() + own.getCertificatePEM());
        refuses(files, files.key() + ": is the key of a later certificate in " + files.chain()
                + "; its own must come first there");
    }

    @Test
    void aMissingFileIsNamed() throws Exception {
        PemFiles files = write("a", authority.server("a.example"));
        Files.delete(files.key());
        refuses(files, files.key() + ": no such file");
    }

    @Test
    void aFileWithoutACertificateIsNamed() {
        PemFiles files = write("a", authority.server("a.example"));
        refuses(new PemFiles(files.key(), files.key()),
                files.key() + ": has no certificate in it; expected a PEM file with -----BEGIN CERTIFICATE-----");
    }

    @Test
    void aFileWithoutAKeyIsNamed() {
        PemFiles files = write("a", authority.server("a.example"));
        refuses(new PemFiles(files.chain(), files.chain()), files.chain()
                + ": has no PKCS #8 private key in it; expected a PEM file with -----BEGIN PRIVATE KEY-----");
    }

    @Test
    void aTruncatedKeyIsNamed() throws Exception {
        PemFiles files = write("a", authority.server("a.example"));
        String key = Files.readString(files.key());
        Files.writeString(files.key(), key.substring(0, key.length() / 2));
        refuses(files, files.key()
                + ": has no PKCS #8 private key in it that is whole; expected lines of base64 and -----END PRIVATE KEY-----");
    }

    @Test
    void aDamagedCertificateIsNamed() throws Exception {
        PemFiles files = write("a", authority.server("a.example"));
        Files.writeString(files.chain(), "-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n");
        assertThatThrownBy(() -> new ServerTls(TlsConfigs.of(files), handshakes))
                .isInstanceOf(CertificateFileException.class)
                .hasMessageStartingWith(files.chain() + ": certificate 1 can't be read: ");
    }

    @Test
    void anEncryptedKeyIsExplained() throws Exception {
        PemFiles files = write("a", authority.server("a.example"));
        openssl("pkcs8", "-topk8", "-in", files.key(), "-out", files.key() + ".e", "-passout", "pass:secret");
        refuses(new PemFiles(files.chain(), Path.of(files.key() + ".e")), files.key()
                + ".e: has no PKCS #8 private key in it that can be read: it is encrypted; decrypt it with: "
                + "openssl pkey -in FILE -out NEW-FILE");
    }

    @Test
    void anOlderFormOfKeyIsExplainedAndItsConversionServes() throws Exception {
        PemFiles files = write("a", authority.server("a.example"));
        Path old = directory.resolve("old.key");
        openssl("ec", "-in", files.key(), "-out", old);
        refuses(new PemFiles(files.chain(), old), old
                + ": has no PKCS #8 private key in it but an older form (EC PRIVATE KEY); convert it with: "
                + "openssl pkcs8 -topk8 -nocrypt -in FILE -out NEW-FILE");

        Path converted = directory.resolve("new.key");
        openssl("pkcs8", "-topk8", "-nocrypt", "-in", old, "-out", converted);
        assertThat(new ServerTls(TlsConfigs.of(new PemFiles(files.chain(), converted)), handshakes).notAfter())
                .isNotNull();
    }

    @Test
    void textBesideTheBlocksAndOneFileForBothAreTaken() throws Exception {
        X509Bundle own = authority.server("a.example");
        Path both = Files.writeString(directory.resolve("both.pem"), "Subject: a.example\r\n"
                + own.getPrivateKeyPEM() + own.getCertificatePathPEM().replace("\n", "\r\n"));
        assertThat(new ServerTls(TlsConfigs.of(new PemFiles(both, both)), handshakes).notAfter())
                .isEqualTo(own.getCertificate().getNotAfter().toInstant());
    }

    @Test
    void aFileOfAuthoritiesWithoutACertificateIsNamed() {
        PemFiles files = write("a", authority.server("a.example"));
        assertThatThrownBy(() -> new ServerTls(TlsConfigs.asking(ClientCertificates.REQUIRED, files.key(), files),
                handshakes)).isInstanceOf(CertificateFileException.class)
                .hasMessageStartingWith(files.key() + ": has no certificate in it");
    }

    private void refuses(PemFiles files, String message) {
        assertThatThrownBy(() -> new ServerTls(TlsConfigs.of(files), handshakes))
                .isInstanceOf(CertificateFileException.class).hasMessage(message);
    }

    private PemFiles write(String name, X509Bundle certificate) {
        return TestCertificates.write(directory, name, certificate);
    }

    private void openssl(Object... arguments) throws IOException, InterruptedException {
        String[] command = new String[arguments.length + 1];
        command[0] = Peers.require("openssl").toString();
        for (int i = 0; i < arguments.length; i++) {
            command[i + 1] = arguments[i].toString();
        }
        Process process = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(directory.resolve("openssl.log").toFile()).start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(directory.resolve("openssl.log"))).isZero();
    }
}
