package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/**
 * Mail for very many destinations, each a site with one host, goes out with many fewer sessions than there are sites,
 * and none of it is forgotten: soon after the last 250 the queue is empty. Each round has a new gateway, because more
 * mail for a domain wakes what was forgotten there.
 *
 * <p>{@code -Dpenstock.long=true} is the form with 10,000 destinations, {@code -Dpenstock.rounds=20} makes so many
 * rounds of it.
 */
@Timeout(7200)
class ManyDestinationsTest {
    private static final Logger log = LoggerFactory.getLogger(ManyDestinationsTest.class);
    private static final boolean LONG = Boolean.getBoolean("penstock.long");
    private static final int ROUNDS = Integer.getInteger("penstock.rounds", LONG ? 20 : 3);
    private static final int DOMAINS = LONG ? 10_000 : 1_000;
    private static final int MESSAGES = LONG ? 80_000 : 8_000;
    private static final int CLIENTS = 20;
    private static final int ADDRESSES = 100;
    /** A second or two, and time for a machine that is busy: nothing would bring back what was forgotten. */
    private static final Duration EMPTY = Duration.ofSeconds(LONG ? 10 : 45);

    @TempDir
    Path directory;

    /** Sessions that there may be, and the number of the round. */
    static Stream<Arguments> rounds() {
        return IntStream.of(LONG ? new int[]{5_000, 500} : new int[]{500, 50}).boxed()
                .flatMap(sessions -> IntStream.rangeClosed(1, ROUNDS)
                        .mapToObj(round -> Arguments.of(sessions, round)));
    }

    @ParameterizedTest(name = "{0} sessions, round {1}")
    @MethodSource("rounds")
    void theQueueIsEmptySoonAfterTheLast250(int sessions, int round) throws Exception {
        int port = Peers.freePort(address(0));
        try (Sink sink = Sink.start(SinkOptions
                .on(IntStream.range(0, ADDRESSES)
                        .mapToObj(each -> new InetSocketAddress(InetAddress.ofLiteral(address(each)), port))
                        .toArray(InetSocketAddress[]::new))
                .build());
                ZoneServer zone = zone();
                FileGateway gateway = FileGateway.start(directory, "", """
                        [dns]
                        servers = ["%s"]
                        ignore-networks = []
                        [delivery]
                        port = %d
                        max-sessions = %d
                        """.formatted(zone.server(), port, sessions))) {
            LoadReport sent = new LoadGenerator(LoadOptions.to(gateway.smtp()).sessions(CLIENTS).messages(MESSAGES)
                    .seed(round).domains("d{00001.." + DOMAINS + "}.test").build()).run();
            long last250 = System.nanoTime();
            assertThat(sent.accepted()).isEqualTo(MESSAGES);

            boolean empty = awaitEmpty(gateway, last250);

            Duration took = Duration.ofNanos(System.nanoTime() - last250);
            log.warn("{} sessions, round {}: {} accepted at {}/s, {} {} ms after the last 250", sessions, round,
                    MESSAGES, Math.round(sent.rate()), empty ? "all delivered" : "not all delivered", took.toMillis());
            assertThat(empty).as(gateway::remains).isTrue();
            assertThat(Ledger.compare(sent.acknowledged(), sink.received()).balances(0)).isTrue();
        }
    }

    private static boolean awaitEmpty(FileGateway gateway, long since) {
        Awaitility.await().atMost(EMPTY.multipliedBy(3))
                .until(() -> gateway.queued() == 0 || System.nanoTime() - since >= EMPTY.toNanos());
        return gateway.queued() == 0;
    }

    private static ZoneServer zone() {
        ZoneServer zone = new ZoneServer(0);
        for (int domain = 1; domain <= DOMAINS; domain++) {
            String name = "d" + "0".repeat(5 - String.valueOf(domain).length()) + domain + ".test";
            zone.mx(name, 10, "mx." + name).address("mx." + name, address(domain % ADDRESSES));
        }
        return zone.start();
    }

    private static String address(int number) {
        return "127.0.7." + (number + 1);
    }
}
