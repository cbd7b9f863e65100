package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.routing.ZoneServer;

/**
 * An idempotency key injects once, whatever instant the gateway is killed at: clients repeat each request with its key
 * until they have an answer, some after it too. Every recipient then got exactly the message that the answer names. A
 * message that a host took twice under one Message-ID is promise P3's, and not counted here; two messages for one
 * recipient and key would have two.
 *
 * <p>{@code -Dpenstock.kills=20} is the long form, {@code -Dpenstock.seed} repeats the instants of a run.
 */
@Timeout(900)
class InjectionKillTest {
    private static final Logger log = LoggerFactory.getLogger(InjectionKillTest.class);
    private static final int KILLS = Integer.getInteger("penstock.kills", 3);
    private static final long SEED = Long.getLong("penstock.seed", System.nanoTime());
    private static final int CLIENTS = 8;
    private static final int RECIPIENTS = 10;
    private static final int LATEST_MILLIS = 400; // after the first request is answered again
    private static final int EARLY = 3; // every third kill is counted from the start of the process
    private static final int LATEST_EARLY_MILLIS = 2_500;
    private static final int MAX_REQUESTS = 100_000;
    private static final Duration RETRY = Duration.ofMillis(20);
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Pattern RESULT = Pattern
            .compile("\"email\":\"([^\"]+)\",\"status\":\"accepted\",\"message_id\":\"([^\"]+)\"");

    @TempDir
    Path directory;
    private final Map<String, String> answers = new ConcurrentHashMap<>();
    private final AtomicInteger number = new AtomicInteger();
    private final AtomicInteger repeated = new AtomicInteger();
    private final AtomicBoolean ending = new AtomicBoolean();
    private URI uri = URI.create("http://127.0.0.1/");

    @Test
    void everyKeyInjectsOnce() throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        int smtpPort = Peers.freePort("127.0.0.1");
        int injectionPort = Peers.freePort("127.0.0.1");
        int deliveryPort = Peers.freePort("127.0.2.1");
        uri = URI.create("http://127.0.0.1:" + injectionPort + "/api/inject/v1");
        InetAddress host = InetAddress.ofLiteral("127.0.2.1");
        try (MarkSink sink = new MarkSink(host, deliveryPort);
                ZoneServer zone = new ZoneServer(0).address("mx.test", host.getHostAddress()).mx("d.test", 10,
                        "mx.test").start();
                HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
                        .connectTimeout(Duration.ofSeconds(5)).build()) {
            GatewayProcess gateway = GatewayProcess.launch(directory, zone.server(), smtpPort, deliveryPort,
                    injectionPort);
            List<Thread> clients = new ArrayList<>();
            try {
                for (int i = 0; i < CLIENTS; i++) {
                    clients.add(Thread.ofVirtual().name("client-" + i).start(() -> inject(http)));
                }
                for (int kill = 1; kill <= KILLS; kill++) {
                    boolean early = kill % EARLY == 0;
                    if (!early) {
                        int before = answers.size();
                        Awaitility.await().atMost(PATIENCE).until(() -> answers.size() > before + CLIENTS);
                    }
                    gateway.run(Duration.ofMillis(random.nextInt(early ? LATEST_EARLY_MILLIS : LATEST_MILLIS)));
                    gateway.kill();
                    log.info("kill={} answered={} repeated={}", kill, answers.size(), repeated.get());
                    gateway = GatewayProcess.launch(directory, zone.server(), smtpPort, deliveryPort, injectionPort);
                }
                int before = answers.size();
                Awaitility.await().atMost(PATIENCE).until(() -> answers.size() > before + CLIENTS);
                ending.set(true);
                for (Thread client : clients) {
                    client.join(PATIENCE);
                }
                gateway.awaitEmpty(PATIENCE);
            } finally {
                ending.set(true);
                gateway.close();
            }
            compare(sink.received());
        }
    }

    private void inject(HttpClient http) {
        while (!ending.get() && number.get() < MAX_REQUESTS) {
            String key = "key-" + number.incrementAndGet();
            String answer = injected(http, key);
            answers.put(key, answer);
            if (key.endsWith("7")) {
                repeated.incrementAndGet();
                assertThat(injected(http, key)).as("%s again, seed %d", key, SEED).isEqualTo(answer);
            }
        }
    }

    /** Repeats until there is an answer. */
    private String injected(HttpClient http, String key) {
        StringBuilder recipients = new StringBuilder();
        for (int i = 0; i < RECIPIENTS; i++) {
            recipients.append(i == 0 ? "" : ",").append("{\"email\":\"r").append(i).append("@d.test\"}");
        }
        HttpRequest request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(30))
                .header("Content-Type", "application/json").header("Idempotency-Key", key)
                .POST(HttpRequest.BodyPublishers.ofString("{\"envelope_sender\":\"\",\"recipients\":[" + recipients
                        + "],\"content\":{\"from\":{\"email\":\"s@s.test\"},\"headers\":{\"X-Mark\":\"" + key
                        + "\"},\"text_body\":\"for {{ email }}\"}}"))
                .build();
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            try {
                HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
                if (response.statusCode() == 200) {
                    return response.body();
                }
                assertThat(response.statusCode()).as(response.body()).isIn(429, 503);
            } catch (IOException e) {
                repeated.incrementAndGet();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
            LockSupport.parkNanos(RETRY.toNanos());
        }
        throw new AssertionError("no answer for " + key);
    }

    private void compare(Map<String, Set<String>> received) {
        assertThat(answers).hasSize(number.get());
        answers.forEach((key, answer) -> {
            List<MatchResult> results = RESULT.matcher(answer).results().toList();
            assertThat(results).as("%s, seed %d", answer, SEED).hasSize(RECIPIENTS);
            for (MatchResult result : results) {
                assertThat(received.get(key + " " + result.group(1)))
                        .as("%s for %s, seed %d", key, result.group(1), SEED)
                        .containsExactly("<" + result.group(2) + "@gateway.test>");
            }
        });
        assertThat(received).as("seed %d", SEED).hasSize(answers.size() * RECIPIENTS);
        log.warn("kills={} seed={} requests={} repeated={} deliveries={}", KILLS, SEED, answers.size(), repeated.get(),
                received.size());
    }
}
