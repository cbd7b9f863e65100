package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.ListenerConfig;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Decision;
import dev.penstock.smtp.Notify;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.testing.FakePolicy;

/** Who is named again, however he is written, gets one copy and takes no place. */
class RepeatedRecipientTest {
    private static final String TO_RCPT = """
            S: 220 *
            C: EHLO client.example
            S: <ehlo>
            C: MAIL FROM:<a@example.com>
            S: 250 2.1.0 Ok
            """;
    private static final String MESSAGE = "C: DATA\nS: 354 *\nC: x\nC: .\nS: 250 2.0.0 * queued";

    private final FakePolicy policy = new FakePolicy();

    private SmtpFixture fixture(int maxRecipients) {
        return new SmtpFixture(config -> config.counts(maxRecipients, 100, 100, 100),
                ListenerConfig.at("127.0.0.1", 0), null, Authenticator.NONE, policy);
    }

    private static List<String> addresses(SmtpFixture smtp) {
        return smtp.accepted.getFirst().recipients().stream().map(Recipient::address).toList();
    }

    @Test
    void domainsHaveNoLetterCaseAndQuotesAreAMatterOfWriting() throws Exception {
        try (SmtpFixture smtp = fixture(100)) {
            smtp.plays(TO_RCPT + """
                    C: RCPT TO:<k@dup.example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<k@DUP.Example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<"k"@dup.example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<"\\k"@dup.example> ORCPT=rfc822;other@example.org
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<K@dup.example>
                    S: 250 2.1.5 Ok
                    """ + MESSAGE);
            assertThat(addresses(smtp)).containsExactly("k@dup.example", "K@dup.example");
        }
    }

    /** RFC 3461: who asked once to hear of a failure or of success hears of it. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
        "''|''|-",
        "NOTIFY=NEVER|''|-",
        "''|NOTIFY=NEVER|-",
        "''|NOTIFY=SUCCESS|SUCCESS,FAILURE",
        "NOTIFY=SUCCESS|''|SUCCESS,FAILURE",
        "''|NOTIFY=DELAY|FAILURE,DELAY",
        "NOTIFY=SUCCESS|NOTIFY=FAILURE|SUCCESS,FAILURE",
        "NOTIFY=NEVER|NOTIFY=DELAY|DELAY",
        "NOTIFY=NEVER|NOTIFY=NEVER|NEVER",
        "NOTIFY=FAILURE,DELAY|NOTIFY=NEVER|FAILURE,DELAY"})
    void whatEitherAsksToHearOfIsHeardOf(String first, String repeat, @Nullable String notify) throws Exception {
        try (SmtpFixture smtp = fixture(100)) {
            smtp.plays(TO_RCPT + """
                    C: RCPT TO:<b@dup.example> NOTIFY=SUCCESS
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<k@dup.example> %s
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<k@Dup.Example> %s
                    S: 250 2.1.5 Ok
                    """.formatted(first, repeat).replace("> \n", ">\n") + MESSAGE);
            Notify asked = smtp.accepted.getFirst().recipients().getLast().notifyOn();
            assertThat(asked == null ? null : asked.keywords()).isEqualTo(notify);
            assertThat(smtp.accepted.getFirst().recipients()).hasSize(2);
            assertThat(smtp.accepted.getFirst().recipients().getFirst().notifyOn())
                    .isEqualTo(new Notify(true, false, false));
        }
    }

    @Test
    void theFirstOriginalRecipientIsKept() throws Exception {
        try (SmtpFixture smtp = fixture(100)) {
            smtp.plays(TO_RCPT + """
                    C: RCPT TO:<k@dup.example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<k@dup.example> ORCPT=rfc822;one@example.org
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<k@dup.example> ORCPT=rfc822;two@example.org
                    S: 250 2.1.5 Ok
                    """ + MESSAGE);
            assertThat(smtp.accepted.getFirst().recipients()).singleElement()
                    .extracting(Recipient::orcpt).hasToString(OriginalRecipient.of("one@example.org").toString());
        }
    }

    @Test
    void whereCaseDoesNotCountItDoesNotHere() throws Exception {
        policy.mailbox = recipient -> recipient.mailbox(!recipient.domain().equals("local.example"));
        try (SmtpFixture smtp = fixture(100)) {
            smtp.plays(TO_RCPT + """
                    C: RCPT TO:<Ann@local.example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<aNN@Local.Example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<Postmaster@other.example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<postmaster@other.example>
                    S: 250 2.1.5 Ok
                    """ + MESSAGE);
            assertThat(addresses(smtp)).containsExactly("Ann@local.example", "Postmaster@other.example");
        }
    }

    @Test
    void aRepeatIsTakenBeyondTheLimitAndNobodyIsAskedAgain() throws Exception {
        List<Recipient> asked = new CopyOnWriteArrayList<>();
        policy.onRecipient = recipient -> {
            asked.add(recipient);
            return Decision.ACCEPTED;
        };
        try (SmtpFixture smtp = fixture(2)) {
            smtp.plays(TO_RCPT + """
                    C: RCPT TO:<a@a.example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<b@a.example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<a@A.example>
                    S: 250 2.1.5 Ok
                    C: RCPT TO:<c@a.example>
                    S: 452 4.5.3 *
                    """ + MESSAGE);
            assertThat(addresses(smtp)).containsExactly("a@a.example", "b@a.example");
            assertThat(asked).hasSize(2);
        }
    }

    @Test
    void aRefusedRecipientIsAskedForAgain() throws Exception {
        List<Recipient> asked = new CopyOnWriteArrayList<>();
        policy.onRecipient = recipient -> {
            asked.add(recipient);
            return FakePolicy.refusal(550, "5.1.1", "Unknown");
        };
        try (SmtpFixture smtp = fixture(2)) {
            smtp.plays(TO_RCPT + """
                    C: RCPT TO:<a@a.example>
                    S: 550 5.1.1 Unknown
                    C: RCPT TO:<a@a.example>
                    S: 550 5.1.1 Unknown
                    """);
            assertThat(asked).hasSize(2);
        }
    }
}
