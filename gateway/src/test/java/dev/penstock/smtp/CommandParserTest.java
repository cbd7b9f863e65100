package dev.penstock.smtp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;

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
        assertThat(parse("mail from: <a@example.com> size=12345 BODY=8bitmime SMTPUTF8 RET=HDRS X-ONE"))
                .isInstanceOfSatisfying(Command.Mail.class,
                        mail -> assertThat(mail.parameters()).isEqualTo(new Command.MailParameters(12345,
                                Command.Body.EIGHT_BIT_MIME, true, null, null, false, null, null, null,
                                Map.of("RET", "HDRS", "X-ONE", ""))));
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
                .isInstanceOfSatisfying(Command.Rcpt.class, rcpt -> {
                    assertThat(rcpt.path().address()).isEqualTo("b@example.org");
                    assertThat(rcpt.parameters())
                            .isEqualTo(Map.of("NOTIFY", "SUCCESS,FAILURE", "ORCPT", "rfc822;b@example.org"));
                });
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
        assertThat(parse(line)).isInstanceOfSatisfying(Command.Malformed.class,
                malformed -> assertThat(malformed.reply().oneLine()).isEqualTo(reply));
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
    @ValueSource(strings = {"STARTTLS", "bdat 100 LAST", "AUTH PLAIN", "EXPN list", "ETRN x"})
    void commandsOfOtherServersAreKnownByName(String line) {
        assertThat(parse(line)).isInstanceOf(Command.NotImplemented.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "X", "QUI", "QUITS", "MAILFROM:<a@example.com>", "GET / HTTP/1.1", "Received: from x"})
    void allElseIsNotRecognized(String line) {
        assertThat(parse(line)).isInstanceOf(Command.Unrecognized.class);
    }

    private static Command parse(String line) {
        byte[] bytes = ("xx" + line + "yy").getBytes(UTF_8);
        return CommandParser.parse(bytes, 2, bytes.length - 4);
    }
}
