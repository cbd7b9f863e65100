package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.config.ContentRules.Handling;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;

/**
 * Whatever comes in, in whatever pieces, while policies, logins and the spool answer at once, late or not at all: each
 * command has one reply, no message is taken that isn't durable, and nothing is left when the connection is closed.
 */
class SessionFuzzTest {
    private static final Pattern LINE = Pattern.compile("[2-5][0-9][0-9][ -][^\r\n]*");
    private static final int MOST_STEPS = 40;
    private static final int HARD_ERROR_LIMIT = 6;
    private static final int LONGEST_ERROR_DELAY = 10; // seconds
    private static final String[] ADDRESSES = {"<a@example.com>", "<>", "<b@example.org>", "<\"c d\"@example.org>",
        "<postmaster>", "<x@[192.0.2.1]>", "<bad", "<e@example.org> NOTIFY=NEVER", "<f@example.com> SIZE=10",
        "<g@example.com> SIZE=999999", "<h@example.com> RET=HDRS ENVID=x BY=5;R", "<i@example.com> HOLDFOR=5",
        "<j@example.com> SMTPUTF8 BODY=8BITMIME", "<k@example.com> FOO"};
    private static final String[] ALONE = {"EHLO client.example", "HELO client.example", "DATA", "STARTTLS now",
        "AUTH PLAIN =", "AUTH NONE", "XCLIENT ADDR=192.0.2.9", "XCLIENT NAME=x LOGIN=u", "XCLIENT FOO=1", "EHLO"};
    private static final String[] GROUPED = {"NOOP", "RSET", "VRFY a", "HELP", "FOO", "EXPN x", "", "\t", "BDAT 0",
        "BDAT 0 LAST", "NOOP\0", "RSET x", "MAIL", "RCPT"};
    private static final String[] CONTENT = {"\r\n", "Subject: x\r\n", "X-Tenant: t\r\n a\r\n", ".", "\n", "\r", "\0",
        "Received: x\r\n", "\r\n.\r", "\n.\r\n", "x"};

    private static TlsKit kit;
    private static ListenerConfig listener;
    private static @Nullable ServerTls tls;

    @BeforeAll
    static void open(@TempDir Path directory) {
        ((Logger) LoggerFactory.getLogger(Session.class)).setLevel(Level.OFF); // failures that it is told to have
        kit = new TlsKit(directory);
        listener = new ListenerBuilder().tls(kit.config(Mode.OFFERED)).xclient("127.0.0.1", "192.0.2.9").build();
        tls = kit.server(listener.tls());
    }

    @AfterAll
    static void close() {
        ((Logger) LoggerFactory.getLogger(Session.class)).setLevel(null);
        kit.close();
    }

    @FuzzTest(maxDuration = "10m")
    void everyCommandHasOneReplyAndNothingIsLeft(FuzzedDataProvider data) {
        Answers answers = new Answers(data);
        InboundConfig config = config(data);
        try (SessionHarness session = new SessionHarness(config, listener, tls, answers, answers)) {
            new Run(session, answers, data).play();
        }
    }

    private static InboundConfig config(FuzzedDataProvider data) {
        ConfigBuilder builder = new ConfigBuilder().maxMessageSize(3000).maxLineLength(500)
                .counts(3, 100, 100, data.consumeInt(1, 5)).memoryLimit(data.consumeBoolean() ? 600 : 1_000_000)
                .errors(2, data.consumeBoolean() ? Duration.ofSeconds(1) : Duration.ZERO, HARD_ERROR_LIMIT, 8)
                .maxHeader(700);
        Handling newlines = data.consumeBoolean() ? Handling.NORMALISE : Handling.REJECT;
        Handling nul = data.consumeBoolean() ? Handling.NORMALISE : Handling.REJECT;
        if (data.consumeBoolean()) {
            builder.stranger();
        }
        if (data.consumeBoolean()) {
            builder.greetDelay(Duration.ofSeconds(1));
        }
        return builder.content(newlines, nul).build();
    }

    /** One session from its greeting to its end. */
    private static final class Run {
        private final SessionHarness session;
        private final Answers answers;
        private final FuzzedDataProvider data;
        private int finalReplies;
        private int queued;
        private long lineFeeds;
        private @Nullable String last;

        Run(SessionHarness session, Answers answers, FuzzedDataProvider data) {
            this.session = session;
            this.answers = answers;
            this.data = data;
        }

        void play() {
            settle();
            boolean free = data.consumeBoolean();
            for (int step = 0; step < MOST_STEPS && session.isOpen() && data.remainingBytes() > 0; step++) {
                trouble();
                if (free) {
                    send(data.consumeBytes(data.consumeInt(0, 200)));
                    if (data.consumeBoolean()) {
                        settle();
                    }
                } else {
                    exact();
                }
            }
            if (data.consumeBoolean()) {
                settle();
            }
            session.hangUp();
            session.spool().completeCommits();
            answers.giveAll();
            session.run();
            look();
            check(session.stats().receivingOctets() == 0, "octets are still counted");
            check(session.spool().openIntakes() == 0, "an intake is still open");
            check(session.bufferedOctets() == 0, "a buffer was not released");
            check(session.accepted().size() == session.spool().messages().size(), "a durable message was not taken");
            check(finalReplies <= lineFeeds + 2, "more replies than commands, a greeting and a farewell");
        }

        /** Commands whose number of replies is known. */
        private void exact() {
            int before = finalReplies;
            int expected = 0;
            StringBuilder text = new StringBuilder();
            int kind = data.consumeInt(0, 9);
            if (kind < 6) {
                expected = data.consumeInt(1, 4);
                for (int i = 0; i < expected; i++) {
                    text.append(grouped());
                }
            } else if (kind < 9) {
                text.append(data.pickValue(ALONE)).append("\r\n");
                expected = 1;
            } else {
                text.append("QUIT\r\n");
                expected = 1;
            }
            send(text.toString().getBytes(ISO_8859_1));
            settle();
            if (session.isOpen()) {
                check(finalReplies - before == expected,
                        expected + " replies expected, " + (finalReplies - before) + " came to: " + text);
            }
            if (session.isOpen() && last != null && last.startsWith("354 ")) {
                content();
            } else {
                login();
            }
        }

        /** Responses for as long as they are asked for; each has one reply. */
        private void login() {
            for (int i = 0; session.isOpen() && last != null && last.startsWith("334 "); i++) {
                int before = finalReplies;
                send((i > 0 || data.consumeBoolean() ? "*\r\n" : "AGEAYg==\r\n").getBytes(ISO_8859_1));
                settle();
                check(!session.isOpen() || finalReplies - before == 1, "a response has one reply");
            }
        }

        private String grouped() {
            return switch (data.consumeInt(0, 3)) {
                case 0 -> "MAIL FROM:" + data.pickValue(ADDRESSES) + "\r\n";
                case 1 -> "RCPT TO:" + data.pickValue(ADDRESSES) + "\r\n";
                case 2 -> {
                    String chunk = text();
                    yield "BDAT " + chunk.length() + (data.consumeBoolean() ? " LAST" : "") + "\r\n" + chunk;
                }
                default -> data.pickValue(GROUPED) + "\r\n";
            };
        }

        private String text() {
            StringBuilder text = new StringBuilder();
            int parts = data.consumeInt(0, 8);
            for (int i = 0; i < parts; i++) {
                text.append(data.pickValue(CONTENT));
            }
            if (data.consumeInt(0, 15) == 15) {
                text.append("y".repeat(data.consumeInt(1, 4000)));
            }
            return text.toString();
        }

        /** Of a message that DATA has begun: it has one reply, after its one true end. */
        private void content() {
            int before = finalReplies;
            String text = text() + "\r\n"; // as it is followed by the end
            while (text.contains("\r\n.\r\n")) { // two of them may overlap
                text = text.replace("\r\n.\r\n", "\r\n..\r\n");
            }
            text = (text.startsWith(".\r\n") ? "." : "") + text.substring(0, text.length() - 2);
            send(text.getBytes(ISO_8859_1));
            settle();
            check(!session.isOpen() || finalReplies == before, "a reply before the end of data");
            send("\r\n.\r\n".getBytes(ISO_8859_1));
            settle();
            check(!session.isOpen() || finalReplies - before == 1, "the end of data has one reply");
        }

        /** In pieces, with answers given between them. */
        private void send(byte[] octets) {
            int from = 0;
            while (from < octets.length) {
                int to = data.consumeBoolean() ? octets.length : data.consumeInt(from + 1, octets.length);
                byte[] piece = Arrays.copyOfRange(octets, from, to);
                for (byte octet : piece) {
                    lineFeeds += octet == '\n' ? 1 : 0;
                }
                session.say(piece);
                if (from > 0 || to < octets.length) {
                    answers.giveSome();
                    session.run();
                }
                look();
                from = to;
            }
        }

        private void trouble() {
            switch (data.consumeInt(0, 24)) {
                case 0 -> session.spool().holdCommits();
                case 1 -> session.spool().failCommits(data.pickValue(SpoolException.Reason.values()));
                case 2 -> session.spool().failWrites(data.pickValue(SpoolException.Reason.values()));
                case 3 -> session.spool().refuseIntake(data.pickValue(SpoolException.Reason.values()));
                case 4 -> {
                    session.spool().failCommits(null);
                    session.spool().failWrites(null);
                    session.spool().refuseIntake(null);
                    session.spool().health(SpoolHealth.State.READY);
                }
                case 5 -> session.spool().health(data.pickValue(SpoolHealth.State.values()));
                default -> {
                }
            }
        }

        /** Until nothing is waited for but the client. */
        private void settle() {
            do {
                session.run();
                look();
                check(queued <= session.spool().messages().size(), "a 250 for a message that isn't durable");
                session.spool().completeCommits();
                session.run();
                session.pass(1);
            } while (answers.giveSome() || session.spool().waitingCommits() > 0);
            for (int i = 0; i < HARD_ERROR_LIMIT; i++) { // commands sent ahead may wait one after the other
                session.pass(LONGEST_ERROR_DELAY);
            }
            if (answers.isAsked()) {
                settle();
            }
            look();
        }

        private void look() {
            String replies = session.takeReplies();
            if (replies.isEmpty()) {
                return;
            }
            check(replies.endsWith("\r\n"), "half a line: " + replies);
            for (String line : replies.substring(0, replies.length() - 2).split("\r\n", -1)) {
                check(LINE.matcher(line).matches(), "no reply: " + line);
                if (line.charAt(3) == ' ') {
                    finalReplies++;
                    last = line;
                    queued += line.endsWith(" queued") ? 1 : 0;
                }
            }
            check(queued <= session.spool().messages().size(), "a 250 for a message that isn't durable");
        }

        private static void check(boolean holds, String problem) {
            if (!holds) {
                throw new AssertionError(problem);
            }
        }
    }

    /** Answers as the fuzzer says: yes, no, and when. */
    private static final class Answers implements Policy, Authenticator {
        private final FuzzedDataProvider data;
        private final Deque<Runnable> later = new ArrayDeque<>();
        private final boolean judges;

        Answers(FuzzedDataProvider data) {
            this.data = data;
            this.judges = data.consumeBoolean();
        }

        boolean isAsked() {
            return !later.isEmpty();
        }

        /** @return whether there was one to give */
        boolean giveSome() {
            Runnable next = later.poll();
            if (next != null) {
                next.run();
            }
            return next != null;
        }

        void giveAll() {
            while (giveSome()) {
                // one by one
            }
        }

        private <T> CompletableFuture<T> answer(T value) {
            int when = data.consumeInt(0, 15);
            CompletableFuture<T> answer = new CompletableFuture<>();
            if (when == 15) {
                IllegalStateException failure = new IllegalStateException("told to");
                if (data.consumeBoolean()) {
                    answer.completeExceptionally(failure);
                } else {
                    later.add(() -> answer.completeExceptionally(failure));
                }
            } else if (when > 9) {
                later.add(() -> answer.complete(value));
            } else {
                answer.complete(value);
            }
            return answer;
        }

        private CompletableFuture<Decision> decide() {
            return answer(switch (data.consumeInt(0, 15)) {
                case 15 -> new Decision.Refuse(Reply.of(421, "4.7.1", "go"));
                case 14 -> new Decision.Refuse(Reply.of(450, "4.7.1", "later"));
                case 13 -> new Decision.Refuse(Reply.of(550, "5.7.1", "no"));
                case 12 -> new Decision.Accept("t", "c", List.of(new HeaderField("X-Added", "1")),
                        List.of("subject"));
                default -> Decision.ACCEPT;
            });
        }

        @Override
        public CompletableFuture<Decision> connect(Client client) {
            return decide();
        }

        @Override
        public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain,
                long declaredSize) {
            return decide();
        }

        @Override
        public CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain,
                Recipient recipient) {
            return decide();
        }

        @Override
        public CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender,
                List<Recipient> recipients, List<HeaderField> header, long size) {
            return decide();
        }

        @Override
        public boolean judgesMessages() {
            return judges;
        }

        @Override
        public List<String> wantedHeaders() {
            return judges ? List.of("x-tenant", "subject") : List.of();
        }

        @Override
        public List<String> removedHeaders() {
            return judges ? List.of("x-tenant") : List.of();
        }

        @Override
        public List<String> mechanisms(@Nullable TlsSession session) {
            return List.of("PLAIN");
        }

        @Override
        public Exchange start(String mechanism, @Nullable TlsSession session, String clientAddress) {
            return _ -> answer(switch (data.consumeInt(0, 5)) {
                case 0 -> new Exchange.Step.Challenge("");
                case 1 -> new Exchange.Step.Failure(Exchange.Reason.CREDENTIALS, "wrong");
                case 2 -> new Exchange.Step.Failure(Exchange.Reason.TEMPORARY, "later");
                case 3 -> new Exchange.Step.Failure(Exchange.Reason.MALFORMED, "what");
                default -> new Exchange.Step.Success(new Identity("u", "", List.of()));
            });
        }

        @Override
        public CompletableFuture<Exchange.Step> password(String name, byte[] password, String clientAddress) {
            return answer(new Exchange.Step.Failure(Exchange.Reason.CREDENTIALS, "wrong"));
        }

        @Override
        public @Nullable Identity certificate(X509Certificate certificate) {
            return null;
        }
    }
}
