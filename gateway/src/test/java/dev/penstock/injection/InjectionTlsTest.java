package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSocket;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.config.ListenerTls;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestCertificates.PemFiles;
import dev.penstock.tls.Handshakes;
import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;

/** HTTPS as a client of the JDK speaks it. */
@Timeout(180)
class InjectionTlsTest {
    private static final String BODY = """
            {"envelope_sender": "s@s.example", "recipients": [{"email": "ann@a.example"}],
             "content": "From: s@s.example\\nSubject: hello\\n\\nhello\\n"}
            """;

    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();
    private final List<String> asked = new CopyOnWriteArrayList<>();
    @TempDir
    Path directory;

    @AfterEach
    void endHandshakes() {
        handshakes.close();
    }

    /** Takes ann's password, and her token where there is TLS, as the gateway's does. */
    private final class Accounts extends InjectionFixture.OneUser {
        @Override
        public List<String> mechanisms(@Nullable TlsSession tls) {
            return tls == null ? List.of() : List.of("OAUTHBEARER");
        }

        @Override
        public @Nullable Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress) {
            asked.add(mechanism + " " + (tls == null ? "in clear" : tls.protocol()));
            return tls == null
                    ? null
                    : response -> CompletableFuture.completedFuture(
                            new String(response, UTF_8).equals("n,,\u0001auth=Bearer t0ken\u0001\u0001")
                                    ? new Exchange.Step.Success(new Identity("ann", "shop", List.of()))
                                    : new Exchange.Step.Failure(Exchange.Reason.CREDENTIALS, "wrong"));
        }
    }

    private InjectionFixture https(ServerTls tls) throws IOException {
        return new InjectionFixture(directory, new Accounts(), new InjectionPolicy(), tls, authority.clientContext());
    }

    private ServerTls tls(PemFiles files) {
        return new ServerTls(new ListenerTls(ListenerTls.Mode.IMPLICIT,
                List.of(new ListenerTls.Certificate(files.chain(), files.key())), "TLSv1.2",
                ListenerTls.ClientCertificates.NONE, Optional.empty()), handshakes);
    }

    private PemFiles certificate() {
        return TestCertificates.write(directory, "inject", authority.server("localhost"));
    }

    private static HttpRequest with(InjectionFixture http, String authorization) {
        return http.request().setHeader("Authorization", authorization)
                .POST(HttpRequest.BodyPublishers.ofString(BODY)).build();
    }

    @Test
    void aPasswordIsTakenOverTls() throws Exception {
        try (InjectionFixture http = https(tls(certificate()))) {
            assertThat(http.send(with(http, InjectionFixture.BASIC)).status()).isEqualTo(200);
            assertThat(http.send(with(http, "Basic YW5uOndyb25n")).status()).isEqualTo(401);
            assertThat(http.accepted).singleElement()
                    .satisfies(envelope -> assertThat(envelope.origin().identity()).isEqualTo("ann"));
        }
    }

    @Test
    void aTokenIsTakenOverTlsAndTheAuthenticatorSeesTheSession() throws Exception {
        try (InjectionFixture http = https(tls(certificate()))) {
            assertThat(http.send(with(http, "Bearer t0ken")).status()).isEqualTo(200);
            assertThat(http.send(with(http, "Bearer another")).status()).isEqualTo(401);
            assertThat(asked).containsExactly("OAUTHBEARER TLSv1.3", "OAUTHBEARER TLSv1.3");
            assertThat(http.accepted).hasSize(1);
        }
    }

    @Test
    void aTokenInClearIsNoCredential() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory, new Accounts(), new InjectionPolicy(), null,
                authority.clientContext())) {
            assertThat(http.send(with(http, "Bearer t0ken")).status()).isEqualTo(401);
            assertThat(asked).containsExactly("OAUTHBEARER in clear");
        }
    }

    @Test
    void bodiesOfManyRecordsCome() throws Exception {
        try (InjectionFixture http = https(tls(certificate()))) {
            String large = BODY.replace("\\n\\nhello", "\\n\\n" + "0123456789\\n".repeat(50_000));
            assertThat(http.post(large).status()).isEqualTo(200);
            assertThat(http.spool.content(0)).hasSizeGreaterThan(550_000);
        }
    }

    @Test
    void aRenewedCertificateIsShownToNewConnections() throws Exception {
        PemFiles files = certificate();
        ServerTls tls = tls(files);
        try (InjectionFixture http = https(tls)) {
            assertThat(http.post(BODY).status()).isEqualTo(200);
            TestCertificates.write(directory, "inject", TestCertificates.selfSigned("localhost"));
            assertThat(refreshed(tls)).isTrue();
            assertThat(http.post(BODY).status()).as("on the old connection").isEqualTo(200);
            assertThatThrownBy(() -> http.sendAnew(with(http, InjectionFixture.BASIC)))
                    .isInstanceOf(SSLHandshakeException.class);
            TestCertificates.write(directory, "inject", authority.server("localhost"));
            assertThat(refreshed(tls)).isTrue();
            assertThat(http.sendAnew(with(http, InjectionFixture.BASIC)).status()).isEqualTo(200);
        }
    }

    @Test
    void whoSpeaksInClearToATlsPortIsNotAnswered() throws Exception {
        try (InjectionFixture http = https(tls(certificate()));
                Socket socket = new Socket(InetAddress.getLoopbackAddress(), http.server.address().getPort())) {
            socket.getOutputStream().write("GET /api/openapi.json HTTP/1.1\r\nHost: h\r\n\r\n".getBytes(UTF_8));
            assertThat(new String(socket.getInputStream().readAllBytes(), UTF_8)).doesNotContain("HTTP", "openapi");
            assertThat(http.post(BODY).status()).as("others are").isEqualTo(200);
        }
    }

    @Test
    void oldProtocolsAreRefused() throws Exception {
        try (InjectionFixture http = https(tls(certificate()));
                SSLSocket socket = (SSLSocket) TestCertificates.trustingClientContext().getSocketFactory()
                        .createSocket("127.0.0.1", http.server.address().getPort())) {
            socket.setEnabledProtocols(new String[]{"TLSv1.1"});
            assertThatThrownBy(socket::startHandshake).isInstanceOf(SSLHandshakeException.class);
        }
    }

    /** A change is taken when two looks have seen it. */
    private static boolean refreshed(ServerTls tls) {
        boolean atOnce = tls.refresh();
        return tls.refresh() || atOnce;
    }
}
