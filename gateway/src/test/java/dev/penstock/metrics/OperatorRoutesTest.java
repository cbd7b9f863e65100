package dev.penstock.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.penstock.auth.AuthMetrics;
import dev.penstock.auth.AuthStats;
import dev.penstock.config.HttpConfig;
import dev.penstock.delivery.DeliveryMetrics;
import dev.penstock.delivery.DeliveryStats;
import dev.penstock.delivery.Phase;
import dev.penstock.events.DeliveryLogMetrics;
import dev.penstock.events.DeliveryLogStats;
import dev.penstock.http.ConnectionGateMetrics;
import dev.penstock.http.HttpServer;
import dev.penstock.http.OperatorPort;
import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;
import dev.penstock.inbound.InboundMetrics;
import dev.penstock.inbound.InboundStats;
import dev.penstock.injection.InjectionMetrics;
import dev.penstock.injection.InjectionStats;
import dev.penstock.local.LocalMetrics;
import dev.penstock.local.LocalStats;
import dev.penstock.meters.DurationHistogram;
import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.meters.MemoryAccount;
import dev.penstock.metrics.Health.Check;
import dev.penstock.mtasts.StsMetrics;
import dev.penstock.mtasts.StsStats;
import dev.penstock.policy.PolicyMetrics;
import dev.penstock.policy.PolicyStats;
import dev.penstock.queue.QueueMetrics;
import dev.penstock.queue.QueueStats;
import dev.penstock.routing.RoutingMetrics;
import dev.penstock.routing.RoutingStats;
import dev.penstock.spool.SpoolMetrics;
import dev.penstock.spool.SpoolStats;
import dev.penstock.tls.TlsFigures;
import dev.penstock.tls.TlsMetrics;
import dev.penstock.tls.TlsStats;

class OperatorRoutesTest {
    private static final Supplier<HistogramSnapshot> NOTHING = DurationHistogram.of()::snapshot;
    private final AtomicReference<InboundStats> inbound = new AtomicReference<>(inbound(0));
    private final AtomicReference<Health> health = new AtomicReference<>(
            () -> List.of(new Check("spool", true, "")));
    private final MetricsRegistry metrics = new MetricsRegistry(List.of(
            InboundMetrics.of(() -> Objects.requireNonNull(inbound.get()), NOTHING),
            SpoolMetrics.of(
                    () -> new SpoolStats(1, 2, 3, 4, 5, 6, 7, 8, 9, 2_500_000_000L, 11, 12, 13, 14, 15, 16, 17, true),
                    NOTHING),
            QueueMetrics.of(() -> new QueueStats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)),
            RoutingMetrics.of(() -> new RoutingStats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
                    20, 21, 22, 23,
                    24,
                    24, 25), NOTHING),
            DeliveryMetrics.of(() -> new DeliveryStats.Snapshot(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 20,
                    new DeliveryStats.ReportsLeftOut(31, 32), 14,
                    15, 17, 18, 19, 21,
                    22,
                    Map.of(Phase.END_OF_DATA, 16L), new DeliveryStats.TlsSessions(23, 24, 25, 26))),
            DeliveryLogMetrics.of(() -> new DeliveryLogStats(1, 2, 0, 3, 4, 5, 6, true)),
            InjectionMetrics.of(() -> InjectionStats.NONE),
            TlsMetrics.of(() -> new TlsFigures(new TlsStats(1, 2, 3, 4, 6), 5,
                    Optional.of(Instant.ofEpochSecond(1_800_000_000))), NOTHING),
            AuthMetrics.of(() -> new AuthStats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)),
            PolicyMetrics.of(() -> new PolicyStats(1, 2, 3, 4, 5, 6, 7, 8, 9)),
            LocalMetrics.of(() -> new LocalStats(1, 2, 3, 4, 5, 6, 7, 8, 9)),
            StsMetrics.of(() -> new StsStats(1, 2, 3)),
            new MemoryAccount("delivery", () -> 7, () -> 8).meters()));
    private final HttpServer server = server(new HttpConfig("127.0.0.1", 0));
    private final HttpClient client = HttpClient.newHttpClient();

    private HttpServer server(HttpConfig config) {
        HttpServer made = new HttpServer(OperatorPort.of(config), Routes.of(new TextErrors(),
                OperatorRoutes.of(metrics, () -> Objects.requireNonNull(health.get()).checks())));
        metrics.add(ConnectionGateMetrics.of("penstock.http.", made.gate()));
        return made;
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
        metrics.close();
    }

    @Test
    void metricsAreThoseOfTheMomentOfTheScrape() throws Exception {
        inbound.set(inbound(41));
        get("/metrics");
        inbound.set(inbound(42));
        HttpResponse<String> response = get("/metrics");
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type")).hasValue("text/plain; version=0.0.4; charset=utf-8");
        assertThat(response.body().lines()).contains(
                "penstock_inbound_messages_total 42.0",
                "penstock_inbound_sessions_open 0.0",
                "penstock_spool_sync_seconds_total 2.5",
                "penstock_spool_reads_total{from=\"memory\"} 6.0",
                "penstock_queue_destinations{state=\"suspended\"} 5.0",
                "penstock_routing_failures_total{reason=\"null-mx\"} 14.0",
                "penstock_delivery_recipients_total{outcome=\"expired\"} 8.0",
                "penstock_delivery_failed_recipients_total{phase=\"end-of-data\"} 16.0",
                "penstock_delivery_log_dropped_total 2.0",
                "penstock_delivery_memory_refused_total 21.0",
                "penstock_delivery_postponed_total 22.0",
                "penstock_memory_used_bytes{account=\"delivery\"} 7.0",
                "penstock_memory_limit_bytes{account=\"delivery\"} 8.0")
                .anyMatch(line -> line.startsWith("jvm_memory_used_bytes{"))
                .anyMatch(line -> line.startsWith("penstock_build_info{"))
                .anyMatch(line -> line.startsWith("process_cpu_usage "))
                .anyMatch(line -> line.startsWith("penstock_carriers "));
    }

    @Test
    void tlsLoginsPolicyAndLocalDomainsAreThere() throws Exception {
        assertThat(get("/metrics").body().lines()).contains(
                "penstock_tls_handshakes_total{outcome=\"done\"} 1.0",
                "penstock_tls_handshakes_total{outcome=\"failed\"} 2.0",
                "penstock_tls_handshakes_waiting 5.0",
                "penstock_tls_reloads_total 3.0",
                "penstock_tls_reloads_failed_total 4.0",
                "penstock_tls_floods_total 6.0",
                "penstock_tls_certificate_not_after_seconds 1.8E9",
                "penstock_auth_logins_total{outcome=\"success\"} 1.0",
                "penstock_auth_logins_total{outcome=\"refused\"} 2.0",
                "penstock_auth_logins_total{outcome=\"malformed\"} 3.0",
                "penstock_auth_logins_total{outcome=\"undecided\"} 4.0",
                "penstock_auth_hashes_total 5.0",
                "penstock_auth_recalled_total 6.0",
                "penstock_auth_busy_total 7.0",
                "penstock_auth_unanswered_total 8.0",
                "penstock_auth_users 9.0",
                "penstock_auth_reloads_total 10.0",
                "penstock_auth_reloads_failed_total 11.0",
                "penstock_policy_relay_denied_total 1.0",
                "penstock_policy_senders_refused_total 2.0",
                "penstock_policy_headers_refused_total 3.0",
                "penstock_policy_questions_total 4.0",
                "penstock_policy_refusals_total 5.0",
                "penstock_policy_unanswered_total{reason=\"timeout\"} 6.0",
                "penstock_policy_unanswered_total{reason=\"overload\"} 7.0",
                "penstock_policy_unanswered_total{reason=\"failure\"} 8.0",
                "penstock_policy_questions_open 9.0",
                "penstock_local_recipients_total{found=\"known\"} 1.0",
                "penstock_local_recipients_total{found=\"unknown\"} 2.0",
                "penstock_local_recipients_total{found=\"undecided\"} 3.0",
                "penstock_local_questions_total 4.0",
                "penstock_local_questions_unanswered_total 5.0",
                "penstock_local_reloads_total 6.0",
                "penstock_local_reloads_failed_total 7.0",
                "penstock_local_remembered 8.0",
                "penstock_local_listed 9.0");
    }

    @Test
    void connectionsOfOneAddressDoNotShutOutAScraper() throws Exception {
        List<Socket> silent = new ArrayList<>();
        try {
            for (int i = 0; i < 40; i++) {
                silent.add(new Socket(server.address().getAddress(), server.address().getPort(),
                        InetAddress.ofLiteral("127.0.0.9"), 0));
            }
            Awaitility.await().until(() -> get("/metrics").body().lines()
                    .anyMatch("penstock_http_connections_refused_total{limit=\"address\"} 15.0"::equals));
            assertThat(get("/metrics").body().lines())
                    .contains("penstock_http_connections_refused_total{limit=\"all\"} 0.0");
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
        }
    }

    @Test
    void aPathIsWhatIsWritten() throws Exception {
        assertThat(get("/health%2flive").statusCode()).isEqualTo(404);
    }

    @Test
    void readinessNamesEveryPart() throws Exception {
        assertThat(get("/health/ready").statusCode()).isEqualTo(200);
        health.set(() -> List.of(new Check("spool", false, "full: \"/data\" has 1 MB free"),
                new Check("listener", true, "")));
        HttpResponse<String> response = get("/health/ready");
        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(response.body()).isEqualTo("""
                {"status":"not-ready","checks":[{"name":"spool","ready":false,"detail":"full: \\"/data\\" has 1 MB free"},\
                {"name":"listener","ready":true,"detail":""}]}
                """);
    }

    @Test
    void livenessOnlyNeedsTheProcess() throws Exception {
        health.set(() -> List.of(new Check("spool", false, "failed")));
        assertThat(get("/health/live").statusCode()).isEqualTo(200);
    }

    @Test
    void othersAreRefused() throws Exception {
        assertThat(get("/").statusCode()).isEqualTo(404);
        HttpResponse<String> posted = client.send(request("/metrics").POST(HttpRequest.BodyPublishers.ofString("x"))
                .build(), HttpResponse.BodyHandlers.ofString());
        assertThat(posted.statusCode()).isEqualTo(405);
        assertThat(posted.headers().firstValue("allow")).hasValue("GET, HEAD");
    }

    @Test
    void aBrokenCheckIsAnErrorOfThatRequestOnly() throws Exception {
        health.set(() -> List.of());
        assertThat(get("/health/ready").statusCode()).isEqualTo(200);
        health.set(() -> {
            throw new IllegalStateException("broken on purpose");
        });
        assertThat(get("/health/ready").statusCode()).isEqualTo(500);
        assertThat(get("/health/live").statusCode()).isEqualTo(200);
    }

    @Test
    void aTakenPortIsToldAtOnce() {
        HttpConfig taken = new HttpConfig("127.0.0.1", server.address().getPort());
        assertThatThrownBy(
                () -> server(taken).close())
                .hasRootCauseInstanceOf(
                        IOException.class)
                .rootCause().satisfies(
                        cause -> assertThat(cause instanceof BindException
                                || String.valueOf(cause.getMessage()).contains("Address already in use")).isTrue());
    }

    private HttpResponse<String> get(String path) throws Exception {
        return client.send(request(path).build(), HttpResponse.BodyHandlers.ofString());
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.address().getPort() + path));
    }

    private static InboundStats inbound(long messages) {
        return new InboundStats(0, 0, 0, messages, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }
}
