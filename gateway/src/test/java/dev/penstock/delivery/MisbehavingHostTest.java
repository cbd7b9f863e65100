package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.Content;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.queue.QueueStats;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.Patience;
import dev.penstock.testing.TestCertificates;

/**
 * A host that misbehaves once, at each place of a session in each way: {@code misbehaving-hosts.txt} beside this class's
 * resources says what becomes of the message concerned, to two recipients, and of the next one, which is innocent. All
 * sessions but the first are as they should be.
 */
@Timeout(600)
final class MisbehavingHostTest {
    private static final int AT_ONCE = 8;
    private static final int RECEIVE_BUFFER = 16 << 10;
    /** More than the system keeps for a host that doesn't read: 4 MB by Linux's tcp_wmem. */
    private static final int LARGE = 7 << 20;
    private static final Content SMALL = content(1);
    private static final Content HUGE = content(LARGE);
    private static final List<String> VICTIMS = List.of("v1@dest.example", "v2@dest.example");
    private static final String NEXT = "next@dest.example";
    private static final String FIRST = "first@dest.example";
    private static final SSLContext TLS = TestCertificates
            .serverContext(TestCertificates.selfSigned("mx1.dest.example"));

    private enum Dialect {
        SMTP, LOCKSTEP, LMTP,
        /** Whose CHUNKING is known to be sound: what is small is sent whole, several messages at once. */
        CHUNKING
    }

    private enum Place {
        GREETING, HELLO, STARTTLS, MAIL, RCPT, DATA, CONTENT, END, BETWEEN, QUIT;

        boolean isOfOpening() {
            return compareTo(MAIL) < 0;
        }

        /** What a session waits for with a host that is silent there. */
        Phase phase(Dialect dialect) {
            return switch (this) {
                case GREETING -> Phase.GREETING;
                case HELLO -> dialect == Dialect.LMTP ? Phase.LHLO : Phase.HELLO;
                case STARTTLS -> Phase.STARTTLS;
                case MAIL, BETWEEN -> Phase.MAIL;
                case RCPT -> Phase.RCPT;
                case DATA -> Phase.DATA;
                case CONTENT -> Phase.CONTENT;
                case END -> Phase.END_OF_DATA;
                case QUIT -> Phase.QUIT;
            };
        }
    }

    private enum Misdeed {
        /** Says nothing until we close. */
        SILENCE,
        CLOSE,
        RESET,
        /** In place of its reply. */
        GARBAGE,
        /** A second reply behind its own. */
        GLUED,
        /** Octet by octet. */
        SPLIT,
        /** Another reply before its own. */
        STRAY,
        /** 2 for 3, 3 for 2. */
        DIGIT,
        LONG,
        MANY
    }

    /** @param reused whether it has taken a message over the session before */
    private record Cell(Dialect dialect, Place place, Misdeed misdeed, boolean reused) {
        boolean exists() {
            return (place != Place.STARTTLS || dialect == Dialect.SMTP) && !(reused && place.isOfOpening())
                    && (reused || place != Place.BETWEEN)
                    && (place != Place.DATA || dialect != Dialect.CHUNKING) && !isOfTime();
        }

        /**
         * Whether a word too much is heard depends on when it comes: to chunks there are several answers, and one too many
         * is seen only if another is there when the last that is awaited is read.
         */
        private boolean isOfTime() {
            return dialect == Dialect.CHUNKING && place == Place.CONTENT && misdeed == Misdeed.GLUED;
        }
    }

    @Test
    void whateverAHostDoesTheOutcomeIsAsTheGoldenTableSays() throws Exception {
        Map<Cell, Future<String>> cells = new LinkedHashMap<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(AT_ONCE)) {
            for (Place place : Place.values()) {
                for (boolean reused : new boolean[]{false, true}) {
                    for (Misdeed misdeed : Misdeed.values()) {
                        for (Dialect dialect : Dialect.values()) {
                            Cell cell = new Cell(dialect, place, misdeed, reused);
                            if (cell.exists()) {
                                cells.put(cell, executor.submit(() -> outcome(cell)));
                            }
                        }
                    }
                }
            }
        }
        String table = table(cells);
        try (InputStream golden = MisbehavingHostTest.class.getResourceAsStream("misbehaving-hosts.txt")) {
            assertThat(golden).as("golden file; the table is now\n%s", table).isNotNull();
            assertThat(table).isEqualTo(new String(golden.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    private static String table(Map<Cell, Future<String>> cells) throws Exception {
        StringBuilder table = new StringBuilder();
        row(table, "place", "misdeed", "session", "SMTP with PIPELINING", "SMTP without", "LMTP", "CHUNKING");
        for (Place place : Place.values()) {
            for (boolean reused : new boolean[]{false, true}) {
                for (Misdeed misdeed : Misdeed.values()) {
                    List<String> row = new ArrayList<>(
                            List.of(place.name(), misdeed.name(), reused ? "reused" : "fresh"));
                    for (Dialect dialect : Dialect.values()) {
                        Future<String> cell = cells.get(new Cell(dialect, place, misdeed, reused));
                        row.add(cell == null ? "-" : cell.get());
                    }
                    if (row.stream().filter("-"::equals).count() < Dialect.values().length) {
                        row(table, row.toArray(String[]::new));
                    }
                }
            }
        }
        return table.toString();
    }

    private static void row(StringBuilder table, String... cells) {
        StringBuilder row = new StringBuilder();
        int[] widths = {10, 9, 8, 46, 46, 46, 0};
        for (int i = 0; i < cells.length; i++) {
            row.append(cells[i]).append(" ".repeat(Math.max(1, widths[i] - cells[i].length())));
        }
        table.append(row.toString().stripTrailing()).append('\n');
    }

    private static String outcome(Cell cell) throws Exception {
        int deliveries = cell.place == Place.QUIT ? cell.reused ? 2 : 1 : 1_000;
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 1)
                .with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, deliveries)
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
        try (Host host = new Host(cell);
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, limits, QueueConfig.DEFAULT)) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                    List.of(DeliveryRig.host("mx1.dest.example", host.port())), cell.dialect == Dialect.LMTP));
            if (cell.dialect == Dialect.CHUNKING) {
                rig.dispatcher.peers.bdat(DeliveryRig.host("mx1.dest.example", host.port()), PeerKnowledge.Bdat.SOUND);
            }
            rig.router.set("source.example", new Route.Failure(false, 451, "4.4.3", "later"));
            if (cell.reused) {
                send(rig, SMALL, FIRST);
                rig.awaitEvents(1);
                await().atMost(Patience.LONG)
                        .until(() -> rig.dispatcher.sessions().getFirst().state() == SessionView.State.IDLE);
                if (cell.place == Place.BETWEEN) {
                    host.idle.countDown();
                    assertThat(host.said.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
                }
            }
            send(rig, cell.place == Place.CONTENT ? HUGE : SMALL, VICTIMS.toArray(String[]::new));
            send(rig, SMALL, NEXT);
            await().atMost(Patience.LONG).until(() -> rig.queue.stats().routing() == 0);
            host.queued.countDown();
            if (cell.misdeed == Misdeed.SILENCE) {
                assertThat(host.said.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).as("silent: %s", cell)
                        .isTrue();
                rig.awaitPhase(cell.place.phase(cell.dialect));
                String session = rig.dispatcher.sessions().getFirst().id();
                rig.passTimeUntil(() -> rig.dispatcher.sessions().stream().noneMatch(one -> one.id().equals(session)));
            }
            int before = cell.reused ? 1 : 0;
            await().atMost(Patience.LONG).pollInterval(Duration.ofMillis(5))
                    .until(() -> rig.events.size() > before && isQuiet(rig.queue.stats()));
            return judged(cell, rig, host);
        }
    }

    private static void send(DeliveryRig rig, Content content, String... recipients) {
        rig.submit("sender@source.example", content, System.currentTimeMillis(), recipients);
    }

    private static boolean isQuiet(QueueStats stats) {
        return stats.routing() + stats.ready() + stats.active() == 0;
    }

    /** What the table says, and what it may not say whatever the cell. */
    private static String judged(Cell cell, DeliveryRig rig, Host host) {
        String as = cell + " " + rig.outcomes() + " " + host.taken;
        if (cell.reused) {
            assertThat(events(rig, FIRST)).as(as).isEqualTo("delivered 250 2.0.0");
            assertThat(host.taken(FIRST)).as(as).isEqualTo(1);
        }
        String next = events(rig, NEXT);
        if (cell.dialect == Dialect.CHUNKING && next.startsWith("deferred 400 4.")) { // was aloft: it is in doubt
            assertThat(host.taken(NEXT)).as("the innocent: %s", as).isLessThanOrEqualTo(1);
        } else {
            assertThat(next).as("the innocent: %s", as).isIn("delivered 250 2.0.0", "waits");
            assertThat(host.taken(NEXT)).as("the innocent: %s", as).isEqualTo(next.equals("waits") ? 0 : 1);
        }
        List<String> victims = new ArrayList<>();
        for (String victim : VICTIMS) {
            String what = events(rig, victim);
            int taken = host.taken(victim);
            assertThat(taken).as("doubled: %s", as).isLessThanOrEqualTo(1);
            if (what.startsWith("delivered")) {
                assertThat(taken).as("lost: %s", as).isEqualTo(1);
            } else if (taken > 0) {
                if (cell.dialect == Dialect.CHUNKING) { // sent whole: in doubt whatever is wrong with the answers
                    assertThat(what).as("will be doubled: %s", as).startsWith("deferred ");
                } else {
                    assertThat(cell.place).as("will be doubled: %s", as).isEqualTo(Place.END);
                }
                what += ", taken";
            }
            if (what.startsWith("bounced")) {
                assertThat(cell.place).as("bounced by no word about it: %s", as).isEqualTo(Place.CONTENT);
                assertThat(what).as(as).isEqualTo("bounced 552 5.3.4");
            }
            victims.add(what);
        }
        return (victims.getFirst().equals(victims.getLast()) ? victims.getFirst() : String.join(" / ", victims))
                + (next.equals("waits") ? "; next waits" : "");
    }

    private static String events(DeliveryRig rig, String recipient) {
        List<String> events = rig.events.stream().filter(event -> event.recipients().contains(recipient))
                .map(event -> label(event.type()) + " " + event.response().code() + " " + event.response().enhanced())
                .toList();
        return events.isEmpty() ? "waits" : String.join(", ", events);
    }

    private static String label(MessageEvent.Type type) {
        return switch (type) {
            case DELIVERY -> "delivered";
            case TRANSIENT_FAILURE -> "deferred";
            case BOUNCE -> "bounced";
            case RECEPTION, EXPIRATION, REJECTION, PREFLIGHT, ADMIN_BOUNCE -> type.label();
        };
    }

    private static Content content(int octets) {
        String line = "0123456789".repeat(7) + "\r\n";
        return MemoryContent.of(("Subject: x\r\n\r\n" + line.repeat(octets / line.length() + 1))
                .getBytes(StandardCharsets.US_ASCII));
    }

    /** Takes all mail; what it does once is of the cell. */
    private static final class Host implements AutoCloseable {
        private static final byte[] END = {'\r', '\n', '.', '\r', '\n'};
        private static final int SOME = 1_000;

        final CountDownLatch queued = new CountDownLatch(1);
        final CountDownLatch idle = new CountDownLatch(1);
        final CountDownLatch said = new CountDownLatch(1);
        private final CountDownLatch closed = new CountDownLatch(1);
        final Map<String, AtomicInteger> taken = new ConcurrentHashMap<>();
        private final Cell cell;
        private final ServerSocket server;
        private final Set<Socket> open = ConcurrentHashMap.newKeySet();

        Host(Cell cell) {
            this.cell = cell;
            try {
                server = new ServerSocket();
                if (cell.place == Place.CONTENT) {
                    server.setReceiveBufferSize(RECEIVE_BUFFER);
                }
                server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            Thread.ofVirtual().name("misbehaving-host").start(this::accept);
        }

        int port() {
            return server.getLocalPort();
        }

        int taken(String recipient) {
            AtomicInteger count = taken.get(recipient);
            return count == null ? 0 : count.get();
        }

        private void accept() {
            boolean first = true;
            while (!server.isClosed()) {
                try {
                    Socket socket = server.accept();
                    socket.setTcpNoDelay(true);
                    open.add(socket);
                    Session session = new Session(socket, first);
                    Thread.ofVirtual().name("misbehaving-session").start(session::serve);
                    first = false;
                } catch (IOException _) {
                    return; // the test has ended
                }
            }
        }

        @Override
        public void close() throws IOException {
            closed.countDown();
            server.close();
            for (Socket socket : open) {
                socket.close();
            }
        }

        /** The host has ended the session. */
        private static final class Ended extends IOException {
            Ended() {
                super("ended by the host");
            }
        }

        /** Confined to its thread. */
        private final class Session {
            private final Socket socket;
            private boolean good;
            private InputStream in;
            private OutputStream out;
            private final ByteArrayOutputStream pending = new ByteArrayOutputStream();
            private boolean encrypted;
            private int transactions;
            private final List<String> recipients = new ArrayList<>();

            Session(Socket socket, boolean first) throws IOException {
                this.socket = socket;
                this.good = !first;
                this.in = new BufferedInputStream(socket.getInputStream());
                this.out = socket.getOutputStream();
            }

            void serve() {
                try (socket) {
                    if (!cell.reused) {
                        queued.await();
                    }
                    say(Place.GREETING, "220 mx ready");
                    for (String line = line(); line != null; line = line()) {
                        if (!answer(line)) {
                            break;
                        }
                    }
                    flush();
                } catch (IOException _) {
                    // ended by one of the two
                } catch (InterruptedException _) {
                    Thread.currentThread().interrupt();
                }
            }

            private boolean answer(String line) throws IOException, InterruptedException {
                switch (line.split("[ :]", 2)[0]) {
                    case "EHLO", "LHLO" -> say(Place.HELLO, "250-mx\r\n"
                            + (cell.dialect == Dialect.LOCKSTEP ? "" : "250-PIPELINING\r\n")
                            + (cell.dialect == Dialect.CHUNKING ? "250-CHUNKING\r\n" : "")
                            + (cell.place == Place.STARTTLS && !encrypted ? "250-STARTTLS\r\n" : "") + "250 8BITMIME");
                    case "STARTTLS" -> {
                        say(Place.STARTTLS, "220 2.0.0 go on");
                        if (cell.misdeed != Misdeed.STRAY && cell.misdeed != Misdeed.DIGIT) {
                            secure();
                        }
                    }
                    case "MAIL" -> {
                        if (transactions > 0) {
                            queued.await();
                        }
                        recipients.clear();
                        say(Place.MAIL, "250 2.1.0 ok");
                    }
                    case "RCPT" -> {
                        recipients.add(line.substring(line.indexOf('<') + 1, line.indexOf('>')));
                        say(Place.RCPT, "250 2.1.5 ok");
                    }
                    case "DATA" -> {
                        say(Place.DATA, "354 go on");
                        content();
                    }
                    case "RSET" -> {
                        recipients.clear();
                        say("250 2.0.0 reset");
                    }
                    case "BDAT" -> chunk(line);
                    case "QUIT" -> {
                        say(Place.QUIT, "221 2.0.0 bye");
                        return false;
                    }
                    default -> say("500 5.5.2 what");
                }
                return true;
            }

            private void chunk(String line) throws IOException, InterruptedException {
                String[] words = line.split(" ", -1);
                boolean early = Integer.parseInt(words[1]) > SOME && isDue(Place.CONTENT);
                for (int octets = 0; octets < Integer.parseInt(words[1]); octets++) {
                    if (early && octets == SOME) {
                        misbehaveInContent();
                    }
                    if (in.read() < 0) {
                        throw new Ended();
                    }
                }
                if (words.length > 2) {
                    taken();
                } else {
                    say("250 2.0.0 so far");
                    flush();
                }
            }

            private void misbehaveInContent() throws IOException, InterruptedException {
                misbehave(switch (cell.misdeed) {
                    case GLUED -> "250 2.0.0 taken";
                    case DIGIT -> "250 go on";
                    default -> "552 5.3.4 too large";
                });
                flush();
            }

            private void content() throws IOException, InterruptedException {
                flush();
                boolean early = isDue(Place.CONTENT);
                int matched = 2;
                for (int octets = 0; matched < END.length; octets++) {
                    if (early && octets == SOME) {
                        misbehaveInContent();
                    }
                    int octet = in.read();
                    if (octet < 0) {
                        throw new Ended();
                    }
                    matched = octet == END[matched] ? matched + 1 : octet == '\r' ? 1 : 0;
                }
                taken();
            }

            private void taken() throws IOException, InterruptedException {
                recipients.forEach(to -> taken.computeIfAbsent(to, _ -> new AtomicInteger()).incrementAndGet());
                for (int i = 0; i < (cell.dialect == Dialect.LMTP ? recipients.size() : 1); i++) {
                    say(Place.END, "250 2.0.0 taken");
                }
                transactions++;
                if (isDue(Place.BETWEEN)) {
                    flush();
                    idle.await();
                    try {
                        misbehave(switch (cell.misdeed) {
                            case GLUED -> "250 2.0.0 taken";
                            case DIGIT -> "250 go on";
                            default -> "554 5.4.7 idle too long";
                        });
                        flush();
                    } finally {
                        said.countDown();
                    }
                }
            }

            /** What it does isn't done twice. */
            private boolean isDue(Place place) {
                boolean due = !good && cell.place == place
                        && (place.isOfOpening() || transactions == (cell.reused ? 1 : 0) || place == Place.QUIT);
                good |= due;
                return due;
            }

            private void say(Place place, String reply) throws IOException, InterruptedException {
                if (isDue(place)) {
                    misbehave(reply);
                } else {
                    say(reply);
                }
            }

            private void misbehave(String reply) throws IOException, InterruptedException {
                int last = reply.lastIndexOf('\n') + 1;
                String code = reply.substring(last, last + 3);
                switch (cell.misdeed) {
                    case SILENCE -> {
                        flush();
                        said.countDown();
                        if (cell.place == Place.CONTENT) { // takes nothing either
                            closed.await();
                        }
                        while (in.read() >= 0) {
                            // says nothing
                        }
                        throw new Ended();
                    }
                    case CLOSE -> {
                        flush();
                        socket.close();
                        throw new Ended();
                    }
                    case RESET -> {
                        flush();
                        socket.setSoLinger(true, 0);
                        socket.close();
                        throw new Ended();
                    }
                    case GARBAGE -> say("hello there");
                    case GLUED -> {
                        say(reply);
                        say("250 2.0.0 extra");
                    }
                    case SPLIT -> {
                        flush();
                        for (byte octet : (reply + "\r\n").getBytes(StandardCharsets.US_ASCII)) {
                            out.write(octet);
                        }
                    }
                    case STRAY -> {
                        // in the place of an answer to content it is one
                        say(cell.place == Place.CONTENT || cell.place == Place.END
                                ? "451 4.4.2 stray"
                                : "554 5.4.7 stray");
                        say(reply);
                    }
                    case DIGIT -> say(reply.replaceAll("(?m)^" + code.charAt(0), code.startsWith("2") ? "3" : "2"));
                    case LONG -> say(reply + " " + "x".repeat(10_000));
                    case MANY -> say(reply.substring(0, last) + code + "-" + reply.substring(last + 4) + "\r\n"
                            + (code + "-more\r\n").repeat(1_000) + code + " end");
                }
            }

            private void say(String reply) {
                pending.writeBytes((reply + "\r\n").getBytes(StandardCharsets.US_ASCII));
            }

            private void flush() throws IOException {
                out.write(pending.toByteArray());
                pending.reset();
            }

            private void secure() throws IOException {
                flush();
                SSLSocket secured = (SSLSocket) TLS.getSocketFactory().createSocket(socket, null, true);
                secured.startHandshake();
                in = new BufferedInputStream(secured.getInputStream());
                out = secured.getOutputStream();
                encrypted = true;
            }

            /** @return null at the end */
            private @Nullable String line() throws IOException {
                ByteArrayOutputStream line = new ByteArrayOutputStream();
                while (true) {
                    if (in.available() == 0) {
                        flush();
                    }
                    int octet = in.read();
                    if (octet < 0) {
                        return null;
                    }
                    if (octet == '\n') {
                        return line.toString(StandardCharsets.US_ASCII).strip();
                    }
                    line.write(octet);
                }
            }
        }
    }
}
