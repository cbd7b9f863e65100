package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Identity;
import dev.penstock.config.ClientLimits;
import dev.penstock.policy.Client;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.NoUsers;
import dev.penstock.units.Rate;

/** XCLIENT of Postfix, which trusted proxies say. */
class XclientTest {
    private static final String EHLO = "C: EHLO proxy.example\nS: <ehlo>\n";
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

    private final SmtpFixture smtp = new SmtpFixture(new ListenerBuilder().xclient("127.0.0.1").build());

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    @Test
    void theClientIsWhoTheProxySays() throws Exception {
        smtp.reconfigure(new ConfigBuilder().relayNetworks("192.0.2.0/24").build());
        smtp.plays(GREETING + EHLO
                + "C: XCLIENT NAME=mail.example ADDR=192.0.2.7 PORT=4321 DESTADDR=192.0.2.25 DESTPORT=25\n" + GREETING
                + MESSAGE);
        assertThat(smtp.accepted.getFirst().origin().address()).isEqualTo("192.0.2.7:4321");
        assertThat(smtp.accepted.getFirst().origin().helo()).isEqualTo("client.example");
        assertThat(smtp.spool.content(0)).startsWith("Received: from client.example (mail.example [192.0.2.7])\r\n");
        assertThat(smtp.events.getFirst().sourceAddress()).isEqualTo("192.0.2.25:25");
        Client seen = smtp.policy.clients.getFirst();
        assertThat(seen.address().getAddress().getHostAddress()).isEqualTo("192.0.2.7");
        assertThat(seen.relayNetwork()).isTrue();
    }

    @Test
    void theProxysOwnRightToRelayIsNotTheClients() throws Exception {
        smtp.plays(GREETING + EHLO + "C: XCLIENT ADDR=192.0.2.7\n" + GREETING + EHLO + """
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: RCPT TO:<b@example.org>
                S: 554 5.7.1 <b@example.org>: Relay access denied
                """);
    }

    @Test
    void theProxyMaySayHelloForTheClient() throws Exception {
        smtp.reconfigure(new ConfigBuilder().relayNetworks("192.0.2.0/24").build());
        smtp.plays(GREETING + EHLO + "C: XCLIENT ADDR=192.0.2.7 HELO=far+2Eexample PROTO=ESMTP\n" + GREETING + """
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: RCPT TO:<b@example.org>
                S: 250 2.1.5 Ok
                C: DATA
                S: 354 *
                C: .
                S: 250 2.0.0 * queued
                """);
        assertThat(smtp.accepted.getFirst().origin().helo()).isEqualTo("far.example");
        assertThat(smtp.accepted.getFirst().origin().protocol()).isEqualTo("ESMTP");
        smtp.plays(GREETING + EHLO + "C: XCLIENT ADDR=192.0.2.7 HELO=[UNAVAILABLE] PROTO=SMTP\n" + GREETING + """
                C: MAIL FROM:<a@example.com>
                S: 503 5.5.1 Error: send HELO/EHLO first
                """);
    }

    @Test
    void anIpv6AddressHasItsTag() throws Exception {
        smtp.reconfigure(new ConfigBuilder().relayNetworks("2001:db8::/32").build());
        smtp.plays(GREETING + EHLO + "C: XCLIENT ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE]\n" + GREETING + MESSAGE);
        assertThat(smtp.spool.content(0)).startsWith("Received: from client.example ([IPv6:2001:db8::7])\r\n");
    }

    @Test
    void aLoginAtTheProxyIsOneHere() throws Exception {
        smtp.plays(GREETING + EHLO + "C: XCLIENT ADDR=192.0.2.7 LOGIN=bob+40example.com\n" + GREETING + MESSAGE);
        assertThat(smtp.accepted.getFirst().origin().identity()).isEqualTo("bob@example.com");
        assertThat(smtp.accepted.getFirst().origin().protocol()).isEqualTo("ESMTPA");
    }

    @Test
    void theUsersTenantAndSenderDomainsAreThoseOfALoginHere() throws Exception {
        try (SmtpFixture users = new SmtpFixture(config -> config, new ListenerBuilder().xclient("127.0.0.1").build(),
                null,
                new Vouching(new Identity("bob", "shop", List.of("example.com"))), new FakePolicy())) {
            users.plays(GREETING + EHLO + "C: XCLIENT ADDR=127.0.0.7 LOGIN=bob\n" + GREETING + MESSAGE);
            assertThat(users.policy.clients.getFirst().identity())
                    .isEqualTo(new Identity("bob", "shop", List.of("example.com")));
        }
    }

    @Test
    void aDisabledUserIsNobodyHereAndNotTheProxy() throws Exception {
        try (SmtpFixture users = new SmtpFixture(config -> config, new ListenerBuilder().xclient("127.0.0.1").build(),
                null,
                new Vouching(null), new FakePolicy())) {
            users.plays(GREETING + EHLO + "C: XCLIENT ADDR=192.0.2.7 LOGIN=gone\n" + GREETING + EHLO + """
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<b@example.org>
                    S: 554 5.7.1 <b@example.org>: Relay access denied
                    """);
            assertThat(users.policy.clients.getFirst().identity()).isNull();
        }
    }

    private static final class Vouching extends NoUsers {
        private final @Nullable Identity identity;

        Vouching(@Nullable Identity identity) {
            this.identity = identity;
        }

        @Override
        public @Nullable Identity vouched(String name) {
            return identity;
        }
    }

    @Test
    void theSessionBeginsAnew() throws Exception {
        smtp.plays(GREETING + EHLO + "C: XCLIENT NAME=mail.example\n" + GREETING
                + "C: MAIL FROM:<a@example.com>\nS: 503 5.5.1 Error: send HELO/EHLO first\n");
    }

    @Test
    void theProxyMaySayItAgainForItsNextClientWhoIsNotTheOneBefore() throws Exception {
        smtp.reconfigure(new ConfigBuilder().relayNetworks("192.0.2.0/24").build());
        smtp.plays(GREETING + EHLO + "C: XCLIENT NAME=one.example ADDR=192.0.2.7 LOGIN=bob\n" + GREETING + EHLO
                + "C: XCLIENT ADDR=192.0.2.8\n" + GREETING + MESSAGE);
        assertThat(smtp.accepted.getFirst().origin().address()).startsWith("192.0.2.8:");
        assertThat(smtp.accepted.getFirst().origin().identity()).isEmpty();
        assertThat(smtp.spool.content(0)).startsWith("Received: from client.example ([192.0.2.8])\r\n");
    }

    @Test
    void othersMayNotSayIt() throws Exception {
        try (SmtpFixture other = new SmtpFixture(new ListenerBuilder().xclient("192.0.2.0/24").build())) {
            other.plays(GREETING + EHLO
                    + "C: XCLIENT ADDR=192.0.2.7\nS: 550 5.7.0 Error: insufficient authorization\n"
                    + "C: NOOP\nS: 250 2.0.0 Ok\n");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"XCLIENT | Syntax: XCLIENT attribute=value ...",
        "XCLIENT ADDR | Syntax: XCLIENT attribute=value ...", "XCLIENT FOO=1 | Bad XCLIENT attribute name",
        "XCLIENT NAME=+4 | Bad NAME value, expected xtext",
        "XCLIENT ADDR=mail.example | Bad ADDR value, expected an IPv4 address or IPV6:address",
        "XCLIENT PORT=65536 | Bad PORT value, expected a port number",
        "XCLIENT PROTO=LMTP | Bad PROTO value, expected SMTP or ESMTP",
        "XCLIENT NAME=a NAME=b | NAME given twice"})
    void whatIsWrittenWronglyIsTold(String command, String text) throws Exception {
        smtp.plays(GREETING + EHLO + "C: " + command + "\nS: 501 5.5.4 " + text + "\n");
    }

    @Test
    void itIsNoPartOfATransactionAndEndsItsGroup() throws Exception {
        smtp.plays(GREETING + EHLO + """
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: XCLIENT ADDR=192.0.2.7
                S: 503 5.5.1 Error: MAIL transaction in progress
                C: RSET
                S: 250 2.0.0 Ok
                C: XCLIENT ADDR=192.0.2.7
                C: EHLO client.example
                S: 554 5.5.0 Error: SMTP protocol synchronization
                S: <close>
                """);
    }

    @Test
    void theClientsLimitsHoldNotTheProxys() throws Exception {
        ClientLimits limits = ClientLimits.DEFAULT.with(ClientLimits.EXEMPT, List.of())
                .with(ClientLimits.IPV6_PREFIX, 64).with(ClientLimits.NETWORK_PREFIX_V4, 24)
                .with(ClientLimits.NETWORK_PREFIX_V6, 48).with(ClientLimits.MAX_SESSIONS_PER_NETWORK, null)
                .with(ClientLimits.SESSION_RATE, null).with(ClientLimits.MESSAGE_RATE, Rate.parse("1/h"))
                .with(ClientLimits.RECIPIENT_RATE, null).with(ClientLimits.ERROR_RATE, null)
                .with(ClientLimits.MAX_CLIENTS, 100);
        try (SmtpFixture limited = new SmtpFixture(config -> config.clients(limits),
                new ListenerBuilder().xclient("127.0.0.1").build(), null, Authenticator.NONE, new FakePolicy())) {
            String mail = "C: MAIL FROM:<a@example.com>\n";
            String first = GREETING + EHLO + "C: XCLIENT ADDR=192.0.2.7\n" + GREETING + EHLO + mail;
            limited.plays(first + "S: 250 2.1.0 Ok\n");
            limited.plays(first + "S: 451 4.7.1 Error: too much mail from your address\n");
            limited.plays(first.replace("192.0.2.7", "192.0.2.8") + "S: 250 2.1.0 Ok\n");
        }
    }

    @Test
    void aClientWithTooManySessionsIsSentAway() throws Exception {
        try (SmtpFixture limited = new SmtpFixture(config -> config.counts(100, 100, 1, 100),
                new ListenerBuilder().xclient("127.0.0.1").build(), null, Authenticator.NONE, new FakePolicy())) {
            String begin = GREETING + EHLO + "C: XCLIENT ADDR=192.0.2.7\n";
            limited.plays(begin + GREETING);
            limited.plays(
                    begin + "S: 421 4.3.2 gateway.example Error: too many sessions from your address\nS: <close>");
        }
    }
}
