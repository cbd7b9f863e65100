package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.ItemView;
import dev.penstock.queue.MailQueue;
import dev.penstock.routing.Router;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.AttemptState;
import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.spool.AttemptState.Status;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;

/**
 * A restart with 200,000 deferred messages: ready to accept in under 5 s ({@code -Dpenstock.restart.promise=PT5S} on a
 * quiet machine), attempts and next times as they were.
 */
@Timeout(900)
class RestartTest {
    private static final Logger log = LoggerFactory.getLogger(RestartTest.class);
    private static final int MESSAGES = 200_000;
    private static final int DOMAINS = 100;
    /** One message in so many goes to two domains, so that there are attempts of several destinations. */
    private static final int TWO_DOMAINS_EVERY = 10;
    private static final int BATCH = 2_000; // in flight at one time, well below the spool's limit
    private static final int BODY = Integer.getInteger("penstock.restart.body", 1_024);
    private static final boolean PROMISED = System.getProperty("penstock.restart.promise") != null;
    /** The promise is PT5S; without the property a busy machine has to show only that half a minute of CPU is enough. */
    private static final Duration PROMISE = Duration.parse(System.getProperty("penstock.restart.promise", "PT30S"));
    /** The best of three starts counts. */
    private static final int STARTS = 3;
    private static final Duration SLOWEST = Duration.ofMinutes(3);
    private static final Duration FOREVER = ChronoUnit.FOREVER.getDuration();
    private static final String HEAP = "900m";
    /** Nothing is due while the test runs, so nobody is asked and nothing is sent. */
    private static final String NO_DNS = "127.0.0.1:1";
    private static final int NO_PORT = 1;
    /** The queue counts in nanoseconds of the monotonic clock what was written in milliseconds of the wall's. */
    private static final Duration ROUNDING = Duration.ofMillis(1);

    @TempDir
    Path directory;

    @Test
    void twoHundredThousandDeferredMessagesComeBackAsTheyWere() throws Exception {
        Path killed = directory.resolve("killed");
        SpoolConfig spool = spoolIn(directory);
        Map<Key, Queued> written = write(spool, killed);
        assertThat(written).hasSize(MESSAGES + MESSAGES / TWO_DOMAINS_EVERY);

        // What a kill -9 leaves: the files as they were while they were in use. A start mends them, so each has its own.
        Duration afterKill = FOREVER;
        for (int i = 0; i < STARTS; i++) {
            Path start = directory.resolve("killed-" + i);
            copy(killed, spoolIn(start).directory());
            try (GatewayJvm gateway = GatewayJvm.start(start, NO_DNS, NO_PORT, HEAP)) {
                afterKill = shorter(afterKill, ready(gateway, "kill -9", written.size()));
            } // by another kill -9
            assertSame(recovered(spoolIn(start)), written);
            delete(start);
        }

        Duration afterStop = FOREVER;
        for (int i = 0; i < STARTS; i++) {
            try (GatewayJvm gateway = GatewayJvm.start(directory, NO_DNS, NO_PORT, HEAP)) {
                afterStop = shorter(afterStop, ready(gateway, "a clean stop", written.size()));
                gateway.stop();
            }
            assertSame(recovered(spool), written);
        }
        assertQueueTakesOver(spool, written);
        assertThat(afterKill).as("after a kill -9").isLessThan(PROMISE);
        assertThat(afterStop).as("after a clean stop").isLessThan(PROMISE);
    }

    /** A destination. */
    private record Key(long id, int destination) {}

    /** What is left of it by the attempts made. */
    private record Queued(int attempts, long nextMillis) {}

    /** @return what was written, with a copy of the files while they were in use */
    private static Map<Key, Queued> write(SpoolConfig config, Path copy) throws IOException {
        byte[] content = ("Subject: restart\r\n\r\n" + "x".repeat(76) + "\r\n").repeat(BODY / 76 + 1)
                .getBytes(US_ASCII);
        long now = InstantSource.system().millis();
        Map<Key, Queued> written = new HashMap<>();
        try (SegmentSpool spool = SegmentSpool.open(config, InstantSource.system(), _ -> {})) {
            for (int start = 0; start < MESSAGES; start += BATCH) {
                List<CompletableFuture<List<SpoolEntry>>> commits = new ArrayList<>(BATCH);
                for (int i = start; i < start + BATCH; i++) {
                    Spool.Intake intake = spool.intake();
                    intake.write(content, 0, BODY);
                    commits.add(intake.commit(new Envelope(spool.nextId(), "a@send.test",
                            i % TWO_DOMAINS_EVERY == 0
                                    ? List.of(recipient(i), recipient(i + 1))
                                    : List.of(recipient(i)),
                            BodyType.SEVEN_BIT, false, "", "", now, Origin.LOCAL), new byte[0], false, false));
                }
                List<CompletableFuture<Void>> attempts = new ArrayList<>(BATCH);
                for (int i = 0; i < BATCH; i++) {
                    for (SpoolEntry entry : commits.get(i).join()) {
                        Queued left = new Queued(1 + (start + i) % 7 + entry.destination(),
                                now + Duration.ofHours(1).toMillis() + start + i);
                        attempts.add(spool.recordAttempt(entry,
                                new AttemptState(left.attempts, left.nextMillis, List.of(
                                        new RecipientState(entry.destination(), Status.DEFERRED,
                                                "451 4.7.1 try again later")))));
                        written.put(new Key(entry.messageId(), entry.destination()), left);
                    }
                }
                attempts.forEach(CompletableFuture::join);
            }
            copy(config.directory(), copy);
        }
        return written;
    }

    private static Recipient recipient(int i) {
        String domain = "d" + i % DOMAINS + ".test";
        return new Recipient("r" + i + "@" + domain, domain);
    }

    private static Map<Key, Queued> recovered(SpoolConfig config) throws IOException {
        Map<Key, Queued> found = new HashMap<>();
        SegmentSpool.open(config, InstantSource.system(), left -> found.put(
                new Key(left.entry().messageId(), left.entry().destination()),
                new Queued(left.attempts(), left.nextAttemptMillis()))).close();
        return found;
    }

    /** Exactly, without a description of 200,000 differences. */
    private static void assertSame(Map<Key, Queued> found, Map<Key, Queued> written) {
        assertThat(found).hasSameSizeAs(written);
        assertThat(found.equals(written)).as("attempts and next times").isTrue();
    }

    /** The queue holds each destination with its attempts and its time; both clocks stand still meanwhile. */
    private static void assertQueueTakesOver(SpoolConfig config, Map<Key, Queued> written) throws IOException {
        InstantSource clock = InstantSource.fixed(InstantSource.system().instant());
        long nanos = System.nanoTime();
        Router router = _ -> new CompletableFuture<>();
        try (MailQueue queue = new MailQueue(QueueConfig.DEFAULT, new Shaper(ShapingConfig.DEFAULT, () -> nanos),
                router, clock, () -> nanos);
                SegmentSpool _ = SegmentSpool.open(config, clock, queue::submit)) {
            long found = 0;
            for (int domain = 0; domain < DOMAINS; domain++) {
                for (ItemView view : queue.items("d" + domain + ".test", Integer.MAX_VALUE)) {
                    Queued left = written.get(new Key(view.id().value(), view.destination()));
                    if (left == null || view.attempts() != left.attempts
                            || Math.abs(view.nextAttemptMillis() - left.nextMillis) > ROUNDING.toMillis()) {
                        throw new AssertionError(view + " was " + left);
                    }
                    found++;
                }
            }
            assertThat(found).isEqualTo(written.size());
        }
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    /** How long the gateway took from the start of its JVM until it took an envelope, by the clock or by its CPU. */
    private static Duration ready(GatewayJvm gateway, String after, int destinations) throws IOException {
        assertTakesEnvelope(gateway.smtp());
        Duration took = Duration.ofNanos(System.nanoTime() - gateway.startedNanos());
        Duration cpu = gateway.cpu();
        assertThat(gateway.figures().scheduled()).isEqualTo(destinations);
        log.warn("restart after {} with {} deferred messages of {} octets: {} ms from before the JVM, {} ms of CPU",
                after,
                MESSAGES, BODY, took.toMillis(), cpu.toMillis());
        assertThat(took).as("however busy the machine is").isLessThan(SLOWEST);
        return PROMISED ? took : cpu;
    }

    /** The listener greets and takes an envelope; the transaction isn't completed, so that the spool stays as it is. */
    private static void assertTakesEnvelope(InetSocketAddress smtp) throws IOException {
        try (Socket socket = new Socket(smtp.getAddress(), smtp.getPort());
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

    private static SpoolConfig spoolIn(Path directory) {
        return Gateway.config(directory, NO_DNS, NO_PORT).spool();
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
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
