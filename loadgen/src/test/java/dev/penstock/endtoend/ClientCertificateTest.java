package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;

/** The gateway shows a Postfix that takes nobody else a certificate that Postfix's authority vouches for. */
@Timeout(300)
class ClientCertificateTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String ADDRESS = "127.0.0.1";
    private static final String NAME = "gateway@send.test";

    @TempDir
    Path directory;

    private Certificates certificates;
    private int port;

    private Postfix demanding() throws Exception {
        certificates = Certificates.create(directory.resolve("certificates"));
        Certificates.Pem own = certificates.server("postfix.test");
        port = Peers.freePort(ADDRESS);
        return Postfix.receiving(Files.createDirectory(directory.resolve("postfix")), "any.test", ADDRESS, port,
                "smtpd_tls_security_level = encrypt", "smtpd_tls_cert_file = " + own.chain(),
                "smtpd_tls_key_file = " + own.key(), "smtpd_tls_CAfile = " + certificates.authority(),
                "smtpd_tls_ask_ccert = yes", "smtpd_tls_req_ccert = yes", "smtpd_tls_received_header = yes",
                "smtpd_tls_loglevel = 1");
    }

    private Penstock gateway(TrafficLimits path) throws Exception {
        RouteConfig route = new RouteConfig(List.of(ADDRESS + ":" + port), false, null, "", "", Optional.empty(), false,
                Optional.empty(), Optional.empty());
        return Gateway
                .start(Gateway.config(directory, "127.0.0.1:1", port).with(GatewayConfig.ROUTES, Map.of("*", route))
                        .with(GatewayConfig.SHAPING,
                                new ShapingConfig(path.with(TrafficLimits.ENABLE_TLS, TlsPolicy.REQUIRED), Map.of())));
    }

    private void send(Penstock penstock) throws Exception {
        InetSocketAddress gateway = penstock.smtpAddresses().getFirst();
        PeerProcess.run(directory, "swaks", PATIENCE,
                List.of(Peers.require("swaks"), "--server", gateway.getHostString(), "--port",
                        String.valueOf(gateway.getPort()), "--from", "a@send.test", "--to", "b@any.test"));
    }

    @Test
    void postfixTakesMailOfWhoShowsTheCertificate() throws Exception {
        try (Postfix postfix = demanding()) {
            Certificates.Pem own = certificates.client(NAME);
            TrafficLimits path = TrafficLimits.DEFAULT.with(TrafficLimits.TLS_CERTIFICATE, Optional.of(own.chain()))
                    .with(TrafficLimits.TLS_PRIVATE_KEY, Optional.of(own.key()));
            try (Penstock penstock = gateway(path)) {
                send(penstock);
                Awaitility.await().atMost(PATIENCE).untilAsserted(
                        () -> assertThat(postfix.arrived()).as("gateway to Postfix:%n%s", postfix.log()).hasSize(1));
                assertThat(new String(postfix.arrived().getFirst(), ISO_8859_1))
                        .containsPattern("Client CN \"" + NAME + "\", Issuer \"[^\"]*\" \\(verified OK\\)");
            }
        }
    }

    @Test
    void itTakesNoneOfWhoShowsNothing() throws Exception {
        try (Postfix postfix = demanding(); Penstock penstock = gateway(TrafficLimits.DEFAULT)) {
            send(penstock);
            Awaitility.await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(penstock.deliveryStats().deferred()).isPositive());
            assertThat(penstock.deliveryStats().bounced() + penstock.deliveryStats().delivered()).isZero();
            assertThat(postfix.arrived()).isEmpty();
        }
    }
}
