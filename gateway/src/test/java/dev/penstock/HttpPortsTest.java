package dev.penstock;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.injection.InjectionServer;

/** What the ports for HTTP of a whole gateway say on the wire, and the series that it has. */
@Timeout(180)
class HttpPortsTest {
    private static final Pattern HEADER_FIELDS = Pattern.compile("(?m)(?:^[a-z-]+: .*\\n)+");

    @TempDir
    Path directory;
    private Penstock penstock;

    @BeforeEach
    void start() throws IOException {
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [history]
                enabled = true
                directory = "%1$s/history"
                [injection]
                address = "127.0.0.1"
                port = 0
                directory = "%1$s/injection"
                [http]
                port = 0
                """.formatted(directory));
        penstock = Penstock.start(config(file));
    }

    @AfterEach
    void stop() {
        penstock.close();
    }

    private static GatewayConfig config(Path file) {
        return switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid -> valid.config();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    /** The connection is kept open until the last answer, which the client asked to be that. */
    @Test
    void thePortOfOperators() throws IOException {
        assertThat(transcript(penstock.httpAddress(), """
                GET /health/live HTTP/1.1
                Host: a

                HEAD /health/live HTTP/1.1
                Host: a

                GET /health/live?verbose HTTP/1.1
                Host: a

                GET /nowhere HTTP/1.1
                Host: a

                GET /health%2Flive HTTP/1.1
                Host: a

                DELETE /metrics HTTP/1.1
                Host: a

                POST /metrics HTTP/1.1
                Host: a
                Content-Length: 4

                abc
                GET http://b/health/live HTTP/1.0

                """)).isEqualTo("""
                HTTP/1.1 200 OK
                cache-control: no-store
                content-length: 18
                content-type: application/json

                {"status":"live"}
                HTTP/1.1 200 OK
                cache-control: no-store
                content-length: 18
                content-type: application/json

                HTTP/1.1 200 OK
                cache-control: no-store
                content-length: 18
                content-type: application/json

                {"status":"live"}
                HTTP/1.1 404 Not Found
                cache-control: no-store
                content-length: 81
                content-type: text/plain; charset=utf-8

                Try /metrics, /health/live, /health/ready, /replies, /console/login or /console.
                HTTP/1.1 404 Not Found
                cache-control: no-store
                content-length: 81
                content-type: text/plain; charset=utf-8

                Try /metrics, /health/live, /health/ready, /replies, /console/login or /console.
                HTTP/1.1 405 Method Not Allowed
                allow: GET, HEAD
                cache-control: no-store
                content-length: 19
                content-type: text/plain; charset=utf-8

                Only GET and HEAD.
                HTTP/1.1 405 Method Not Allowed
                allow: GET, HEAD
                cache-control: no-store
                content-length: 19
                content-type: text/plain; charset=utf-8

                Only GET and HEAD.
                HTTP/1.0 200 OK
                cache-control: no-store
                content-length: 18
                content-type: application/json

                {"status":"live"}
                """);
    }

    @Test
    void thePortOfInjection() throws IOException {
        assertThat(transcript(Objects.requireNonNull(penstock.injectionAddress()), """
                GET /nowhere HTTP/1.1
                Host: a

                HEAD /api/openapi.json HTTP/1.1
                Host: a

                GET /api/inject/v1 HTTP/1.1
                Host: a

                DELETE /api/openapi.json HTTP/1.1
                Host: a

                POST /api/inject/v1 HTTP/1.1
                Host: a
                Content-Type: application/json

                POST /api/inject/v1 HTTP/1.1
                Host: a
                Content-Type: application/json
                Content-Length: 4

                abc
                """)).isEqualTo(
                """
                HTTP/1.1 404 Not Found
                cache-control: no-store
                content-length: 143
                content-type: application/problem+json

                {"type":"urn:penstock:problem:not-found","title":"There is nothing here","status":404,"detail":"there is /api/inject/v1 and /api/openapi.json"}HTTP/1.1 200 OK
                cache-control: no-store
                content-length: OPENAPI
                content-type: application/json

                HTTP/1.1 405 Method Not Allowed
                Allow: POST
                cache-control: no-store
                content-length: 133
                content-type: application/problem+json

                {"type":"urn:penstock:problem:method-not-allowed","title":"The method isn't allowed here","status":405,"detail":"allowed here: POST"}HTTP/1.1 405 Method Not Allowed
                Allow: GET, HEAD
                cache-control: no-store
                content-length: 138
                content-type: application/problem+json

                {"type":"urn:penstock:problem:method-not-allowed","title":"The method isn't allowed here","status":405,"detail":"allowed here: GET, HEAD"}HTTP/1.1 401 Unauthorized
                WWW-Authenticate: Basic realm="penstock", charset="UTF-8"
                cache-control: no-store
                content-length: 124
                content-type: application/problem+json

                {"type":"urn:penstock:problem:unauthorized","title":"Credentials are needed","status":401,"detail":"credentials are needed"}HTTP/1.1 401 Unauthorized
                WWW-Authenticate: Basic realm="penstock", charset="UTF-8"
                cache-control: no-store
                connection: close
                content-length: 124
                content-type: application/problem+json

                {"type":"urn:penstock:problem:unauthorized","title":"Credentials are needed","status":401,"detail":"credentials are needed"}"""
                        .replace("OPENAPI", String.valueOf(openapiOctets())));
    }

    private static int openapiOctets() throws IOException {
        try (InputStream in = InjectionServer.class.getResourceAsStream("openapi.json")) {
            return Objects.requireNonNull(in).readAllBytes().length;
        }
    }

    @Test
    void whoWaitsForLeaveToSendIsToldNoAndClosed() throws IOException {
        assertThat(transcript(Objects.requireNonNull(penstock.injectionAddress()), """
                POST /api/inject/v1 HTTP/1.1
                Host: a
                Content-Type: text/plain
                Content-Length: 4
                Expect: 100-continue

                """)).isEqualTo(
                """
                HTTP/1.1 415 Unsupported Media Type
                cache-control: no-store
                connection: close
                content-length: 176
                content-type: application/problem+json

                {"type":"urn:penstock:problem:unsupported-media-type","title":"The body must be JSON, plain or in gzip","status":415,"detail":"Content-Type must be application/json, in UTF-8"}""");
    }

    /**
     * What dashboards and alerts are made of: nothing of it goes or changes its name unnoticed. Written anew with
     * {@code -Dpenstock.write-documents}.
     */
    @Test
    void everySeriesIsListed() throws Exception {
        if (System.getProperty("penstock.write-documents") != null) {
            Files.write(Path.of("src/test/resources/dev/penstock/series.txt"), series());
            return;
        }
        try (InputStream in = HttpPortsTest.class.getResourceAsStream("series.txt")) {
            List<String> listed = new String(Objects.requireNonNull(in).readAllBytes(), ISO_8859_1).lines().toList();
            assertThat(series()).containsExactlyElementsOf(listed);
        }
    }

    @Test
    void everyHistogramIsDescribedWithItsBuckets() throws Exception {
        List<String> series = series();
        List<String> rows = Files.readAllLines(Path.of("docs", "metrics.md")).stream()
                .filter(line -> line.matches("\\| `penstock_[a-z_]+` \\| .*")).toList();
        assertThat(rows.stream().map(row -> row.split("`", -1)[1])).containsExactlyInAnyOrderElementsOf(series.stream()
                .filter(line -> line.endsWith(" histogram")).map(line -> line.split(" ", -1)[1]).toList());
        String described = "";
        for (String row : rows) {
            String name = row.split("`", -1)[1];
            String buckets = row.split("\\|", -1)[3].replaceAll("\\([^)]*\\)", "").strip();
            described = buckets.equals("the same") ? described : buckets;
            assertThat(Stream.of(described.split(",", -1)).map(bucket -> Double.parseDouble(bucket.strip())))
                    .as(name).containsExactlyElementsOf(series.stream()
                            .filter(line -> line.startsWith(name + "_bucket{") && !line.contains("+Inf"))
                            .map(line -> Double.parseDouble(line.replaceAll(".*le=\"([^\"]+)\".*", "$1"))).distinct()
                            .sorted().toList());
        }
    }

    /** Of our own: types, names and labels, without figures. */
    private List<String> series() throws IOException, InterruptedException {
        URI metrics = URI.create("http://127.0.0.1:" + penstock.httpAddress().getPort() + "/metrics");
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(metrics).build(), HttpResponse.BodyHandlers.ofString()).body()
                    .lines()
                    .filter(line -> line.startsWith("# TYPE penstock_") || line.startsWith("penstock_"))
                    .map(line -> line.startsWith("#") ? line.substring(2) : line.substring(0, line.lastIndexOf(' ')))
                    .map(line -> line.startsWith("penstock_build_info{") ? "penstock_build_info{java,version}" : line)
                    .sorted().distinct().toList();
        }
    }

    /** All that is answered until the server closes. */
    private static String transcript(InetSocketAddress address, String requests) throws IOException {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            socket.getOutputStream().write(requests.replace("\n", "\r\n").getBytes(ISO_8859_1));
            return inOrder(new String(socket.getInputStream().readAllBytes(), ISO_8859_1).replace("\r\n", "\n"));
        }
    }

    /** With the fields of each header section by name: their order says nothing (RFC 9110 5.3). */
    private static String inOrder(String answers) {
        return HEADER_FIELDS.matcher(answers).replaceAll(
                fields -> Matcher.quoteReplacement(fields.group().lines().sorted().collect(Collectors.joining("\n"))
                        + "\n"));
    }
}
