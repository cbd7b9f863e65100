package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.loadgen.Behaviour;
import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/**
 * Promises P2 and P3: kill -9 of the whole gateway under load, at random instants, every third counted from the start of
 * its process so that recovery is hit too. Nothing that was acknowledged is lost.
 *
 * <p>Doubled is at most what a host has taken and whose DONE, or ATTEMPT, isn't in the log when the kill comes:
 * <ul>
 * <li>what is in flight: one transaction for each open session, since a delivery session sends no content before the reply to
 * the content before; so sessions times the recipients a transaction has;
 * <li>what delivery sessions have settled and the committer hasn't written: an outcome waits for the commit under way (a sync),
 * at most 5 ms for company, and is then written, which is enough to survive a kill of the process. That is what hosts
 * took within the last {@link #UNWRITTEN}, their delay included, and is counted at the sink for each kill; and what the
 * gateway says it hasn't written at the beginning of that time, where the disk takes longer over a sync.
 * </ul>
 *
 * <p>{@code -Dpenstock.kills=20} is the long form, {@code -Dpenstock.seed} repeats the instants of a run.
 */
@Timeout(900)
class GatewayKillTest {
    private static final Logger log = LoggerFactory.getLogger(GatewayKillTest.class);
    private static final int KILLS = Integer.getInteger("penstock.kills", 3);
    private static final long SEED = Long.getLong("penstock.seed", System.nanoTime());
    private static final int HOSTS = 4;
    /** Messages per second: more than the hosts take from {@link #SESSIONS}, so that a backlog grows. */
    private static final int RATE = 500;
    private static final int RECIPIENTS = 2;
    /** TrafficLimits' default connection limit for each host's site. */
    private static final int SESSIONS = HOSTS * 10;
    private static final String SLOW = "defer=2%,dot-delay=50ms";
    /** The hosts' delay of 50 ms, the committer's 5 ms, and 200 ms for a sync on a busy disk. */
    private static final Duration UNWRITTEN = Duration.ofMillis(255);
    private static final int EARLY = 3; // every third kill is counted from the start of the process
    private static final int LATEST_MILLIS = 1_500; // after the load goes through again
    private static final int LATEST_EARLY_MILLIS = 3_000; // after the start: a JVM's and recovery's time
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    @TempDir
    Path directory;

    @Test
    void nothingAcknowledgedIsLostAndDuplicatesStayWithinTheirBound() throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        int smtpPort = Peers.freePort("127.0.0.1");
        int deliveryPort = Peers.freePort("127.0.2.1");
        SinkOptions.Builder sinkOptions = SinkOptions.on(IntStream.rangeClosed(1, HOSTS)
                .mapToObj(host -> new InetSocketAddress(host(host), deliveryPort)).toArray(InetSocketAddress[]::new))
                .behave("*", Behaviour.parse(SLOW));
        try (Sink sink = Sink.start(sinkOptions.build()); ZoneServer zone = zone()) {
            GatewayProcess gateway = GatewayProcess.start(directory, zone.server(), smtpPort, deliveryPort);
            try (BackgroundLoad load = BackgroundLoad.start(
                    LoadOptions.to(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), smtpPort)).sessions(20)
                            .rate(RATE).recipients(RECIPIENTS).domains("d{1..20}.test"))) {
                long bound = 0;
                for (int kill = 1; kill <= KILLS; kill++) {
                    boolean early = kill % EARLY == 0;
                    if (!early) {
                        load.awaitAccepted(RATE);
                    }
                    gateway.run(Duration.ofMillis(random.nextInt(early ? LATEST_EARLY_MILLIS : LATEST_MILLIS)));
                    long before = sink.report().deliveries();
                    long waiting = gateway.isReady() ? gateway.figuresFromNow().unwritten() * RECIPIENTS : 0;
                    gateway.run(UNWRITTEN);
                    gateway.kill();
                    // what the dead gateway had sent is read to its end
                    Awaitility.await().atMost(PATIENCE).until(() -> sink.report().open() == 0);
                    long unwritten = sink.report().deliveries() - before;
                    bound += waiting + unwritten + SESSIONS * RECIPIENTS;
                    log.info("kill={} {} delivered-last-moments={} unwritten-before={} duplicates={}", kill,
                            gateway.lastFigures(), unwritten, waiting, sink.report().duplicates());
                    gateway = GatewayProcess.launch(directory, zone.server(), smtpPort, deliveryPort);
                }
                gateway.awaitReady();
                load.awaitAccepted(RATE);
                LoadReport sent = load.end();
                sink.behave("*", Behaviour.ACCEPT);
                gateway.awaitEmpty(PATIENCE);

                Ledger ledger = Ledger.compare(sent.acknowledged(), sink.received());
                log.warn("kills={} seed={} unknown={} bound={} ledger=\"{}\"", KILLS, SEED, sent.unknown(), bound,
                        ledger);
                assertThat(ledger.missing()).as("lost, seed %d: %s", SEED, ledger).isZero();
                assertThat(ledger.corrupt()).as("damaged, seed %d", SEED).isZero();
                assertThat(ledger.duplicates()).as("doubled, seed %d", SEED).isLessThanOrEqualTo(bound);
                assertThat(ledger.unacknowledged()).as("taken from broken sessions, seed %d", SEED)
                        .isLessThanOrEqualTo(sent.unknown());
                assertThat(sink.report().foreign()).as("reports to the sender, seed %d", SEED).isZero();
                assertThat(gateway.figures().quarantined()).as("damaged records, seed %d", SEED).isZero();

                gateway.kill();
                gateway = GatewayProcess.start(directory, zone.server(), smtpPort, deliveryPort);
                assertThat(gateway.figures().spooled()).as("recovered when all was done, seed %d", SEED).isZero();
            } finally {
                gateway.close();
            }
        }
    }

    private static ZoneServer zone() {
        ZoneServer zone = new ZoneServer(0);
        for (int host = 1; host <= HOSTS; host++) {
            zone.address("mx" + host + ".test", host(host).getHostAddress());
        }
        for (int domain = 1; domain <= 20; domain++) {
            zone.mx("d" + domain + ".test", 10, "mx" + (domain % HOSTS + 1) + ".test");
        }
        return zone.mx("penstock.test", 10, "mx1.test").start();
    }

    private static InetAddress host(int number) {
        return InetAddress.ofLiteral("127.0.2." + number);
    }
}
