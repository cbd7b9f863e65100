package dev.penstock.tls;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.List;
import java.util.Objects;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

import io.netty.pkitesting.X509Bundle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestCertificates.Kind;
import dev.penstock.testing.TestCertificates.PemFiles;

class ChannelBindingsTest {
    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();

    @TempDir
    Path directory;

    @AfterEach
    void close() {
        handshakes.close();
    }

    @Test
    void bothEndsExportTheSameOctetsUnderTls13() throws Exception {
        try (TlsEnd server = server(authority.server("mx.example"));
                SSLSocket client = server.connect(authority.clientContext(), "mx.example")) {
            byte[] theirs = ((ExtendedSSLSession) client.getSession())
                    .exportKeyingMaterialData("EXPORTER-Channel-Binding", new byte[0], 32);

            assertThat(ChannelBindings.exporter(server.session())).hasSize(32).isEqualTo(theirs);
        }
    }

    @Test
    void everyConnectionHasItsOwnExporterOctetsThoughItResumes() throws Exception {
        SSLContext context = authority.clientContext();
        try (TlsEnd server = server(authority.server("mx.example"))) {
            byte[] first = exportedBy(server, context);
            byte[] second = exportedBy(server, context);

            assertThat(second).isNotEqualTo(first);
        }
    }

    private static byte[] exportedBy(TlsEnd server, SSLContext context) throws Exception {
        try (SSLSocket _ = server.connect(context, "mx.example")) {
            return Objects.requireNonNull(ChannelBindings.exporter(server.session()));
        }
    }

    @Test
    void thereIsNoExporterBelowTls13() throws Exception {
        try (TlsEnd server = server(authority.server("mx.example"));
                SSLSocket _ = server.connect(authority.clientContext(), "mx.example", "TLSv1.2")) {
            assertThat(ChannelBindings.exporter(server.session())).isNull();
        }
    }

    @Test
    void theServersEndPointIsItsCertificatesHashAlsoInAResumedSession() throws Exception {
        X509Bundle certificate = authority.server("mx.example"); // signed with ECDSA and SHA-256
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(certificate.getCertificate().getEncoded());
        for (String protocol : List.of("TLSv1.2", "TLSv1.3")) {
            SSLContext context = authority.clientContext();
            try (TlsEnd server = server(certificate)) {
                for (int i = 0; i < 2; i++) {
                    try (SSLSocket _ = server.connect(context, "mx.example", protocol)) {
                        assertThat(ChannelBindings.serverEndPoint(server.session())).as(protocol).isEqualTo(hash);
                    }
                }
            }
        }
    }

    @Test
    void theServersEndPointIsTheCertificateThatWasChosenByName() throws Exception {
        X509Bundle first = authority.server("mx.example");
        X509Bundle other = authority.server("mx.other.example");
        SSLContext context = authority.clientContext();
        SSLContext another = authority.clientContext(); // which resumes for its own name
        try (TlsEnd server = new TlsEnd(new ServerTls(TlsConfigs.of(write("first", first), write("other", other)),
                handshakes))) {
            for (String protocol : List.of("TLSv1.2", "TLSv1.3")) {
                for (int i = 0; i < 2; i++) {
                    assertThat(endPoint(server, context, "mx.example", protocol)).isEqualTo(hash(first));
                    assertThat(endPoint(server, another, "mx.other.example", protocol)).isEqualTo(hash(other));
                }
            }
        }
    }

    @Test
    void aSessionKeepsItsServersEndPointWhenTheCertificateIsRenewed() throws Exception {
        X509Bundle before = authority.server("mx.example");
        X509Bundle after = authority.server("mx.example");
        ServerTls tls = new ServerTls(TlsConfigs.of(write("server", before)), handshakes);
        SSLContext context = authority.clientContext();
        try (TlsEnd server = new TlsEnd(tls); SSLSocket _ = server.connect(context, "mx.example")) {
            TlsSession open = server.session();
            write("server", after);
            assertThat(refreshed(tls)).isTrue();

            assertThat(ChannelBindings.serverEndPoint(open)).as("what this client was shown").isEqualTo(hash(before));
            assertThat(endPoint(server, context, "mx.example", "TLSv1.3")).isEqualTo(hash(after));
            assertThat(ChannelBindings.serverEndPoint(open)).isEqualTo(hash(before));
        }
    }

    /** As the server has it; what the client sees is the same. */
    private static byte[] endPoint(TlsEnd server, SSLContext context, String name, String protocol) throws Exception {
        try (SSLSocket client = server.connect(context, name, protocol)) {
            byte[] ours = Objects.requireNonNull(ChannelBindings.serverEndPoint(server.session()));
            assertThat(ours).isEqualTo(MessageDigest.getInstance("SHA-256")
                    .digest(client.getSession().getPeerCertificates()[0].getEncoded()));
            return ours;
        }
    }

    private static byte[] hash(X509Bundle certificate) throws Exception {
        return MessageDigest.getInstance("SHA-256").digest(certificate.getCertificate().getEncoded());
    }

    private PemFiles write(String name, X509Bundle certificate) {
        return TestCertificates.write(directory, name, certificate);
    }

    @Test
    void aSignatureWithoutAHashHasNoServerEndPoint() throws Exception {
        X509Bundle certificate = TestCertificates.selfSigned(Kind.ED25519, "mx.example");
        try (TlsEnd server = server(certificate);
                SSLSocket _ = server.connect(TestCertificates.trustingClientContext(), "mx.example")) {
            assertThat(ChannelBindings.serverEndPoint(server.session())).isNull();
        }
    }

    private TlsEnd server(X509Bundle certificate) {
        PemFiles files = TestCertificates.write(directory, "server", certificate);
        return new TlsEnd(new ServerTls(TlsConfigs.of(files), handshakes));
    }

    /** A change is taken when two looks have seen it. */
    private static boolean refreshed(ServerTls tls) {
        boolean atOnce = tls.refresh();
        return tls.refresh() || atOnce;
    }
}
