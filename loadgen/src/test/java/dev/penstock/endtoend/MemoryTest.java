package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.stream.IntStream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.loadgen.Behaviour;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/**
 * A million queued messages to 1,000 domains whose hosts defer everything add at most 300 MB of heap, routes and lanes
 * of the domains included: measured after a collection in a gateway that runs alone in a JVM of 900 MB.
 *
 * <p>{@code -Dpenstock.long=true} is the form with a million; else it is a tenth, with a tenth of the bound.
 */
@Timeout(1200)
class MemoryTest {
    private static final Logger log = LoggerFactory.getLogger(MemoryTest.class);
    private static final int MESSAGES = Boolean.getBoolean("penstock.long") ? 1_000_000 : 100_000;
    private static final int BYTES_PER_MESSAGE = 300; // 300 MB for a million
    private static final int DOMAINS = 1_000;
    private static final int HOSTS = 8;
    private static final int OWN_DOMAINS = Boolean.getBoolean("penstock.long") ? 20_000 : 10_000;
    private static final int DNS_ANSWERS = 1_024; // octets of a domain and its host, in accounts of their own
    private static final int WARM_UP = 2_000;
    private static final Duration PATIENCE = Duration.ofMinutes(4);
    private static final Duration POLL = Duration.ofMillis(200);

    @TempDir
    Path directory;

    @Test
    void queuedMessagesCostAtMost300OctetsOfHeapEach() throws Exception {
        long added = growth(MESSAGES, "d{0001..1000}.test").heap;

        log.warn("{} deferred messages add {} MB of heap, {} octets each", MESSAGES, added >> 20, added / MESSAGES);
        assertThat(added).isLessThanOrEqualTo((long) MESSAGES * BYTES_PER_MESSAGE);
    }

    /** What {@code queue.memory-limit} reckons with: 700 octets for a domain and 3,700 for its queue, beside its mail. */
    @Test
    void aDomainWithAHostOfItsOwnCostsAtMostWhatIsReckoned() throws Exception {
        Growth growth = growth(OWN_DOMAINS, "e{00001.." + OWN_DOMAINS + "}.test");
        long each = (growth.heap - (long) OWN_DOMAINS * BYTES_PER_MESSAGE) / growth.domains;

        log.warn("{} domains with hosts of their own take {} octets each, DNS answers included", growth.domains, each);
        assertThat(growth.domains).isGreaterThan(OWN_DOMAINS / 2); // at random
        assertThat(each).isBetween(1L, 700L + 3_700 + DNS_ANSWERS);
    }

    /** What messages add once all of them were tried and deferred, and no session is open any more: octets, domains. */
    private record Growth(long heap, long domains) {}

    private Growth growth(int messages, String domains) throws Exception {
        int port = Peers.freePort("127.0.4.1");
        try (Sink sink = Sink.start(SinkOptions
                .on(IntStream.rangeClosed(1, HOSTS).mapToObj(host -> new InetSocketAddress(host(host), port))
                        .toArray(InetSocketAddress[]::new))
                .behave("*", Behaviour.parse("defer=100%")).build());
                ZoneServer zone = zone();
                GatewayJvm gateway = GatewayJvm.start(directory, zone.server(), port, "900m")) {
            queue(gateway, sink, WARM_UP, "warm.test");
            GatewayJvm.Figures before = gateway.figuresCollected();
            queue(gateway, sink, messages, domains);
            GatewayJvm.Figures after = gateway.figuresCollected();
            assertThat(after.cached()).as("content of deferred mail isn't kept").isZero();
            assertThat(sink.report().deferred()).as("all were tried").isEqualTo(WARM_UP + messages);
            return new Growth(after.heap() - before.heap(), after.domains() - before.domains());
        }
    }

    private static void queue(GatewayJvm gateway, Sink sink, int messages, String domains) throws Exception {
        long scheduled = gateway.figures().scheduled();
        LoadReport sent = new LoadGenerator(LoadOptions.to(gateway.smtp()).sessions(20).messages(messages)
                .messagesPerSession(5_000).sizes("1KB").domains(domains).build()).run();
        assertThat(sent.accepted()).isEqualTo(messages);
        Awaitility.await().atMost(PATIENCE).pollInterval(POLL)
                .until(() -> gateway.figures().scheduled() == scheduled + messages && sink.report().open() == 0);
    }

    private static ZoneServer zone() {
        ZoneServer zone = new ZoneServer(0).mx("warm.test", 10, "mx1.test");
        for (int host = 1; host <= HOSTS; host++) {
            zone.address("mx" + host + ".test", host(host).getHostAddress());
        }
        for (int domain = 1; domain <= DOMAINS; domain++) {
            zone.mx(String.format(Locale.ROOT, "d%04d.test", domain), 10, "mx" + (domain % HOSTS + 1) + ".test");
        }
        for (int domain = 1; domain <= OWN_DOMAINS; domain++) {
            String name = String.format(Locale.ROOT, "e%05d.test", domain);
            zone.mx(name, 10, "mx." + name).address("mx." + name, host(domain % HOSTS + 1).getHostAddress());
        }
        return zone.start();
    }

    private static InetAddress host(int number) {
        return InetAddress.ofLiteral("127.0.4." + number);
    }
}
