package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.DnsConfig;
import dev.penstock.testing.OwnLoopback;
import dev.penstock.testing.Patience;
import dev.penstock.testing.Peers;

/** The router against unbound, with a zone of the test's own and its own loopback port. */
class UnboundTest {
    private static final int SMTP_PORT = 2526;

    @TempDir
    Path directory;

    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private Process unbound;
    private DnsRouter router;

    @BeforeEach
    void start() throws IOException {
        Path program = Peers.require("unbound");
        InetAddress address = OwnLoopback.address();
        int port = OwnLoopback.port();
        List<String> records = new ArrayList<>(List.of("test. 300 IN SOA ns.test. hostmaster.test. 1 3600 600 86400 60",
                "example.test. 300 IN MX 20 mx2.example.test.", "example.test. 300 IN MX 10 mx1.example.test.",
                "mx1.example.test. 300 IN A 127.0.0.11", "mx1.example.test. 300 IN AAAA ::1",
                "mx2.example.test. 300 IN A 127.0.0.12", "alone.test. 300 IN A 127.0.0.13",
                "nomail.test. 300 IN MX 0 .", "nothing.test. 300 IN TXT here",
                "shop.test. 300 IN CNAME example.test."));
        for (int i = 0; i < 120; i++) {
            records.add("many.test. 300 IN MX 10 mail-host-number-" + i + ".many.test.");
            records.add("mail-host-number-" + i + ".many.test. 300 IN A 127.0.1." + i);
        }
        StringBuilder config = new StringBuilder("""
                server:
                  directory: "%s"
                  chroot: ""
                  username: ""
                  pidfile: ""
                  use-syslog: no
                  interface: %s@%d
                  access-control: 127.0.0.0/8 allow
                  num-threads: 1
                  module-config: "iterator"
                  local-zone: "test." static
                """.formatted(directory, address.getHostAddress(), port));
        records.forEach(each -> config.append("  local-data: '").append(each).append("'\n"));
        config.append("remote-control:\n  control-enable: no\n");
        Path file = Files.writeString(directory.resolve("unbound.conf"), config);
        unbound = new ProcessBuilder(program.toString(), "-d", "-p", "-c", file.toString())
                .redirectErrorStream(true).redirectOutput(directory.resolve("unbound.log").toFile()).start();
        await().ignoreExceptions().until(() -> {
            assertThat(unbound.isAlive()).as(Files.readString(directory.resolve("unbound.log"))).isTrue();
            try (Socket _ = new Socket(address, port)) {
                return true;
            }
        });
        DnsConfig d = DnsConfig.DEFAULT;
        router = new DnsRouter(Map.of(),
                d.with(DnsConfig.SERVERS, List.of(address.getHostAddress() + ":" + port))
                        .with(DnsConfig.TIMEOUT, Duration.ofSeconds(20))
                        .with(DnsConfig.DEADLINE, Duration.ofSeconds(50))
                        .with(DnsConfig.IGNORE_NETWORKS, List.of()),
                SMTP_PORT, OwnAddresses.NONE, System::nanoTime, executor, DnsRouter.SHARED_RANDOM);
    }

    @AfterEach
    void stop() throws InterruptedException {
        executor.shutdownNow();
        if (unbound != null) {
            unbound.destroy();
            if (!unbound.waitFor(10, TimeUnit.SECONDS)) {
                unbound.destroyForcibly();
            }
        }
    }

    @Test
    void mxRecordsAddressesAndAliasesAreFound() {
        assertThat(targets("example.test")).containsExactly("mx1.example.test/127.0.0.11",
                "mx1.example.test/0:0:0:0:0:0:0:1", "mx2.example.test/127.0.0.12");
        assertThat(targets("alone.test")).containsExactly("alone.test/127.0.0.13");
        // A static local zone gives the alias alone; what it leads to takes a question of its own.
        assertThat(targets("shop.test")).isEqualTo(targets("example.test"));
    }

    @Test
    void refusalsAreToldApart() {
        assertThat(failure("nomail.test")).isEqualTo("556 5.1.10");
        assertThat(failure("nowhere.test")).isEqualTo("550 5.1.2");
        assertThat(failure("nothing.test")).isEqualTo("550 5.4.4");
    }

    @Test
    void anAnswerTooLargeForUdpComesOverTcp() {
        assertThat(targets("many.test")).hasSize(HostList.MAX_HOSTS);
        assertThat(router.stats().overTcp()).isEqualTo(1);
    }

    @Test
    void whatIsKnownServesOnWhenTheServerIsGone() throws InterruptedException {
        List<String> known = targets("example.test");
        unbound.destroy();
        assertThat(unbound.waitFor(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(targets("example.test")).isEqualTo(known);
        assertThat(failure("alone.test")).isEqualTo("451 4.4.3");
    }

    private List<String> targets(String domain) {
        Route route = route(domain);
        if (!(route instanceof Route.Hosts hosts)) {
            throw new AssertionError("expected hosts for " + domain + " instead of " + route);
        }
        return hosts.hosts().stream().map(host -> host.name() + "/" + host.addressText()).toList();
    }

    private String failure(String domain) {
        Route route = route(domain);
        if (!(route instanceof Route.Failure failure)) {
            throw new AssertionError("expected a failure for " + domain + " instead of " + route);
        }
        return failure.code() + " " + failure.enhanced();
    }

    private Route route(String domain) {
        return router.route(domain).orTimeout(Patience.LONG.toSeconds(), TimeUnit.SECONDS).join();
    }
}
