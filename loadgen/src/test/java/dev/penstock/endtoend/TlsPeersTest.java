package dev.penstock.endtoend;

import static dev.penstock.endtoend.InboundGateway.NAME;
import static dev.penstock.endtoend.InboundGateway.OTHER_NAME;
import static dev.penstock.endtoend.InboundGateway.RECIPIENT;
import static dev.penstock.endtoend.InboundGateway.SENDER;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** TLS as openssl and sslscan see it, client certificates, and what nmap's open-relay script thinks of us. */
@Timeout(300)
class TlsPeersTest {
    private static final Duration PATIENCE = Duration.ofSeconds(150);
    /** Forward secrecy and authenticated encryption: the only suites of TLS 1.3, and of TLS 1.2 those of RFC 9325. */
    private static final Pattern GOOD_CIPHER = Pattern
            .compile("TLS_(AES|CHACHA20).*|(ECDHE|DHE)-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)");

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
    @CsvSource({"starttls, -tls1_2, TLSv1.2", "starttls, -tls1_3, TLSv1.3", "implicit, -tls1_2, TLSv1.2",
        "implicit, -tls1_3, TLSv1.3"})
    void opensslAgreesOnAProtocol(String listener, String option, String protocol) throws Exception {
        PeerProcess.Outcome outcome = sClient(listener, option, "-brief");

        assertThat(outcome.output()).contains("Protocol version: " + protocol, "Verification: OK",
                "Peer certificate: CN = " + NAME);
        assertThat(outcome.exit()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"starttls", "implicit"})
    void protocolsThatHaveEndedAreRefused(String listener) throws Exception {
        for (String option : List.of("-tls1", "-tls1_1")) {
            PeerProcess.Outcome outcome = sClient(listener, option, "-cipher", "ALL:@SECLEVEL=0", "-brief");

            assertThat(outcome.exit()).as(option + ": " + outcome.output()).isNotZero();
            assertThat(outcome.output()).doesNotContain("CONNECTION ESTABLISHED");
        }
    }

    @Test
    void theServerNameChoosesTheCertificate() throws Exception {
        assertThat(sClient("starttls", "-brief", "-servername", OTHER_NAME, "-verify_hostname", OTHER_NAME).output())
                .contains("Peer certificate: CN = " + OTHER_NAME, "Verified peername: " + OTHER_NAME);
        assertThat(sClient("starttls", "-brief", "-servername", "unknown.test").output())
                .contains("Peer certificate: CN = " + NAME);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-tls1_2", "-tls1_3"})
    void aClientCertificateIsAnIdentity(String protocol) throws Exception {
        Certificates.Pem client = gateway.certificates().client(Credentials.CERTIFICATE_NAME);
        try (PeerDialogue dialogue = dialogue(protocol, "-cert", client.chain().toString(), "-key",
                client.key().toString())) {
            mail(dialogue);
            assertThat(dialogue.send("RCPT TO:<" + RECIPIENT + ">")).startsWith("250 2.1.5 ");
            assertThat(dialogue.send("DATA")).startsWith("354 ");
            assertThat(dialogue.send("Subject: certificate\n\nbody\n.")).startsWith("250 2.0.0 ");
            assertThat(dialogue.send("QUIT")).startsWith("221 ");
        }
        assertThat(gateway.awaitDelivered().received()).contains(" with ESMTPS");
    }

    @Test
    void withoutOneOrWithOneOfSomebodyUnknownThereIsNoIdentity() throws Exception {
        Certificates.Pem unknown = gateway.certificates().client("mallory@elsewhere.test");
        try (PeerDialogue dialogue = dialogue("-tls1_3")) {
            mail(dialogue);
            assertThat(dialogue.send("RCPT TO:<" + RECIPIENT + ">")).startsWith("554 5.7.1 ");
        }
        try (PeerDialogue dialogue = dialogue("-tls1_3", "-cert", unknown.chain().toString(), "-key",
                unknown.key().toString())) {
            mail(dialogue);
            assertThat(dialogue.send("RCPT TO:<" + RECIPIENT + ">")).startsWith("554 5.7.1 ");
        }
    }

    @Test
    void aCertificateThatNobodyVouchesForIsNoIdentity() throws Exception {
        Certificates strangers = Certificates.create(directory.resolve("strangers"));
        Certificates.Pem forged = strangers.client(Credentials.CERTIFICATE_NAME);
        try (PeerDialogue dialogue = dialogue("-tls1_3", "-cert", forged.chain().toString(), "-key",
                forged.key().toString())) {
            mail(dialogue);
            assertThat(dialogue.send("RCPT TO:<" + RECIPIENT + ">")).startsWith("554 5.7.1 ");
        }
    }

    private static void mail(PeerDialogue dialogue) throws Exception {
        assertThat(dialogue.send("EHLO client.test")).startsWith("250-gateway.test").doesNotContain("STARTTLS");
        assertThat(dialogue.send("MAIL FROM:<" + SENDER + ">")).startsWith("250 2.1.0 ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"starttls", "implicit"})
    void sslscanFindsNothingWeakAtDefaults(String listener) throws Exception {
        InetSocketAddress address = address(listener);
        List<String> command = new ArrayList<>(List.of(Peers.require("sslscan"), "--no-colour",
                "--timeout=30"));
        if (listener.equals("starttls")) {
            command.add("--starttls-smtp");
        }
        command.add(address.getHostString() + ":" + address.getPort());
        String report = PeerProcess.run(directory, "sslscan", PATIENCE, command);

        for (String protocol : List.of("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")) {
            assertThat(report).containsPattern(Pattern.quote(protocol) + " +disabled");
        }
        assertThat(report).containsPattern("TLSv1\\.2 +enabled").containsPattern("TLSv1\\.3 +enabled")
                .doesNotContain("Compression enabled").doesNotContain("Insecure session renegotiation")
                .doesNotContainPattern("(?<!not )vulnerable to heartbleed");
        List<String> ciphers = Pattern.compile("(?m)^(?:Preferred|Accepted) +TLSv1\\.\\d +\\d+ bits +(\\S+)")
                .matcher(report).results().map((MatchResult match) -> match.group(1)).toList();
        assertThat(ciphers).as(report).hasSizeGreaterThan(3).allMatch(GOOD_CIPHER.asMatchPredicate());
    }

    @Test
    void nmapFindsNoOpenRelay() throws Exception {
        InetSocketAddress address = gateway.starttls();
        String report = PeerProcess.run(directory, "nmap", PATIENCE,
                List.of(Peers.require("nmap"), "-n", "-Pn", "-sT", "-p", String.valueOf(address.getPort()), "--script",
                        "+smtp-open-relay", "--script-args", "smtp-open-relay.domain=elsewhere.test",
                        address.getHostString()));

        assertThat(report).contains("smtp-open-relay").contains("Server doesn't seem to be an open relay")
                .doesNotContain("Server is an open relay");
        assertThat(gateway.penstock().inboundStats().messages()).isZero();
    }

    private InetSocketAddress address(String listener) {
        return listener.equals("starttls") ? gateway.starttls() : gateway.implicit();
    }

    private List<String> command(String listener, String... options) {
        InetSocketAddress address = address(listener);
        List<String> command = new ArrayList<>(
                List.of(Peers.require("openssl"), "s_client", "-connect", address.getHostString() + ":"
                        + address.getPort(), "-CAfile", gateway.certificates().authority().toString()));
        if (listener.equals("starttls")) {
            command.addAll(List.of("-starttls", "smtp", "-name", "client.test"));
        }
        command.addAll(List.of(options));
        return command;
    }

    /** Shakes hands and ends. */
    private PeerProcess.Outcome sClient(String listener, String... options) throws Exception {
        return PeerProcess.outcome(directory, "s_client", PATIENCE, Map.of(), "", command(listener, options));
    }

    private PeerDialogue dialogue(String... options) throws IOException {
        List<String> command = command("starttls", options);
        command.addAll(List.of("-quiet", "-crlf"));
        return PeerDialogue.start(directory, "s_client", command);
    }
}
