package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.FakePolicy;

/** What policies answer, at once or late, is what clients hear and what becomes of the message. */
class PolicyTest {
    private static final String EHLO = "S: 220 *\nC: EHLO client.example\nS: <ehlo>\n";
    private static final String MAIL = "C: MAIL FROM:<a@example.com>\n";
    private static final String RCPT = "C: RCPT TO:<b@example.org>\n";
    private static final String TO_DATA = EHLO + MAIL + RCPT + "C: DATA\nS: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 354 *\n";
    private static final String TO_BDAT = EHLO + MAIL + RCPT + "S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n";

    private final FakePolicy policy = new FakePolicy();
    private volatile boolean recipientAskedFor;

    private static CompletableFuture<Decision> accept(@Nullable String tenant, @Nullable String campaign,
            List<HeaderField> added,
            List<String> removed) {
        return CompletableFuture.completedFuture(new Decision.Accept(tenant, campaign, added, removed));
    }

    private static Decision refusal(int code) {
        return new Decision.Refuse(Reply.of(code, code / 100 + ".7.1", "not you"));
    }

    // ---- refusals

    @ParameterizedTest
    @ValueSource(ints = {421, 450, 521, 554})
    void aRefusedConnectionHearsWhyAndIsClosed(int code) throws Exception {
        policy.onConnect = CompletableFuture.completedFuture(refusal(code));
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.plays("S: " + code + " " + code / 100 + ".7.1 not you\nS: <close>");
            assertThat(smtp.server.stats().sessionsRefused()).isEqualTo(1);
            await().until(() -> smtp.server.stats().sessions() == 0);
        }
    }

    @ParameterizedTest
    @CsvSource({"450, 0", "554, 1"})
    void aRefusedSenderMayTryAnother(int code, int errors) throws Exception {
        policy.onMail = CompletableFuture.completedFuture(refusal(code));
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.plays(EHLO + MAIL + "S: " + code + " " + code / 100 + ".7.1 not you\n" + RCPT
                    + "S: 503 5.5.1 Error: need MAIL command\nC: NOOP\nS: 250 2.0.0 Ok\n");
            assertThat(smtp.server.stats().errors()).isEqualTo(errors + 1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {450, 550})
    void aRefusedRecipientIsNotInTheEnvelope(int code) throws Exception {
        policy.onRecipient = recipient -> CompletableFuture.completedFuture(
                recipient.address().startsWith("b") ? refusal(code) : Decision.ACCEPT);
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            String refused = RCPT + "S: " + code + " " + code / 100 + ".7.1 not you\n";
            smtp.plays(EHLO + MAIL + "S: 250 2.1.0 Ok\n" + refused
                    + "C: DATA\nS: 554 5.5.1 Error: no valid recipients\n"
                    + "C: RCPT TO:<c@example.org>\nS: 250 2.1.5 Ok\n" + refused
                    + "C: DATA\nS: 354 *\nC: .\nS: 250 2.0.0 * queued");
            assertThat(smtp.accepted.getFirst().recipients()).extracting(Recipient::address)
                    .containsExactly("c@example.org");
            assertThat(smtp.server.stats().recipientsRefused()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @CsvSource({"451, true", "550, true", "451, false", "550, false"})
    void aRefusedMessageIsReadToItsEnd(int code, boolean byHeader) throws Exception {
        policy.onMessage = CompletableFuture.completedFuture(refusal(code));
        policy.wanted = byHeader ? List.of("x-tenant") : List.of();
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            client.send("X-Tenant: x\r\n\r\n" + ("y".repeat(998) + "\r\n").repeat(300) + ".\r\nNOOP\r\n");
            client.plays("S: " + code + " " + code / 100 + ".7.1 not you\nS: 250 2.0.0 Ok\n" + MAIL
                    + "S: 250 2.1.0 Ok\n");
            assertThat(smtp.accepted).isEmpty();
            assertThat(smtp.spool.openIntakes()).isZero();
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aMessageRefusedByItsHeaderIsReadToTheEndOfItsChunk(boolean last) throws Exception {
        policy.onMessage = CompletableFuture.completedFuture(refusal(550));
        policy.wanted = List.of("x-tenant");
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            SmtpFixture.Client client = smtp.connect().plays(TO_BDAT);
            String content = "X-Tenant: x\r\n\r\n" + "NOOP\r\n".repeat(20_000);
            client.send("BDAT " + content.length() + (last ? " LAST" : "") + "\r\n" + content);
            client.plays("S: 550 5.7.1 not you\n" + (last
                    ? MAIL + "S: 250 2.1.0 Ok\n"
                    : """
                            C: RCPT TO:<c@example.org>
                            S: 503 5.5.1 Error: a chunk was refused, send RSET
                            C: DATA
                            S: 503 5.5.1 Error: a chunk was refused, send RSET
                            C: BDAT 0 LAST
                            S: 503 5.5.1 Error: a chunk was refused, send RSET
                            """));
            assertThat(smtp.spool.openIntakes()).isZero();
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    enum Stage {
        MAIL, RCPT, MESSAGE, HEADER
    }

    @ParameterizedTest
    @EnumSource
    void a421EndsTheSession(Stage stage) throws Exception {
        CompletableFuture<Decision> answer = CompletableFuture.completedFuture(refusal(421));
        answerAt(stage, answer);
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.plays(upTo(stage) + "S: 421 4.7.1 not you\nS: <close>");
            await().until(() -> smtp.server.stats().sessions() == 0);
            assertThat(smtp.spool.openIntakes()).isZero();
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    private void answerAt(Stage stage, CompletableFuture<Decision> answer) {
        switch (stage) {
            case MAIL -> policy.onMail = answer;
            case RCPT -> policy.onRecipient = _ -> {
                recipientAskedFor = true;
                return answer;
            };
            case MESSAGE -> policy.onMessage = answer;
            case HEADER -> {
                policy.wanted = List.of("subject");
                policy.onMessage = answer;
            }
        }
    }

    private boolean isAsked(Stage stage) {
        return switch (stage) {
            case MAIL -> !policy.clients.isEmpty();
            case RCPT -> recipientAskedFor;
            case MESSAGE, HEADER -> !policy.headers.isEmpty();
        };
    }

    private static String upTo(Stage stage) {
        return switch (stage) {
            case MAIL -> EHLO + MAIL;
            case RCPT -> EHLO + MAIL + "S: 250 2.1.0 Ok\n" + RCPT;
            case MESSAGE, HEADER -> TO_DATA + "C: Subject: x\nC:\nC: body\nC: .\n";
        };
    }

    // ---- answers that come late

    @Test
    void repliesKeepTheirOrderHoweverLateAnswersCome() throws Exception {
        CompletableFuture<Decision> mail = new CompletableFuture<>();
        CompletableFuture<Decision> recipient = new CompletableFuture<>();
        CompletableFuture<Decision> message = new CompletableFuture<>();
        policy.onMail = mail;
        policy.onRecipient = to -> to.address().startsWith("b") ? recipient : accept(null, null, List.of(), List.of());
        policy.onMessage = message;
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            SmtpFixture.Client client = smtp.connect().plays(EHLO);
            client.plays("""
                    C: NOOP
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<b@example.org>
                    C: RCPT TO:<c@example.org>
                    C: DATA
                    """);
            client.plays("S: 250 2.0.0 Ok");
            await().during(Duration.ofMillis(50)).until(() -> !client.hasInput());
            later(() -> mail.complete(Decision.ACCEPT));
            client.plays("S: 250 2.1.0 Ok");
            await().during(Duration.ofMillis(50)).until(() -> !client.hasInput());
            later(() -> recipient.complete(refusal(550)));
            client.plays("S: 550 5.7.1 not you\nS: 250 2.1.5 Ok\nS: 354 *");
            client.send("x\r\n.\r\nNOOP\r\nNOOP\r\n");
            await().during(Duration.ofMillis(50)).until(() -> !client.hasInput());
            later(() -> message.complete(new Decision.Accept("acme", "spring", List.of(), List.of())));
            client.plays("S: 250 2.0.0 * queued\nS: 250 2.0.0 Ok\nS: 250 2.0.0 Ok");
            assertThat(smtp.accepted.getFirst().tenant()).isEqualTo("acme");
            assertThat(smtp.accepted.getFirst().campaign()).isEqualTo("spring");
            assertThat(smtp.accepted.getFirst().recipients()).hasSize(1);
        }
    }

    private static void later(Runnable answer) {
        Thread.startVirtualThread(answer);
    }

    @Test
    void aGreetingMayWaitForItsAnswer() throws Exception {
        CompletableFuture<Decision> answer = new CompletableFuture<>();
        policy.onConnect = answer;
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            SmtpFixture.Client client = smtp.connect();
            await().during(Duration.ofMillis(50)).until(() -> !client.hasInput());
            later(() -> answer.complete(Decision.ACCEPT));
            client.plays(TO_DATA);
        }
    }

    @Test
    void contentWaitsForTheAnswerToItsHeader() throws Exception {
        CompletableFuture<Decision> answer = new CompletableFuture<>();
        policy.onMessage = answer;
        policy.wanted = List.of("subject");
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            String body = ("y".repeat(98) + "\r\n").repeat(3000);
            client.send("Subject: x\r\n\r\n");
            await().until(() -> !policy.headers.isEmpty());
            CompletableFuture<Void> rest = CompletableFuture.runAsync(() -> {
                try {
                    client.send(body + ".\r\n");
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            }, Thread::startVirtualThread);
            later(() -> answer.complete(new Decision.Accept(null, null, List.of(new HeaderField("X-Seen", "yes")),
                    List.of("subject"))));
            client.plays("S: 250 2.0.0 * queued");
            rest.join();
            assertThat(body(smtp, 0)).isEqualTo("X-Seen: yes\r\n\r\n" + body);
            assertThat(policy.headers).containsExactly(List.of(new HeaderField("Subject", "x")));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aClientThatLeavesMeanwhileLeavesNothingBehind(Stage stage) throws Exception {
        CompletableFuture<Decision> answer = new CompletableFuture<>();
        answerAt(stage, answer);
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            SmtpFixture.Client client = smtp.connect().plays(upTo(stage));
            await().until(() -> isAsked(stage));
            client.reset();
            await().until(() -> smtp.server.stats().sessions() == 0);
            answer.complete(Decision.ACCEPT);
            smtp.server.close(); // and with it whatever the answer might have led to
            assertThat(smtp.accepted).isEmpty();
            assertThat(smtp.spool.openIntakes()).isZero();
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"MAIL, true", "MAIL, false", "RCPT, true", "RCPT, false", "MESSAGE, true", "MESSAGE, false",
        "HEADER, true", "HEADER, false"})
    void anAnswerThatFailsEndsTheSession(Stage stage, boolean atOnce) throws Exception {
        CompletableFuture<Decision> answer = new CompletableFuture<>();
        answerAt(stage, answer);
        if (atOnce) {
            answer.completeExceptionally(new IllegalStateException("told to"));
        }
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            SmtpFixture.Client client = smtp.connect().plays(upTo(stage));
            answer.completeExceptionally(new IllegalStateException("told to"));
            client.plays("S: 421 4.3.0 gateway.example Error: internal failure\nS: <close>");
            await().until(() -> smtp.server.stats().sessions() == 0);
            assertThat(smtp.spool.openIntakes()).isZero();
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    // ---- tenants and campaigns

    @Test
    void aListenersTenantHoldsUnlessAPolicySaysAnother() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(limits -> limits, new ListenerBuilder().names("t1", "c1").build(), null,
                Authenticator.NONE, policy)) {
            smtp.plays(TO_DATA + "C: .\nS: 250 2.0.0 * queued");
            policy.onMessage = accept("t2", null, List.of(), List.of());
            smtp.plays(TO_DATA + "C: .\nS: 250 2.0.0 * queued");
            assertThat(smtp.accepted).extracting(envelope -> envelope.tenant() + "/" + envelope.campaign())
                    .containsExactly("t1/c1", "t2/c1");
        }
    }

    // ---- header fields

    enum Way {
        ONE_READ, OCTET_BY_OCTET, LINE_BY_LINE, ONE_CHUNK, CHUNKS_OF_SEVEN
    }

    private static String body(SmtpFixture smtp, int index) {
        String content = smtp.spool.content(index);
        return content.substring(content.indexOf("+0000\r\n") + 7);
    }

    private static void submit(SmtpFixture.Client client, Way way, String content) throws IOException {
        String stuffed = ("\r\n" + content).replace("\r\n.", "\r\n..").substring(2) + ".\r\n";
        switch (way) {
            case ONE_READ -> client.plays(TO_DATA).send(stuffed);
            case OCTET_BY_OCTET -> {
                client.plays(TO_DATA);
                client.sendOctetByOctet(stuffed);
            }
            case LINE_BY_LINE -> {
                client.plays(TO_DATA);
                for (String line : stuffed.split("(?<=\n)", -1)) {
                    client.send(line);
                }
            }
            case ONE_CHUNK -> client.plays(TO_BDAT)
                    .send("BDAT " + content.length() + " LAST\r\n" + content);
            case CHUNKS_OF_SEVEN -> {
                client.plays(TO_BDAT);
                for (int i = 0; i < content.length(); i += 7) {
                    String chunk = content.substring(i, Math.min(content.length(), i + 7));
                    client.send("BDAT " + chunk.length() + "\r\n" + chunk);
                    client.plays("S: 250 2.0.0 " + chunk.length() + " octets received");
                }
                client.send("BDAT 0 LAST\r\n");
            }
        }
        client.plays("S: 250 2.0.0 * queued");
    }

    @ParameterizedTest
    @EnumSource
    @SuppressWarnings("StringConcatToTextBlock") // line ends matter here
    void fieldsAreAskedForRemovedAndAdded(Way way) throws Exception {
        policy.wanted = List.of("x-tenant", "subject");
        policy.removed = List.of("x-tenant", "x-gone");
        policy.onMessage = accept(null, null, List.of(new HeaderField("X-One", "1"), new HeaderField("X-Two", "2")),
                List.of("x-campaign"));
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            String[][] messages = {
                // removed ones first, in the middle, folded, last
                {"X-Tenant: acme\r\nFrom: a\r\nX-GONE : 1\r\nSubject: folded\r\n line\r\n\tagain\r\n"
                        + "X-Campaign: a\r\n b\r\n\tc\r\n\r\nX-Tenant: body\r\n.\r\n..x\r\n",
                    "From: a\r\nSubject: folded\r\n line\r\n\tagain\r\n\r\nX-Tenant: body\r\n.\r\n..x\r\n"},
                // no body, with and without the empty line
                {"From: a\r\nX-Tenant: acme\r\n\r\n", "From: a\r\n\r\n"},
                {"X-Tenant: acme\r\nFrom: a\r\nX-Tenant: again\r\n", "From: a\r\n"},
                {"X-Tenant: acme\r\n", ""},
                // no header
                {"\r\nX-Tenant: body\r\n", "\r\nX-Tenant: body\r\n"},
                // what only looks like a field
                {"X-Tenants: a\r\nX-Tenan: b\r\nnonsense\r\n\r\n", "X-Tenants: a\r\nX-Tenan: b\r\nnonsense\r\n\r\n"}};
            for (int i = 0; i < messages.length; i++) {
                submit(smtp.connect(), way, messages[i][0]);
                assertThat(body(smtp, i)).isEqualTo("X-One: 1\r\nX-Two: 2\r\n" + messages[i][1]);
            }
            assertThat(policy.headers.getFirst()).containsExactly(new HeaderField("X-Tenant", "acme"),
                    new HeaderField("Subject", "folded line\tagain"));
            assertThat(smtp.server.stats().receivingOctets()).isZero();
            assertThat(smtp.spool.messages().getFirst().content().hasDotLines()).isTrue();
        }
    }

    @Test
    void anAddedFieldCannotEndTheHeader() throws Exception {
        policy.wanted = List.of("x");
        policy.onMessage = accept(null, null, List.of(new HeaderField("X-One", "1\r\n\r\nbody\r\n.\r\n")), List.of());
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.plays(TO_DATA + "C: A: b\nC: .\nS: 250 2.0.0 * queued");
            assertThat(body(smtp, 0)).isEqualTo("X-One: 1 body . \r\nA: b\r\n");
        }
    }

    @Test
    void aLargeHeaderIsRefusedBeforeItIsAskedAbout() throws Exception {
        policy.wanted = List.of("x");
        try (SmtpFixture smtp = new SmtpFixture(limits -> limits.maxHeader(10_000),
                new ListenerBuilder().build(), null, Authenticator.NONE, policy)) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            client.send(("X-Y: " + "z".repeat(90) + "\r\n").repeat(2000) + ".\r\n");
            client.plays("S: 552 5.3.4 Error: message header too big");
            assertThat(policy.headers).isEmpty();
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    /** The octets that FakePolicy was told of are those of the wire. */
    @Test
    void fieldsAreUnicode() throws Exception {
        policy.wanted = List.of("subject");
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            String text = new String("Grüße".getBytes(java.nio.charset.StandardCharsets.UTF_8), ISO_8859_1);
            smtp.plays(TO_DATA + "C: Subject: " + text + "\nC: .\nS: 250 2.0.0 * queued");
            assertThat(policy.headers).containsExactly(List.of(new HeaderField("Subject", "Grüße")));
        }
    }
}
