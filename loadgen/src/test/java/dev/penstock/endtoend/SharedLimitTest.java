package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.penstock.endtoend.LimitedHost.Taken;

/** Ready queues that share a limit take turns at it: what one of them gives back goes to one that waits. */
@Timeout(300)
class SharedLimitTest {
    private static final Duration PER_MESSAGE = Duration.ofMillis(20);
    /** Above what the mail takes on a busy machine, below what would come to its help by chance: a sweep in a minute. */
    private static final Duration PATIENCE = Duration.ofSeconds(45);
    /** From the last message of the one to the first of the other: a session ends, one is opened; it doesn't get idle. */
    private static final Duration HAND_OVER = Duration.ofSeconds(30);
    private static final String IDLE = "idle_timeout = \"10m\"\n";
    private static final String ONE_SESSION = IDLE + "connection_limit = 1";
    private static final String ONE_SESSION_IN_ALL = "[delivery]\nmax-sessions = 1\n";

    @TempDir
    Path directory;

    @Test
    void theOneThatWaitsIsServedWhenTheOtherHasNothingLeft() throws Exception {
        try (LimitedHost host = LimitedHost.start("127.0.0.1", PER_MESSAGE);
                FileGateway gateway = FileGateway.start(directory, ONE_SESSION,
                        FileGateway.route("a.test", host, "tls = \"none\"")
                                + FileGateway.route("b.test", host, "tls = \"opportunistic\""))) {
            gateway.send(150, 1, "a.test");
            gateway.send(1, 1, "b.test");

            awaitEmpty(gateway);

            long lastOfA = times(host, "a.test").getLast();
            long ofB = times(host, "b.test").getFirst();
            assertThat(Duration.ofNanos(ofB - lastOfA)).isLessThan(HAND_OVER);
            assertThat(host.mostOpen()).isOne();
        }
    }

    @Test
    void fourQueuesOfOneSiteAreAllServed() throws Exception {
        try (LimitedHost host = LimitedHost.start("127.0.0.1", PER_MESSAGE);
                FileGateway gateway = FileGateway.start(directory, ONE_SESSION,
                        FileGateway.route("a.test", host, "tls = \"none\"")
                                + FileGateway.route("b.test", host, "tls = \"opportunistic\"")
                                + FileGateway.route("c.test", host, "tls = \"none\"\nlmtp = true")
                                + FileGateway.route("d.test", host, "tls = \"opportunistic\"\nlmtp = true"))) {
            gateway.send(80, 4, "a.test,b.test,c.test,d.test");

            awaitEmpty(gateway);

            assertThat(host.taken()).hasSize(80);
            assertThat(host.mostOpen()).isOne();
        }
    }

    @Test
    void tenSitesShareTheOnlySession() throws Exception {
        List<LimitedHost> hosts = new ArrayList<>();
        try {
            StringBuilder routes = new StringBuilder(ONE_SESSION_IN_ALL);
            for (int site = 0; site < 10; site++) {
                LimitedHost host = LimitedHost.start("127.0.0.1", PER_MESSAGE);
                hosts.add(host);
                routes.append(FileGateway.route("d" + site + ".test", host, "tls = \"none\""));
            }
            try (FileGateway gateway = FileGateway.start(directory, IDLE, routes.toString())) {
                gateway.send(100, 4, "d{0..9}.test");

                awaitEmpty(gateway);

                assertThat(hosts.stream().mapToInt(host -> host.taken().size()).sum()).isEqualTo(100);
            }
        } finally {
            for (LimitedHost host : hosts) {
                host.close();
            }
        }
    }

    /** What two queues share. */
    enum Limit {
        /** Their site's, which is one host. */
        CONNECTION_LIMIT,
        /** The gateway's; each has a host of its own. */
        MAX_SESSIONS
    }

    @ParameterizedTest
    @EnumSource
    void aLargeBacklogStarvesNobody(Limit limit) throws Exception {
        int ofSession = 20;
        try (LimitedHost host = LimitedHost.start("127.0.0.1", PER_MESSAGE);
                LimitedHost other = LimitedHost.start("127.0.0.1", PER_MESSAGE);
                FileGateway gateway = FileGateway.start(directory,
                        (limit == Limit.CONNECTION_LIMIT ? ONE_SESSION : IDLE) + "\nmax_deliveries_per_connection = "
                                + ofSession,
                        (limit == Limit.MAX_SESSIONS ? ONE_SESSION_IN_ALL : "")
                                + FileGateway.route("a.test", host, "tls = \"none\"")
                                + FileGateway.route("b.test", limit == Limit.MAX_SESSIONS ? other : host,
                                        "tls = \"opportunistic\""))) {
            gateway.send(1_000, 4, "a.test");
            long before = System.nanoTime();
            gateway.send(5, 1, "b.test");

            LimitedHost ofB = limit == Limit.MAX_SESSIONS ? other : host;
            Awaitility.await().atMost(PATIENCE).until(() -> times(ofB, "b.test").size() == 5);

            long last = times(ofB, "b.test").getLast();
            long meanwhile = times(host, "a.test").stream().filter(nanos -> nanos > before && nanos < last).count();
            assertThat(meanwhile).as("a message's wait, in sessions of the other").isLessThanOrEqualTo(5L * ofSession);
        }
    }

    private static void awaitEmpty(FileGateway gateway) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        Awaitility.await().atMost(PATIENCE.multipliedBy(2))
                .until(() -> gateway.queued() == 0 || System.nanoTime() - end >= 0);
        assertThat(gateway.queued()).as(gateway::remains).isZero();
    }

    private static List<Long> times(LimitedHost host, String domain) {
        return host.taken().stream().filter(each -> each.domain().equals(domain)).map(Taken::nanos).toList();
    }
}
