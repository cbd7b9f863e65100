package dev.penstock.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

import io.netty.pkitesting.X509Bundle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ListenerTls.ClientCertificates;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestCertificates.PemFiles;

class CertificateReloadTest {
    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();
    private final X509Bundle before = authority.server("mx.example");
    private final X509Bundle after = authority.server("mx.example");

    private static final int TURNS = 2_001;

    @TempDir
    Path directory;

    @AfterEach
    void close() {
        handshakes.close();
    }

    @Test
    void filesRenamedIntoPlaceAreShownToNewConnectionsAndOldOnesGoOn() throws Exception {
        ServerTls tls = new ServerTls(TlsConfigs.of(write("server", before)), handshakes);
        SSLContext context = authority.clientContext(); // would resume if it could
        try (TlsEnd server = new TlsEnd(tls); SSLSocket old = server.connect(context, "mx.example")) {
            assertThat(tls.refresh()).isFalse();
            write("server", after);
            assertThat(refreshed(tls)).isTrue();
            assertThat(tls.refresh()).isFalse();

            assertThat(serial(server, context)).isEqualTo(serial(after));
            old.getOutputStream().write("x".getBytes(StandardCharsets.US_ASCII));
            assertThat(old.getInputStream().read()).isEqualTo('x');
            assertThat(tls.stats()).isEqualTo(new TlsStats(2, 0, 1, 0, 0));
        }
    }

    @Test
    void aSymbolicLinkToANewDirectoryIsAChange() throws Exception {
        write(Files.createDirectory(directory.resolve("1")), before);
        write(Files.createDirectory(directory.resolve("2")), after);
        Path live = Files.createSymbolicLink(directory.resolve("live"), Path.of("1"));
        ServerTls tls = new ServerTls(TlsConfigs.of(new PemFiles(live.resolve("server.pem"),
                live.resolve("server.key"))), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            Files.move(Files.createSymbolicLink(directory.resolve("new"), Path.of("2")), live,
                    StandardCopyOption.ATOMIC_MOVE);
            assertThat(refreshed(tls)).isTrue();
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(after));
        }
    }

    @Test
    void aBadNewFileKeepsTheOldPairAndIsCountedOnce() throws Exception {
        PemFiles files = write("server", before);
        ServerTls tls = new ServerTls(TlsConfigs.of(files), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            TestCertificates.replace(files.chain(), "not a certificate");
            assertThat(refreshed(tls)).isFalse();
            assertThat(refreshed(tls)).isFalse();
            assertThat(tls.stats().failedReloads()).isEqualTo(1);
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(before));

            Files.delete(files.key()); // a problem of its own
            refreshed(tls);
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(before));

            write("server", after);
            assertThat(refreshed(tls)).isTrue();
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(after));
            assertThat(tls.stats().reloads()).isEqualTo(1);
        }
    }

    @Test
    void filesThatAreBeingWrittenInPlaceAreLeftAlone() throws Exception {
        PemFiles files = write("server", before);
        ServerTls tls = new ServerTls(TlsConfigs.of(files), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            String chain = after.getCertificatePathPEM();
            Files.writeString(files.key(), after.getPrivateKeyPEM());
            Files.writeString(files.chain(), "");
            assertThat(tls.refresh()).isFalse();
            Files.writeString(files.chain(), chain.substring(0, chain.length() / 2));
            assertThat(tls.refresh()).isFalse();
            Files.writeString(files.chain(), chain);
            assertThat(tls.refresh()).isFalse();
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(before));
            assertThat(tls.refresh()).isTrue();
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(after));
            assertThat(tls.stats().failedReloads()).isZero();
        }
    }

    @Test
    void aReloadShowsAPairThatWasRenamedAtOnce() throws Exception {
        ServerTls tls = new ServerTls(TlsConfigs.of(write("server", before)), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            write("server", after);
            assertThat(tls.refreshNow()).isTrue();
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(after));
        }
    }

    @Test
    void aPairThatIsRewrittenBeforeEachLookIsShownAfterAFew() throws Exception {
        ServerTls tls = new ServerTls(TlsConfigs.of(write("server", before)), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            boolean shown = false;
            for (int look = 0; look < 10; look++) {
                write("server", after);
                shown |= tls.refresh();
            }
            assertThat(shown).isTrue();
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(after));
        }
    }

    /** As Kubernetes replaces a secret: the pair is written to a new directory, and one link is turned round to it. */
    @Test
    void aPairBehindALinkThatIsTurnedRoundAgainAndAgainIsNeverMixed() throws Exception {
        write(Files.createDirectory(directory.resolve("..0")), before);
        Path live = Files.createSymbolicLink(directory.resolve("..data"), Path.of("..0"));
        ServerTls tls = new ServerTls(TlsConfigs.of(new PemFiles(live.resolve("server.pem"),
                live.resolve("server.key"))), handshakes);
        AtomicBoolean over = new AtomicBoolean();
        Thread turner = Thread.ofPlatform().start(() -> {
            try {
                for (int turn = 1; turn <= TURNS; turn++) {
                    Path next = Path.of(".." + turn);
                    write(Files.createDirectory(directory.resolve(next)), turn % 2 == 0 ? before : after);
                    Files.move(Files.createSymbolicLink(directory.resolve("..new"), next), live,
                            StandardCopyOption.ATOMIC_MOVE);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                over.set(true);
            }
        });
        while (!over.get()) {
            tls.refresh();
        }
        assertThat(turner.join(Duration.ofMinutes(1))).isTrue();
        refreshed(tls);
        try (TlsEnd server = new TlsEnd(tls)) {
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(TURNS % 2 == 0 ? before : after));
        }
    }

    @Test
    void aPairIsTakenOnlyWhenBothOfItHaveCome() throws Exception {
        PemFiles files = write("server", before);
        ServerTls tls = new ServerTls(TlsConfigs.of(files), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            TestCertificates.replace(files.chain(), after.getCertificatePathPEM());
            assertThat(refreshed(tls)).isFalse();
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(before));
            TestCertificates.replace(files.key(), after.getPrivateKeyPEM());
            assertThat(refreshed(tls)).isTrue();
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(after));
        }
    }

    @Test
    void aGoodPairIsTakenThoughAnotherIsBad() throws Exception {
        PemFiles files = write("server", before);
        PemFiles other = write("other", authority.server("other.example"));
        ServerTls tls = new ServerTls(TlsConfigs.of(files, other), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            TestCertificates.replace(other.key(), "");
            write("server", after);
            assertThat(refreshed(tls)).isTrue();
            assertThat(serial(server, authority.clientContext())).isEqualTo(serial(after));
            assertThat(tls.stats().failedReloads()).isEqualTo(1);
        }
    }

    @Test
    void authoritiesOfClientsAreReadAnewToo() throws Exception {
        TestCertificates other = new TestCertificates("Another authority");
        Path file = authority.writeAuthority(directory, "ca.pem");
        ServerTls tls = new ServerTls(TlsConfigs.asking(ClientCertificates.REQUESTED, file, write("server", before)),
                handshakes);
        SSLContext context = authority.clientContext(authority.client("app.example"));
        try (TlsEnd server = new TlsEnd(tls)) {
            server.connect(context, "mx.example").close();
            assertThat(server.session().client()).isNotNull();
            other.writeAuthority(directory, "ca.pem");
            assertThat(refreshed(tls)).isTrue();
            server.connect(context, "mx.example").close();
            assertThat(server.session().client()).isNull();
        }
    }

    @Test
    void theWatchNoticesByItself() throws Exception {
        ServerTls tls = new ServerTls(TlsConfigs.of(write("server", before)), handshakes);
        try (CertificateWatch watch = new CertificateWatch(tls::refresh, Duration.ofMillis(10))) {
            watch.start();
            write("server", after);
            await().until(() -> tls.stats().reloads() > 0);
        }
    }

    /** A change is taken when two looks have seen it. */
    private static boolean refreshed(ServerTls tls) {
        boolean atOnce = tls.refresh();
        return tls.refresh() || atOnce;
    }

    private BigInteger serial(TlsEnd server, SSLContext context) throws IOException {
        try (SSLSocket client = server.connect(context, "mx.example")) {
            return ((X509Certificate) client.getSession().getPeerCertificates()[0]).getSerialNumber();
        }
    }

    private static BigInteger serial(X509Bundle certificate) {
        return certificate.getCertificate().getSerialNumber();
    }

    private PemFiles write(String name, X509Bundle certificate) {
        return TestCertificates.write(directory, name, certificate);
    }

    private static PemFiles write(Path directory, X509Bundle certificate) {
        return TestCertificates.write(directory, "server", certificate);
    }
}
