package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.config.RouteLogin;

/** The gateway logs in to submission servers that others wrote. */
@Timeout(300)
class SmartHostTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String USER = "smart@dovecot.test";
    private static final String ADDRESS = "127.0.0.8";

    @TempDir
    Path directory;

    private GatewayConfig config(int port, String user, String password) {
        RouteConfig route = new RouteConfig(List.of(ADDRESS + ":" + port), false, null, user, password,
                Optional.empty(), false, Optional.empty(), Optional.of(new RouteLogin(user, password, false)));
        return Gateway.config(directory, "127.0.0.1:1", port).with(GatewayConfig.ROUTES, Map.of("*", route));
    }

    private void send(Penstock penstock, String recipient) throws Exception {
        InetSocketAddress gateway = penstock.smtpAddresses().getFirst();
        PeerProcess.run(directory, "swaks", PATIENCE,
                List.of(Peers.require("swaks"), "--server", gateway.getHostString(), "--port",
                        String.valueOf(gateway.getPort()), "--from", "a@send.test", "--to", recipient));
    }

    @ParameterizedTest
    @ValueSource(strings = {"SCRAM-SHA-256", "PLAIN", "LOGIN"})
    void postfixWithDovecotTakesMailOfWhoLogsInByEachMechanism(String mechanism) throws Exception {
        int port = Peers.freePort(ADDRESS);
        try (Dovecot dovecot = Dovecot.start(Files.createDirectory(directory.resolve("dovecot")), List.of(USER));
                Postfix postfix = Postfix.receiving(Files.createDirectory(directory.resolve("postfix")), "any.test",
                        ADDRESS, port, "smtpd_sasl_auth_enable = yes", "smtpd_sasl_type = dovecot",
                        "smtpd_sasl_path = " + dovecot.authSocket(),
                        "smtpd_sasl_mechanism_filter = " + mechanism.toLowerCase(java.util.Locale.ROOT),
                        "mynetworks = 192.0.2.1/32",
                        "smtpd_recipient_restrictions = permit_sasl_authenticated, reject")) {
            try (Penstock penstock = Gateway.start(config(port, USER, Dovecot.PASSWORD))) {
                send(penstock, "b@any.test");
                Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(postfix.arrived())
                        .as("gateway to Postfix:%n%s", postfix.log()).hasSize(1));
                assertThat(new String(postfix.arrived().getFirst(), ISO_8859_1)).contains("Subject: test ");
                Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(postfix.log())
                        .contains("sasl_method=" + mechanism + ", sasl_username=" + USER));
            }
        }
    }

    @Test
    void mailWaitsUnchargedWhileDovecotDoesNotKnowThePassword() throws Exception {
        int port = Peers.freePort(ADDRESS);
        try (Dovecot dovecot = Dovecot.start(Files.createDirectory(directory.resolve("dovecot")), List.of(USER));
                Postfix postfix = Postfix.receiving(Files.createDirectory(directory.resolve("postfix")), "any.test",
                        ADDRESS, port, "smtpd_sasl_auth_enable = yes", "smtpd_sasl_type = dovecot",
                        "smtpd_sasl_path = " + dovecot.authSocket());
                Penstock penstock = Gateway.start(config(port, USER, "wrong"))) {
            send(penstock, "b@any.test");
            Awaitility.await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(penstock.deliveryStats().suspensions()).isPositive());
            assertThat(penstock.deliveryStats().bounced() + penstock.deliveryStats().deferred()).isZero();
            assertThat(penstock.spoolStats().messages()).isOne();
            assertThat(postfix.arrived()).isEmpty();
            Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(postfix.log())
                    .contains("authentication failed").containsPattern("disconnect from .* auth=0/1 .*commands="));
            assertThat(postfix.log()).doesNotContainPattern("disconnect from .* mail=");
        }
    }

    @Test
    void eximTakesMailOfWhoLogsIn() throws Exception {
        Peers.requireRoot();
        String exim = Peers.exim();
        int port = Peers.freePort(ADDRESS);
        Path folder = Files.createDirectory(directory.resolve("exim"));
        for (Path path = folder; path.startsWith("/tmp/"); path = path.getParent()) {
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        Path spool = Files.createDirectory(folder.resolve("spool"));
        PeerProcess.run(folder, "chown", PATIENCE, List.of("/bin/chown", "Debian-exim:", spool.toString()));
        Path config = Files.writeString(folder.resolve("exim.conf"), """
                exim_path = %3$s
                primary_hostname = exim.test
                spool_directory = %1$s
                log_file_path = %1$s/%%slog
                keep_environment =
                tls_advertise_hosts =
                local_interfaces = %4$s
                daemon_smtp_ports = %2$d
                host_lookup =
                rfc1413_query_timeout = 0s
                acl_smtp_rcpt = take
                begin acl
                take:
                  accept authenticated = *
                  deny message = who are you
                begin routers
                drop:
                  driver = redirect
                  data = :blackhole:
                begin retry
                * * F,1h,1m
                begin authenticators
                plain:
                  driver = plaintext
                  public_name = PLAIN
                  server_condition = ${if and{{eq{$auth2}{smart}}{eq{$auth3}{s3cret}}}}
                  server_set_id = $auth2
                """.formatted(spool, port, exim, ADDRESS));
        Files.setPosixFilePermissions(config, PosixFilePermissions.fromString("rw-r--r--"));
        try (PeerProcess process = PeerProcess.start(folder, "exim", List.of(exim, "-C", config.toString(), "-bdf"));
                Penstock penstock = Gateway.start(config(port, "smart", "s3cret"))) {
            process.awaitListening(ADDRESS, port);
            send(penstock, "b@any.test");
            Awaitility.await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(penstock.deliveryStats().delivered()).isOne());
            Awaitility.await().atMost(PATIENCE).ignoreExceptions().untilAsserted(
                    () -> assertThat(Files.readString(spool.resolve("mainlog"))).contains("A=plain:smart"));
        }
    }
}
