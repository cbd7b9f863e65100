package dev.penstock.delivery;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

import com.code_intelligence.jazzer.api.BugDetectors;
import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.SourceConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.egress.Source;
import dev.penstock.egress.SourceListener;
import dev.penstock.egress.Sources;
import dev.penstock.message.BodyType;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.routing.MailHost;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.HeapGrowth;
import dev.penstock.tls.ClientTls;

/**
 * Whatever a host says, in whatever pieces, to whatever it is asked: its replies are taken for the answers to the
 * questions in their order, nothing is delivered once it has said more than it was asked, and what ends a session is
 * declared.
 */
class SmtpClientSessionFuzzTest {
    private static final Source SOURCE = Objects
            .requireNonNull(Sources.ofDefault("", "gateway.test").find(SourceConfig.DEFAULT_NAME));
    private static final int MOST_TRANSACTIONS = 3;
    private static final int MOST_ANSWERS = 32;
    private static final int KEPT_OF_A_REPLY = 40 << 10; // characters, more than ReplyParser keeps
    private static final Duration PATIENCE = Duration.ofSeconds(60); // nobody waits for the other, so none passes
    private static final DeliveryConfig CONFIG = DeliveryConfig.DEFAULT.with(DeliveryConfig.MAX_SESSIONS, 10)
            .with(DeliveryConfig.CONNECT_TIMEOUT, PATIENCE).with(DeliveryConfig.GREETING_TIMEOUT, PATIENCE)
            .with(DeliveryConfig.COMMAND_TIMEOUT, PATIENCE).with(DeliveryConfig.DATA_INIT_TIMEOUT, PATIENCE)
            .with(DeliveryConfig.DATA_BLOCK_TIMEOUT, PATIENCE).with(DeliveryConfig.DATA_DONE_TIMEOUT, PATIENCE)
            .with(DeliveryConfig.QUIT_TIMEOUT, PATIENCE).with(DeliveryConfig.BAD_HOST_TIME, PATIENCE)
            .with(DeliveryConfig.STOP_TIMEOUT, PATIENCE);
    private static final FailurePolicy POLICY = new FailurePolicy(Duration.ofDays(5));
    private static final Content CONTENT = MemoryContent
            .of("Subject: x\r\n\r\nx\r\n.\r\nx\r\n".getBytes(ISO_8859_1));
    private static final Pattern LINE = Pattern.compile("[2-5][0-9][0-9]([ -].*)?", Pattern.DOTALL);
    private static final String[] HELLOS = {"250-mx\r\n250-PIPELINING\r\n250 8BITMIME", "250 mx",
        "250-mx\r\n250 PIPELINING", "250-mx\r\n250-DSN\r\n250 SIZE 1000000", "250-mx\r\n250-PIPELINING\r\n250 STARTTLS",
        "250-mx\n250-LIMITS MAILMAX=1 RCPTMAX=1\n250-PIPELINING\n250 AUTH=LOGIN", "250-mx\r\n250 STARTTLS",
        "250-mx\r\n250-PIPELINING\r\n250 CHUNKING"};
    private static final String[] ANSWERS = {"250 ok", "354 go", "300 x", "450 4.2.1 later", "451 4.7.1 not now",
        "452 4.5.3 too many", "503 5.5.1 bad sequence", "550 5.1.1 unknown", "552 5.3.4 too big", "421 4.3.2 bye",
        "220 mx", "221 bye", "199 x", "600 x", "2a0 x", "250-", "250-a\r\n250-b\r\n250 c", "250-a\r\n550 b", "250",
        "550", "250\tok", "554 " + "x".repeat(3_000), "250-" + "y\r\n250-".repeat(200) + "y\r\n250 z", "", " 250 ok",
        "\0", "garbage", "250 \u00c3\u00a9\u0080\u009b", "25", "250-mx\r\n250 PIPELINING", "\r\n250 ok",
        "421-a\r\n421 b"};
    private static final String[] ENDS = {"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "", "\r\r\n"};
    private static final String[] GLUED = {"250 extra\r\n", "421 4.4.2 idle too long\r\n", "25",
        "550 5.5.1 timed out\r\n",
        "\r\n", "354 go\r\n", "250-"};

    private static final HeapGrowth growth = new HeapGrowth("SMTP replies");
    private static final ClientTls tls = new ClientTls(Optional.empty());
    private final HostConnector connector = new HostConnector(SourceListener.NONE);
    private static final DeadlineGuard guard = new DeadlineGuard(System::nanoTime);
    private static @Nullable Host host;

    @BeforeAll
    static void open() {
        guard.start();
        host = new Host();
    }

    @AfterAll
    static void close() throws IOException {
        guard.close();
        if (host != null) {
            host.close();
        }
        growth.check();
    }

    @FuzzTest(maxDuration = "10m")
    void everyReplyIsTheAnswerToItsQuestion(FuzzedDataProvider data) throws Exception {
        Host current = Objects.requireNonNull(host);
        boolean lmtp = data.consumeBoolean();
        boolean insisting = data.consumeBoolean();
        List<Integer> sizes = new ArrayList<>();
        for (int i = data.consumeInt(1, MOST_TRANSACTIONS); i > 0; i--) {
            sizes.add(data.consumeInt(1, 3));
        }
        boolean rides = data.consumeBoolean();
        boolean known = data.consumeBoolean();
        current.begin(new Script(data, lmtp));
        List<Transaction> done = new ArrayList<>();
        Set<Transaction> launched = new HashSet<>();
        @Nullable
        SessionException end = null;
        try (var _ = BugDetectors.allowNetworkConnections()) {
            SmtpClientSession session = SmtpClientSession.open(
                    connector.connect(SOURCE,
                            new MailHost("mx.example", InetAddress.getLoopbackAddress(), current.port(), 0),
                            CONFIG.connectTimeout(), guard::watch),
                    lmtp, new SmtpClientSession.Security(TlsPolicy.OPPORTUNISTIC, tls, false, insisting),
                    null, "gateway.test", SessionRules.of(CONFIG), DeliveryMemory.uncounted());
            PeerKnowledge peers = new PeerKnowledge(System::nanoTime);
            if (known) {
                peers.bdat(session.host(), PeerKnowledge.Bdat.SOUND);
            }
            session.mayChunk(peers, MOST_TRANSACTIONS);
            end = converse(session, sizes, rides, done, launched);
            if (end == null) {
                session.quit();
            } else {
                session.end(end);
            }
        } catch (SessionException e) {
            end = e;
        }
        judge(current.ended(), lmtp, done, launched, end);
        growth.ran();
    }

    private static @Nullable SessionException converse(SmtpClientSession session, List<Integer> sizes, boolean rides,
            List<Transaction> done, Set<Transaction> launched) {
        try {
            boolean riding = false;
            for (int i = 0; i < sizes.size(); i++) {
                Chunking chunking = riding ? null : session.launcher(sizes.get(i), CONTENT.size());
                if (chunking != null) { // all that are left, one behind the other
                    for (; i < sizes.size(); i++) {
                        Transaction t = transaction(i, sizes.get(i));
                        done.add(t);
                        launched.add(t);
                        chunking.launch(t);
                    }
                    while (chunking.isAloft()) {
                        chunking.land();
                    }
                    return null;
                }
                Transaction t = riding ? done.getLast() : transaction(i, sizes.get(i));
                if (!riding) {
                    done.add(t);
                    session.begin(t);
                }
                riding = false;
                if (session.awaitGo(t)) {
                    @Nullable
                    Transaction next = rides && i + 1 < sizes.size() && session.mayRide(t)
                            ? transaction(i + 1, sizes.get(i + 1))
                            : null;
                    session.send(t, next);
                    if (next != null) {
                        done.add(next);
                        riding = true;
                    }
                    session.awaitEnd(t);
                }
            }
            return null;
        } catch (SessionException e) {
            return e;
        }
    }

    private static Transaction transaction(int number, int size) {
        List<Recipient> recipients = new ArrayList<>();
        int[] places = new int[size];
        for (int i = 0; i < size; i++) {
            recipients.add(new Recipient("r" + number + "." + i + "@dest.example", "dest.example"));
            places[i] = i;
        }
        Envelope envelope = new Envelope(new MessageId(number), "s" + number + "@source.example", recipients,
                BodyType.SEVEN_BIT, false, "", "", 0, Origin.LOCAL);
        return new Transaction(envelope, recipients, places, CONTENT, 0, DeliveryMemory.uncounted());
    }

    private static void judge(Ledger ledger, boolean lmtp, List<Transaction> done, Set<Transaction> launched,
            @Nullable SessionException end) {
        if (end != null) {
            boolean timedOut = end.reason() instanceof Failure failure && failure.kind() == Failure.Kind.TIMEOUT;
            check(!timedOut, "both wait for each other", ledger, done, end);
            judge(ledger, done, end);
        }
        int from = 0;
        for (Transaction t : done) {
            int mail = ledger.find("MAIL FROM:<" + t.envelope.sender() + ">", from);
            for (int i = 0; i < t.rcpt.length; i++) {
                is(ledger, ledger.find("RCPT TO:<" + t.recipients.get(i).address() + ">", from), t.rcpt[i], done);
            }
            is(ledger, mail, t.mail, done);
            if (mail < 0) {
                continue;
            }
            from = mail;
            if (!t.chunked) {
                is(ledger, ledger.find("DATA", from), t.data, done);
            }
            int dot = t.chunked ? ledger.findLast(from) : ledger.find(".", from);
            int answer = dot;
            boolean delivered = false;
            for (int i = 0; i < t.end.length; i++) {
                Reply reply = t.end[i];
                if (reply == null) {
                    continue;
                }
                is(ledger, answer, reply, done);
                answer += lmtp ? 1 : 0;
                check(t.mail != null && t.mail.code() < 300 && t.isAccepted(i)
                        && (t.chunked ? t.data == null : t.data != null && t.data.code() / 100 == 3),
                        "an end without a beginning", ledger, done, end);
                delivered |= reply.code() < 300;
            }
            // of one that was launched it is seen when no more is aloft
            check(!delivered || dot >= 0 && (launched.contains(t) || ledger.cut || !ledger.hadMoreBefore(dot)),
                    "delivered to a host that is out of step", ledger, done, end);
            outcomes(ledger, t, done);
        }
    }

    private static void is(Ledger ledger, int question, @Nullable Reply reply, List<Transaction> done) {
        if (reply == null || question < 0) {
            return;
        }
        List<Integer> codes = ledger.codes();
        check(question < codes.size() && codes.get(question) == reply.code(),
                "question " + question + " has the answer " + reply, ledger, done, null);
        check(reply.lines().stream().mapToInt(String::length).sum() <= KEPT_OF_A_REPLY, "too much is kept of a reply",
                ledger, done, null);
    }

    /** As {@code failure-policy.md} has it: success is one reply alone, and nobody is bounced without a 5xx. */
    private static void outcomes(Ledger ledger, Transaction t, List<Transaction> done) {
        for (int i = 0; i < t.rcpt.length; i++) {
            Transaction.Answer answer = t.answer(i);
            if (answer == null) {
                continue;
            }
            Outcome outcome = POLICY
                    .decide(new FailurePolicy.Situation(answer.phase(), new Cause.Replied(answer.reply()),
                            false, t.accepted > 0, true, false, 0, 0));
            boolean taken = answer.phase() == Phase.END_OF_DATA && answer.reply().code() < 300;
            check(outcome instanceof Outcome.Delivered == taken, "delivered by " + answer, ledger, done, null);
            check(!(outcome instanceof Outcome.Bounced) || answer.reply().code() >= 500, "bounced by " + answer, ledger,
                    done, null);
        }
    }

    private static void judge(Ledger ledger, List<Transaction> done, SessionException end) {
        Outcome outcome = POLICY.decide(
                new FailurePolicy.Situation(end.phase(), end.reason(), false, false, true, false, 0, 0));
        boolean refused = end.reason() instanceof Cause.Replied(Reply reply) && reply.code() >= 500;
        check(!(outcome instanceof Outcome.Delivered), "delivered by the end of a session", ledger, done, end);
        check(!(outcome instanceof Outcome.Bounced) || refused && end.phase() == Phase.CONTENT,
                "bounced by the end of a session", ledger, done, end);
    }

    private static void check(boolean holds, String problem, Ledger ledger, List<Transaction> done,
            @Nullable SessionException end) {
        if (!holds) {
            throw new AssertionError(problem + "; " + done + "; " + end + "\n" + ledger.questions + "\n"
                    + ledger.said.toString().replaceAll("(.{200})[^\r\n]+", "$1…"));
        }
    }

    /** What the host will say, by the number of the question and its kind. */
    private static final class Script {
        private final boolean lmtp;
        private final boolean cut;
        private final List<Answer> answers = new ArrayList<>();
        private final List<Integer> pieces = new ArrayList<>();

        private record Answer(boolean asked, int which, String end, String glued, String raw) {}

        Script(FuzzedDataProvider data, boolean lmtp) {
            this.lmtp = lmtp;
            this.cut = data.consumeInt(0, 3) == 3;
            boolean good = data.consumeBoolean();
            for (int i = 0; i < MOST_ANSWERS && data.remainingBytes() > 0; i++) {
                boolean asked = good ? data.consumeInt(0, 7) > 0 : data.consumeBoolean();
                int which = data.consumeInt(0, ANSWERS.length * HELLOS.length - 1);
                String end = data.pickValue(ENDS);
                String glued = data.consumeInt(0, 19) == 19 ? data.pickValue(GLUED) : "";
                String raw = data.consumeInt(0, 24) == 24 ? new String(data.consumeBytes(30), ISO_8859_1) : "";
                answers.add(new Answer(asked, which, asked ? "\r\n" : end, glued, raw));
                if (cut) {
                    pieces.add(data.consumeInt(1, 40));
                }
            }
        }

        /** @return null when nothing is left to be said */
        @Nullable
        String answer(int number, String question) {
            if (number >= answers.size()) {
                return null;
            }
            Answer answer = answers.get(number);
            if (!answer.raw.isEmpty()) {
                return answer.raw;
            }
            String text = answer.asked ? expected(question, answer.which) : ANSWERS[answer.which % ANSWERS.length];
            return text + answer.end + answer.glued;
        }

        private String expected(String question, int which) {
            return switch (question.isEmpty() ? "" : question.split("[ :]", 2)[0]) {
                case "" -> "220 mx";
                case "EHLO", "LHLO" -> HELLOS[which % HELLOS.length];
                case "DATA" -> "354 go";
                case "QUIT" -> "221 bye";
                case "STARTTLS" -> which % 2 == 0 ? "220 go" : "454 4.7.0 not now";
                default -> "250 2.0.0 ok";
            };
        }
    }

    /** What a host was asked and has said. Handed over by its thread. */
    private static final class Ledger {
        final List<String> questions = new ArrayList<>();
        final StringBuilder said = new StringBuilder();
        final boolean cut;
        /** The first question after more was said than asked, or with half a reply. */
        private int outOfStep = Integer.MAX_VALUE;

        Ledger(boolean cut) {
            this.cut = cut;
        }

        int find(String question, int from) {
            for (int i = from; i < questions.size(); i++) {
                if (questions.get(i).startsWith(question)) {
                    return i;
                }
            }
            return -1;
        }

        /** The BDAT that ends a message. */
        int findLast(int from) {
            for (int i = from; i < questions.size(); i++) {
                if (questions.get(i).matches("BDAT .* LAST")) {
                    return i;
                }
            }
            return -1;
        }

        boolean hadMoreBefore(int question) {
            return outOfStep <= question;
        }

        void look() {
            if (outOfStep == Integer.MAX_VALUE && (codes().size() > questions.size() || !isWhole())) {
                outOfStep = questions.size();
            }
        }

        private boolean isWhole() {
            return said.isEmpty() || said.charAt(said.length() - 1) == '\n';
        }

        /** Of whole replies, up to what is none; of different codes in one the last counts. */
        List<Integer> codes() {
            List<Integer> codes = new ArrayList<>();
            int from = 0;
            for (int end = said.indexOf("\n"); end >= 0; end = said.indexOf("\n", from)) {
                String line = said.substring(from, end > from && said.charAt(end - 1) == '\r' ? end - 1 : end);
                if (!LINE.matcher(line).matches()) {
                    return codes;
                }
                if (line.length() == 3 || line.charAt(3) == ' ') {
                    codes.add(Integer.parseInt(line.substring(0, 3)));
                }
                from = end + 1;
            }
            return codes;
        }
    }

    /** One connection after the other. Whoever would wait for it without end is let go: it closes its side. */
    private static final class Host implements AutoCloseable {
        private final ServerSocket server;
        private final BlockingQueue<Script> scripts = new LinkedBlockingQueue<>();
        private final BlockingQueue<Ledger> ledgers = new LinkedBlockingQueue<>();

        Host() {
            try {
                server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            Thread.ofPlatform().name("fuzzed-host").daemon().start(this::run);
        }

        int port() {
            return server.getLocalPort();
        }

        void begin(Script script) {
            scripts.add(script);
        }

        Ledger ended() throws InterruptedException {
            Ledger ledger = ledgers.poll(2 * PATIENCE.toSeconds(), TimeUnit.SECONDS);
            if (ledger == null) {
                throw new AssertionError("the session wasn't closed");
            }
            return ledger;
        }

        private void run() {
            while (!server.isClosed()) {
                Ledger ledger = new Ledger(false);
                try (Socket socket = server.accept()) {
                    socket.setTcpNoDelay(true);
                    socket.setSoLinger(true, 0); // no port waits for a minute
                    Script script = scripts.take();
                    ledger = new Ledger(script.cut);
                    new Session(socket, script, ledger).serve();
                } catch (IOException _) {
                    // the client has gone, or the test has ended
                } catch (InterruptedException _) {
                    return;
                }
                ledgers.add(ledger);
            }
        }

        @Override
        public void close() throws IOException {
            server.close();
        }
    }

    private static final class Session {
        private final Socket socket;
        private final Script script;
        private final Ledger ledger;
        private final OutputStream out;
        private final StringBuilder input = new StringBuilder();
        private final StringBuilder due = new StringBuilder();
        private boolean silent;
        private int pieces;
        private int chunkLeft;

        Session(Socket socket, Script script, Ledger ledger) throws IOException {
            this.socket = socket;
            this.script = script;
            this.ledger = ledger;
            this.out = socket.getOutputStream();
        }

        void serve() throws IOException {
            ask("");
            say();
            InputStream in = socket.getInputStream();
            byte[] buffer = new byte[8 << 10];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                input.append(new String(buffer, 0, n, ISO_8859_1));
                skip();
                for (int end = input.indexOf("\r\n"); end >= 0; end = input.indexOf("\r\n")) {
                    String line = input.substring(0, end);
                    if (line.matches("\\.|(EHLO|HELO|LHLO|STARTTLS|RSET|MAIL|RCPT|DATA|BDAT|QUIT)( .*)?")) {
                        ask(line);
                    }
                    input.delete(0, end + 2);
                    chunkLeft = line.startsWith("BDAT ") ? Integer.parseInt(line.split(" ", -1)[1]) : 0;
                    skip();
                }
                say();
            }
        }

        /** Octets of a chunk are no lines. */
        private void skip() {
            int n = Math.min(chunkLeft, input.length());
            input.delete(0, n);
            chunkLeft -= n;
        }

        private void ask(String question) {
            int times = script.lmtp && question.equals(".") ? accepted() : 1;
            for (int i = 0; i < times; i++) {
                @Nullable
                String answer = script.answer(ledger.questions.size(), question);
                ledger.questions.add(question);
                if (answer != null && !silent) {
                    due.append(answer);
                }
            }
        }

        /** Of the transaction that ends here: LMTP answers for each. */
        private int accepted() {
            List<Integer> codes = ledger.codes();
            int count = 0;
            for (int i = ledger.questions.size() - 1; i >= 0 && !ledger.questions.get(i).startsWith("MAIL"); i--) {
                boolean recipient = ledger.questions.get(i).startsWith("RCPT");
                count += recipient && i < codes.size() && codes.get(i) < 300 ? 1 : 0;
            }
            return Math.max(count, 1);
        }

        /** What is due, in one piece or in several; then it falls silent if the client waits for more. */
        private void say() throws IOException {
            if (!silent) {
                ledger.said.append(due);
            }
            ledger.look();
            boolean mute = silent;
            List<Integer> codes = ledger.codes();
            int last = ledger.questions.size() - 1;
            silent |= codes.size() < ledger.questions.size()
                    || ledger.questions.get(last).equals("STARTTLS") && codes.get(last) == 220;
            try {
                byte[] octets = due.toString().getBytes(ISO_8859_1);
                due.setLength(0);
                for (int from = 0; !mute && from < octets.length;) {
                    int to = script.cut
                            ? Math.min(octets.length, from + script.pieces.get(pieces++ % script.pieces.size()))
                            : octets.length;
                    out.write(octets, from, to - from);
                    from = to;
                }
                if (silent && !mute) {
                    socket.shutdownOutput();
                }
            } catch (IOException _) {
                silent = true; // the client has heard enough; what it has said still counts
            }
        }
    }
}
