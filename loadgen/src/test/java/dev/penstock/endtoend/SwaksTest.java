package dev.penstock.endtoend;

import static dev.penstock.endtoend.InboundGateway.DISTANT_RELAY_CLIENT;
import static dev.penstock.endtoend.InboundGateway.RECIPIENT;
import static dev.penstock.endtoend.InboundGateway.SENDER;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What operators try a server with: AUTH, TLS, XCLIENT and the PROXY protocol by swaks. */
@Timeout(300)
class SwaksTest {
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final int AUTH_FAILED = 28; // swaks(1), EXIT CODES
    private static final int XCLIENT_FAILED = 33;
    private static final int RCPT_REFUSED = 24;

    @TempDir
    Path directory;

    private Credentials credentials;
    private InboundGateway gateway;

    @BeforeEach
    void start() throws Exception {
        credentials = Credentials.create(directory);
        gateway = InboundGateway.start(directory, credentials.tables());
    }

    @AfterEach
    void stop() {
        gateway.close();
        credentials.close();
    }

    @ParameterizedTest
    @CsvSource({"PLAIN, --tls", "LOGIN, --tls", "PLAIN, --tls-on-connect", "LOGIN, --tls-on-connect"})
    void aLoginOverTlsMayRelay(String mechanism, String tls) throws Exception {
        InetSocketAddress listener = tls.equals("--tls") ? gateway.starttls() : gateway.implicit();
        String transcript = accepted(listener, tls, "--tls-verify", "--tls-ca-path",
                gateway.certificates().authority().toString(), "--auth", mechanism, "--auth-user", Credentials.USER,
                "--auth-password", Credentials.PASSWORD);

        assertThat(transcript).contains("235 2.7.0 ");
        assertThat(gateway.awaitDelivered().received()).contains(" with ESMTPSA ");
    }

    @Test
    void aPasswordKeptWithBcryptIsGoodToo() throws Exception {
        accepted(gateway.starttls(), "--tls", "--auth", "PLAIN", "--auth-user", Credentials.BCRYPT_USER,
                "--auth-password", Credentials.PASSWORD);

        assertThat(gateway.awaitDelivered().received()).contains(" with ESMTPSA ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"PLAIN", "LOGIN"})
    void aWrongPasswordIsRefused(String mechanism) throws Exception {
        PeerProcess.Outcome outcome = swaks(gateway.starttls(), "--tls", "--auth", mechanism, "--auth-user",
                Credentials.USER, "--auth-password", Credentials.PASSWORD + "x");

        assertThat(outcome.output()).contains("535 5.7.8 ");
        assertThat(outcome.exit()).isEqualTo(AUTH_FAILED);
    }

    @Test
    void mechanismsThatRevealThePasswordAreNotOfferedInClear() throws Exception {
        PeerProcess.Outcome outcome = swaks(gateway.starttls(), "--auth", "PLAIN,LOGIN", "--auth-user",
                Credentials.USER, "--auth-password", Credentials.PASSWORD);

        assertThat(outcome.exit()).isEqualTo(AUTH_FAILED);
        assertThat(outcome.output()).contains("250-STARTTLS").doesNotContainPattern("250.AUTH.*(PLAIN|LOGIN|OAUTH)")
                .doesNotContain(" -> AUTH ");
    }

    @Test
    void nobodyRelaysWithoutAnIdentity() throws Exception {
        PeerProcess.Outcome outcome = swaks(gateway.starttls(), "--tls");

        assertThat(outcome.output()).contains("554 5.7.1 ");
        assertThat(outcome.exit()).isEqualTo(RCPT_REFUSED);
    }

    @Test
    void xclientOfATrustedProxyReplacesTheClient() throws Exception {
        accepted(gateway.trusting(), "--xclient-addr", DISTANT_RELAY_CLIENT, "--xclient-name", "far.test",
                "--xclient-helo", "helo.far.test");

        assertThat(gateway.awaitDelivered().received()).contains("[" + DISTANT_RELAY_CLIENT + "]");
    }

    @Test
    void xclientOfAnybodyElseIsRefused() throws Exception {
        PeerProcess.Outcome outcome = swaks(gateway.starttls(), "--xclient-no-verify", "--xclient",
                "ADDR=" + DISTANT_RELAY_CLIENT);

        assertThat(outcome.exit()).isEqualTo(XCLIENT_FAILED);
        assertThat(outcome.output()).doesNotContain("250-XCLIENT").doesNotContain(" -> MAIL FROM");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "2"})
    void theProxyProtocolTellsTheClient(String version) throws Exception {
        List<String> options = new ArrayList<>(List.of("--proxy-version", version, "--proxy-source",
                DISTANT_RELAY_CLIENT, "--proxy-source-port", "40000", "--proxy-dest", "10.9.0.1", "--proxy-dest-port",
                "25", "--proxy-family", version.equals("1") ? "TCP4" : "AF_INET"));
        if (version.equals("2")) {
            options.addAll(List.of("--proxy-command", "PROXY", "--proxy-protocol", "STREAM"));
        }
        accepted(gateway.proxied(), options.toArray(String[]::new));

        assertThat(gateway.awaitDelivered().received()).contains("[" + DISTANT_RELAY_CLIENT + "]");
    }

    @Test
    void aConnectionFromAProxyWithoutItsHeaderIsNotGreeted() throws Exception {
        PeerProcess.Outcome outcome = swaks(gateway.proxied());

        assertThat(outcome.exit()).isNotZero();
        assertThat(outcome.output()).doesNotContain("<-  220").doesNotContain(" -> MAIL FROM");
    }

    private String accepted(InetSocketAddress listener, String... options) throws Exception {
        PeerProcess.Outcome outcome = swaks(listener, options);
        assertThat(outcome.exit()).as(outcome.output()).isZero();
        return outcome.output();
    }

    private PeerProcess.Outcome swaks(InetSocketAddress listener, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(Peers.require("swaks"), "--server", listener.getHostString(),
                "--port", String.valueOf(listener.getPort()), "--from", SENDER, "--to", RECIPIENT, "--timeout", "60"));
        command.addAll(List.of(options));
        return PeerProcess.outcome(directory, "swaks", PATIENCE, Map.of(), "", command);
    }
}
