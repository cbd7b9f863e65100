package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;

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
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.testing.HeapGrowth;
import dev.penstock.tls.Handshakes;
import dev.penstock.tls.ServerTls;

/**
 * A client whose TLS records are changed, cut, joined, repeated, swapped, left out, and mixed with others, from its first
 * octet or behind STARTTLS: nothing in clear is a command, what is only cut and joined is understood, the answers are in
 * proportion, and nothing is left.
 */
class TlsRecordsFuzzTest {
    private static final int MOST_STEPS = 30;
    private static final int ROOM = 64 << 10;
    private static final int HEADER = 5; // of a record
    private static final int MOST_ALERTS = 400;
    private static final int MOST_UPDATES = 40;
    private static final int HARMLESS_UPDATES = 12; // of 32 records without data, as they are counted
    private static final int FIRST_ANSWERS = 20_000; // octets: a handshake, greeting, EHLO
    private static final int MOST_ANSWERS = 8; // octets said for one heard
    private static final int ROUNDS = 4; // of octets each way that a step of the handshake may take
    private static final String GOOD = "good@example.com";
    private static final String[] COMMANDS = {"NOOP\r\n", "MAIL FROM:<" + GOOD + ">\r\n", "RSET\r\n", "NO", "OP\r\n",
        "VRFY a\r\nNOOP\r\n"};
    /** What nothing may follow before its reply: the session ends if it does. */
    private static final String[] ALONE = {"EHLO c.example\r\n", "STARTTLS\r\n"};
    private static final String CLEAR = "MAIL FROM:<evil@example.com>\r\n";

    private static final HeapGrowth growth = new HeapGrowth("TLS records");
    private static @Nullable Kit kit;

    /** Of all runs. */
    private record Kit(TlsKit tls, SSLContext client, Handshakes handshakes, ListenerConfig offered,
            ListenerConfig implicit, ServerTls server, InboundConfig config) {}

    @BeforeAll
    static void open(@TempDir Path directory) {
        ((Logger) LoggerFactory.getLogger(Session.class)).setLevel(Level.OFF);
        TlsKit tls = new TlsKit(directory);
        ListenerConfig offered = new ListenerBuilder().tls(tls.config(Mode.OFFERED)).build();
        ListenerConfig implicit = new ListenerBuilder().tls(tls.config(Mode.IMPLICIT)).build();
        Handshakes handshakes = new Handshakes();
        kit = new Kit(tls, tls.client(), handshakes, offered, implicit, new ServerTls(offered.tls(), handshakes),
                new ConfigBuilder().errors(1000, Duration.ZERO, 1000, 1000).build());
    }

    @AfterAll
    static void close() {
        ((Logger) LoggerFactory.getLogger(Session.class)).setLevel(null);
        if (kit != null) {
            kit.tls.close();
            kit.handshakes.close();
        }
        growth.check();
    }

    @FuzzTest(maxDuration = "10m")
    void nothingInClearIsACommandAndNothingIsLeft(FuzzedDataProvider data) throws Exception {
        Kit current = Objects.requireNonNull(kit);
        boolean implicit = data.consumeBoolean();
        Senders senders = new Senders();
        try (SessionHarness session = new SessionHarness(current.config, implicit ? current.implicit : current.offered,
                current.server,
                senders, Authenticator.NONE)) {
            Run run = new Run(current, session, data, data.consumeBoolean() ? "TLSv1.3" : "TLSv1.2");
            run.play(implicit);
            check(senders.all.stream().allMatch(GOOD::equals), "taken from what came in clear: " + senders.all);
            session.hangUp();
            session.takeReplies();
            run.settle();
            check(session.bufferedOctets() == 0, "a buffer was not released");
            check(session.stats().receivingOctets() == 0, "octets are still counted");
        }
        growth.ran();
    }

    private static void check(boolean holds, String problem) {
        if (!holds) {
            throw new AssertionError(problem);
        }
    }

    /** Takes all mail, and knows of whom. */
    private static final class Senders implements Policy {
        final List<String> all = new ArrayList<>();

        @Override
        public CompletableFuture<Decision> connect(Client client) {
            return CompletableFuture.completedFuture(Decision.ACCEPT);
        }

        @Override
        public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain,
                long declaredSize) {
            all.add(sender);
            return CompletableFuture.completedFuture(Decision.ACCEPT);
        }

        @Override
        public CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain,
                Recipient recipient) {
            return CompletableFuture.completedFuture(Decision.ACCEPT);
        }

        @Override
        public CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender,
                List<Recipient> recipients, List<HeaderField> header, long size) {
            return CompletableFuture.completedFuture(Decision.ACCEPT);
        }

        @Override
        public boolean judgesMessages() {
            return false;
        }

        @Override
        public List<String> wantedHeaders() {
            return List.of();
        }

        @Override
        public List<String> removedHeaders() {
            return List.of();
        }
    }

    private static final class Run {
        private final Kit kit;
        private final SessionHarness session;
        private final FuzzedDataProvider data;
        private final Peer peer;
        private final ByteArrayOutputStream said = new ByteArrayOutputStream();
        private long heard;
        private int updates;
        private boolean broken; // what comes isn't what an orderly client sends any more

        Run(Kit kit, SessionHarness session, FuzzedDataProvider data, String protocol) throws SSLException {
            this.kit = kit;
            this.session = session;
            this.data = data;
            this.peer = new Peer(kit.client, protocol);
        }

        void play(boolean implicit) throws Exception {
            if (!implicit && !startTls()) {
                return;
            }
            exchange();
            for (int step = 0; step < MOST_STEPS && session.isOpen() && data.remainingBytes() > 0; step++) {
                step();
                exchange();
                check(said.size() <= FIRST_ANSWERS + MOST_ANSWERS * heard,
                        said.size() + " octets for " + heard + " heard");
            }
            if (!broken) {
                finish();
            }
            areRecords();
        }

        /** @return whether it said that TLS begins */
        private boolean startTls() {
            session.takeReplies();
            session.say("EHLO c.example\r\n");
            session.takeReplies();
            boolean glued = data.consumeInt(0, 9) == 9;
            session.say("STARTTLS\r\n" + (glued ? CLEAR : ""));
            boolean begins = session.takeReplies().startsWith("220 ");
            check(!(glued && begins), "TLS begins though something follows in clear");
            return begins;
        }

        /** All that is sent from now on is understood. */
        private void finish() throws Exception {
            for (int i = 0; i < ROUNDS && peer.isInHandshake(); i++) {
                sendAll();
                exchange();
            }
            sendAll();
            exchange();
            check(session.isOpen(), "closed, though the records were the client's own");
            peer.inner.setLength(0);
            peer.say("\r\nNOOP\r\n");
            sendAll();
            exchange();
            check(peer.inner.toString().endsWith("250 2.0.0 Ok\r\n"),
                    "not understood by " + peer + " with " + updates + " updates: " + peer.inner);
        }

        private void step() throws Exception {
            peer.due();
            switch (data.consumeInt(0, 19)) {
                case 0, 1, 2, 3 -> sendNext();
                case 4 -> sendAll();
                case 5, 6 -> sendInPieces();
                case 7 -> change();
                case 8 -> {
                    if (!peer.records.isEmpty()) {
                        byte[] record = peer.records.getFirst();
                        broken = true;
                        send(record);
                        send(record);
                    }
                }
                case 9 -> {
                    if (peer.records.size() > 1) {
                        broken = true;
                        byte[] first = peer.records.removeFirst();
                        sendNext();
                        send(first);
                    }
                }
                case 10 -> broken |= peer.records.pollFirst() != null;
                case 11 -> {
                    broken = true;
                    send(record(data.consumeInt(19, 25), data.consumeInt(0, 4), data.consumeBytes(100),
                            data.consumeInt(0, 20_000)));
                }
                case 12 -> {
                    broken = true;
                    byte[] alert = record(21, 3, new byte[]{(byte) data.consumeInt(0, 3), data.consumeByte()}, -1);
                    send(repeated(alert, data.consumeInt(1, MOST_ALERTS)));
                }
                case 13 -> {
                    broken = true;
                    send(repeated(record(20, 3, new byte[]{1}, -1), data.consumeInt(1, MOST_ALERTS)));
                }
                case 14 -> {
                    broken = true;
                    send(CLEAR.getBytes(ISO_8859_1));
                }
                case 15 -> update(data.consumeInt(0, 3) == 3 ? data.consumeInt(1, MOST_UPDATES) : 1);
                case 16 -> { // an octet in each record
                    for (char c : data.pickValue(COMMANDS).toCharArray()) {
                        peer.say(String.valueOf(c));
                    }
                    sendAll();
                }
                case 17 -> {
                    broken = true;
                    peer.say(data.pickValue(ALONE));
                }
                default -> peer.say(data.pickValue(COMMANDS));
            }
        }

        /** Of keys in TLS 1.3; before that it asks for another handshake, which is refused. */
        private void update(int times) throws SSLException {
            for (int i = 0; i < times && !peer.isInHandshake(); i++) {
                peer.engine.beginHandshake();
                peer.due();
                updates++;
            }
            broken |= updates > HARMLESS_UPDATES || updates > 0 && !peer.isNew;
        }

        private void change() {
            if (!peer.records.isEmpty()) {
                broken = true;
                byte[] record = peer.records.removeFirst();
                for (int i = data.consumeInt(1, 4); i > 0; i--) {
                    record[data.consumeInt(0, record.length - 1)] ^= (byte) data.consumeInt(1, 255);
                }
                send(record);
            }
        }

        private void sendNext() {
            byte[] next = peer.records.pollFirst();
            if (next != null) {
                send(next);
            }
        }

        private void sendAll() throws SSLException {
            peer.due();
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            peer.records.forEach(all::writeBytes);
            peer.records.clear();
            if (all.size() > 0) {
                send(all.toByteArray());
            }
        }

        private void sendInPieces() {
            byte[] record = peer.records.pollFirst();
            for (int from = 0; record != null && from < record.length;) {
                int to = data.consumeInt(from + 1, record.length);
                send(Arrays.copyOfRange(record, from, to));
                from = to;
            }
        }

        private void send(byte[] octets) {
            heard += octets.length;
            session.say(octets);
        }

        /** Until neither end has anything to say to what the other has said. */
        private void exchange() throws Exception {
            for (int round = 0; round < ROUNDS; round++) {
                settle();
                byte[] octets = session.takeReplies().getBytes(ISO_8859_1);
                said.writeBytes(octets);
                if (octets.length == 0) {
                    return;
                }
                peer.hear(octets);
            }
        }

        /** Until the arithmetic that was given to other threads is done. */
        void settle() throws InterruptedException {
            session.run();
            for (int step = 0; step < ROUNDS; step++) { // one may lead to the next
                settleOne();
            }
        }

        private void settleOne() throws InterruptedException {
            int threads = Runtime.getRuntime().availableProcessors();
            CountDownLatch busy = new CountDownLatch(threads);
            for (int i = 0; i < threads; i++) {
                kit.handshakes.execute(() -> {
                    busy.countDown();
                    try {
                        busy.await();
                    } catch (InterruptedException _) {
                        Thread.currentThread().interrupt();
                    }
                });
            }
            busy.await(); // all of its threads are here, so none is at what came before
            session.run();
        }

        /** Not an octet of what it said was in clear. */
        private void areRecords() {
            ByteBuffer octets = ByteBuffer.wrap(said.toByteArray());
            while (octets.remaining() >= HEADER) {
                int type = octets.get();
                int major = octets.get();
                octets.get();
                int length = octets.getShort() & 0xffff;
                check(type >= 20 && type <= 23 && major == 3 && length <= octets.remaining(), "said in clear");
                octets.position(octets.position() + length);
            }
            check(!octets.hasRemaining(), "half a record was said");
        }

        private static byte[] repeated(byte[] record, int times) {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            for (int i = 0; i < times; i++) {
                all.writeBytes(record);
            }
            return all.toByteArray();
        }

        /** @param stated its length, that of the octets when negative */
        private static byte[] record(int type, int minor, byte[] octets, int stated) {
            byte[] record = new byte[HEADER + octets.length];
            int length = stated < 0 ? octets.length : stated;
            record[0] = (byte) type;
            record[1] = 3;
            record[2] = (byte) minor;
            record[3] = (byte) (length >> 8);
            record[4] = (byte) length;
            System.arraycopy(octets, 0, record, HEADER, octets.length);
            return record;
        }
    }

    /** The client's end; once its engine has had enough it says no more. */
    private static final class Peer {
        final SSLEngine engine;
        final Deque<byte[]> records = new ArrayDeque<>();
        final StringBuilder inner = new StringBuilder();
        final boolean isNew;
        private final ByteBuffer in = ByteBuffer.allocate(4 * ROOM);
        private boolean dead;

        Peer(SSLContext context, String protocol) throws SSLException {
            engine = context.createSSLEngine("mx.example", 25);
            engine.setUseClientMode(true);
            engine.setEnabledProtocols(new String[]{protocol});
            engine.beginHandshake();
            isNew = protocol.equals("TLSv1.3");
        }

        @Override
        public String toString() {
            return (isNew ? "a new" : "an old") + (dead ? " dead" : "") + " client in " + engine.getHandshakeStatus();
        }

        boolean isInHandshake() {
            return engine.getHandshakeStatus() != HandshakeStatus.NOT_HANDSHAKING;
        }

        /** Makes what its engine wants to send. */
        void due() {
            boolean more = true;
            while (more) {
                more = false;
                while (!dead && engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP
                        && wrap(ByteBuffer.allocate(0))) {
                    more = true;
                }
                if (more) {
                    hear(new byte[0]); // what had to wait for its turn
                }
            }
        }

        void say(String text) {
            due();
            if (!dead && !isInHandshake()) {
                wrap(ByteBuffer.wrap(text.getBytes(ISO_8859_1)));
            }
        }

        private boolean wrap(ByteBuffer text) {
            try {
                ByteBuffer out = ByteBuffer.allocate(ROOM);
                SSLEngineResult result = engine.wrap(text, out);
                runTasks();
                if (result.bytesProduced() > 0) {
                    records.add(Arrays.copyOf(out.array(), out.position()));
                    return true;
                }
            } catch (SSLException _) {
                dead = true;
            }
            return false;
        }

        void hear(byte[] octets) {
            if (dead || octets.length > in.remaining()) {
                dead = true;
                return;
            }
            in.put(octets).flip();
            try {
                boolean more = true;
                while (more && in.hasRemaining()) {
                    ByteBuffer out = ByteBuffer.allocate(ROOM);
                    SSLEngineResult result = engine.unwrap(in, out);
                    inner.append(new String(out.array(), 0, out.position(), ISO_8859_1));
                    more = result.bytesConsumed() > 0 || runTasks();
                }
            } catch (SSLException _) {
                dead = true;
            }
            runTasks();
            in.compact();
        }

        private boolean runTasks() {
            boolean any = false;
            for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
                task.run();
                any = true;
            }
            return any;
        }
    }
}
