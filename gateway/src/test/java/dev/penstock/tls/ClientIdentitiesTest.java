package dev.penstock.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.Patience;
import dev.penstock.testing.TestCertificates;
import dev.penstock.units.CertificateFileException;

/** Which certificate a host that demands one is shown, in sessions that are resumed too. */
@Timeout(180)
class ClientIdentitiesTest {
    private static final String NAME = "mx.example.net";

    private final TestCertificates authority = new TestCertificates();
    private final List<String> shown = new CopyOnWriteArrayList<>();
    private ServerSocket server;
    private ClientIdentities identities;
    private TestCertificates.PemFiles one;
    private TestCertificates.PemFiles two;

    @TempDir
    Path directory;

    @BeforeEach
    void start() throws IOException {
        one = TestCertificates.write(directory, "one", authority.client("one"));
        two = TestCertificates.write(directory, "two", authority.client("two"));
        identities = new ClientIdentities(new ClientTls(Optional.empty()));
        server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        SSLContext context = TestCertificates.serverContext(authority.server(NAME));
        Thread.ofVirtual().start(() -> {
            while (!server.isClosed()) {
                try (Socket plain = server.accept();
                        SSLSocket secured = (SSLSocket) context.getSocketFactory().createSocket(plain, null, true)) {
                    secured.setUseClientMode(false);
                    secured.setNeedClientAuth(true);
                    secured.startHandshake();
                    X509Certificate client = (X509Certificate) secured.getSession().getPeerCertificates()[0];
                    String name = client.getSubjectX500Principal().getName();
                    shown.add(name);
                    secured.getOutputStream().write((name + "\n").getBytes(StandardCharsets.US_ASCII));
                    var _ = secured.getInputStream().read();
                } catch (IOException _) {
                    // a client without a certificate
                }
            }
        });
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    /** @return whether a session was resumed */
    private boolean connect(TestCertificates.PemFiles files) throws IOException {
        return connect(identities.of(Optional.of(files.chain()), Optional.of(files.key())));
    }

    private boolean connect(ClientTls client) throws IOException {
        return greeted(client).resumed();
    }

    /** @param as the subject of the certificate that the server was shown */
    private record Greeting(String as, boolean resumed) {}

    private Greeting greeted(ClientTls client) throws IOException {
        try (Socket plain = new Socket(server.getInetAddress(), server.getLocalPort())) {
            ClientTls.Connection connection = client.handshake(plain, NAME, server.getLocalPort(), false);
            StringBuilder name = new StringBuilder();
            for (int octet = connection.input().read(); octet != '\n'; octet = connection.input().read()) {
                if (octet < 0) {
                    throw new IOException("refused");
                }
                name.append((char) octet);
            }
            connection.socket().close();
            return new Greeting(name.toString(), connection.resumed());
        }
    }

    @Test
    void eachPairHasSessionsOfItsOwn() throws IOException {
        assertThat(connect(one)).isFalse();
        assertThat(connect(two)).as("nothing of the other's is resumed").isFalse();
        assertThat(connect(one)).isTrue();
        assertThat(connect(two)).isTrue();
        assertThat(shown).containsExactly("CN=one", "CN=two", "CN=one", "CN=two");
    }

    @Test
    void whoShowsNoneIsRefusedAfterOthersWereTaken() throws IOException {
        connect(one);
        assertThatThrownBy(() -> connect(identities.of(Optional.empty(), Optional.empty())))
                .isInstanceOf(IOException.class);
    }

    @Test
    void aRenewedPairIsShownWithTheNextHandshakeAndABrokenOneNever() throws IOException {
        connect(one);
        TestCertificates.write(directory, "one", authority.client("renewed"));
        assertThat(connect(one)).as("no session of the old one is resumed").isFalse();
        Files.copy(two.key(), one.key(), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        connect(one);
        Files.delete(one.chain());
        connect(one);
        TestCertificates.write(directory, "one", authority.client("mended"));
        connect(one);
        assertThat(shown).containsExactly("CN=one", "CN=renewed", "CN=renewed", "CN=renewed", "CN=mended");
    }

    /** Each pair is called by its number, with all digits that the last one has. */
    @Test
    void nobodyIsShownAnOlderPairThanBeforeWhileTheFilesAreRenewedUnderAllHands() throws Exception {
        TestCertificates.write(directory, "one", authority.client("10"));
        AtomicBoolean over = new AtomicBoolean();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<List<String>>> seen = IntStream.range(0, 4).mapToObj(_ -> threads.submit(() -> {
                List<String> names = new ArrayList<>();
                while (!over.get()) {
                    names.add(greeted(identities.of(Optional.of(one.chain()), Optional.of(one.key()))).as());
                }
                return names;
            })).toList();
            try {
                for (int pair = 11; pair < 16; pair++) {
                    TestCertificates.write(directory, "one", authority.client(String.valueOf(pair)));
                    String name = "CN=" + pair;
                    await().atMost(Patience.LONG).until(() -> shown.contains(name));
                }
            } finally {
                over.set(true);
            }
            for (Future<List<String>> one : seen) {
                assertThat(one.get()).isSorted();
            }
        }
    }

    @Test
    void aPairThatNeverFittedIsNamed() {
        assertThatThrownBy(() -> connect(new TestCertificates.PemFiles(one.chain(), two.key())))
                .isInstanceOf(CertificateFileException.class).hasMessageContaining(two.key().toString());
    }
}
