package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.loadgen.Behaviour;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/**
 * A million queued messages to 1,000 domains whose host defers everything add at most 300 MB of heap: what a queued
 * destination costs, measured in the running gateway after a collection. {@code -Dpenstock.memory.messages=1000000} is
 * the long form.
 */
@Timeout(600)
class MemoryTest {
    private static final Logger log = LoggerFactory.getLogger(MemoryTest.class);
    private static final int MESSAGES = Integer.getInteger("penstock.memory.messages", 100_000);
    private static final int BYTES_PER_MESSAGE = 300;
    private static final int WARM_UP = 2_000;
    private static final Duration PATIENCE = Duration.ofMinutes(4);
    private static final Duration LATER = Duration.ofHours(2);

    @TempDir
    Path directory;

    @Test
    void queuedMessagesCostAtMost300OctetsOfHeapEach() throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))
                .behave("*", Behaviour.parse("defer=100%")).build());
                ZoneServer zone = new ZoneServer(0).start();
                Penstock penstock = Penstock.start(config(zone, sink))) {
            queue(penstock, WARM_UP);
            long before = usedHeap();
            queue(penstock, MESSAGES);
            assertThat(penstock.spoolStats().cachedBytes()).as("content of deferred mail isn't kept").isZero();
            long added = usedHeap() - before;

            log.warn("{} deferred messages add {} MB of heap, {} octets each", MESSAGES, added >> 20,
                    added / MESSAGES);
            assertThat(added).isLessThanOrEqualTo((long) MESSAGES * BYTES_PER_MESSAGE);
        }
    }

    private static void queue(Penstock penstock, int messages) throws Exception {
        long scheduled = penstock.queueStats().scheduled();
        LoadReport sent = new LoadGenerator(LoadOptions.to(penstock.smtpAddresses().getFirst()).sessions(20)
                .messages(messages).messagesPerSession(5_000).sizes("1KB").domains("d{0001..1000}.test").build()).run();
        assertThat(sent.accepted()).isEqualTo(messages);
        Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().scheduled() == scheduled + messages);
    }

    private static long usedHeap() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            least = Math.min(least, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        }
        return least;
    }

    private GatewayConfig config(ZoneServer zone, Sink sink) {
        GatewayConfig base = Gateway.config(directory, zone.server(), 25);
        return new GatewayConfig(base.hostname(), base.listeners(), base.inbound(), base.spool(), base.dns(),
                Map.of("*",
                        new RouteConfig(List.of("127.0.0.1:" + sink.addresses().getFirst().getPort()), false)),
                new QueueConfig(LATER, LATER, List.of(), 10, Duration.ofDays(1), 10), base.delivery(), base.shaping(),
                base.events(), base.http());
    }
}
