package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.SocketException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.ClientLimits;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.testing.FakePolicy;
import dev.penstock.units.Rate;

/** Sessions behind a proxy that speaks the PROXY protocol. */
class ProxyTest {
    private static final Duration LONG = Duration.ofMinutes(1);
    private static final String V1 = "PROXY TCP4 192.0.2.7 192.0.2.25 4321 25\r\n";
    private static final String V2_SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
    private static final String GREETING = "S: 220 gateway.example ESMTP Penstock\n";
    private static final String MESSAGE = """
            C: EHLO client.example
            S: <ehlo>
            C: MAIL FROM:<a@example.com>
            S: 250 2.1.0 Ok
            C: RCPT TO:<b@example.org>
            S: 250 2.1.5 Ok
            C: DATA
            S: 354 *
            C: .
            S: 250 2.0.0 * queued
            """;

    private static ListenerConfig behindProxy() {
        return new ListenerBuilder().proxies(LONG, "127.0.0.1/32").build();
    }

    private static SmtpFixture fixture() {
        return new SmtpFixture(config -> config.relayNetworks("192.0.2.0/24"), behindProxy(), null,
                Authenticator.NONE, new FakePolicy());
    }

    private static String v2(int command, int family, String addresses) {
        return V2_SIGNATURE + (char) (0x20 | command) + (char) family + (char) (addresses.length() >> 8)
                + (char) (addresses.length() & 0xff) + addresses;
    }

    private static String v2OfTcp4() {
        return v2(1, 0x11, new String(new byte[]{(byte) 192, 0, 2, 7, (byte) 192, 0, 2, 25, 0x10, (byte) 0xe1, 0, 25},
                ISO_8859_1));
    }

    private static void assertIsTheClients(SmtpFixture smtp) {
        assertThat(smtp.accepted.getFirst().origin().address()).isEqualTo("192.0.2.7:4321");
        assertThat(smtp.events.getFirst().sourceAddress()).isEqualTo("192.0.2.25:25");
        assertThat(smtp.spool.content(0)).startsWith("Received: from client.example ([192.0.2.7])\r\n");
        assertThat(smtp.policy.clients.getFirst().relayNetwork()).isTrue();
    }

    @Test
    void versionOneTellsTheClient() throws Exception {
        try (SmtpFixture smtp = fixture()) {
            SmtpFixture.Client client = smtp.connect();
            client.send(V1);
            client.plays(GREETING + MESSAGE);
            assertIsTheClients(smtp);
        }
    }

    @Test
    void versionTwoTellsTheClient() throws Exception {
        try (SmtpFixture smtp = fixture()) {
            SmtpFixture.Client client = smtp.connect();
            client.send(v2OfTcp4());
            client.plays(GREETING + MESSAGE);
            assertIsTheClients(smtp);
        }
    }

    @Test
    void theHeaderMayComeOctetByOctet() throws Exception {
        for (String header : List.of(V1, v2OfTcp4())) {
            try (SmtpFixture smtp = fixture()) {
                SmtpFixture.Client client = smtp.connect();
                client.sendOctetByOctet(header);
                client.plays(GREETING + MESSAGE);
                assertIsTheClients(smtp);
            }
        }
    }

    @Test
    void aProxyThatSpeaksForItselfIsTheClient() throws Exception {
        for (String header : List.of("PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", v2(0, 0, ""))) {
            try (SmtpFixture smtp = new SmtpFixture(behindProxy())) {
                SmtpFixture.Client client = smtp.connect();
                client.send(header);
                client.plays(GREETING + MESSAGE);
                assertThat(smtp.accepted.getFirst().origin().address()).startsWith("127.0.0.1:");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"EHLO client.example\r\n", "PROXY TCP4 192.0.2.7 nowhere 1 2\r\n",
        "PROXY TCP9 192.0.2.7 192.0.2.8 1 2\r\n", "PROXY TCP4 192.0.2.7 192.0.2.25 4321\r\n",
        "GET / HTTP/1.1\r\n\r\n"})
    void whatIsNoHeaderEndsTheConnection(String text) throws Exception {
        try (SmtpFixture smtp = fixture()) {
            assertIsClosedWithoutAWord(smtp.connect(), text);
            await().until(() -> smtp.server.stats().hostility().proxyFailures() == 1
                    && smtp.server.stats().sessions() == 0);
        }
    }

    /** Perhaps before a slow machine has sent anything. */
    private static void assertIsClosedWithoutAWord(SmtpFixture.Client client, String text) throws IOException {
        String line;
        try {
            client.send(text);
            line = client.readLine();
        } catch (SocketException _) {
            line = "<close>"; // by a reset: there was input nobody read
        }
        assertThat(line).isEqualTo("<close>");
    }

    @Test
    void aHeaderThatDoesNotComeInTimeEndsTheConnection() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(
                new ListenerBuilder().proxies(Duration.ofMillis(200), "127.0.0.1").build())) {
            assertIsClosedWithoutAWord(smtp.connect(), "PROXY TCP4 192");
            await().until(() -> smtp.server.stats().sessions() == 0);
        }
    }

    @Test
    void anybodyElseWhoSaysItIsNotBelieved() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.relayNetworks("192.0.2.0/24"),
                new ListenerBuilder().proxies(LONG, "192.0.2.0/24").build(), null, Authenticator.NONE,
                new FakePolicy())) {
            SmtpFixture.Client client = smtp.connect();
            client.send(V1);
            client.plays(GREETING + """
                    S: 500 5.5.2 Error: command not recognized
                    C: EHLO client.example
                    S: <ehlo>
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<b@example.org>
                    S: 554 5.7.1 <b@example.org>: Relay access denied
                    """);
            assertThat(smtp.policy.clients.getFirst().address().getAddress().isLoopbackAddress()).isTrue();
        }
    }

    @Test
    void theClientsLimitsHoldNotTheProxys() throws Exception {
        ClientLimits limits = ClientLimits.DEFAULT.with(ClientLimits.EXEMPT, List.of())
                .with(ClientLimits.IPV6_PREFIX, 64).with(ClientLimits.NETWORK_PREFIX_V4, 24)
                .with(ClientLimits.NETWORK_PREFIX_V6, 48).with(ClientLimits.MAX_SESSIONS_PER_NETWORK, null)
                .with(ClientLimits.SESSION_RATE, Rate.parse("2/h")).with(ClientLimits.MESSAGE_RATE, null)
                .with(ClientLimits.RECIPIENT_RATE, null).with(ClientLimits.ERROR_RATE, null)
                .with(ClientLimits.MAX_CLIENTS, 100);
        try (SmtpFixture smtp = new SmtpFixture(config -> config.clients(limits), behindProxy(), null,
                Authenticator.NONE, new FakePolicy())) {
            for (String greeting : List.of(GREETING, GREETING,
                    "S: 421 4.7.0 gateway.example Error: too many new sessions from your address\nS: <close>")) {
                SmtpFixture.Client client = smtp.connect();
                client.send(V1);
                client.plays(greeting);
            }
            SmtpFixture.Client other = smtp.connect();
            other.send(V1.replace("192.0.2.7", "192.0.2.8"));
            other.plays(GREETING);
        }
    }

    @Test
    void tlsFromTheFirstOctetBeginsBehindTheHeader(@TempDir Path directory) throws Exception {
        try (TlsKit kit = new TlsKit(directory);
                SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.IMPLICIT))
                        .proxies(LONG, "127.0.0.1").build(), Authenticator.NONE)) {
            smtp.reconfigure(new ConfigBuilder().relayNetworks("192.0.2.0/24").build());
            for (String header : List.of(V1, v2OfTcp4())) {
                SmtpFixture.Client client = smtp.connect();
                client.send(header);
                client.secure(kit.client()).plays(GREETING + MESSAGE);
            }
            assertThat(smtp.accepted).hasSize(2)
                    .allSatisfy(envelope -> assertThat(envelope.origin().address()).isEqualTo("192.0.2.7:4321"));
        }
    }

    /** Proxies often send the header and the client's first octets in one segment. */
    @Test
    void theClientHelloMayComeInTheSameSegmentAsTheHeader(@TempDir Path directory) throws Exception {
        try (TlsKit kit = new TlsKit(directory);
                SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.IMPLICIT))
                        .proxies(LONG, "127.0.0.1").build(), Authenticator.NONE)) {
            smtp.reconfigure(new ConfigBuilder().relayNetworks("192.0.2.0/24").build());
            for (String header : List.of(V1, v2OfTcp4())) {
                smtp.connect().secureBehind(header, kit.client()).plays(GREETING + MESSAGE);
            }
            assertThat(smtp.accepted).hasSize(2);
        }
    }
}
