package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.Options;
import dev.penstock.message.Recipient;
import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.Notify;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.smtp.Ret;

/** What MAIL and RCPT ask for is in the envelope, or is refused with a reason. */
class EnvelopeOptionsTest {
    private static final String EHLO = "S: 220 *\nC: EHLO client.example\nS: <ehlo>\n";
    private static final long NOW = SmtpFixture.NOW.toEpochMilli();

    private final SmtpFixture smtp = new SmtpFixture();

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    private static String wire(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    private static String message(String mail, String... rcpts) {
        StringBuilder transcript = new StringBuilder("C: MAIL FROM:" + mail + "\nS: 250 2.1.0 Ok\n");
        for (String rcpt : rcpts) {
            transcript.append("C: RCPT TO:").append(rcpt).append("\nS: 250 2.1.5 Ok\n");
        }
        return wire(transcript + "C: DATA\nS: 354 *\nC: .\nS: 250 2.0.0 * queued\n");
    }

    private Envelope taken(String mail, String... rcpts) throws IOException {
        smtp.plays(EHLO + message(mail, rcpts));
        return smtp.accepted.getLast();
    }

    @Test
    void withoutParametersNothingIsAskedFor() throws Exception {
        Envelope envelope = taken("<a@example.com>", "<b@example.org>");
        assertThat(envelope.options()).isEqualTo(Options.NONE);
        assertThat(envelope.body()).isEqualTo(BodyType.SEVEN_BIT);
        assertThat(envelope.smtpUtf8()).isFalse();
        assertThat(envelope.recipients()).containsExactly(new Recipient("b@example.org", "example.org"));
    }

    // ---- DSN (RFC 3461)

    @Test
    void dsnParametersAreKept() throws Exception {
        Envelope envelope = taken("<a@example.com> RET=HDRS ENVID=QQ+2B314159",
                "<b@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+40example.org",
                "<c@example.org> NOTIFY=NEVER", "<d@example.org> notify=failure orcpt=RFC822;d@example.org");
        assertThat(envelope.options().ret()).isEqualTo(Ret.HDRS);
        assertThat(envelope.options().envid()).isEqualTo("QQ+314159");
        assertThat(envelope.recipients()).containsExactly(
                new Recipient("b@example.org", "example.org", new Notify(true, false, true),
                        new OriginalRecipient("rfc822", "Bob@example.org")),
                new Recipient("c@example.org", "example.org", Notify.NEVER, null),
                new Recipient("d@example.org", "example.org", new Notify(false, true, false),
                        new OriginalRecipient("rfc822", "d@example.org")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
        "RET=ALL | Bad RET value, expected FULL or HDRS",
        "RET | Bad RET value, expected FULL or HDRS",
        "ENVID=+ | Bad ENVID value, expected xtext of printable ASCII",
        "ENVID=a+0D+0Ab | Bad ENVID value, expected xtext of printable ASCII",
        "ENVID=+00 | Bad ENVID value, expected xtext of printable ASCII",
        "RET=FULL RET=FULL | Syntax: MAIL FROM:<address> [KEYWORD=value ...]",
        "ENVID= | Syntax: MAIL FROM:<address> [KEYWORD=value ...]",
        "=x | Syntax: MAIL FROM:<address> [KEYWORD=value ...]",
        "SIZE=1x | Bad message size syntax",
        "SIZE=-1 | Bad message size syntax",
        "BODY=9BIT | Unknown BODY value",
        "SMTPUTF8=yes | SMTPUTF8 has no value",
        "REQUIRETLS=yes | REQUIRETLS has no value",
        "HOLDFOR=0 | Bad HOLDFOR value, expected seconds of 1 to 9 digits",
        "HOLDFOR=x | Bad HOLDFOR value, expected seconds of 1 to 9 digits",
        "HOLDFOR=1000000000 | Bad HOLDFOR value, expected seconds of 1 to 9 digits",
        "HOLDFOR=1 HOLDUNTIL=2026-11-24T00:00:00Z | HOLDFOR and HOLDUNTIL exclude each other",
        "HOLDUNTIL=tomorrow | Bad HOLDUNTIL value, expected a time like 2026-12-31T23:59:59Z",
        "HOLDUNTIL=2026-11-24 | Bad HOLDUNTIL value, expected a time like 2026-12-31T23:59:59Z",
        "HOLDFOR=2592001 | Error: hold is too long or in the past",
        "HOLDUNTIL=2026-11-23T10:20:29Z | Error: hold is too long or in the past",
        "HOLDUNTIL=2026-12-23T10:20:31Z | Error: hold is too long or in the past",
        "HOLDUNTIL=0001-01-01T00:00:00Z | Error: hold is too long or in the past",
        "BY=60 | Bad BY value, expected seconds;R or seconds;N",
        "BY=60;X | Bad BY value, expected seconds;R or seconds;N",
        "BY=x;R | Bad BY value, expected seconds;R or seconds;N",
        "BY=0;R | BY with mode R needs a time above zero",
        "BY=-5;R | BY with mode R needs a time above zero"})
    void aParameterOfMailThatIsWrongIsRefused(String parameter, String text) throws Exception {
        smtp.plays(EHLO + "C: MAIL FROM:<a@example.com> " + parameter + "\nS: 501 5.5.4 " + text + "\n"
                + message("<a@example.com>", "<b@example.org>"));
    }

    @Test
    void anEnvidHasItsLength() throws Exception {
        smtp.plays(EHLO + "C: MAIL FROM:<a@example.com> ENVID=" + "x".repeat(101)
                + "\nS: 501 5.5.4 ENVID longer than 100 characters\n"
                + message("<a@example.com> ENVID=" + "x".repeat(100), "<b@example.org>"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "NOTIFY=NEVER,SUCCESS | Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY",
        "NOTIFY=SOON | Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY",
        "NOTIFY=DELAY,DELAY | Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY",
        "ORCPT=b@example.org | Bad ORCPT value, expected type;xtext",
        "ORCPT=rfc822; | Bad ORCPT value, expected type;xtext",
        "ORCPT=rfc822;a+0D+0ARCPT | Bad ORCPT value, expected type;xtext",
        "ORCPT=rfc822;a+zz | Bad ORCPT value, expected type;xtext",
        "NOTIFY | Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY",
        "NOTIFY=DELAY NOTIFY=DELAY | Syntax: RCPT TO:<address> [KEYWORD=value ...]"})
    void aParameterOfRcptThatIsWrongIsRefused(String parameter, String text) throws Exception {
        smtp.plays(EHLO + "C: MAIL FROM:<a@example.com>\nS: 250 2.1.0 Ok\nC: RCPT TO:<b@example.org> " + parameter
                + "\nS: 501 5.5.4 " + text + "\nC: RCPT TO:<b@example.org>\nS: 250 2.1.5 Ok\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"FOO", "FOO=1"})
    void anUnknownParameterIsToldByItsName(String parameter) throws Exception {
        smtp.plays(EHLO + "C: MAIL FROM:<a@example.com> " + parameter + "\nS: 555 5.5.4 Unsupported option: FOO\n"
                + "C: MAIL FROM:<a@example.com>\nS: 250 2.1.0 Ok\nC: RCPT TO:<b@example.org> " + parameter
                + "\nS: 555 5.5.4 Unsupported option: FOO\nC: RCPT TO:<b@example.org>\nS: 250 2.1.5 Ok\n");
    }

    // ---- SMTPUTF8 (RFC 6531)

    @Test
    void unicodeAddressesAreTakenWithSmtpUtf8() throws Exception {
        Envelope envelope = taken("<jörg@bücher.example> SMTPUTF8 BODY=8BITMIME", "<用户@例え.テスト>");
        assertThat(envelope.smtpUtf8()).isTrue();
        assertThat(envelope.body()).isEqualTo(BodyType.EIGHT_BIT_MIME);
        assertThat(envelope.sender()).isEqualTo("jörg@bücher.example");
        assertThat(envelope.recipients().getFirst().address()).isEqualTo("用户@例え.テスト");
        assertThat(envelope.recipients().getFirst().domain()).isEqualTo("xn--r8jz45g.xn--zckzah");
        assertThat(envelope.origin().protocol()).isEqualTo("UTF8SMTP");
        assertThat(smtp.spool.content(0)).contains(" with UTF8SMTP id ");
    }

    @Test
    void theNextMessageIsOfItsOwnKind() throws Exception {
        smtp.plays(EHLO + message("<jörg@example.com> SMTPUTF8", "<b@example.org>")
                + message("<a@example.com>", "<b@example.org>"));
        assertThat(smtp.accepted).extracting(envelope -> envelope.origin().protocol())
                .containsExactly("UTF8SMTP", "ESMTP");
    }

    @Test
    void withoutItTheyAreRefused() throws Exception {
        smtp.plays(EHLO + wire("""
                C: MAIL FROM:<jörg@example.com>
                S: 553 5.6.7 Error: address needs SMTPUTF8 at MAIL
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: RCPT TO:<jörg@example.org>
                S: 553 5.6.7 Error: address needs SMTPUTF8 at MAIL
                C: RCPT TO:<b@example.org>
                S: 250 2.1.5 Ok
                """));
    }

    @Test
    void whatIsNotUtf8IsNoCommand() throws Exception {
        smtp.plays(EHLO + "C: MAIL FROM:<j\u00f6rg@example.com> SMTPUTF8\nS: 500 5.5.2 Error: bad UTF-8 syntax\n");
    }

    // ---- REQUIRETLS (RFC 8689)

    @Test
    void requireTlsIsTakenOverTlsOnly(@TempDir Path directory) throws Exception {
        smtp.plays(EHLO + "C: MAIL FROM:<a@example.com> REQUIRETLS\nS: 555 5.5.4 Unsupported option: REQUIRETLS\n");
        try (TlsKit kit = new TlsKit(directory);
                SmtpFixture secure = new SmtpFixture(kit,
                        new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(), Authenticator.NONE)) {
            SmtpFixture.Client client = secure.connect().plays(EHLO
                    + "C: MAIL FROM:<a@example.com> REQUIRETLS\nS: 555 5.5.4 Unsupported option: REQUIRETLS\n"
                    + "C: STARTTLS\nS: 220 *").secure(kit.client());
            client.plays("C: EHLO client.example\nS: <ehlo>\n" + message("<a@example.com> REQUIRETLS",
                    "<b@example.org>"));
            assertThat(secure.accepted.getFirst().options().requireTls()).isTrue();
        }
    }

    // ---- FUTURERELEASE (RFC 4865)

    @ParameterizedTest
    @CsvSource({"HOLDFOR=60, 60", "HOLDFOR=2592000, 2592000", "HOLDUNTIL=2026-11-23T10:21:30Z, 60",
        "HOLDUNTIL=2026-11-23T12:21:30+02:00, 60", "HOLDUNTIL=2026-12-23T10:20:30Z, 2592000"})
    void aHoldIsATimeInTheEnvelope(String parameter, long seconds) throws Exception {
        assertThat(taken("<a@example.com> " + parameter, "<b@example.org>").options().holdUntilMillis())
                .isEqualTo(NOW + seconds * 1000);
    }

    // ---- DELIVERBY (RFC 2852)

    @ParameterizedTest
    @CsvSource({"BY=60;R, 60, RETURN, false", "BY=60;RT, 60, RETURN, true", "BY=3600;N, 3600, NOTIFY, false",
        "BY=-10;N, -10, NOTIFY, false", "by=+60;nt, 60, NOTIFY, true"})
    void aDeadlineIsATimeInTheEnvelope(String parameter, long seconds, DeliverBy.Mode mode, boolean trace)
            throws Exception {
        Options options = taken("<a@example.com> " + parameter, "<b@example.org>").options();
        assertThat(options.deliverByMillis()).isEqualTo(NOW + seconds * 1000);
        assertThat(options.deliverByMode()).isEqualTo(mode);
        assertThat(options.deliverByTrace()).isEqualTo(trace);
    }

    // ---- SIZE and BODY (RFC 1870, RFC 6152)

    @Test
    void sizeAndBody() throws Exception {
        assertThat(taken("<a@example.com> SIZE=1000 BODY=8BITMIME", "<b@example.org>").body())
                .isEqualTo(BodyType.EIGHT_BIT_MIME);
        assertThat(taken("<> BODY=7BIT SIZE=0", "<b@example.org>").body()).isEqualTo(BodyType.SEVEN_BIT);
        smtp.plays(EHLO + "C: MAIL FROM:<a@example.com> SIZE=10240001\n"
                + "S: 552 5.3.4 Message size exceeds fixed limit\n"
                + "C: MAIL FROM:<a@example.com> SIZE=99999999999999999999\n"
                + "S: 552 5.3.4 Message size exceeds fixed limit\n");
    }
}
