package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.StoredMessage;
import dev.penstock.testing.CommandedSigning;
import dev.penstock.testing.FakeSpool;
import dev.penstock.tls.TlsSession;

/**
 * A session's state machine under random schedules: input in pieces of any size, answers and commits that come at once,
 * late, after the end, or fail, a spool and a memory that are full for a while, deadlines, penalties, a client that doesn't
 * read, and ends of every kind. A seed is a schedule.
 *
 * <p>A client that knows the protocol looks at the replies alone, and holds this against them:
 * <ol>
 * <li>every command has exactly one reply, in the order of the commands, and one that its place in the transaction allows;
 * <li>after the last reply (221, 421) nothing is said, asked of a policy, or begun in the spool;
 * <li>a 250 for a message names a durable one, with the sender, the recipients and the content that were answered with yes;
 * what is durable is taken over, once;
 * <li>memory's account is never below zero, and zero when the session and its commits are over; so a transaction is
 * handed over or released exactly once. No intake is left open.
 * </ol>
 *
 * <p>Longer: {@code -Dpenstock.model.steps=1000000}, {@code -Dpenstock.model.seed=7}.
 */
class SessionModelTest {
    private static final int STEPS = Integer.getInteger("penstock.model.steps", 200_000);
    private static final int STEPS_OF_A_SESSION = 250;
    private static final int MEMORY = 12_000; // octets
    private static final Pattern QUEUED = Pattern.compile("250 2\\.0\\.0 (\\S+) queued");
    private static final Pattern LAST = Pattern.compile("(221|421|554 5\\.5\\.0) ?.*");
    private static final Duration LONGEST_PENALTY = Duration.ofSeconds(30);

    private static final CommandedSigning SIGNER = new CommandedSigning();

    @BeforeAll
    static void quiet() {
        ((Logger) LoggerFactory.getLogger(Session.class)).setLevel(Level.OFF); // failures that it is told to have
        ((Logger) LoggerFactory.getLogger(ContentStage.class)).setLevel(Level.OFF);
        ((Logger) LoggerFactory.getLogger(Authentication.class)).setLevel(Level.OFF);
    }

    @AfterAll
    static void loud() {
        SIGNER.close();
        ((Logger) LoggerFactory.getLogger(Session.class)).setLevel(null);
        ((Logger) LoggerFactory.getLogger(ContentStage.class)).setLevel(null);
        ((Logger) LoggerFactory.getLogger(Authentication.class)).setLevel(null);
    }

    @Test
    void whateverComesWhenTheSessionKeepsItsInvariants() {
        Totals totals = new Totals();
        LongStream.rangeClosed(1, STEPS / STEPS_OF_A_SESSION).forEach(seed -> new Model(seed, totals).run());
        totals.check();
    }

    @Test
    void theSeedThatIsAskedForToo() {
        Long seed = Long.getLong("penstock.model.seed");
        if (seed != null) {
            new Model(seed, new Totals()).run();
        }
    }

    /** What the schedules came to, so that none of it is missed without a sign. */
    private static final class Totals {
        private long replies;
        private long queued;
        private long chunked;
        private long refused;
        private long lateAnswers;
        private long lateCommits;
        private long commitsAfterTheEnd;
        private long loggedIn;
        private long ended421;
        private long timeouts;
        private long signed;
        private long lateSignatures;
        private long signaturesAfterTheEnd;

        void check() {
            if (List.of(replies, queued, chunked, refused, lateAnswers, lateCommits, commitsAfterTheEnd, loggedIn,
                    ended421, timeouts, signed, lateSignatures, signaturesAfterTheEnd).contains(0L)) {
                throw new AssertionError("something never happened: " + this);
            }
        }

        @Override
        public String toString() {
            return "replies=" + replies + " queued=" + queued + " chunked=" + chunked + " refused=" + refused
                    + " late answers=" + lateAnswers + " late commits=" + lateCommits + " after the end="
                    + commitsAfterTheEnd + " signed=" + signed + " late signatures=" + lateSignatures
                    + " after the end=" + signaturesAfterTheEnd + " logins=" + loggedIn + " 421=" + ended421
                    + " timeouts=" + timeouts;
        }
    }

    private enum Kind {
        EHLO,
        MAIL,
        RCPT,
        DATA,
        CONTENT,
        BDAT,
        RSET,
        AUTH,
        RESPONSE,
        QUIT,
        OTHER
    }

    /**
     * What the client has sent and has no reply to yet.
     *
     * @param text the address, the content, or how the reply begins
     * @param last of BDAT
     */
    private record Sent(Kind kind, String text, boolean last) {}

    /** A transaction as its replies tell it. */
    private static final class Transaction {
        private final String sender;
        private final List<String> recipients = new ArrayList<>();
        private final StringBuilder content = new StringBuilder();
        private boolean chunked;
        private boolean failed;

        Transaction(String sender) {
            this.sender = sender;
        }
    }

    private static final class Model {
        private final long seed;
        private final SplittableRandom random;
        private final Totals totals;
        private final Answers answers;
        private final CommandedSigning signer = SIGNER;
        private final ScriptedSession smtp;
        private final ScriptedConnection connection;
        private final StringBuilder toSend = new StringBuilder();
        private final Deque<Sent> sent = new ArrayDeque<>();
        private final List<String> journal = new ArrayList<>();
        private final ReceptionMemory.Waiter another = () -> {};
        private @Nullable Transaction transaction;
        private boolean greeted;
        private boolean mustWait; // nothing may be sent before a reply
        private boolean inData;
        private boolean inDialogue;
        private boolean ended;
        private boolean askedAfterTheEnd;
        private boolean anotherFillsMemory;
        private @Nullable CompletableFuture<@Nullable Void> spoolIsBehind;
        private Kind composed = Kind.OTHER;
        private int number;

        Model(long seed, Totals totals) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
            this.totals = totals;
            this.answers = new Answers(this);
            signer.room(Integer.MAX_VALUE);
            boolean strict = random.nextBoolean();
            this.smtp = new ScriptedSession(config -> config.maxMessageSize(4000).maxLineLength(500).memoryLimit(MEMORY)
                    .counts(40, 100, 100, strict ? 3 : 1000)
                    .errors(2, strict ? Duration.ofSeconds(1) : Duration.ZERO, strict ? 5 : 1000, strict ? 8 : 100_000),
                    new ListenerBuilder().build(), null, answers, answers, signer.signing);
            this.connection = smtp.connection;
            answers.connection = connection;
        }

        void run() {
            try {
                for (int step = 0; step < STEPS_OF_A_SESSION && !connection.isClosed(); step++) {
                    step();
                    look();
                    check(smtp.receivingOctets() >= 0, "memory's account is below zero");
                    check(!askedAfterTheEnd, "something is asked after the end");
                }
                end();
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + ": " + e.getMessage() + "\n" + String.join("\n", journal), e);
            }
        }

        private void step() {
            switch (random.nextInt(41)) {
                case 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 -> compose();
                case 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21 -> deliver(1 + random.nextInt(toSend.length() + 1));
                case 22, 23, 24, 25 -> answers.giveOne();
                case 26 -> smtp.spool.holdCommits();
                case 27, 28 -> completeCommits();
                case 39 -> signOne();
                case 29, 30 -> connection.pass(Duration.ofMillis(random.nextInt(3000)));
                case 31 -> {
                    if (random.nextInt(40) == 0) {
                        journal.add("time passes");
                        connection.pass(Duration.ofSeconds(random.nextInt(400)));
                    }
                }
                case 32 -> connection.writable(random.nextInt(4) > 0);
                case 33 -> trouble();
                case 34, 35 -> noTrouble();
                case 36 -> {
                    if (spoolIsBehind == null) {
                        spoolIsBehind = new CompletableFuture<>();
                        smtp.spool.writable(spoolIsBehind);
                    } else {
                        catchUp();
                    }
                }
                case 37 -> memory();
                case 38 -> {
                    if (random.nextInt(25) == 0) {
                        finish();
                    }
                }
                default -> connection.run();
            }
        }

        /** The ends that aren't the client's QUIT. */
        private void finish() {
            switch (random.nextInt(3)) {
                case 0 -> {
                    journal.add("the client is gone");
                    connection.close();
                }
                case 1 -> {
                    journal.add("the client sends no more");
                    toSend.setLength(0);
                    connection.inputEnds();
                }
                default -> {
                    journal.add("the server shuts down");
                    smtp.shutDown();
                }
            }
        }

        private void trouble() {
            switch (random.nextInt(5)) {
                case 4 -> signer.room(0);
                case 0 -> smtp.spool.failCommits(SpoolException.Reason.FULL);
                case 1 -> smtp.spool.failWrites(SpoolException.Reason.FULL);
                case 2 -> smtp.spool.refuseIntake(SpoolException.Reason.OVERLOADED);
                default -> smtp.spool.failCommits(SpoolException.Reason.FAILED);
            }
        }

        private void noTrouble() {
            if (anotherFillsMemory) {
                memory();
            }
            signer.room(Integer.MAX_VALUE);
            smtp.spool.failCommits(null);
            smtp.spool.failWrites(null);
            smtp.spool.refuseIntake(null);
        }

        private void completeCommits() {
            if (smtp.spool.waitingCommits() > 0) {
                totals.lateCommits++;
                totals.commitsAfterTheEnd += connection.isOutputEnded() ? 1 : 0;
            }
            smtp.spool.completeCommits();
        }

        private void signOne() {
            if (signer.waiting() > 0) {
                totals.lateSignatures++;
                totals.signaturesAfterTheEnd += connection.isOutputEnded() ? 1 : 0;
            }
            signer.signOne();
        }

        private void signAll() {
            while (signer.waiting() > 0) {
                signOne();
            }
        }

        private void catchUp() {
            CompletableFuture<@Nullable Void> behind = spoolIsBehind;
            spoolIsBehind = null;
            smtp.spool.writable(CompletableFuture.completedFuture(null));
            if (behind != null) {
                behind.complete(null);
            }
        }

        /** A message of another session fills memory, or is over. */
        private void memory() {
            if (anotherFillsMemory) {
                smtp.server.memory().release(another, MEMORY);
                anotherFillsMemory = false;
            } else {
                smtp.server.memory().add(MEMORY);
                smtp.server.memory().mayProceed(another);
                anotherFillsMemory = true;
            }
        }

        // ---- the client ----------------------------------------------------------------------------------------

        private void deliver(int length) {
            int octets = Math.min(length, toSend.length());
            if (octets > 0) {
                String piece = toSend.substring(0, octets);
                toSend.delete(0, octets);
                journal.add(
                        "C: " + (piece.length() > 80 ? piece.substring(0, 80) + "..." : piece).replace("\r\n", "|"));
                connection.arrives(piece.getBytes(ISO_8859_1));
            }
        }

        /** Adds something to what is to be sent, unless a reply must be waited for. */
        private void compose() {
            if (mustWait || !greeted || ended) {
                return;
            }
            if (inData) {
                content();
                return;
            }
            if (inDialogue) {
                inDialogue = false;
                alone(Kind.RESPONSE, random.nextInt(3) == 0 ? "*" : "AGEAYg==", "");
                return;
            }
            if (number == 0) {
                number++;
                alone(Kind.EHLO, "EHLO client.example", "");
                return;
            }
            int kind = usual();
            if (kind < 7) {
                String address = address();
                add(Kind.MAIL, "MAIL FROM:<" + address + ">", address);
            } else if (kind < 16) {
                String address = address();
                add(Kind.RCPT, "RCPT TO:<" + address + ">", address);
            } else if (kind < 19) {
                alone(Kind.DATA, "DATA", "");
            } else if (kind < 23) {
                String chunk = chunk();
                boolean last = random.nextBoolean();
                add(new Sent(Kind.BDAT, chunk, last),
                        "BDAT " + chunk.length() + (last ? " LAST" : "") + "\r\n" + chunk);
            } else if (kind < 24) {
                add(Kind.RSET, "RSET", "");
            } else if (kind < 25) {
                alone(Kind.EHLO, "EHLO client.example", "");
            } else if (kind < 26) {
                alone(Kind.AUTH, random.nextBoolean() ? "AUTH PLAIN" : "AUTH PLAIN AGEAYg==", "");
            } else {
                switch (random.nextInt(21)) {
                    case 0 -> alone(Kind.QUIT, "QUIT", "");
                    case 1, 2, 3, 4, 5 -> add(Kind.OTHER, "NOOP", "250 2.0.0 Ok");
                    case 6, 7, 8, 9, 10 -> add(Kind.OTHER, "VRFY x", "252 ");
                    case 11, 12, 13, 14, 15 -> add(Kind.OTHER, "HELP", "214 ");
                    default -> add(Kind.OTHER, "FOO", "500 5.5.2 ");
                }
            }
        }

        /** Mostly what follows the last command when all goes well. */
        private int usual() {
            int any = random.nextInt(30);
            if (random.nextInt(4) == 0) {
                return any;
            }
            return switch (composed) {
                case MAIL -> 7;
                case RCPT -> random.nextInt(2) == 0 ? 7 : 16 + random.nextInt(7);
                case BDAT -> random.nextInt(3) == 0 ? 0 : 20;
                case EHLO, DATA, CONTENT, RSET, AUTH, RESPONSE, QUIT, OTHER -> random.nextInt(3) == 0 ? any : 0;
            };
        }

        private void add(Kind kind, String line, String text) {
            add(new Sent(kind, text, false), line + "\r\n");
        }

        private void add(Sent command, String octets) {
            sent.add(command);
            composed = command.kind;
            toSend.append(octets);
        }

        /** Behind it nothing may be sent before its reply. */
        private void alone(Kind kind, String line, String text) {
            add(kind, line, text);
            mustWait = true;
        }

        /** Long, so that envelopes of a few recipients count in memory. */
        private String address() {
            return "u" + number++ + "." + "x".repeat(random.nextInt(50)) + "@example.org";
        }

        private void content() {
            StringBuilder text = new StringBuilder("X-Number: " + number++ + "\r\n" + from());
            for (int lines = random.nextInt(6); lines > 0; lines--) {
                text.append("y".repeat(random.nextInt(300))).append(random.nextInt(60) == 0 ? "\n" : "\r\n");
            }
            inData = false;
            mustWait = true;
            sent.add(new Sent(Kind.CONTENT, text.toString(), true));
            toSend.append(text).append(".\r\n");
        }

        private String from() {
            return switch (random.nextInt(6)) {
                case 0, 1 -> "From: a@" + CommandedSigning.SIGNED + "\r\n";
                case 2 -> "From: a@" + CommandedSigning.KEYLESS + "\r\n";
                default -> "";
            };
        }

        private String chunk() {
            StringBuilder text = new StringBuilder(from());
            for (int lines = random.nextInt(4); lines > 0; lines--) {
                text.append("z".repeat(random.nextInt(400))).append("\r\n");
            }
            return text.toString();
        }

        // ---- what the client sees ------------------------------------------------------------------------------

        private void look() {
            String replies = connection.takeSent();
            if (replies.isEmpty()) {
                return;
            }
            check(replies.endsWith("\r\n"), "half a line: " + replies);
            for (String line : replies.lines().toList()) {
                if (line.charAt(3) == ' ') {
                    reply(line);
                }
            }
        }

        private void reply(String line) {
            journal.add("S: " + line);
            totals.replies++;
            check(!ended, "a reply after the last");
            if (!greeted) {
                greeted = true;
                check(line.startsWith("220 ") || line.charAt(0) == '4' || line.charAt(0) == '5', "no greeting");
                ended = !line.startsWith("220 ");
                return;
            }
            if (LAST.matcher(line).matches()) {
                ended = true;
                totals.ended421 += line.startsWith("421 ") ? 1 : 0;
                totals.timeouts += line.startsWith("421 4.4.2") ? 1 : 0;
                check(!line.startsWith("554 5.5.0"), "this client is never out of step");
                if (line.startsWith("221 ")) {
                    check(answered().kind == Kind.QUIT, "221 without QUIT");
                }
                return;
            }
            Sent command = answered();
            mustWait &= !sent.isEmpty(); // what must be last is
            char first = line.charAt(0);
            boolean yes = first == '2';
            boolean no = first == '4' || first == '5';
            Transaction open = transaction;
            switch (command.kind) {
                case EHLO -> {
                    check(yes, "EHLO is refused");
                    transaction = null;
                }
                case RSET -> {
                    check(line.equals("250 2.0.0 Ok"), "no answer to RSET");
                    transaction = null;
                }
                case OTHER -> check(line.startsWith(command.text), "expected " + command.text);
                case MAIL -> {
                    check(open == null || line.startsWith("503 5.5.1 "), "a nested MAIL");
                    check(no || line.equals("250 2.1.0 Ok"), "no answer to MAIL");
                    if (open == null && yes) {
                        transaction = new Transaction(command.text);
                    }
                }
                case RCPT -> {
                    if (open == null || open.chunked || open.failed) {
                        check(line.startsWith("503 5.5.1 "), "RCPT out of order");
                    } else if (yes) {
                        check(line.equals("250 2.1.5 Ok"), "no answer to RCPT");
                        open.recipients.add(command.text);
                    } else {
                        check(no && (!line.contains("said no") || line.endsWith(command.text)), "another's answer");
                    }
                }
                case DATA -> {
                    if (open == null || open.chunked || open.failed || open.recipients.isEmpty()) {
                        check(line.startsWith("503 5.5.1 ") || line.startsWith("554 5.5.1 "), "DATA out of order");
                    } else if (first == '3') {
                        inData = true;
                    } else {
                        check(first == '4', "no answer to DATA");
                        transaction = null;
                    }
                }
                case CONTENT -> {
                    check(open != null, "content without a transaction");
                    message(line, open, command.text);
                    transaction = null;
                }
                case BDAT -> chunk(line, command);
                case AUTH, RESPONSE -> {
                    inDialogue = first == '3';
                    totals.loggedIn += line.startsWith("235 ") ? 1 : 0;
                    check(!yes || line.startsWith("235 "), "no answer to AUTH");
                }
                case QUIT -> check(false, "QUIT without 221");
            }
            totals.refused += no ? 1 : 0;
        }

        private Sent answered() {
            Sent command = sent.poll();
            if (command == null) {
                throw new AssertionError("a reply without a command");
            }
            return command;
        }

        private void chunk(String line, Sent command) {
            Transaction open = transaction;
            boolean yes = line.charAt(0) == '2';
            if (open == null || open.failed || open.recipients.isEmpty()) {
                check(!yes, "BDAT out of order");
            } else if (command.last) {
                open.content.append(command.text);
                message(line, open, open.content.toString());
                totals.chunked += yes ? 1 : 0;
            } else if (yes) {
                check(line.equals("250 2.0.0 " + command.text.length() + " octets received"), "another chunk's answer");
                open.chunked = true;
                open.content.append(command.text);
            } else {
                open.chunked = false;
                open.failed = true;
            }
            if (command.last) {
                transaction = null;
            }
        }

        private void message(String line, @Nullable Transaction open, String content) {
            if (line.charAt(0) != '2') {
                return;
            }
            Matcher queued = QUEUED.matcher(line);
            if (open == null || !queued.matches()) {
                throw new AssertionError("no answer to a message");
            }
            totals.queued++;
            StoredMessage stored = smtp.spool.messages().stream()
                    .filter(message -> message.envelope().id().toString().equals(queued.group(1))).findFirst()
                    .orElseThrow(() -> new AssertionError("a 250 for a message that isn't durable"));
            check(stored.envelope().sender().equals(open.sender), "another sender");
            check(stored.envelope().recipients().stream().map(Recipient::address).toList().equals(open.recipients),
                    "other recipients: " + stored.envelope().recipients());
            String text = FakeSpool.text(stored);
            check(text.endsWith("\r\n" + content), "other content");
            String from = String.join("", ("\r\n" + content).split("\r\n\r\n", 2)[0].lines()
                    .filter(field -> field.startsWith("From: ")).toList());
            boolean signed = from.equals("From: a@" + CommandedSigning.SIGNED);
            check(text.startsWith("DKIM-Signature: ") == signed, "a signature too few or too many");
            check(!from.equals("From: a@" + CommandedSigning.KEYLESS), "sent without a signature");
            totals.signed += signed ? 1 : 0;
        }

        // ---- the end -------------------------------------------------------------------------------------------

        private void end() {
            if (!connection.isClosed() && random.nextInt(4) > 0) {
                settle();
                check(ended || connection.isClosed() || sent.isEmpty(), "commands without a reply: " + sent);
            }
            boolean pass = random.nextBoolean();
            connection.close();
            if (pass) {
                connection.pass(LONGEST_PENALTY);
            }
            answers.giveAll();
            signAll();
            completeCommits();
            catchUp();
            connection.run();
            look();
            check(connection.unsent().isEmpty(), "a reply that never left: " + connection.unsent());
            if (anotherFillsMemory) {
                memory();
            }
            connection.run();
            check(smtp.receivingOctets() == 0, "octets are still counted: " + smtp.receivingOctets());
            check(smtp.countedSessions() == 0, "sessions of the client's account: " + smtp.countedSessions());
            check(smtp.spool.openIntakes() == 0, "an intake is still open");
            check(smtp.accepted.stream().map(envelope -> envelope.id()).toList()
                    .equals(smtp.spool.messages().stream().map(message -> message.envelope().id()).toList()),
                    "what is durable isn't what was taken over");
        }

        /** Until nothing is waited for but the client, which has sent all that it began. */
        private void settle() {
            noTrouble();
            connection.writable(true);
            for (int round = 0; round < 50 && !connection.isClosed(); round++) {
                deliver(toSend.length());
                answers.giveAll();
                signAll();
                completeCommits();
                catchUp();
                if (anotherFillsMemory) {
                    memory();
                }
                connection.run();
                connection.pass(Duration.ofSeconds(2));
                look();
                if (inData) {
                    content();
                }
            }
        }

        private void check(boolean holds, String problem) {
            if (!holds) {
                throw new AssertionError(problem);
            }
        }
    }

    /** Answers as the schedule says: yes, no, a fault, and when. */
    private static final class Answers implements Policy, Authenticator {
        private final Model model;
        private final SplittableRandom random;
        private final Deque<Runnable> later = new ArrayDeque<>();
        private final boolean judges;
        private @Nullable ScriptedConnection connection;

        Answers(Model model) {
            this.model = model;
            this.random = model.random.split();
            this.judges = random.nextBoolean();
        }

        void giveOne() {
            Runnable next = later.poll();
            if (next != null) {
                model.totals.lateAnswers++;
                next.run();
            }
        }

        void giveAll() {
            while (!later.isEmpty()) {
                giveOne();
                if (connection != null) {
                    connection.run();
                }
            }
        }

        private <T> CompletableFuture<T> answer(T value) {
            if (connection != null && connection.isOutputEnded()) {
                model.askedAfterTheEnd = true; // thrown here, it would be one more fault that the session catches
            }
            CompletableFuture<T> answer = new CompletableFuture<>();
            boolean fails = random.nextInt(300) == 0;
            Runnable give = fails
                    ? () -> answer.completeExceptionally(new IllegalStateException("told to"))
                    : () -> answer.complete(value);
            if (random.nextInt(3) == 0) {
                later.add(give);
            } else {
                give.run();
            }
            return answer;
        }

        private CompletableFuture<Decision> decide(String who) {
            return answer(switch (random.nextInt(60)) {
                case 0 -> new Decision.Refuse(Reply.of(421, "4.7.1", "go"));
                case 1, 2, 3 -> new Decision.Refuse(Reply.of(450, "4.7.1", "later, said no to " + who));
                case 4, 5, 6 -> new Decision.Refuse(Reply.of(550, "5.7.1", "said no to " + who));
                default -> Decision.ACCEPT;
            });
        }

        @Override
        public CompletableFuture<Decision> connect(Client client) {
            return decide("the client");
        }

        @Override
        public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain,
                long declaredSize) {
            return decide(sender);
        }

        @Override
        public CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain,
                Recipient recipient) {
            return decide(recipient.address());
        }

        @Override
        public CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender,
                List<Recipient> recipients, List<HeaderField> header, long size) {
            return decide(sender);
        }

        @Override
        public boolean judgesMessages() {
            return judges;
        }

        @Override
        public List<String> wantedHeaders() {
            return judges ? List.of("x-number") : List.of();
        }

        @Override
        public List<String> removedHeaders() {
            return List.of();
        }

        @Override
        public List<String> mechanisms(@Nullable TlsSession tls) {
            return List.of("PLAIN");
        }

        @Override
        public Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress) {
            return response -> answer(response == null
                    ? new Exchange.Step.Challenge("")
                    : switch (random.nextInt(3)) {
                        case 0 -> new Exchange.Step.Failure(Exchange.Reason.CREDENTIALS, "wrong");
                        case 1 -> new Exchange.Step.Failure(Exchange.Reason.TEMPORARY, "later");
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
