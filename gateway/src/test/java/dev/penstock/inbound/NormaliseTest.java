package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.ContentRules.Handling;
import dev.penstock.testing.FakePolicy;

/** With {@code normalise} what looks like the end of data becomes content: one message, and no second envelope. */
class NormaliseTest {
    private static final String TO_BDAT = """
            S: 220 *
            C: EHLO client.example
            S: <ehlo>
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            """;
    private static final String TO_DATA = TO_BDAT + "C: DATA\nS: 354 *\n";
    private static final String SMUGGLED = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\n";

    private final SmtpFixture smtp = new SmtpFixture(
            config -> config.content(Handling.NORMALISE, Handling.NORMALISE));

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    /** The rule in one line: the true lines' stuffed dot goes, NUL goes, and whatever ends a line ends it with CRLF. */
    private static String normalised(String content) {
        return content.replaceAll("(^|(?<=\r\n))\\.", "").replace("\0", "").replaceAll("\r\n|\r|\n", "\r\n");
    }

    private static String body(String content) {
        return content.substring(content.indexOf("+0000\r\n") + 7);
    }

    @ParameterizedTest
    @MethodSource("dev.penstock.inbound.SmugglingTest#lookalikes")
    void aLookalikeGivesOneMessage(String lookalike) throws Exception {
        String content = "Subject: x\r\n\r\nbody" + lookalike + SMUGGLED;
        SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
        client.send(content + ".\r\n");
        client.plays("S: 250 2.0.0 * queued\nC: NOOP\nS: 250 2.0.0 Ok");
        assertThat(smtp.accepted).hasSize(1);
        assertThat(smtp.policy.clients).hasSize(1);
        assertThat(body(smtp.spool.content(0))).isEqualTo(normalised(content));
    }

    @ParameterizedTest
    @MethodSource("dev.penstock.inbound.SmugglingTest#lookalikes")
    void aLookalikeGivesOneMessageWhereverItIsSplit(String lookalike) {
        String content = "x" + lookalike + SMUGGLED;
        String data = content + ".\r\n";
        for (int split = 0; split <= data.length(); split++) {
            try (SessionHarness session = new SessionHarness(
                    config -> config.content(Handling.NORMALISE, Handling.NORMALISE))) {
                session.say("EHLO client.example\r\n");
                session.say("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
                assertThat(session.takeReplies()).endsWith("354 End data with <CR><LF>.<CR><LF>\r\n");
                session.say(data.substring(0, split));
                session.say(data.substring(split));
                assertThat(session.takeReplies()).matches("250 2\\.0\\.0 \\S+ queued\r\n");
                assertThat(session.spool().messages()).hasSize(1);
                String kept = session.spool().content(0);
                assertThat(body(kept)).isEqualTo(normalised(content));
                assertThat(session.spool().messages().getFirst().content().hasDotLines())
                        .isEqualTo(body(kept).startsWith(".") || body(kept).contains("\r\n."));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.penstock.inbound.SmugglingTest#lookalikes")
    void aLookalikeInAChunkGivesOneMessage(String lookalike) throws Exception {
        String content = "Subject: x\r\n\r\nbody" + lookalike + SMUGGLED;
        SmtpFixture.Client client = smtp.connect().plays(TO_BDAT);
        client.send("BDAT " + content.length() + " LAST\r\n" + content + "NOOP\r\n");
        client.plays("S: 250 2.0.0 * queued\nS: 250 2.0.0 Ok");
        assertThat(smtp.accepted).hasSize(1);
        assertThat(body(smtp.spool.content(0)))
                .isEqualTo(content.replace("\0", "").replaceAll("\r\n|\r|\n", "\r\n"));
    }

    /** In chunks the last line may lack its end; it gets one, and only one. */
    @ParameterizedTest
    @CsvSource({"a, a~", "a\\r\\n, a~", "a\\n, a~", "a\\r, a~", "a\\r\\n\\0, a~", "a\\n\\0, a~", "a\\0, a~", "\\n, ~",
        "\\0, ''", "a\\n\\n, a~~", "a\\n., a~.~"})
    void theLastLineOfChunksHasOneEnd(String content, String kept) throws Exception {
        String octets = content.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0");
        SmtpFixture.Client client = smtp.connect().plays(TO_BDAT);
        client.send("BDAT " + octets.length() + " LAST\r\n" + octets);
        client.plays("S: 250 2.0.0 * queued");
        assertThat(body(smtp.spool.content(0))).isEqualTo(kept.replace("~", "\r\n"));
    }

    @Test
    void eachHasItsOwnKey() throws Exception {
        smtp.reconfigure(new ConfigBuilder().content(Handling.REJECT, Handling.NORMALISE).build());
        smtp.plays(TO_DATA + "C: a\\0b\nC: .\nS: 250 2.0.0 * queued");
        smtp.plays(TO_DATA + "C: a\\nb\nC: .\nS: 550 5.5.2 Error: bare <LF> received");
        smtp.reconfigure(new ConfigBuilder().content(Handling.NORMALISE, Handling.REJECT).build());
        smtp.plays(TO_DATA + "C: a\\nb\nC: .\nS: 250 2.0.0 * queued");
        smtp.plays(TO_DATA + "C: a\\0b\nC: .\nS: 550 5.5.2 Error: NUL octet received");
        assertThat(body(smtp.spool.content(0))).isEqualTo("ab\r\n");
        assertThat(body(smtp.spool.content(1))).isEqualTo("a\r\nb\r\n");
    }

    @Test
    void theHeaderOfANormalisedMessageIsFound() throws Exception {
        FakePolicy policy = new FakePolicy();
        policy.wanted = List.of("x-tenant");
        policy.removed = List.of("x-tenant");
        try (SmtpFixture gated = new SmtpFixture(
                config -> config.content(Handling.NORMALISE, Handling.NORMALISE), new ListenerBuilder().build(), null,
                Authenticator.NONE, policy)) {
            SmtpFixture.Client client = gated.connect().plays(TO_DATA);
            client.send("A: 1\nX-Tenant: t\n\nX-Tenant: body\r\n.\r\n");
            client.plays("S: 250 2.0.0 * queued");
            assertThat(body(gated.spool.content(0))).isEqualTo("A: 1\r\n\r\nX-Tenant: body\r\n");
            assertThat(policy.headers.getFirst()).hasSize(1);
        }
    }
}
