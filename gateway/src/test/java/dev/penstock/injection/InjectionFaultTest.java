package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Exchange;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.testing.NoUsers;

/** A fault within a request, as a plug-in makes one, is answered by 500, and the request is over. */
class InjectionFaultTest {
    private static final String MESSAGE = """
            {"envelope_sender": "s@s.example", "recipients": [{"email": "ann@a.example"}],
             "content": "From: s@s.example\\nSubject: hello\\n\\nhello\\n"}
            """;

    @TempDir
    Path directory;

    /** Says yes until it is told otherwise. */
    private static final class FaultyPolicy extends InjectionPolicy {
        volatile @Nullable Error fault;

        @Override
        public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain,
                long declaredSize) {
            Error wanted = fault;
            if (wanted != null) {
                throw wanted;
            }
            return super.mail(client, sender, senderDomain, declaredSize);
        }
    }

    /** Fails at once, or by its answer. */
    private static final class FaultyAuthenticator extends NoUsers {
        private final boolean atOnce;

        FaultyAuthenticator(boolean atOnce) {
            this.atOnce = atOnce;
        }

        @Override
        public CompletableFuture<Exchange.Step> password(String name, byte[] password, String clientAddress) {
            IllegalStateException fault = new IllegalStateException("a fault that the test wants");
            if (atOnce) {
                throw fault;
            }
            return CompletableFuture.failedFuture(fault);
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
            assertThat(http.server.stats().heldOctets()).isZero();
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
