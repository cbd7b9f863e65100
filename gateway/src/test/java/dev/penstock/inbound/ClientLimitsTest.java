package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.config.ClientLimits;
import dev.penstock.units.Rate;

/** What a client hears that is over its limits. */
class ClientLimitsTest {
    private static final String EHLO = "S: 220 *\nC: EHLO client.example\nS: <ehlo>\n";

    private static SmtpFixture fixture(@Nullable Integer perNetwork, @Nullable String sessions,
            @Nullable String messages, @Nullable String recipients, @Nullable String errors) {
        ClientLimits limits = ClientLimits.DEFAULT.with(ClientLimits.EXEMPT, List.of())
                .with(ClientLimits.IPV6_PREFIX, 64).with(ClientLimits.NETWORK_PREFIX_V4, 24)
                .with(ClientLimits.NETWORK_PREFIX_V6, 48).with(ClientLimits.MAX_SESSIONS_PER_NETWORK, perNetwork)
                .with(ClientLimits.SESSION_RATE, rate(sessions)).with(ClientLimits.MESSAGE_RATE, rate(messages))
                .with(ClientLimits.RECIPIENT_RATE, rate(recipients)).with(ClientLimits.ERROR_RATE, rate(errors))
                .with(ClientLimits.MAX_CLIENTS, 100);
        return new SmtpFixture(config -> config.relayNetworks("192.0.2.0/24").clients(limits).errors(10, Duration.ZERO,
                20, 100));
    }

    private static @Nullable Rate rate(@Nullable String text) {
        return text == null ? null : Rate.parse(text);
    }

    @Test
    void messages() throws Exception {
        try (SmtpFixture smtp = fixture(null, null, "2/h", null, null)) {
            String mail = "C: MAIL FROM:<a@example.com>\nS: 250 2.1.0 Ok\nC: RSET\nS: 250 2.0.0 Ok\n";
            smtp.plays(EHLO + mail);
            smtp.plays(
                    EHLO + mail + "C: MAIL FROM:<a@example.com>\nS: 451 4.7.1 Error: too much mail from your address\n"
                            + "C: NOOP\nS: 250 2.0.0 Ok");
            assertThat(smtp.server.stats().hostility().messagesLimited()).isEqualTo(1);
            assertThat(smtp.server.stats().errors()).isZero();
        }
    }

    @Test
    void recipients() throws Exception {
        try (SmtpFixture smtp = fixture(null, null, null, "2/h", null)) {
            smtp.plays(EHLO + """
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<b@example.org>
                    C: RCPT TO:<c@example.org>
                    C: RCPT TO:<d@example.org>
                    S: 250 2.1.0 Ok
                    S: 554 5.7.1 <b@example.org>: Relay access denied
                    S: 554 5.7.1 <c@example.org>: Relay access denied
                    S: 452 4.7.1 Error: too many recipients from your address
                    C: DATA
                    S: 554 5.5.1 Error: no valid recipients
                    """);
            assertThat(smtp.server.stats().hostility().recipientsLimited()).isEqualTo(1);
        }
    }

    @Test
    void newSessions() throws Exception {
        try (SmtpFixture smtp = fixture(null, "2/h", null, null, null)) {
            smtp.plays(EHLO);
            smtp.plays(EHLO);
            smtp.plays("S: 421 4.7.0 gateway.example Error: too many new sessions from your address\nS: <close>");
            assertThat(smtp.server.stats().hostility().refused()).containsEntry(SessionRefusal.TOO_FAST, 1L);
        }
    }

    @Test
    void sessionsOfANetwork() throws Exception {
        try (SmtpFixture smtp = fixture(1, null, null, null, null)) {
            SmtpFixture.Client first = smtp.connect().plays(EHLO);
            smtp.plays("S: 421 4.3.2 gateway.example Error: too many sessions from your network\nS: <close>");
            first.close();
            await().until(() -> smtp.server.stats().sessions() == 0);
            smtp.plays(EHLO);
        }
    }

    @Test
    void errors() throws Exception {
        try (SmtpFixture smtp = fixture(null, null, null, null, "2/h")) {
            smtp.plays(EHLO + "C: FOO\nS: 500 *\nC: FOO\nS: 500 *\nC: FOO\nS: 500 *\nC: FOO\nS: 500 *\n"
                    + "C: NOOP\nS: 250 2.0.0 Ok\n"); // a session that is open goes on
            smtp.plays("S: 421 4.7.0 gateway.example Error: too many errors from your address\nS: <close>");
        }
    }

    @Test
    void relayNetworksHaveNone() throws Exception {
        try (SmtpFixture smtp = fixture(1, "1/h", "1/h", "1/h", "1/h")) {
            smtp.reconfigure(new ConfigBuilder().clients(
                    ClientLimits.DEFAULT.with(ClientLimits.EXEMPT, List.of()).with(ClientLimits.IPV6_PREFIX, 64)
                            .with(ClientLimits.NETWORK_PREFIX_V4, 24).with(ClientLimits.NETWORK_PREFIX_V6, 48)
                            .with(ClientLimits.MAX_SESSIONS_PER_NETWORK, 1).with(ClientLimits.SESSION_RATE, rate("1/h"))
                            .with(ClientLimits.MESSAGE_RATE, rate("1/h")).with(ClientLimits.RECIPIENT_RATE, rate("1/h"))
                            .with(ClientLimits.ERROR_RATE, rate("1/h")).with(ClientLimits.MAX_CLIENTS, 100))
                    .build());
            for (int i = 0; i < 3; i++) {
                smtp.plays(EHLO + "C: FOO\nS: 500 *\nC: MAIL FROM:<a@example.com>\nS: 250 2.1.0 Ok\n"
                        + "C: RCPT TO:<b@example.org>\nS: 250 2.1.5 Ok\nC: RCPT TO:<c@example.org>\nS: 250 2.1.5 Ok\n");
            }
        }
    }

    @Test
    void underStressErrorsAreForgivenLess() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.counts(100, 4, 50, 100).stressAt(50))) {
            SmtpFixture.Client first = smtp.connect().plays(EHLO + "C: FOO\nS: 500 *\n");
            SmtpFixture.Client second = smtp.connect().plays(EHLO);
            assertThat(smtp.server.stats().hostility().stress()).isTrue();
            second.plays("C: FOO\nS: 500 *\nS: 421 4.7.0 gateway.example Error: too many errors\nS: <close>");
            await().until(() -> !smtp.server.stats().hostility().stress());
            first.plays("C: FOO\nS: 500 *\nC: NOOP\nS: 250 2.0.0 Ok\n");
        }
    }
}
