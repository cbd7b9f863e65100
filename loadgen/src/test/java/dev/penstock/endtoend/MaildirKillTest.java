package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.MaildirConfig;
import dev.penstock.loadgen.Deliveries;
import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.routing.ZoneServer;

/**
 * Kill -9 of the whole gateway while it writes into Maildirs from which a reader moves what it has seen: every
 * acknowledged message is in {@code new} or {@code cur}, whole and once. What a kill leaves in {@code tmp} is no mail.
 *
 * <p>{@code -Dpenstock.kills=20} is the long form, {@code -Dpenstock.seed} repeats the instants of a run.
 */
@Timeout(900)
class MaildirKillTest {
    private static final Logger log = LoggerFactory.getLogger(MaildirKillTest.class);
    private static final int KILLS = Integer.getInteger("penstock.kills", 3);
    private static final long SEED = Long.getLong("penstock.seed", System.nanoTime());
    private static final int RECIPIENTS = 2;
    private static final int RATE = 200; // messages per second
    private static final int EARLY = 3; // every third kill is counted from the start of the process
    private static final int LATEST_MILLIS = 1_000; // after the load goes through again
    private static final int LATEST_EARLY_MILLIS = 3_000; // after the start: a JVM's and recovery's time
    private static final Duration LOOK = Duration.ofMillis(20);
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final List<String> DOMAINS = IntStream.rangeClosed(1, 4).mapToObj(n -> "d" + n + ".test").toList();
    /** All the generator's recipients, {@code u<sequence>.<number>}, are tags of one user then. */
    private static final String DELIMITERS = "0123456789";
    private static final Pattern DELIVERED_TO = Pattern
            .compile("\\AReturn-Path: <load@penstock\\.test>\nDelivered-To: u(\\d+)\\.(\\d+)@");
    private static final Pattern LOAD = Pattern
            .compile("\nX-Penstock-Load: run=(\\p{XDigit}+) seq=(\\d+) n=(\\d+) size=(\\d+) crc=(\\p{XDigit}+)");

    @TempDir
    Path directory;
    private final AtomicLong corrupt = new AtomicLong();
    private volatile boolean reading = true;

    @Test
    void everyAcknowledgedMessageIsThereOnceAndWhole() throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        int smtpPort = Peers.freePort("127.0.0.1");
        int deliveryPort = Peers.freePort("127.0.2.1");
        Path base = Files.createDirectory(directory.resolve("mail"));
        MaildirConfig maildirs = new MaildirConfig(base + "/{domain}/{local}", true, DELIMITERS, false);
        Thread reader = Thread.ofPlatform().name("reader").start(() -> read(base));
        try (ZoneServer zone = new ZoneServer(0).start()) {
            GatewayProcess gateway = GatewayProcess
                    .launch(directory, zone.server(), smtpPort, deliveryPort, maildirs, DOMAINS).awaitReady();
            try (BackgroundLoad load = BackgroundLoad.start(
                    LoadOptions.to(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), smtpPort)).sessions(20)
                            .rate(RATE).recipients(RECIPIENTS).domains("d{1..4}.test"))) {
                for (int kill = 1; kill <= KILLS; kill++) {
                    boolean early = kill % EARLY == 0;
                    if (!early) {
                        load.awaitAccepted(RATE);
                    }
                    gateway.run(Duration.ofMillis(random.nextInt(early ? LATEST_EARLY_MILLIS : LATEST_MILLIS)));
                    gateway.kill();
                    log.info("kill={} {} left-in-tmp={}", kill, gateway.lastFigures(), leftInTmp(base));
                    gateway = GatewayProcess.launch(directory, zone.server(), smtpPort, deliveryPort, maildirs,
                            DOMAINS);
                }
                gateway.awaitReady();
                load.awaitAccepted(RATE);
                LoadReport sent = load.end();
                gateway.awaitEmpty(PATIENCE);
                reading = false;
                reader.join();

                Ledger ledger = Ledger.compare(sent.acknowledged(), kept(base));
                log.warn("kills={} seed={} unknown={} left-in-tmp={} ledger=\"{}\"", KILLS, SEED, sent.unknown(),
                        leftInTmp(base), ledger);
                assertThat(ledger.received()).isPositive();
                assertThat(ledger.missing()).as("lost, seed %d: %s", SEED, ledger).isZero();
                assertThat(corrupt).as("damaged, seed %d", SEED).hasValue(0);
                assertThat(ledger.duplicates()).as("doubled, seed %d", SEED).isZero();
                assertThat(ledger.unacknowledged()).as("taken from broken sessions, seed %d", SEED)
                        .isLessThanOrEqualTo(sent.unknown());
            } finally {
                gateway.close();
            }
        } finally {
            reading = false;
            reader.join();
        }
    }

    /** As an IMAP server, moves what has arrived to {@code cur}; half of it, so that there are both. */
    private void read(Path base) {
        SplittableRandom random = new SplittableRandom(SEED);
        while (reading) {
            for (String domain : DOMAINS) {
                Path maildir = base.resolve(domain).resolve("u");
                try (DirectoryStream<Path> arrived = Files.newDirectoryStream(maildir.resolve("new"))) {
                    for (Path file : arrived) {
                        Path seen = maildir.resolve("cur").resolve(file.getFileName() + ":2,S");
                        if (random.nextBoolean() && !Files.exists(seen)) { // what is doubled stays and is counted
                            Files.move(file, seen);
                        }
                    }
                } catch (NoSuchFileException _) {
                    // no mail has come yet
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            }
            LockSupport.parkNanos(LOOK.toNanos());
        }
    }

    private Deliveries kept(Path base) throws IOException {
        Deliveries kept = new Deliveries();
        for (String domain : DOMAINS) {
            for (String folder : List.of("new", "cur")) {
                try (DirectoryStream<Path> files = Files
                        .newDirectoryStream(base.resolve(domain).resolve("u").resolve(folder))) {
                    for (Path file : files) {
                        count(Files.readString(file, ISO_8859_1), kept);
                    }
                }
            }
        }
        return kept;
    }

    private void count(String message, Deliveries kept) {
        int end = message.indexOf("\n\n");
        Matcher to = DELIVERED_TO.matcher(message);
        Matcher load = LOAD.matcher(message.substring(0, Math.max(0, end)));
        if (!to.find() || !load.find()) {
            corrupt.incrementAndGet();
            return;
        }
        byte[] body = message.substring(end + 2).replace("\n", "\r\n").getBytes(ISO_8859_1);
        CRC32C sum = new CRC32C();
        sum.update(body);
        if (body.length != Integer.parseInt(load.group(4))
                || (int) sum.getValue() != Integer.parseUnsignedInt(load.group(5), 16)
                || !to.group(1).equals(load.group(2))) {
            corrupt.incrementAndGet();
            return;
        }
        kept.add(Integer.parseUnsignedInt(load.group(1), 16),
                Long.parseLong(load.group(2)) * Long.parseLong(load.group(3)) + Long.parseLong(to.group(2)));
    }

    private static long leftInTmp(Path base) throws IOException {
        long left = 0;
        for (String domain : DOMAINS) {
            Path tmp = base.resolve(domain).resolve("u").resolve("tmp");
            if (Files.isDirectory(tmp)) {
                try (DirectoryStream<Path> files = Files.newDirectoryStream(tmp)) {
                    for (Path _ : files) {
                        left++;
                    }
                }
            }
        }
        return left;
    }
}
