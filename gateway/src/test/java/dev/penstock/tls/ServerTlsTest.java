package dev.penstock.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSocket;

import io.netty.pkitesting.X509Bundle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.ListenerTls.ClientCertificates;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestCertificates.Kind;
import dev.penstock.testing.TestCertificates.PemFiles;

class ServerTlsTest {
    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();

    @TempDir
    Path directory;

    @AfterEach
    void close() {
        handshakes.close();
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            mx.example,       mx.example
            MX.Example,       mx.example
            mail.other.test,  mail.other.test
            a.wild.test,      *.wild.test
            named.wild.test,  named.wild.test
            a.b.wild.test,    mx.example
            wild.test,        mx.example
            nobody.test,      mx.example
            ,                 mx.example
            """)
    void theCertificateIsTheOneForTheNameAskedFor(String serverName, String commonName) throws Exception {
        ServerTls tls = new ServerTls(TlsConfigs.of(pem("mx.example", "mx2.example"), pem("mail.other.test"),
                pem("*.wild.test"), pem("named.wild.test")), handshakes);
        String asked = serverName == null ? "" : serverName;
        try (TlsEnd server = new TlsEnd(tls);
                SSLSocket client = server.connect(authority.clientContext(), asked)) {
            assertThat(client.getSession().getPeerPrincipal().getName()).isEqualTo("CN=" + commonName);
            assertThat(server.session().serverName()).isEqualToIgnoringCase(asked);
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyKindOfKeyServes(Kind kind) throws Exception {
        X509Bundle certificate = authority.server(kind, Duration.ofDays(90), "mx.example");
        ServerTls tls = new ServerTls(TlsConfigs.of(write("server", certificate)), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            for (String protocol : new String[]{"TLSv1.3", "TLSv1.2"}) {
                try (SSLSocket _ = server.connect(authority.clientContext(), "mx.example", protocol)) {
                    assertThat(server.session().protocol()).isEqualTo(protocol);
                }
            }
        }
        assertThat(tls.stats()).isEqualTo(new TlsStats(2, 0, 0, 0, 0));
    }

    @Test
    void ofTwoCertificatesForOneNameTheClientsAlgorithmDecides() throws Exception {
        ServerTls tls = new ServerTls(TlsConfigs.of(
                write("rsa", authority.server(Kind.RSA, Duration.ofDays(90), "mx.example")),
                write("ec", authority.server(Kind.EC, Duration.ofDays(90), "mx.example"))), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            assertThat(keyShown(server, "rsa_pss_rsae_sha256")).isEqualTo("RSA");
            assertThat(keyShown(server, "ecdsa_secp256r1_sha256")).isEqualTo("EC");
        }
    }

    private String keyShown(TlsEnd server, String signatureScheme) throws Exception {
        try (SSLSocket client = (SSLSocket) authority.clientContext().getSocketFactory().createSocket("127.0.0.1",
                server.port())) {
            var parameters = client.getSSLParameters();
            parameters.setSignatureSchemes(new String[]{signatureScheme, "ecdsa_secp256r1_sha256"});
            client.setSSLParameters(parameters);
            client.startHandshake();
            return client.getSession().getPeerCertificates()[0].getPublicKey().getAlgorithm();
        }
    }

    @Test
    void tls13CanBeTheOnlyOne() throws Exception {
        ServerTls tls = new ServerTls(TlsConfigs.onlyTls13(pem("mx.example")), handshakes);
        try (TlsEnd server = new TlsEnd(tls)) {
            assertThatThrownBy(() -> server.connect(authority.clientContext(), "mx.example", "TLSv1.2"))
                    .isInstanceOf(SSLException.class).hasMessageContaining("protocol_version");
            server.connect(authority.clientContext(), "mx.example", "TLSv1.3").close();
        }
        assertThat(tls.stats()).isEqualTo(new TlsStats(1, 1, 0, 0, 0));
    }

    @Test
    void aClientsCertificateIsItsIdentityWhenItIsGood() throws Exception {
        for (ClientCertificates mode : new ClientCertificates[]{ClientCertificates.REQUESTED,
            ClientCertificates.REQUIRED}) {
            SSLContext context = authority.clientContext(authority.client("app.example"));
            try (TlsEnd server = asking(mode)) {
                for (int i = 0; i < 2; i++) { // the second resumes
                    try (SSLSocket _ = server.connect(context, "mx.example")) {
                        assertThat(server.session().client()).isNotNull().satisfies(certificate -> assertThat(
                                certificate.getSubjectX500Principal().getName()).isEqualTo("CN=app.example"));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aRequestedCertificateThatIsBadOrMissingIsNone(String protocol) throws Exception {
        TestCertificates stranger = new TestCertificates("Penstock test authority"); // the same name, another key
        X509Bundle[] shown = {stranger.client("app.example"), authority.server("mx.example")}; // the last: not for clients
        try (TlsEnd server = asking(ClientCertificates.REQUESTED)) {
            for (X509Bundle bad : shown) {
                SSLContext context = authority.clientContext(bad);
                for (int i = 0; i < 2; i++) { // the second resumes
                    try (SSLSocket _ = server.connect(context, "mx.example", protocol)) {
                        TlsSession session = server.session();
                        assertThat(session.session().getPeerCertificates()).hasSize(1);
                        assertThat(session.client()).isNull();
                    }
                }
            }
            try (SSLSocket _ = server.connect(authority.clientContext(), "mx.example", protocol)) {
                assertThat(server.session().client()).isNull();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aRequiredCertificateThatIsBadOrMissingFailsTheHandshake(String protocol) throws Exception {
        TestCertificates stranger = new TestCertificates("Penstock test authority");
        try (TlsEnd server = asking(ClientCertificates.REQUIRED)) {
            assertThatThrownBy(() -> server.connect(authority.clientContext(stranger.client("app.example")),
                    "mx.example", protocol)).isInstanceOf(IOException.class);
            assertThat(server.failure()).isInstanceOf(SSLHandshakeException.class);
            assertThatThrownBy(() -> server.connect(authority.clientContext(), "mx.example", protocol))
                    .isInstanceOf(IOException.class);
            assertThat(server.failure()).isInstanceOf(SSLHandshakeException.class);
        }
    }

    @Test
    void clientsAreNotAskedUnlessToldTo() throws Exception {
        ServerTls tls = new ServerTls(TlsConfigs.of(pem("mx.example")), handshakes);
        try (TlsEnd server = new TlsEnd(tls);
                SSLSocket client = server.connect(authority.clientContext(authority.client("app.example")),
                        "mx.example")) {
            assertThat(client.getSession().getLocalCertificates()).isNull();
            assertThat(server.session().client()).isNull();
        }
    }

    @Test
    void theFirstExpiryIsTold() {
        X509Bundle soon = authority.server(Kind.EC, Duration.ofDays(3), "b.example");
        ServerTls tls = new ServerTls(TlsConfigs.of(pem("a.example"), write("b", soon)), handshakes);
        assertThat(tls.notAfter()).isEqualTo(soon.getCertificate().getNotAfter().toInstant());
    }

    @Test
    void whenTooManyHandshakesWaitFurtherOnesFailAtOnce() throws Exception {
        Handshakes none = new Handshakes(1, 1);
        none.close();
        try (TlsEnd server = new TlsEnd(new ServerTls(TlsConfigs.of(pem("mx.example")), none))) {
            assertThatThrownBy(() -> server.connect(authority.clientContext(), "mx.example"))
                    .isInstanceOf(IOException.class);
            assertThat(server.failure()).isNotNull();
        }
        assertThat(none.refused()).isPositive();
    }

    private TlsEnd asking(ClientCertificates mode) {
        return new TlsEnd(new ServerTls(
                TlsConfigs.asking(mode, authority.writeAuthority(directory, "ca.pem"), pem("mx.example")), handshakes));
    }

    private PemFiles pem(String... names) {
        return write(names[0].replace('*', '_'), authority.server(names));
    }

    private PemFiles write(String name, X509Bundle certificate) {
        return TestCertificates.write(directory, name, certificate);
    }
}
