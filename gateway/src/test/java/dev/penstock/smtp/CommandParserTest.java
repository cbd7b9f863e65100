package dev.penstock.smtp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandParserTest {
    @ParameterizedTest
    @CsvSource({"DATA, Data", "data, Data", "DaTa  , Data", "RSET, Rset", "NOOP, Noop", "noop with an argument, Noop",
        "QUIT, Quit"})
    void commandsWithoutAnArgumentAreRecognizedInAnyCase(String line, String name) {
        assertThat(parse(line).getClass().getSimpleName()).isEqualTo(name);
    }

    @Test
    void ehloAndHeloCarryTheClientsName() {
        assertThat(parse("EHLO client.example")).isEqualTo(new Command.Ehlo("client.example"));
        assertThat(parse("helo [192.0.2.1] ")).isEqualTo(new Command.Helo("[192.0.2.1]"));
    }

    @Test
    void mailWithoutParameters() {
        assertThat(parse("MAIL FROM:<a@example.com>"))
                .isInstanceOfSatisfying(Command.Mail.class, mail -> {
                    assertThat(mail.path().address()).isEqualTo("a@example.com");
                    assertThat(mail.parameters()).isSameAs(Command.MailParameters.NONE);
                });
    }

    @Test
    void mailWithTheNullReversePath() {
        assertThat(parse("MAIL FROM:<>"))
                .isEqualTo(new Command.Mail(ReversePath.NULL, Command.MailParameters.NONE));
    }

    @Test
    void mailWithItsParameters() {
        assertThat(parse("mail from: <a@example.com> size=12345 BODY=8bitmime SMTPUTF8 RET=HDRS ENVID=a+20b "
                + "REQUIRETLS HOLDFOR=60 BY=120;R AUTH=<> X-ONE X-TWO=2"))
                .isInstanceOfSatisfying(Command.Mail.class,
                        mail -> assertThat(mail.parameters()).isEqualTo(new Command.MailParameters(12345,
                                Command.Body.EIGHT_BIT_MIME, true, Ret.HDRS, "a b", true, new FutureRelease.For(60),
                                new DeliverBy(120, DeliverBy.Mode.RETURN, false), "<>",
                                Map.of("X-ONE", "", "X-TWO", "2"))));
    }

    @Test
    void aSizeThatFitsNoLongIsTheLargest() {
        assertThat(parse("MAIL FROM:<a@example.com> SIZE=99999999999999999999"))
                .isInstanceOfSatisfying(Command.Mail.class,
                        mail -> assertThat(mail.parameters().size()).isEqualTo(Long.MAX_VALUE));
    }

    @Test
    void rcptWithItsParameters() {
        assertThat(parse("RCPT TO:<b@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@example.org"))
                .isEqualTo(new Command.Rcpt(
                        new ForwardPath(new Mailbox("b@example.org", "b", "example.org", false)),
                        new Command.RcptParameters(new Notify(true, true, false),
                                new OriginalRecipient("rfc822", "b@example.org"), Map.of())));
        assertThat(parse("RCPT TO:<b@example.org>")).isInstanceOfSatisfying(Command.Rcpt.class,
                rcpt -> assertThat(rcpt.parameters()).isSameAs(Command.RcptParameters.NONE));
        assertThat(parse("RCPT TO:<b@example.org> X-ONE=1")).isInstanceOfSatisfying(Command.Rcpt.class,
                rcpt -> assertThat(rcpt.parameters().others()).isEqualTo(Map.of("X-ONE", "1")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "RET=full                           | ret       | FULL",
        "RET=HDRS                           | ret       | HDRS",
        "ENVID=QQ314159                     | envid     | QQ314159",
        "ENVID=a+2Bb+3D                     | envid     | a+b=",
        "REQUIRETLS                         | requireTls| true",
        "BODY=BINARYMIME                    | body      | BINARY_MIME",
        "BODY=7bit                          | body      | SEVEN_BIT",
        "HOLDFOR=1                          | hold      | For[seconds=1]",
        "HOLDFOR=999999999                  | hold      | For[seconds=999999999]",
        "HOLDUNTIL=2026-12-31T23:59:59Z     | hold      | Until[time=2026-12-31T23:59:59Z]",
        "holduntil=2026-12-31t23:59:59z     | hold      | Until[time=2026-12-31T23:59:59Z]",
        "HOLDUNTIL=2027-01-01T01:59:59+02:00| hold      | Until[time=2026-12-31T23:59:59Z]",
        "HOLDUNTIL=2026-12-31T23:59:59.5Z   | hold      | Until[time=2026-12-31T23:59:59.500Z]",
        "BY=86400;R                         | deliverBy | DeliverBy[seconds=86400, mode=RETURN, trace=false]",
        "BY=+1;rt                           | deliverBy | DeliverBy[seconds=1, mode=RETURN, trace=true]",
        "BY=0;N                             | deliverBy | DeliverBy[seconds=0, mode=NOTIFY, trace=false]",
        "BY=-999999999;NT                   | deliverBy | DeliverBy[seconds=-999999999, mode=NOTIFY, trace=true]",
        "AUTH=<>                            | auth      | <>",
        "AUTH=e+3Dmc2@example.com           | auth      | e=mc2@example.com",
        "AUTH=fred                          | auth      | fred",
        "SIZE=0                             | size      | 0",
        "SIZE=999999999999999999            | size      | 999999999999999999"})
    void valuesOfMailParametersAreRead(String parameter, String component, String value) {
        assertThat(parse("MAIL FROM:<a@example.com> " + parameter)).isInstanceOfSatisfying(Command.Mail.class,
                mail -> assertThat(mail.parameters()).extracting(component).hasToString(value));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "NOTIFY=NEVER                        | notifyOn | Notify[success=false, failure=false, delay=false, usualDelay=false]",
        "notify=never                        | notifyOn | Notify[success=false, failure=false, delay=false, usualDelay=false]",
        "NOTIFY=SUCCESS                      | notifyOn | Notify[success=true, failure=false, delay=false, usualDelay=false]",
        "NOTIFY=delay,Failure                | notifyOn | Notify[success=false, failure=true, delay=true, usualDelay=false]",
        "NOTIFY=SUCCESS,FAILURE,DELAY        | notifyOn | Notify[success=true, failure=true, delay=true, usualDelay=false]",
        "ORCPT=rfc822;a+2Bb@x.example        | orcpt    | OriginalRecipient[type=rfc822, address=a+b@x.example]",
        "ORCPT=RFC822;a                      | orcpt    | OriginalRecipient[type=rfc822, address=a]",
        "ORCPT=rfc822;a;b                    | orcpt    | OriginalRecipient[type=rfc822, address=a;b]",
        "ORCPT=x400;/C=us/                   | -        | -",
        "ORCPT=x400;/C+3Dus/                 | orcpt    | OriginalRecipient[type=x400, address=/C=us/]",
        "ORCPT=utf-8;\\x{FC}@x.example     | orcpt    | OriginalRecipient[type=utf-8, address=ü@x.example]",
        "ORCPT=UTF-8;ü@x.example             | orcpt    | OriginalRecipient[type=utf-8, address=ü@x.example]"})
    void valuesOfRcptParametersAreRead(String parameter, String component, String value) {
        Command command = parse("RCPT TO:<b@example.org> " + parameter.replace("\\\\", "\\"));
        if (component.equals("-")) {
            assertThat(command).isInstanceOf(Command.Malformed.class);
        } else {
            assertThat(command).isInstanceOfSatisfying(Command.Rcpt.class,
                    rcpt -> assertThat(rcpt.parameters()).extracting(component).hasToString(value));
        }
    }

    @Test
    void theLongestValuesAreTaken() {
        assertThat(parse("MAIL FROM:<> ENVID=" + "+41".repeat(100))).isInstanceOfSatisfying(Command.Mail.class,
                mail -> assertThat(mail.parameters().envid()).isEqualTo("A".repeat(100)));
        String longest = "v".repeat(255) + "@example.org"; // SRS, VERP
        assertThat(parse("RCPT TO:<" + longest + ">")).isInstanceOfSatisfying(Command.Rcpt.class,
                rcpt -> assertThat(rcpt.path().mailbox().address()).isEqualTo(longest));
        assertThat(parse("MAIL FROM:<" + longest + ">")).isInstanceOfSatisfying(Command.Mail.class,
                mail -> assertThat(mail.path().address()).isEqualTo(longest));
        assertMalformed("RCPT TO:<v" + longest + ">", "501 5.1.3 Bad recipient address syntax");
        assertMalformed("MAIL FROM:<v" + longest + ">", "501 5.1.7 Bad sender address syntax");
        assertThat(parse("RCPT TO:<b@example.org> ORCPT=rfc822;" + "a".repeat(493)))
                .isInstanceOf(Command.Rcpt.class);
        assertMalformed("MAIL FROM:<> ENVID=" + "A".repeat(101), "501 5.5.4 ENVID longer than 100 characters");
        assertMalformed("RCPT TO:<b@example.org> ORCPT=rfc822;" + "a".repeat(494),
                "501 5.5.4 ORCPT longer than 500 characters");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "BDAT 0                       | 0                   | false",
        "bdat 86 last                 | 86                  | true",
        "BDAT 1000 LAST               | 1000                | true",
        "BDAT 99999999999999999999    | 9223372036854775807 | false"})
    void chunksAreAnnounced(String line, long size, boolean last) {
        assertThat(parse(line)).isEqualTo(new Command.Bdat(size, last));
    }

    @ParameterizedTest
    @ValueSource(strings = {"BDAT", "BDAT LAST", "BDAT -1", "BDAT +1", "BDAT 1k", "BDAT 1 FIRST", "BDAT 1 LAST LAST",
        "BDAT 100000000000000000000", "BDAT 0x10 LAST", "BDAT 1LAST", "BDAT ١"})
    void aChunkOfUnknownSizeEndsTheSession(String line) {
        assertMalformed(line, "521 5.5.4 Syntax: BDAT size [LAST]");
    }

    @Test
    void startTlsStandsAlone() {
        assertThat(parse("starttls ")).isEqualTo(new Command.StartTls());
        assertMalformed("STARTTLS now", "501 5.5.4 Syntax: STARTTLS");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
        "AUTH PLAIN              | PLAIN              | -",
        "auth scram-sha-256-plus | SCRAM-SHA-256-PLUS | -",
        "AUTH PLAIN =            | PLAIN              | =",
        "AUTH PLAIN AGEAYg==     | PLAIN              | AGEAYg==",
        "AUTH X_1 not!base64     | X_1                | not!base64"})
    void authNamesItsMechanism(String line, String mechanism, String initialResponse) {
        assertThat(parse(line)).isEqualTo(new Command.Auth(mechanism, initialResponse));
    }

    @ParameterizedTest
    @ValueSource(strings = {"AUTH", "AUTH PLAIN a b", "AUTH PL*IN", "AUTH =", "AUTH ABCDEFGHIJKLMNOPQRSTU", "AUTH ü"})
    void authThatNamesNoMechanismIsAnswered(String line) {
        assertMalformed(line, "501 5.5.4 Syntax: AUTH mechanism [initial-response]");
    }

    @Test
    void xclientCarriesItsAttributes() {
        assertThat(parse("XCLIENT NAME=spike.example ADDR=168.100.189.2 PORT=50123 proto=esmtp HELO=a+20b "
                + "LOGIN=j+C3+BCrgen DESTADDR=IPV6:2001:db8::1 DESTPORT=25"))
                .isEqualTo(new Command.Xclient(Map.of("NAME", "spike.example", "ADDR", "168.100.189.2", "PORT",
                        "50123", "PROTO", "ESMTP", "HELO", "a b", "LOGIN", "jürgen", "DESTADDR", "2001:db8::1",
                        "DESTPORT", "25")));
        assertThat(parse("XCLIENT NAME=[unavailable] ADDR=[TEMPUNAVAIL] ")).isEqualTo(new Command.Xclient(
                Map.of("NAME", "[UNAVAILABLE]", "ADDR", "[TEMPUNAVAIL]")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "XCLIENT                            | Syntax: XCLIENT attribute=value ...",
        "XCLIENT NAME                       | Syntax: XCLIENT attribute=value ...",
        "XCLIENT =x                         | Syntax: XCLIENT attribute=value ...",
        "XCLIENT COLOUR=red                 | Bad XCLIENT attribute name",
        "XCLIENT NAME=                      | Bad NAME value, expected xtext",
        "XCLIENT NAME=a=b                   | Bad NAME value, expected xtext",
        "XCLIENT HELO=a+0D+0ADATA           | Bad HELO value, expected xtext",
        "XCLIENT LOGIN=+FF                  | Bad LOGIN value, expected xtext",
        "XCLIENT LOGIN=ü                    | Bad LOGIN value, expected xtext",
        "XCLIENT PORT=65536                 | Bad PORT value, expected a port number",
        "XCLIENT DESTPORT=smtp              | Bad DESTPORT value, expected a port number",
        "XCLIENT PROTO=LMTP                 | Bad PROTO value, expected SMTP or ESMTP",
        "XCLIENT ADDR=spike.example         | Bad ADDR value, expected an IPv4 address or IPV6:address",
        "XCLIENT ADDR=IPV6:192.0.2.1        | Bad ADDR value, expected an IPv4 address or IPV6:address",
        "XCLIENT ADDR=IPV6:fe80::1%1        | Bad ADDR value, expected an IPv4 address or IPV6:address",
        "XCLIENT ADDR=256.1.1.1             | Bad ADDR value, expected an IPv4 address or IPV6:address",
        "XCLIENT NAME=a NAME=b              | NAME given twice"})
    void xclientThatIsWrittenWronglyIsAnswered(String line, String text) {
        assertMalformed(line, "501 5.5.4 " + text);
    }

    @Test
    void rcptOfTheLocalPostmaster() {
        assertThat(parse("RCPT TO:<PostMaster>")).isInstanceOfSatisfying(Command.Rcpt.class, rcpt -> {
            assertThat(rcpt.path().isLocalPostmaster()).isTrue();
            assertThat(rcpt.path().address()).isEqualTo("PostMaster");
        });
    }

    @Test
    void addressesMayBeUtf8() {
        assertThat(parse("RCPT TO:<jürgen@bücher.example>")).isInstanceOfSatisfying(Command.Rcpt.class, rcpt -> {
            assertThat(rcpt.path().mailbox().utf8()).isTrue();
            assertThat(rcpt.path().mailbox().domain()).isEqualTo("xn--bcher-kva.example");
        });
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "MAIL                                 | 501 5.5.4 Syntax: MAIL FROM:<address>",
        "MAIL <a@example.com>                 | 501 5.5.4 Syntax: MAIL FROM:<address>",
        "MAIL FROM:a@example.com              | 501 5.1.7 Bad sender address syntax",
        "MAIL FROM:<a@example.com             | 501 5.1.7 Bad sender address syntax",
        "MAIL FROM:<a@b@example.com>          | 501 5.1.7 Bad sender address syntax",
        "MAIL FROM:<a@example.com>SIZE=1      | 501 5.5.4 Syntax: MAIL FROM:<address> [KEYWORD=value ...]",
        "MAIL FROM:<a@example.com> SIZE=      | 501 5.5.4 Syntax: MAIL FROM:<address> [KEYWORD=value ...]",
        "MAIL FROM:<a@example.com> =1         | 501 5.5.4 Syntax: MAIL FROM:<address> [KEYWORD=value ...]",
        "MAIL FROM:<a@example.com> A=1 a=2    | 501 5.5.4 Syntax: MAIL FROM:<address> [KEYWORD=value ...]",
        "MAIL FROM:<a@example.com> SIZE=-1    | 501 5.5.4 Bad message size syntax",
        "MAIL FROM:<a@example.com> SIZE=1k    | 501 5.5.4 Bad message size syntax",
        "MAIL FROM:<a@example.com> BODY=6BIT  | 501 5.5.4 Unknown BODY value",
        "MAIL FROM:<a@example.com> SMTPUTF8=1 | 501 5.5.4 SMTPUTF8 has no value",
        "MAIL FROM:<> REQUIRETLS=YES          | 501 5.5.4 REQUIRETLS has no value",
        "MAIL FROM:<> RET=ALL                 | 501 5.5.4 Bad RET value, expected FULL or HDRS",
        "MAIL FROM:<> RET                     | 501 5.5.4 Bad RET value, expected FULL or HDRS",
        "MAIL FROM:<> RET=FULL RET=HDRS       | 501 5.5.4 Syntax: MAIL FROM:<address> [KEYWORD=value ...]",
        "MAIL FROM:<> ENVID                   | 501 5.5.4 Bad ENVID value, expected xtext of printable ASCII",
        "MAIL FROM:<> ENVID=a+0D+0AQUIT       | 501 5.5.4 Bad ENVID value, expected xtext of printable ASCII",
        "MAIL FROM:<> ENVID=a+2               | 501 5.5.4 Bad ENVID value, expected xtext of printable ASCII",
        "MAIL FROM:<> ENVID=+C3+BC            | 501 5.5.4 Bad ENVID value, expected xtext of printable ASCII",
        "MAIL FROM:<> ENVID=ü                 | 501 5.5.4 Bad ENVID value, expected xtext of printable ASCII",
        "MAIL FROM:<> HOLDFOR=0               | 501 5.5.4 Bad HOLDFOR value, expected seconds of 1 to 9 digits",
        "MAIL FROM:<> HOLDFOR=1000000000      | 501 5.5.4 Bad HOLDFOR value, expected seconds of 1 to 9 digits",
        "MAIL FROM:<> HOLDFOR=1h              | 501 5.5.4 Bad HOLDFOR value, expected seconds of 1 to 9 digits",
        "MAIL FROM:<> HOLDFOR                 | 501 5.5.4 Bad HOLDFOR value, expected seconds of 1 to 9 digits",
        "MAIL FROM:<> HOLDUNTIL=tomorrow      | 501 5.5.4 Bad HOLDUNTIL value, expected a time like 2026-12-31T23:59:59Z",
        "MAIL FROM:<> HOLDUNTIL=2026-12-31T23:59:59  | 501 5.5.4 Bad HOLDUNTIL value, expected a time like 2026-12-31T23:59:59Z",
        "MAIL FROM:<> HOLDUNTIL=2026-02-30T00:00:00Z | 501 5.5.4 Bad HOLDUNTIL value, expected a time like 2026-12-31T23:59:59Z",
        "MAIL FROM:<> HOLDUNTIL=+999999999-12-31T23:59:59Z | 501 5.5.4 Bad HOLDUNTIL value, expected a time like 2026-12-31T23:59:59Z",
        "MAIL FROM:<> HOLDFOR=1 HOLDUNTIL=2026-12-31T23:59:59Z | 501 5.5.4 HOLDFOR and HOLDUNTIL exclude each other",
        "MAIL FROM:<> BY=1                    | 501 5.5.4 Bad BY value, expected seconds;R or seconds;N",
        "MAIL FROM:<> BY=;R                   | 501 5.5.4 Bad BY value, expected seconds;R or seconds;N",
        "MAIL FROM:<> BY=-;N                  | 501 5.5.4 Bad BY value, expected seconds;R or seconds;N",
        "MAIL FROM:<> BY=1;X                  | 501 5.5.4 Bad BY value, expected seconds;R or seconds;N",
        "MAIL FROM:<> BY=1;T                  | 501 5.5.4 Bad BY value, expected seconds;R or seconds;N",
        "MAIL FROM:<> BY=1;RTT                | 501 5.5.4 Bad BY value, expected seconds;R or seconds;N",
        "MAIL FROM:<> BY=1234567890;R         | 501 5.5.4 Bad BY value, expected seconds;R or seconds;N",
        "MAIL FROM:<> BY=0;R                  | 501 5.5.4 BY with mode R needs a time above zero",
        "MAIL FROM:<> BY=-1;RT                | 501 5.5.4 BY with mode R needs a time above zero",
        "MAIL FROM:<> AUTH=a+0A               | 501 5.5.4 Bad AUTH value, expected xtext or <>",
        "MAIL FROM:<> AUTH                    | 501 5.5.4 Bad AUTH value, expected xtext or <>",
        "RCPT TO:<a@x.example> NOTIFY         | 501 5.5.4 Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY",
        "RCPT TO:<a@x.example> NOTIFY=NEVER,DELAY | 501 5.5.4 Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY",
        "RCPT TO:<a@x.example> NOTIFY=DELAY,delay | 501 5.5.4 Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY",
        "RCPT TO:<a@x.example> NOTIFY=DELAY,  | 501 5.5.4 Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY",
        "RCPT TO:<a@x.example> NOTIFY=ALWAYS  | 501 5.5.4 Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY",
        "RCPT TO:<a@x.example> ORCPT          | 501 5.5.4 Bad ORCPT value, expected type;xtext",
        "RCPT TO:<a@x.example> ORCPT=a@x      | 501 5.5.4 Bad ORCPT value, expected type;xtext",
        "RCPT TO:<a@x.example> ORCPT=rfc822;  | 501 5.5.4 Bad ORCPT value, expected type;xtext",
        "RCPT TO:<a@x.example> ORCPT=;a       | 501 5.5.4 Bad ORCPT value, expected type;xtext",
        "RCPT TO:<a@x.example> ORCPT=(x);a    | 501 5.5.4 Bad ORCPT value, expected type;xtext",
        "RCPT TO:<a@x.example> ORCPT=rfc822;a+0D+0A | 501 5.5.4 Bad ORCPT value, expected type;xtext",
        "RCPT TO:<a@x.example> ORCPT=rfc822;+C3+BC  | 501 5.5.4 Bad ORCPT value, expected type;xtext",
        "RCPT TO:<a@x.example> ORCPT=utf-8;a+2B     | 501 5.5.4 Bad ORCPT value, expected type;xtext",
        "RCPT TO:<a@x.example> ORCPT=utf-8;\\x{0A} | 501 5.5.4 Bad ORCPT value, expected type;xtext",
        "RCPT TO:<a@x.example> X=             | 501 5.5.4 Syntax: RCPT TO:<address> [KEYWORD=value ...]",
        "RCPT TO                              | 501 5.5.4 Syntax: RCPT TO:<address>",
        "RCPT TO:<>                           | 501 5.1.3 Bad recipient address syntax",
        "RCPT TO:<a>                          | 501 5.1.3 Bad recipient address syntax",
        "RCPT TO:<a@-x.example>               | 501 5.1.3 Bad recipient address syntax",
        "EHLO                                 | 501 5.5.4 Syntax: EHLO hostname",
        "HELO two words                       | 501 5.5.4 Syntax: HELO hostname",
        "DATA now                             | 501 5.5.4 Syntax: DATA",
        "RSET all                             | 501 5.5.4 Syntax: RSET",
        "VRFY                                 | 501 5.5.4 Syntax: VRFY address"})
    void whatIsWrittenWronglyIsAnswered(String line, String reply) {
        assertMalformed(line, reply);
    }

    @ParameterizedTest
    @ValueSource(strings = {"NOOP \r", "MAIL FROM:<a\0@example.com>", "\u001b[A", "RCPT TO:<a@example.com\r>"})
    void controlCharactersAreRefusedWhereverTheyAre(String line) {
        assertThat(parse(line)).isInstanceOfSatisfying(Command.Malformed.class,
                malformed -> assertThat(malformed.reply().code()).isEqualTo(500));
    }

    @Test
    void brokenUtf8IsRefused() {
        byte[] line = {'V', 'R', 'F', 'Y', ' ', (byte) 0xc3, '('};
        assertThat(CommandParser.parse(line, 0, line.length)).isInstanceOf(Command.Malformed.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"EXPN list", "ETRN x", "lhlo client.example", "TURN"})
    void commandsOfOtherServersAreKnownByName(String line) {
        assertThat(parse(line)).isInstanceOf(Command.NotImplemented.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "X", "QUI", "QUITS", "MAILFROM:<a@example.com>", ":", "HTTP/1.1",
        "X-FOO bar", "STARTTLSX", "GETS x", "\u00fc: x", "\u00fcber"})
    void allElseIsNotRecognized(String line) {
        assertThat(parse(line)).isInstanceOf(Command.Unrecognized.class);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "GET / HTTP/1.1                       | GET",
        "GET /                                | GET",
        "POST /api HTTP/1.0                   | POST",
        "connect mx.example:25 HTTP/1.1       | CONNECT",
        "CONNECT mx.example:25                | CONNECT",
        "OPTIONS * HTTP/1.1                   | OPTIONS",
        "PRI * HTTP/2.0                       | PRI",
        "PROPFIND /x HTTP/1.1                 | PROPFIND",
        "DESCRIBE rtsp://x.example/ RTSP/1.0  | DESCRIBE",
        "REGISTER sip:x.example SIP/2.0       | REGISTER",
        "Host: x.example                      | HOST:",
        "User-Agent: curl/8                   | USER-AGENT:",
        "Received: from x                     | RECEIVED:",
        "SSH-2.0-OpenSSH_9.6                  | SSH"})
    void clientsOfOtherProtocolsAreTold(String line, String verb) {
        assertThat(parse(line)).isEqualTo(new Command.Foreign(verb));
    }

    @Test
    void aTlsHandshakeIsNoCommand() {
        assertThat(parse("\u0016\u0003\u0001\u0002\u0000\u0001")).isEqualTo(new Command.Foreign("TLS"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
        "SIZE=1                          | SIZE",
        "BODY=8BITMIME                   | BODY=8BITMIME",
        "BODY=BINARYMIME                 | BODY=BINARYMIME",
        "SMTPUTF8                        | SMTPUTF8",
        "RET=FULL                        | RET",
        "ENVID=x                         | ENVID",
        "REQUIRETLS                      | REQUIRETLS",
        "HOLDFOR=1                       | HOLDFOR",
        "HOLDUNTIL=2026-12-31T00:00:00Z  | HOLDUNTIL",
        "BY=1;R                          | BY",
        "AUTH=<>                         | AUTH"})
    void aParameterOfAnExtensionThatIsNotOfferedIsFound(String parameter, String keyword) {
        Set<String> all = Set.of("SIZE", "8BITMIME", "BINARYMIME", "SMTPUTF8", "DSN", "REQUIRETLS", "FUTURERELEASE",
                "DELIVERBY", "AUTH");
        assertThat(parse("MAIL FROM:<> " + parameter)).isInstanceOfSatisfying(Command.Mail.class, mail -> {
            assertThat(mail.parameters().unsupported(Set.of())).isEqualTo(keyword);
            assertThat(mail.parameters().unsupported(all)).isNull();
        });
        assertThat(parse("MAIL FROM:<> X-ONE " + parameter)).isInstanceOfSatisfying(Command.Mail.class,
                mail -> assertThat(mail.parameters().unsupported(all)).isEqualTo("X-ONE"));
        assertThat(parse("RCPT TO:<a@x.example> NOTIFY=NEVER")).isInstanceOfSatisfying(Command.Rcpt.class, rcpt -> {
            assertThat(rcpt.parameters().unsupported(Set.of())).isEqualTo("NOTIFY");
            assertThat(rcpt.parameters().unsupported(all)).isNull();
        });
    }

    private static void assertMalformed(String line, String reply) {
        assertThat(parse(line)).isInstanceOfSatisfying(Command.Malformed.class,
                malformed -> assertThat(malformed.reply().oneLine()).isEqualTo(reply));
    }

    private static Command parse(String line) {
        byte[] bytes = ("xx" + line + "yy").getBytes(UTF_8);
        return CommandParser.parse(bytes, 2, bytes.length - 4);
    }
}
