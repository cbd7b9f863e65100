package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;

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

/**
 * P11: a gateway whose spool fails under load, because a file can't grow any more, hands out no more mail. After a
 * restart only what was on the wire, or settled and not yet synced, comes again.
 */
@Timeout(300)
class FailedSpoolGatewayTest {
    private static final Logger log = LoggerFactory.getLogger(FailedSpoolGatewayTest.class);
    /** Less than a segment, and more than the room that is set aside at its beginning. */
    private static final String LARGEST_FILE = "24576"; // 12 MB
    private static final int RATE = 200;
    /** The connection limit of a site, by default. */
    private static final int SESSIONS = 10;
    /** Slow enough for a backlog when the spool fails. */
    private static final String SLOW = "dot-delay=500ms";
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Duration QUIET = Duration.ofSeconds(5);

    @TempDir
    Path directory;

    @Test
    void onlyWhatWasOnTheWireComesAgain() throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))
                .behave("*", Behaviour.parse(SLOW)).build())) {
            LoadReport sent;
            long unrecorded;
            try (GatewayCommand gateway = start(sink, LARGEST_FILE);
                    BackgroundLoad load = BackgroundLoad.start(LoadOptions.to(gateway.smtp()).sessions(10).rate(RATE)
                            .sizes("20KB").domains("d{1..5}.test"))) {
                awaitMetric(gateway, "penstock_spool_recording", 0);
                long then = sink.report().deliveries();
                sent = load.end();
                awaitQuiet(sink);
                long more = sink.report().deliveries() - then;
                unrecorded = (long) metric(gateway, "penstock_delivery_spool_failures_total");
                log.warn("delivered before={} after={} unrecorded={} queued={}", then, more, unrecorded,
                        metric(gateway, "penstock_spool_messages"));
                assertThat(more).as("sent though nothing could be recorded").isLessThanOrEqualTo(SESSIONS);
                assertThat(metric(gateway, "penstock_spool_messages")).as("a backlog").isGreaterThan(SESSIONS);
            } // kill -9
            sink.behave("*", Behaviour.ACCEPT);
            try (GatewayCommand gateway = start(sink, "unlimited")) {
                awaitMetric(gateway, "penstock_spool_messages", 0);
                gateway.stop();
            }
            Ledger ledger = Ledger.compare(sent.acknowledged(), sink.received());
            log.warn("unrecorded={} unknown={} ledger=\"{}\"", unrecorded, sent.unknown(), ledger);
            assertThat(ledger.missing()).as(ledger.toString()).isZero();
            assertThat(ledger.corrupt()).isZero();
            assertThat(ledger.duplicates()).as("more than the outcomes that couldn't be recorded")
                    .isLessThanOrEqualTo(unrecorded);
        }
    }

    private GatewayCommand start(Sink sink, String largestFile) throws Exception {
        return GatewayCommand.start(directory, """
                [spool]
                directory = "%1$s/spool"
                segment-size = "16 MB"
                [events]
                directory = "%1$s/log"
                [routes."*"]
                hosts = ["127.0.0.1:%2$d"]
                tls = "none"
                """.formatted(directory, sink.addresses().getFirst().getPort()), largestFile);
    }

    /** Metrics are served a moment after mail is taken. */
    private static void awaitMetric(GatewayCommand gateway, String name, double value) {
        Awaitility.await().atMost(PATIENCE).ignoreExceptionsInstanceOf(UncheckedIOException.class)
                .until(() -> metric(gateway, name) == value);
    }

    private static double metric(GatewayCommand gateway, String name) {
        return gateway.metrics().getOrDefault(name, -1.0);
    }

    private static void awaitQuiet(Sink sink) {
        long[] last = {-1, System.nanoTime()};
        Awaitility.await().atMost(PATIENCE).until(() -> {
            long now = sink.report().deliveries();
            if (now != last[0]) {
                last[0] = now;
                last[1] = System.nanoTime();
            }
            return System.nanoTime() - last[1] > QUIET.toNanos();
        });
    }
}
