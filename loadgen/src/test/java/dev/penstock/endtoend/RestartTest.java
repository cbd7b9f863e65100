package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.routing.ZoneServer;
import dev.penstock.spool.AttemptState;
import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.spool.AttemptState.Status;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;

/** A restart with 200,000 deferred messages: ready to accept in under 5 s, attempts and next times as they were. */
@Timeout(180)
class RestartTest {
    private static final Logger log = LoggerFactory.getLogger(RestartTest.class);
    private static final int MESSAGES = 200_000;
    private static final int DOMAINS = 1_000;
    private static final int BATCH = 2_000; // in flight at one time, well below the spool's limit
    private static final int BODY = Integer.getInteger("penstock.restart.body", 1_024);
    private static final Duration PROMISE = Duration.ofSeconds(5);
    /** The machine may be busy with other things: the better of two starts counts. */
    private static final int STARTS = 2;

    @TempDir
    Path directory;

    @Test
    void twoHundredThousandDeferredMessagesComeBackAsTheyWere() throws Exception {
        GatewayConfig config = Gateway.config(directory, "127.0.0.1:1", 25);
        SpoolConfig spool = config.spool();
        Path killed = directory.resolve("killed");
        State written = write(spool, killed);
        assertThat(written.count()).isEqualTo(MESSAGES);

        // What a kill -9 leaves: the files as they were while the spool was open.
        Duration afterKill = startsFrom(withSpool(config, killed), "kill -9");
        assertThat(recovered(withSpool(config, killed).spool())).isEqualTo(written);
        assertThat(afterKill).as("after a kill -9").isLessThan(PROMISE);

        Duration afterStop = startsFrom(config, "a clean stop");
        assertThat(recovered(spool)).isEqualTo(written);
        assertThat(afterStop).as("after a clean stop").isLessThan(PROMISE);
    }

    /** Every destination's state, folded so that order doesn't matter. */
    private record State(long count, long digest) {
        static final State NONE = new State(0, 0);

        State with(long id, int part, int attempts, long nextMillis) {
            long hash = Objects.hash(id, part, attempts, nextMillis) * 0x9E3779B97F4A7C15L;
            return new State(count + 1, digest + (hash ^ hash >>> 29));
        }
    }

    private static State write(SpoolConfig config, Path copy) throws IOException {
        byte[] content = ("Subject: restart\r\n\r\n" + "x".repeat(76) + "\r\n").repeat(BODY / 100 + 1)
                .getBytes(US_ASCII);
        long now = InstantSource.system().millis();
        State state = State.NONE;
        try (SegmentSpool spool = SegmentSpool.open(config, InstantSource.system(), (_, _, _, _, _) -> {})) {
            for (int start = 0; start < MESSAGES; start += BATCH) {
                List<CompletableFuture<List<SpoolEntry>>> commits = new ArrayList<>(BATCH);
                for (int i = start; i < start + BATCH; i++) {
                    Spool.Intake intake = spool.intake();
                    intake.write(content, 0, BODY);
                    String domain = "d" + i % DOMAINS + ".test";
                    commits.add(intake.commit(new Envelope(spool.nextId(), "a@send.test",
                            List.of(new Recipient("r" + i + "@" + domain, domain)), BodyType.SEVEN_BIT, false, "", "",
                            now, Origin.LOCAL), false, false));
                }
                List<CompletableFuture<Void>> attempts = new ArrayList<>(BATCH);
                for (int i = 0; i < BATCH; i++) {
                    SpoolEntry entry = commits.get(i).join().getFirst();
                    int made = 1 + (start + i) % 7;
                    long next = now + Duration.ofHours(1).toMillis() + start + i;
                    attempts.add(spool.recordAttempt(entry, new AttemptState(made, next,
                            List.of(new RecipientState(0, Status.DEFERRED, "451 4.7.1 try again later, please")))));
                    state = state.with(entry.messageId(), entry.part(), made, next);
                }
                attempts.forEach(CompletableFuture::join);
            }
            copy(config.directory(), copy);
        }
        return state;
    }

    private static State recovered(SpoolConfig config) throws IOException {
        State[] state = {State.NONE};
        SegmentSpool.open(config, InstantSource.system(), (entry, _, attempts, nextMillis,
                _) -> state[0] = state[0].with(entry.messageId(), entry.part(), attempts, nextMillis)).close();
        return state[0];
    }

    /** Starts the gateway until a message has got its 250, and stops it; the shortest time of some. */
    private static Duration startsFrom(GatewayConfig config, String what) throws Exception {
        Duration best = Duration.ofDays(1);
        for (int i = 0; i < STARTS; i++) {
            try (ZoneServer zone = new ZoneServer(0).mx("local.test", 10, "nowhere.test").start()) {
                GatewayConfig withDns = new GatewayConfig(config.hostname(), config.listeners(), config.inbound(),
                        config.spool(), Gateway.config(config.spool().directory(), zone.server(), 25).dns(),
                        config.routes(), config.queue(), config.delivery(), config.shaping(), config.events(),
                        config.http());
                long start = System.nanoTime();
                try (Penstock penstock = Penstock.start(withDns)) {
                    assertReady(penstock);
                    Duration took = Duration.ofNanos(System.nanoTime() - start);
                    best = took.compareTo(best) < 0 ? took : best;
                    assertThat(penstock.queueStats().scheduled()).isEqualTo(MESSAGES);
                }
            }
        }
        log.warn("restart after {} with {} deferred messages of {} octets: {} ms", what, MESSAGES, BODY,
                best.toMillis());
        return best;
    }

    /** The listener greets and takes an envelope; the transaction isn't completed, so that the spool stays as it is. */
    private static void assertReady(Penstock penstock) throws IOException {
        try (Socket socket = new Socket(penstock.smtpAddresses().getFirst().getAddress(),
                penstock.smtpAddresses().getFirst().getPort());
                BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1))) {
            assertThat(in.readLine()).startsWith("220 ");
            socket.getOutputStream().write("HELO c.test\r\n".getBytes(US_ASCII));
            assertThat(in.readLine()).startsWith("250 ");
            socket.getOutputStream().write("MAIL FROM:<a@send.test>\r\n".getBytes(US_ASCII));
            assertThat(in.readLine()).startsWith("250 ");
            socket.getOutputStream().write("RCPT TO:<b@local.test>\r\n".getBytes(US_ASCII));
            assertThat(in.readLine()).startsWith("250 ");
        }
    }

    private static GatewayConfig withSpool(GatewayConfig config, Path directory) {
        SpoolConfig spool = config.spool();
        return new GatewayConfig(config.hostname(), config.listeners(), config.inbound(),
                new SpoolConfig(directory, spool.segmentSize(), spool.inlineLimit(), spool.cacheSize(),
                        spool.minFreeSpace(), spool.appendDeadline(), spool.maxWaiting(), spool.readers(),
                        spool.reclaimBelow()),
                config.dns(), config.routes(), config.queue(), config.delivery(), config.shaping(), config.events(),
                config.http());
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file));
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(file, target);
                }
            }
        }
    }
}
