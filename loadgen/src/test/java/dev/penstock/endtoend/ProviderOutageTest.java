package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.endtoend.LimitedHost.Rejection;
import dev.penstock.endtoend.LimitedHost.Stage;
import dev.penstock.routing.ZoneServer;

/**
 * A provider of 40 domains on five hosts answers {@code 421 4.7.28} to everything for a while. It is asked once by each
 * session that there may be and then only to see whether it is back; no message loses more than two attempts; and soon
 * after it is back everything is delivered.
 *
 * <p>Control knows no rate of a receiver that never took anything, and so makes none of it: a few probes, and a slow start.
 *
 * <p>{@code -Dpenstock.long=true} is the form with a minute's outage; else times are a seventh of it.
 */
@Timeout(300)
class ProviderOutageTest {
    private static final Logger log = LoggerFactory.getLogger(ProviderOutageTest.class);
    private static final boolean LONG = Boolean.getBoolean("penstock.long");
    /** The first suspension; the second is twice as long, and ends {@code RETRY} after the outage in both forms. */
    private static final Duration RETRY = Duration.ofSeconds(LONG ? 30 : 4);
    private static final Duration OUTAGE = Duration.ofSeconds(LONG ? 60 : 8);
    /** Until all is delivered; more than it takes on a machine that is busy. */
    private static final Duration RECOVERY = Duration.ofSeconds(LONG ? 40 : 60);
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int HOSTS = 5;
    private static final int DOMAINS = 40;
    private static final int MESSAGES = 300;
    /** The first volley, and probes after 1, 1.5, 2.25 s and so on: 15 were seen in 8 s. */
    private static final int CONNECTIONS = LONG ? 30 : 20;
    private static final int ATTEMPTS = 2;
    private static final int USUAL_SUSPENSIONS = 2;
    private static final String REPLY = "421 4.7.28 Our system has detected an unusual rate of unsolicited mail";

    @TempDir
    Path directory;

    /** Where the provider says so. */
    enum Where {
        GREETING(Stage.GREETING),
        MAIL(Stage.MAIL);

        private final Stage stage;

        Where(Stage stage) {
            this.stage = stage;
        }
    }

    /**
     * What an outage as long as this one really was, on a machine that may have been busy, brings with it.
     *
     * @param count   suspensions up to the one in force at its end
     * @param nextEnd from the beginning to the end of one that must not come any more
     */
    private record Suspensions(int count, Duration nextEnd) {
        static Suspensions until(Duration away) {
            int count = 1;
            Duration length = RETRY;
            Duration end = RETRY;
            while (count < USUAL_SUSPENSIONS || end.compareTo(away) < 0) {
                count++;
                length = length.multipliedBy(2);
                end = end.plus(length);
            }
            return new Suspensions(count, end.plus(length.multipliedBy(2)));
        }
    }

    @ParameterizedTest
    @EnumSource
    void itIsLeftInPeaceAndGetsItsMailWhenItIsBack(Where where) throws Exception {
        List<LimitedHost> hosts = new ArrayList<>();
        try (ZoneServer zone = new ZoneServer(0)) {
            startHosts(hosts, where.stage);
            zone(zone, hosts);
            try (FileGateway gateway = FileGateway.start(directory, "", """
                    [dns]
                    servers = ["%s"]
                    ignore-networks = []
                    [delivery]
                    port = %d
                    [queue]
                    retry-interval = "%ds"
                    max-retry-interval = "1h"
                    jitter-percent = 0
                    """.formatted(zone.server(), hosts.getFirst().port(), RETRY.toSeconds()))) {
                gateway.send(MESSAGES, 5, "d{01..40}.test");
                Awaitility.await().atMost(PATIENCE).until(() -> connections(hosts) > 0);
                long begin = hosts.stream().flatMap(host -> host.connections().stream()).mapToLong(Long::longValue)
                        .min().orElseThrow();
                await(begin, OUTAGE);
                int asked = connections(hosts);
                hosts.forEach(host -> host.limit(LimitedHost.UNLIMITED));
                long back = System.nanoTime();
                Suspensions suspensions = Suspensions.until(Duration.ofNanos(back - begin));
                Awaitility.await().atMost(RECOVERY.multipliedBy(2))
                        .until(() -> gateway.queued() == 0 || System.nanoTime() - back >= RECOVERY.toNanos());
                Duration took = Duration.ofNanos(System.nanoTime() - back);
                long first = hosts.stream().flatMap(host -> host.taken().stream())
                        .mapToLong(LimitedHost.Taken::nanos).min().orElse(Long.MAX_VALUE);

                List<LoggedEvent> events = gateway.events();
                Map<String, Long> deferrals = events.stream().filter(each -> each.type().equals("TransientFailure"))
                        .collect(Collectors.groupingBy(LoggedEvent::id, Collectors.counting()));
                long attempts = 1 + deferrals.values().stream().mapToLong(Long::longValue).max().orElse(0);
                long left = gateway.queued();
                log.warn("{} for {} s: {} connections, {} messages deferred, at most {} attempts of one; {} of {} "
                        + "undelivered {} ms after it was back", where, OUTAGE.toSeconds(), asked, deferrals.size(),
                        attempts, left, MESSAGES, took.toMillis());
                assertThat(left).as(gateway::remains).isZero();
                assertThat(asked).as("connections while it was away").isBetween(1,
                        CONNECTIONS * suspensions.count / USUAL_SUSPENSIONS);
                assertThat(attempts).as("attempts of a message")
                        .isLessThanOrEqualTo(ATTEMPTS + suspensions.count - USUAL_SUSPENSIONS);
                assertThat(Duration.ofNanos(first - begin)).as("until the first message was taken")
                        .isLessThan(suspensions.nextEnd);
                assertThat(hosts.stream().flatMap(host -> host.taken().stream()).map(LimitedHost.Taken::recipient)
                        .collect(Collectors.groupingBy(Function.identity(), Collectors.counting())).values())
                        .hasSize(MESSAGES).containsOnly(1L);
            }
        } finally {
            for (LimitedHost host : hosts) {
                host.close();
            }
        }
    }

    private static void startHosts(List<LimitedHost> hosts, Stage stage) throws IOException {
        int port = 0;
        for (int number = 1; number <= HOSTS; number++) {
            LimitedHost host = LimitedHost.start("127.0.5." + number, port, 0, new Rejection(stage, REPLY),
                    Duration.ZERO);
            hosts.add(host);
            port = host.port(); // MX hosts have one port
        }
    }

    private static void zone(ZoneServer zone, List<LimitedHost> hosts) {
        for (int number = 1; number <= hosts.size(); number++) {
            zone.address("mx" + number + ".provider.test", "127.0.5." + number);
        }
        for (int domain = 1; domain <= DOMAINS; domain++) {
            for (int number = 1; number <= hosts.size(); number++) {
                zone.mx("d" + (domain < 10 ? "0" : "") + domain + ".test", 10, "mx" + number + ".provider.test");
            }
        }
        zone.start();
    }

    private static int connections(List<LimitedHost> hosts) {
        return hosts.stream().mapToInt(host -> host.connections().size()).sum();
    }

    private static void await(long since, Duration time) {
        Awaitility.await().atMost(time.plus(PATIENCE)).until(() -> System.nanoTime() - since >= time.toNanos());
    }
}
