package dev.penstock.tls;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

import io.netty.pkitesting.X509Bundle;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.TestCertificates;

/** Which sessions are resumed, and what is known of their certificates then. */
@Timeout(180)
class ResumptionTest {
    private static final String NAME = "mx.example.net";

    private final TestCertificates authority = new TestCertificates();
    private ServerSocket server;
    private volatile @Nullable SSLContext context;
    private ClientTls client;

    @TempDir
    Path directory;

    @BeforeEach
    void start() throws IOException {
        server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        client = new ClientTls(Optional.of(authority.writeAuthority(directory, "ca.pem")));
        Thread.ofVirtual().start(() -> {
            while (!server.isClosed()) {
                try (Socket plain = server.accept();
                        SSLSocket secured = (SSLSocket) requireNonNull(context).getSocketFactory().createSocket(plain,
                                null, true)) {
                    secured.startHandshake();
                    secured.getOutputStream().write('!');
                    var _ = secured.getInputStream().read();
                } catch (IOException _) {
                    // a client that refuses the certificate
                }
            }
        });
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private ClientTls.Connection connect(CertificateDemand demand) throws IOException {
        try (Socket plain = new Socket(server.getInetAddress(), server.getLocalPort())) {
            ClientTls.Connection connection = client.handshake(plain, NAME, server.getLocalPort(), demand);
            assertThat(connection.input().read()).isEqualTo('!'); // and with it the tickets
            connection.socket().close();
            return connection;
        }
    }

    @Test
    void aSessionIsResumedUnderTheSameDemandAndItsVerdictWithIt() throws IOException {
        context = TestCertificates.serverContext(authority.server(NAME));
        assertThat(connect(CertificateDemand.NAMED).resumed()).isFalse();
        ClientTls.Connection again = connect(CertificateDemand.NAMED);
        assertThat(again.resumed()).isTrue();
        assertThat(again.verified()).isTrue();
        assertThat(again.certificates()).isZero();
    }

    @Test
    void whatIsWrongWithACertificateIsKnownOfAResumedSessionToo() throws IOException {
        context = TestCertificates.serverContext(TestCertificates.selfSigned(NAME));
        String problem = connect(CertificateDemand.ANY).problem();
        assertThat(problem).isNotEmpty();
        ClientTls.Connection again = connect(CertificateDemand.ANY);
        assertThat(again.resumed()).isTrue();
        assertThat(again.verified()).isFalse();
        assertThat(again.problem()).isEqualTo(problem);
    }

    @Test
    void aSessionOfAWeakerDemandIsNeverResumedUnderAStrongerOne() throws IOException {
        context = TestCertificates.serverContext(TestCertificates.selfSigned(NAME));
        connect(CertificateDemand.ANY);
        connect(CertificateDemand.ANY);
        assertThatThrownBy(() -> connect(CertificateDemand.NAMED)).isInstanceOf(IOException.class);
        context = TestCertificates.serverContext(authority.server(NAME));
        assertThat(connect(CertificateDemand.NAMED).resumed()).isFalse();
    }

    @Test
    void underDaneNothingIsResumed() throws Exception {
        X509Bundle certificate = authority.server(NAME);
        context = TestCertificates.serverContext(certificate);
        CertificateDemand dane = new CertificateDemand.Dane(
                List.of(new DaneAssociation(3, 0, 0, certificate.getCertificate().getEncoded())), NAME, Set.of(NAME));
        assertThat(connect(dane).verified()).isTrue();
        assertThat(connect(dane).resumed()).isFalse();
    }
}
