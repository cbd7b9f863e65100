package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.ListenerConfig;
import dev.penstock.message.Recipient;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.testing.FakePolicy;

/** Whoever runs this server can be written to by anybody (RFC 5321 4.5.1), once an address is configured. */
class PostmasterTest {
    private static final Recipient OPS = new Recipient("ops@example.net", "example.net");
    private static final String TO_RCPT = """
            S: 220 *
            C: EHLO client.example
            S: <ehlo>
            C: MAIL FROM:<a@example.com>
            S: 250 2.1.0 Ok
            """;
    private static final String MESSAGE = "C: DATA\nS: 354 *\nC: x\nC: .\nS: 250 2.0.0 * queued";

    private final FakePolicy policy = new FakePolicy();

    private SmtpFixture forStrangers() {
        return new SmtpFixture(ConfigBuilder::stranger, ListenerConfig.at("127.0.0.1", 0), null, Authenticator.NONE,
                policy);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Postmaster", "postmaster", "POSTMASTER", "postMaster@gateway.example",
        "postmaster@Gateway.Example"})
    void mailOfStrangersGoesWhereItIsConfiguredToGo(String written) throws Exception {
        policy.postmaster = OPS;
        try (SmtpFixture smtp = forStrangers()) {
            smtp.plays(TO_RCPT + "C: RCPT TO:<" + written + ">\nS: 250 2.1.5 Ok\n" + MESSAGE);
            assertThat(smtp.accepted.getFirst().recipients()).containsExactly(new Recipient(OPS.address(),
                    OPS.domain(), null,
                    OriginalRecipient.of(written.replaceAll("@.*", "") + "@gateway.example")));
        }
    }

    @Test
    void theRecipientAsTheAuthorWroteItIsKept() throws Exception {
        policy.postmaster = OPS;
        try (SmtpFixture smtp = forStrangers()) {
            smtp.plays(TO_RCPT + "C: RCPT TO:<Postmaster> ORCPT=rfc822;help@example.org\nS: 250 2.1.5 Ok\n" + MESSAGE);
            assertThat(smtp.accepted.getFirst().recipients()).containsExactly(new Recipient(OPS.address(),
                    OPS.domain(), null, OriginalRecipient.of("help@example.org")));
        }
    }

    @Test
    void nobodyElseIsTakenForThePostmaster() throws Exception {
        policy.postmaster = OPS;
        try (SmtpFixture smtp = forStrangers()) {
            smtp.plays(TO_RCPT + """
                    C: RCPT TO:<postmaster@example.org>
                    S: 554 5.7.1 <postmaster@example.org>: Relay access denied
                    C: RCPT TO:<hostmaster@gateway.example>
                    S: 554 5.7.1 <hostmaster@gateway.example>: Relay access denied
                    """);
        }
    }

    @Test
    void withoutAnAddressTheRefusalSaysWhy() throws Exception {
        String why = "554 5.7.1 <postmaster>: Relay access denied: gateway.example is no local domain, and no address is "
                + "configured for its postmaster\n";
        try (SmtpFixture smtp = forStrangers()) {
            smtp.plays(TO_RCPT + "C: RCPT TO:<Postmaster>\nS: " + why + "C: RCPT TO:<postmaster@gateway.example>\nS: "
                    + why + "C: RCPT TO:<x@gateway.example>\nS: 554 5.7.1 <x@gateway.example>: Relay access denied\n");
        }
    }
}
