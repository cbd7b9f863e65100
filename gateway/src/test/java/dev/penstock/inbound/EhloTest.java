package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.SaslAuthenticator;
import dev.penstock.config.ListenerLimits;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.testing.TestUsers;
import dev.penstock.units.ByteSize;

/** What EHLO is answered in each state of a listener and a session. */
class EhloTest {
    private static final String XCLIENT = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";

    private static TlsKit kit;
    private static SaslAuthenticator users;

    @BeforeAll
    static void open(@TempDir Path directory) {
        kit = new TlsKit(directory);
        users = TestUsers.authenticator(directory);
    }

    @AfterAll
    static void close() {
        users.close();
        kit.close();
    }

    /** @param middle what stands between 8BITMIME and ENHANCEDSTATUSCODES, and REQUIRETLS when it is to be there */
    private static String answer(String middle) {
        boolean requireTls = middle.contains("REQUIRETLS");
        return """
                gateway.example
                PIPELINING
                SIZE 10240000
                8BITMIME
                """ + middle.replace("REQUIRETLS\n", "") + """
                ENHANCEDSTATUSCODES
                CHUNKING
                SMTPUTF8
                DSN
                """ + (requireTls ? "REQUIRETLS\n" : "") + """
                LIMITS MAILMAX=10000 RCPTMAX=1000
                FUTURERELEASE 2592000 2026-12-23T10:20:30Z
                DELIVERBY
                HELP""";
    }

    private static String ehlo(SmtpFixture.Client client) throws Exception {
        return String.join("\n", client.ehlo());
    }

    @Test
    void aPlainListenerOffersNothingThatNeedsMore() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            assertThat(ehlo(smtp.connect().plays("S: 220 *"))).isEqualTo(answer(""));
        }
    }

    @Test
    void heloIsAnsweredInOneLine() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            smtp.plays("S: 220 gateway.example ESMTP Penstock\nC: HELO client.example\nS: 250 gateway.example");
        }
    }

    @Test
    void startTlsIsOfferedUntilItIsDone() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(),
                Authenticator.NONE)) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *");
            assertThat(ehlo(client)).isEqualTo(answer("STARTTLS\n"));
            client.plays("C: STARTTLS\nS: 220 2.0.0 Ready to start TLS").secure(kit.client());
            assertThat(ehlo(client)).isEqualTo(answer("REQUIRETLS\n"));
        }
    }

    @Test
    void whereTlsIsRequiredMechanismsAreOfferedOnlyAfterIt() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.REQUIRED)).build(),
                users)) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *");
            assertThat(ehlo(client)).isEqualTo(answer("STARTTLS\n"));
            client.plays("C: STARTTLS\nS: 220 2.0.0 Ready to start TLS").secure(kit.client());
            assertThat(ehlo(client))
                    .isEqualTo(answer("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\nREQUIRETLS\n"));
        }
    }

    @Test
    void implicitTlsHasNoStartTls() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.IMPLICIT)).build(),
                Authenticator.NONE)) {
            SmtpFixture.Client client = smtp.connect().secure(kit.client()).plays("S: 220 *");
            assertThat(ehlo(client)).isEqualTo(answer("REQUIRETLS\n"));
        }
    }

    @Test
    void mechanismsDependOnTlsAndEndWithTheLogin() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(),
                users)) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *");
            assertThat(ehlo(client)).isEqualTo(answer("STARTTLS\nAUTH SCRAM-SHA-256\n"));
            client.plays("C: STARTTLS\nS: 220 2.0.0 Ready to start TLS").secure(kit.client());
            assertThat(ehlo(client))
                    .isEqualTo(answer("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\nREQUIRETLS\n"));
            client.plays("C: AUTH PLAIN " + TestUsers.PLAIN + "\nS: 235 2.7.0 Authentication successful");
            assertThat(ehlo(client)).isEqualTo(answer("REQUIRETLS\n"));
        }
    }

    @Test
    void aListenerMayOfferFewerMechanisms() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.IMPLICIT))
                .mechanisms("PLAIN").build(), users)) {
            SmtpFixture.Client client = smtp.connect().secure(kit.client()).plays("S: 220 *");
            assertThat(ehlo(client)).isEqualTo(answer("AUTH PLAIN\nREQUIRETLS\n"));
        }
    }

    @Test
    void xclientIsOfferedToTrustedClientsOnly() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(new ListenerBuilder().xclient("127.0.0.1/32").build());
                SmtpFixture other = new SmtpFixture(new ListenerBuilder().xclient("127.0.0.2/32").build())) {
            assertThat(ehlo(smtp.connect().plays("S: 220 *")))
                    .isEqualTo(answer("").replace("\nHELP", "\n" + XCLIENT + "\nHELP"));
            assertThat(ehlo(other.connect().plays("S: 220 *"))).isEqualTo(answer(""));
        }
    }

    @Test
    void aListenersOwnLimitsAreTold() throws Exception {
        ListenerLimits limits = new ListenerLimits(null, new ByteSize(5000), 7, 3, null);
        try (SmtpFixture smtp = new SmtpFixture(new ListenerBuilder().limits(limits).build())) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *");
            assertThat(ehlo(client)).isEqualTo(answer("").replace("SIZE 10240000", "SIZE 5000")
                    .replace("MAILMAX=10000 RCPTMAX=1000", "MAILMAX=3 RCPTMAX=7"));
            client.plays("C: MAIL FROM:<a@example.com> SIZE=5001\nS: 552 5.3.4 Message size exceeds fixed limit");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "SMTPUTF8", "DSN",
        "REQUIRETLS", "LIMITS", "FUTURERELEASE", "DELIVERBY"})
    void whatIsWithheldIsNotOffered(String keyword) throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.IMPLICIT))
                .withheld(keyword).build(), Authenticator.NONE)) {
            List<String> lines = smtp.connect().secure(kit.client()).plays("S: 220 *").ehlo();
            assertThat(lines).noneMatch(line -> line.startsWith(keyword)).hasSize(12).endsWith("HELP");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"SIZE | SIZE=100 | SIZE", "8BITMIME | BODY=8BITMIME | BODY=8BITMIME",
        "SMTPUTF8 | SMTPUTF8 | SMTPUTF8", "DSN | RET=FULL | RET", "DSN | ENVID=x | ENVID",
        "REQUIRETLS | REQUIRETLS | REQUIRETLS", "FUTURERELEASE | HOLDFOR=60 | HOLDFOR",
        "FUTURERELEASE | HOLDUNTIL=2026-11-24T00:00:00Z | HOLDUNTIL", "DELIVERBY | BY=60;R | BY"})
    void parametersOfWhatIsWithheldAreRefused(String keyword, String parameter, String told) throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.IMPLICIT))
                .withheld(keyword).build(), Authenticator.NONE)) {
            smtp.connect().secure(kit.client()).plays("S: 220 *\nC: EHLO client.example\nS: <ehlo>\n"
                    + "C: MAIL FROM:<a@example.com> " + parameter + "\nS: 555 5.5.4 Unsupported option: " + told
                    + "\nC: MAIL FROM:<a@example.com>\nS: 250 2.1.0 Ok\n");
        }
    }

    @ParameterizedTest
    @CsvSource({"NOTIFY=NEVER, NOTIFY", "ORCPT=rfc822;x@example.org, ORCPT"})
    void parametersOfRcptTooAreRefusedWithoutDsn(String parameter, String told) throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(new ListenerBuilder().withheld("DSN").build())) {
            smtp.plays("S: 220 *\nC: EHLO client.example\nS: <ehlo>\nC: MAIL FROM:<a@example.com>\nS: 250 2.1.0 Ok\n"
                    + "C: RCPT TO:<b@example.org> " + parameter + "\nS: 555 5.5.4 Unsupported option: " + told);
        }
    }

    @Test
    void bdatEndsTheSessionWhereChunkingIsWithheld() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(new ListenerBuilder().withheld("CHUNKING").build())) {
            smtp.plays("""
                    S: 220 *
                    C: EHLO client.example
                    S: <ehlo>
                    C: BDAT 6 LAST
                    C: NOOP
                    S: 502 5.5.1 Error: command not implemented
                    S: <close>
                    """);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"BODY=BINARYMIME | BODY=BINARYMIME", "REQUIRETLS | REQUIRETLS",
        "XYZ=1 | XYZ", "TRANSID=<x> | TRANSID"})
    void whatIsNeverOfferedIsRefused(String parameter, String told) throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            smtp.plays("S: 220 *\nC: EHLO client.example\nS: <ehlo>\nC: MAIL FROM:<a@example.com> " + parameter
                    + "\nS: 555 5.5.4 Unsupported option: " + told);
        }
    }
}
