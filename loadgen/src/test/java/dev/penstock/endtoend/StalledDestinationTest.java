package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.Penstock;
import dev.penstock.config.TrafficLimits;
import dev.penstock.loadgen.Behaviour;
import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.loadgen.SinkReport;
import dev.penstock.routing.ZoneServer;

/** Promise P7: one destination of a hundred stalls, the other 99 keep at least 95 % of their rate. */
@Timeout(120)
class StalledDestinationTest {
    private static final Logger log = LoggerFactory.getLogger(StalledDestinationTest.class);
    private static final int DOMAINS = 100;
    private static final int HOSTS = 8;
    private static final int STALLED_HOST = HOSTS + 1;
    private static final String STALLED = "d100.test";
    private static final double RATE = 800;
    private static final Duration WINDOW = Duration.ofSeconds(8);
    private static final Duration WARM_UP = Duration.ofSeconds(3);
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir
    Path directory;

    @Test
    void theOther99KeepTheirRateWhileOneStalls() throws Exception {
        int port = Peers.freePort("127.0.3.1");
        SinkOptions.Builder options = SinkOptions.on(IntStream.rangeClosed(1, STALLED_HOST)
                .mapToObj(host -> new InetSocketAddress(host(host), port)).toArray(InetSocketAddress[]::new));
        try (Sink sink = Sink.start(options.build());
                ZoneServer zone = zone();
                Penstock penstock = Penstock.start(Gateway.config(directory, zone.server(), port))) {
            long healthy = deliveredToTheOthers(penstock, sink);

            sink.behave(STALLED, Behaviour.parse("stall"));
            long beside = deliveredToTheOthers(penstock, sink);

            log.warn("rate of the other 99: {} without, {} beside a stalled one, of {} sent each time", healthy, beside,
                    (long) (RATE * WINDOW.toSeconds()));
            assertThat(healthy).as("the load itself").isGreaterThan((long) (0.9 * RATE * WINDOW.toSeconds() * 0.99));
            assertThat(beside).isGreaterThanOrEqualTo((long) (0.95 * healthy));
            assertThat(sink.report().open()).as("sessions held by the stall and idle ones")
                    .isLessThanOrEqualTo((long) STALLED_HOST * TrafficLimits.DEFAULT.connectionLimit());

            sink.behave(STALLED, Behaviour.ACCEPT);
        }
    }

    /** Sends for the window, and counts what the others got by its end. */
    private static long deliveredToTheOthers(Penstock penstock, Sink sink) throws Exception {
        LoadOptions options = LoadOptions.to(penstock.smtpAddresses().getFirst()).sessions(10).rate(RATE)
                .domains("d{001..100}.test").warmup(WARM_UP).duration(WINDOW).build();
        long[] before = new long[1];
        LoadReport sent = new LoadGenerator(options).atWarm(() -> before[0] = others(sink)).run();
        long delivered = others(sink) - before[0];
        // Not lost: all the others' mail arrives, the stalled one's waits in the queue.
        Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(
                Ledger.compare(sent.acknowledged(), sink.received()).missing())
                .isLessThanOrEqualTo(penstock.queueStats().queued()));
        return delivered;
    }

    private static long others(Sink sink) {
        return sink.report().domains().entrySet().stream().filter(each -> !each.getKey().equals(STALLED))
                .map(Map.Entry::getValue).mapToLong(SinkReport.DomainCount::received).sum();
    }

    private static ZoneServer zone() {
        ZoneServer zone = new ZoneServer(0);
        for (int host = 1; host <= STALLED_HOST; host++) {
            zone.address("mx" + host + ".test", host(host).getHostAddress());
        }
        for (int domain = 1; domain <= DOMAINS; domain++) {
            String name = String.format(Locale.ROOT, "d%03d.test", domain);
            zone.mx(name, 10, "mx" + (name.equals(STALLED) ? STALLED_HOST : domain % HOSTS + 1) + ".test");
        }
        return zone.start();
    }

    private static InetAddress host(int number) {
        return InetAddress.ofLiteral("127.0.3." + number);
    }
}
