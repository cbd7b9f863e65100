package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;

import com.ongres.scram.client.ScramClient;
import com.ongres.scram.common.exception.ScramException;
import io.netty.pkitesting.X509Bundle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.auth.Exchange.Step;
import dev.penstock.testing.TestCertificates;
import dev.penstock.tls.TlsSession;

/** Channel binding with what two ends of a real TLS connection know of it. */
class ScramOverTlsTest {
    private final TestCertificates authority = new TestCertificates();

    @TempDir
    Path directory;

    private record Ends(TlsSession server, SSLSession client) {}

    @ParameterizedTest
    @CsvSource({"TLSv1.3,tls-exporter", "TLSv1.3,tls-server-end-point"})
    void plusSucceedsOnItsConnectionAndFailsThroughAnother(String protocol, String type) throws Exception {
        try (SaslAuthenticator authenticator = PatientAuthenticator
                .open(Users.file(directory.resolve("users.toml"), Users.user("user", "pencil")))) {
            X509Bundle certificate = authority.server("mx.example");
            Ends ends = handshake(protocol, certificate);
            assertThat(authenticator.mechanisms(ends.server())).startsWith("SCRAM-SHA-256-PLUS");
            byte[] binding = binding(type, ends.client());
            assertThat(login(authenticator, ends.server(), type, binding)).isInstanceOf(Step.Success.class);

            Ends middle = handshake(protocol, authority.server("mx.example"));
            assertThat(login(authenticator, middle.server(), type, binding)).isInstanceOf(Step.Failure.class);
        }
    }

    @Test
    void beforeTls13PlusIsNotOffered() throws Exception {
        try (SaslAuthenticator authenticator = PatientAuthenticator
                .open(Users.file(directory.resolve("users.toml"), Users.user("user", "pencil")))) {
            Ends ends = handshake("TLSv1.2", authority.server("mx.example"));
            assertThat(authenticator.mechanisms(ends.server())).startsWith("SCRAM-SHA-256")
                    .doesNotContain("SCRAM-SHA-256-PLUS");
        }
    }

    @Test
    void anExporterIsOfOneConnectionThoughTheCertificateIsTheSame() throws Exception {
        try (SaslAuthenticator authenticator = PatientAuthenticator
                .open(Users.file(directory.resolve("users.toml"), Users.user("user", "pencil")))) {
            X509Bundle certificate = authority.server("mx.example");
            Ends first = handshake("TLSv1.3", certificate);
            Ends second = handshake("TLSv1.3", certificate);
            byte[] binding = binding("tls-exporter", first.client());
            assertThat(login(authenticator, second.server(), "tls-exporter", binding))
                    .isInstanceOf(Step.Failure.class);
        }
    }

    private static byte[] binding(String type, SSLSession client) throws Exception {
        return type.equals("tls-exporter")
                ? ((ExtendedSSLSession) client).exportKeyingMaterialData("EXPORTER-Channel-Binding", new byte[0], 32)
                : MessageDigest.getInstance("SHA-256").digest(client.getPeerCertificates()[0].getEncoded());
    }

    private Ends handshake(String protocol, X509Bundle certificate) throws Exception {
        try (SSLServerSocket listener = (SSLServerSocket) TestCertificates.serverContext(certificate)
                .getServerSocketFactory().createServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CompletableFuture<SSLSession> server = new CompletableFuture<>();
            Thread.startVirtualThread(() -> {
                try (SSLSocket socket = (SSLSocket) listener.accept()) {
                    socket.startHandshake();
                    server.complete(socket.getSession());
                    socket.getInputStream().readAllBytes();
                } catch (IOException e) {
                    server.completeExceptionally(e);
                }
            });
            try (SSLSocket client = (SSLSocket) authority.clientContext().getSocketFactory()
                    .createSocket(InetAddress.getLoopbackAddress(), listener.getLocalPort())) {
                client.setEnabledProtocols(new String[]{protocol});
                client.startHandshake();
                SSLSession session = server.get(60, TimeUnit.SECONDS);
                return new Ends(new TlsSession(session.getProtocol(), session.getCipherSuite(), "", null, session),
                        client.getSession());
            }
        }
    }

    private static Step login(SaslAuthenticator authenticator, TlsSession tls, String type, byte[] binding)
            throws ScramException {
        Exchange exchange = Objects.requireNonNull(authenticator.start("SCRAM-SHA-256-PLUS", tls));
        ScramClient client = ScramClient.builder().advertisedMechanisms(List.of("SCRAM-SHA-256-PLUS"))
                .username("user").password("pencil".toCharArray()).channelBinding(type, binding).build();
        client.serverFirstMessage(text(say(exchange, client.clientFirstMessage().toString())));
        Step step = say(exchange, client.clientFinalMessage().toString());
        if (!(step instanceof Step.Challenge)) {
            return step;
        }
        client.serverFinalMessage(text(step));
        return say(exchange, "");
    }

    private static Step say(Exchange exchange, String message) {
        return SaslAuthenticatorTest.step(exchange.respond(message.getBytes(StandardCharsets.UTF_8)));
    }

    private static String text(Step step) {
        return new String(Base64.getDecoder().decode(((Step.Challenge) step).base64()), StandardCharsets.UTF_8);
    }
}
