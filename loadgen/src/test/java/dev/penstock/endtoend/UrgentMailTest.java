package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.endtoend.LimitedHost.Taken;

/** Tenants, classes, quotas and curfews at a whole gateway before a real host. */
@Timeout(300)
class UrgentMailTest {
    /** Of the second listener all mail is transactional, of the third another tenant's. */
    private static final String LISTENERS = """
            [[listener]]
            name = "urgent"
            address = "127.0.0.1:0"
            tenant = "shop"
            mail-class = "transactional"
            [[listener]]
            name = "news"
            address = "127.0.0.1:0"
            tenant = "news"
            """;
    private static final int NEWS = 2;
    private static final int URGENT = 1;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    /** So much of the backlog may have gone while urgent mail is sent, or it would be behind none. */
    private static final double MOSTLY = 0.75;

    @TempDir
    Path directory;

    /** By what went before it, as a busy machine has seconds of its own: less than the rate allows for a second. */
    @ParameterizedTest
    @CsvSource({"200, 10, 8000, 40", "4, 5, 100, 12"})
    void transactionalMailIsAttemptedWithinASecondBehindABacklogAtARate(int rate, int connections, int backlog,
            int urgent) throws Exception {
        try (LimitedHost host = LimitedHost.start("127.0.0.1", Duration.ofMillis(5));
                FileGateway gateway = FileGateway.start(directory,
                        "max_message_rate = \"" + rate + "/s\"\nconnection_limit = " + connections,
                        LISTENERS + FileGateway.route("bulk.test", host, "tls = \"none\"")
                                + FileGateway.route("urgent.test", host, "tls = \"none\""))) {
            gateway.send(NEWS, backlog, 4, "bulk.test");
            Awaitility.await().atMost(PATIENCE).until(() -> host.taken().size() > connections);
            List<Integer> before = new ArrayList<>();
            int sent = 0;
            while (sent < urgent && host.taken().size() < backlog * MOSTLY) {
                gateway.send(URGENT, 1, 1, "urgent.test");
                int accepted = host.taken().size();
                sent++;
                int expected = sent;
                Awaitility.await().pollInterval(Duration.ofMillis(2)).atMost(PATIENCE)
                        .until(() -> times(host, "urgent.test").size() == expected);
                before.add(host.taken().stream().map(Taken::domain).toList().lastIndexOf("urgent.test") - accepted);
            }
            assertThat(gateway.queued()).as("bulk still waits").isPositive();
            assertThat(before).as("bulk that went after an urgent one was accepted").hasSizeGreaterThan(2)
                    .allMatch(each -> each < rate + 1);
        }
    }

    @Test
    void aTenantBehindAnothersBacklogWaitsForItsTurnsAlone() throws Exception {
        try (LimitedHost host = LimitedHost.start("127.0.0.1", Duration.ofMillis(5));
                FileGateway gateway = FileGateway.start(directory, "max_message_rate = \"50/s\"",
                        LISTENERS + "[tenant.news]\nweight = 3\n" + FileGateway.route("a.test", host, "tls = \"none\"")
                                + FileGateway.route("b.test", host, "tls = \"none\""))) {
            gateway.send(0, 2_000, 4, "a.test"); // without a tenant, of weight 1
            gateway.send(NEWS, 300, 4, "b.test");
            int before = times(host, "a.test").size();
            long since = System.nanoTime();
            Awaitility.await().atMost(PATIENCE).until(() -> times(host, "b.test").size() == 300);
            long last = times(host, "b.test").getLast();
            double others = times(host, "a.test").stream().filter(nanos -> nanos > since && nanos < last).count();
            double mine = times(host, "b.test").stream().filter(nanos -> nanos > since).count();
            assertThat(before).isLessThan(1_500);
            assertThat(mine).as("what hadn't gone while it was sent").isGreaterThan(50);
            assertThat(mine / others).as("of weight 3 to one of 1").isBetween(3 * 0.9, 3 * 1.1);
        }
    }

    @Test
    void aTenantsQuotaHoldsOverARestartAndMailFoundThereCounts() throws Exception {
        String tables = LISTENERS + "[tenant.news]\nqueue-limit = 5\naccept-rate = \"20/d\"\n";
        try (LimitedHost host = LimitedHost.start("127.0.0.1", Duration.ZERO)) {
            host.take(_ -> false); // deferred
            String route = FileGateway.route("b.test", host, "tls = \"none\"");
            try (FileGateway gateway = FileGateway.start(directory, "", tables + route)) {
                gateway.send(NEWS, 4, 1, "b.test");
            }
            try (FileGateway gateway = FileGateway.start(directory, "", tables + route)) {
                gateway.send(NEWS, 1, 1, "b.test");
                assertThat(mail(gateway)).startsWith("452 4.3.1 Error: tenant \"news\" has as many messages queued as "
                        + "its queue-limit 5 allows");
                assertThat(gateway.total("penstock_tenants_refused_total")).isEqualTo(1);
                gateway.send(URGENT, 10, 1, "b.test");
                assertThat(gateway.queued()).isEqualTo(15);
            }
        }
    }

    @Test
    void bulkWaitsForTheEndOfACurfewAndTransactionalMailIsDelivered() throws Exception {
        DateTimeFormatter clock = DateTimeFormatter.ofPattern("HH:mm");
        LocalTime now = LocalTime.now(ZoneOffset.UTC);
        String curfew = "[curfew.now]\nfrom = \"" + clock.format(now.minusHours(2)) + "\"\nto = \""
                + clock.format(now.plusHours(2)) + "\"\n";
        try (LimitedHost host = LimitedHost.start("127.0.0.1", Duration.ZERO);
                FileGateway gateway = FileGateway.start(directory, "",
                        LISTENERS + curfew + "[queue]\nmax-age = \"1h\"\n"
                                + FileGateway.route("b.test", host, "tls = \"none\"")
                                + FileGateway.route("c.test", host, "tls = \"none\""))) {
            gateway.send(NEWS, 20, 2, "b.test");
            gateway.send(URGENT, 20, 2, "c.test");
            Awaitility.await().atMost(PATIENCE).until(() -> host.taken().size() == 20);
            Awaitility.await().atMost(PATIENCE).untilAsserted(() -> {
                assertThat(gateway.total("penstock_curfew_destinations")).isEqualTo(20);
                assertThat(gateway.total("penstock_curfew_outlasted_total")).isEqualTo(20);
                assertThat(gateway.suspended()).isEqualTo(20);
            });
            assertThat(times(host, "b.test")).isEmpty();
        }
    }

    /** The answer to MAIL at the listener for news. */
    private static String mail(FileGateway gateway) throws IOException {
        try (Socket socket = new Socket(gateway.smtp(NEWS).getAddress(), gateway.smtp(NEWS).getPort());
                BufferedReader in = new BufferedReader(
                        new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1))) {
            OutputStream out = socket.getOutputStream();
            in.readLine();
            out.write("HELO client.test\r\n".getBytes(StandardCharsets.ISO_8859_1));
            in.readLine();
            out.write("MAIL FROM:<a@sender.test>\r\n".getBytes(StandardCharsets.ISO_8859_1));
            return in.readLine();
        }
    }

    private static List<Long> times(LimitedHost host, String domain) {
        return host.taken().stream().filter(each -> each.domain().equals(domain)).map(Taken::nanos).toList();
    }
}
