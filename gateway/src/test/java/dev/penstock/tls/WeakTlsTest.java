package dev.penstock.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import io.netty.pkitesting.X509Bundle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.testing.Peers;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestCertificates.Kind;
import dev.penstock.testing.TlsScan;

/** What is refused at defaults, asked by programs that would speak it: openssl and sslscan. */
class WeakTlsTest {
    /** OpenSSL's own scruples off, or it wouldn't even ask. */
    private static final String ANY_CIPHER = "ALL:@SECLEVEL=0";
    private static final int PATIENCE_SECONDS = 60;

    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();

    @TempDir
    Path directory;

    private TlsEnd server;

    @BeforeEach
    void start() {
        X509Bundle rsa = authority.server(Kind.RSA, Duration.ofDays(90), "mx.example");
        X509Bundle ec = authority.server(Kind.EC, Duration.ofDays(90), "mx.example");
        server = new TlsEnd(new ServerTls(TlsConfigs.of(TestCertificates.write(directory, "rsa", rsa),
                TestCertificates.write(directory, "ec", ec)), handshakes));
    }

    @AfterEach
    void close() {
        server.close();
        handshakes.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"-tls1", "-tls1_1"})
    void olderProtocolsAreRefused(String protocol) throws Exception {
        assertThat(openssl("", protocol, "-cipher", ANY_CIPHER)).contains("alert protocol version")
                .doesNotContain(TlsEnd.GREETING);
    }

    @ParameterizedTest
    @ValueSource(strings = {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "kDHE", "aNULL",
        "NULL", "CAMELLIA"})
    void ciphersWithoutForwardSecrecyOrAuthenticationAreRefused(String cipher) throws Exception {
        assertThat(openssl("", "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0")).contains("alert handshake failure")
                .doesNotContain(TlsEnd.GREETING);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305"})
    void goodCiphersAreTaken(String cipher) throws Exception {
        assertThat(openssl("", "-tls1_2", "-cipher", cipher)).contains("Cipher is " + cipher);
    }

    @Test
    void theServersOrderOfCiphersDecides() throws Exception {
        assertThat(openssl("", "-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256"))
                .contains("Cipher is ECDHE-RSA-AES128-GCM-SHA256");
    }

    @Test
    void renegotiationIsRefused() throws Exception {
        Process client = start("-tls1_2");
        try (var toServer = client.outputWriter(StandardCharsets.US_ASCII)) {
            await().until(() -> Files.readString(log()).contains(TlsEnd.GREETING));
            toServer.write("R\n"); // s_client's command to renegotiate
            toServer.flush();
            assertThat(client.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(Files.readString(log())).contains("RENEGOTIATING").contains("alert handshake failure");
    }

    @Test
    void aScannerFindsNothingWeak() throws Exception {
        TlsScan scan = TlsScan.of("127.0.0.1:" + server.port(), "--sni-name=mx.example");
        assertThat(scan.enabledProtocols()).containsExactlyInAnyOrder("TLSv1.2", "TLSv1.3");
        assertThat(scan.ciphers()).isNotEmpty().allSatisfy(TlsScan::assertStrong);
        assertThat(scan.findings()).isEmpty();
    }

    /** RFC 6066 3; Java's own client asks for the name of the session it would resume, and so can't show it. */
    @ParameterizedTest
    @ValueSource(strings = {"-tls1_2", "-tls1_3"})
    void aSessionIsNotResumedForAnotherName(String protocol) throws Exception {
        String session = directory.resolve("session.pem").toString();
        assertThat(greeted(protocol, "-sess_out", session)).contains("New, TLS");
        assertThat(greeted(protocol, "-sess_in", session)).contains("Reused, TLS");
        assertThat(greeted(protocol, "-sess_in", session, "-servername", "mx.other.example")).contains("New, TLS");
    }

    /** Leaves after the greeting; a session's ticket has come before it. */
    private String greeted(String... arguments) throws IOException, InterruptedException {
        Process process = start(arguments);
        try (var _ = process.outputWriter(StandardCharsets.US_ASCII)) {
            await().atMost(Duration.ofSeconds(PATIENCE_SECONDS))
                    .until(() -> Files.readString(log()).contains(TlsEnd.GREETING));
        }
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        return Files.readString(log());
    }

    private String openssl(String input, String... arguments) throws IOException, InterruptedException {
        Process process = start(arguments);
        try (var toServer = process.outputWriter(StandardCharsets.US_ASCII)) {
            toServer.write(input);
        }
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        return Files.readString(log());
    }

    private Process start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(Peers.require("openssl").toString(), "s_client", "-connect",
                "127.0.0.1:" + server.port(), "-servername", "mx.example"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log().toFile()).start();
    }

    private Path log() {
        return directory.resolve("openssl.log");
    }
}
