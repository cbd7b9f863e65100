package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.tls.TlsSession;

/** A fault within a request, as a plug-in makes one, is answered by 500, and the request is over. */
class InjectionFaultTest {
    private static final String MESSAGE = """
            {"envelope_sender": "s@s.example", "recipients": [{"email": "ann@a.example"}],
             "content": "From: s@s.example\\nSubject: hello\\n\\nhello\\n"}
            """;

    @TempDir
    Path directory;

    /** Says yes until it is told otherwise. */
    private static final class FaultyPolicy implements Policy {
        private final InjectionPolicy sound = new InjectionPolicy();
        volatile @Nullable Error fault;

        @Override
        public CompletableFuture<Decision> connect(Client client) {
            return sound.connect(client);
        }

        @Override
        public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain,
                long declaredSize) {
            Error wanted = fault;
            if (wanted != null) {
                throw wanted;
            }
            return sound.mail(client, sender, senderDomain, declaredSize);
        }

        @Override
        public CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain,
                Recipient recipient) {
            return sound.recipient(client, sender, senderDomain, recipient);
        }

        @Override
        public CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender,
                List<Recipient> recipients, List<HeaderField> header, long size) {
            return sound.message(client, mail, sender, recipients, header, size);
        }

        @Override
        public boolean judgesMessages() {
            return false;
        }

        @Override
        public List<String> wantedHeaders() {
            return List.of();
        }

        @Override
        public List<String> removedHeaders() {
            return List.of();
        }
    }

    /** Fails at once, or by its answer. */
    private record FaultyAuthenticator(boolean atOnce) implements Authenticator {
        @Override
        public List<String> mechanisms(@Nullable TlsSession tls) {
            return List.of();
        }

        @Override
        public @Nullable Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress) {
            return null;
        }

        @Override
        public CompletableFuture<Exchange.Step> password(String name, byte[] password, String clientAddress) {
            IllegalStateException fault = new IllegalStateException("a fault that the test wants");
            if (atOnce) {
                throw fault;
            }
            return CompletableFuture.failedFuture(fault);
        }

        @Override
        public @Nullable Identity certificate(java.security.cert.X509Certificate certificate) {
            return null;
        }
    }

    @Test
    void inTheWorkOfARequestWhichMayBeTriedAgain() throws Exception {
        FaultyPolicy policy = new FaultyPolicy();
        try (InjectionFixture http = new InjectionFixture(directory, config -> config, policy)) {
            policy.fault = new NoSuchMethodError("of a plug-in made for another version");
            InjectionFixture.Reply reply = http.post(MESSAGE, "key");
            assertThat(reply.status()).isEqualTo(500);
            assertThat(reply.text("/detail")).startsWith("the log has more about request ");
            policy.fault = null;
            assertThat(http.post(MESSAGE, "key").status()).isEqualTo(200);
            assertThat(http.accepted).hasSize(1);
            assertThat(http.server.stats().requests()).isZero();
            assertThat(http.server.stats().bodyOctets()).isZero();
            assertThat(http.spool.openIntakes()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void inWhoChecksCredentials(boolean atOnce) throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory, new FaultyAuthenticator(atOnce))) {
            assertThat(http.post(MESSAGE).status()).isEqualTo(500);
            assertThat(http.post(MESSAGE).status()).isEqualTo(500);
            assertThat(http.accepted).isEmpty();
            assertThat(http.server.stats().requests()).isZero();
        }
    }
}
