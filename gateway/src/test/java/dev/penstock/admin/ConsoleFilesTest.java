package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.ListenerTls;
import dev.penstock.http.ConnectionGate;
import dev.penstock.http.HttpServer;
import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestCertificates.PemFiles;
import dev.penstock.tls.Handshakes;
import dev.penstock.tls.ServerTls;
import dev.penstock.units.Networks;

/** The console's files as a browser gets them, on the wire. */
@Timeout(60)
class ConsoleFilesTest {
    private static final Path SOURCES = Path.of("console");
    private static final HttpServer.Times TIMES = new HttpServer.Times(Duration.ofSeconds(30), null);
    /** What a module imports, what the frame links to, and what either names by its whole path. */
    private static final Pattern NAMED = Pattern
            .compile("(?:from\\s*|import\\s+|href=|src=)\"([./][^\"$]*\\.(?:js|css|svg))\"");
    private static final Map<String, String> TYPES = Map.of("html", "text/html; charset=utf-8", "js",
            "text/javascript; charset=utf-8", "css", "text/css; charset=utf-8", "svg", "image/svg+xml");

    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();

    @TempDir
    Path directory;
    private HttpServer clear;
    private HttpServer secure;
    private AdminSocket socket;

    /** @param fields by their names in lower case */
    private record Got(int status, Map<String, String> fields, String body) {
        private @Nullable String field(String name) {
            return fields.get(name);
        }
    }

    @BeforeEach
    void start() throws IOException {
        PemFiles files = TestCertificates.write(directory, "admin", authority.server("localhost"));
        ServerTls tls = new ServerTls(new ListenerTls(ListenerTls.Mode.IMPLICIT,
                List.of(new ListenerTls.Certificate(files.chain(), files.key())), "TLSv1.2",
                ListenerTls.ClientCertificates.NONE, Optional.empty()), handshakes);
        Routes routes = Routes.of(new TextErrors(), List.of(ConsoleFiles.withoutSlash()),
                Map.of(ConsoleFiles.ROOT, new ConsoleFiles()));
        clear = new HttpServer(port("clear", null), routes);
        secure = new HttpServer(port("secure", tls), routes);
        socket = new AdminSocket(directory.resolve("a.sock"), "", routes);
    }

    private static HttpServer.Port port(String name, @Nullable ServerTls tls) {
        return new HttpServer.Port(name, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), TIMES,
                ConnectionGate.forOperators(name), () -> new ConnectionGate.Limits(10, 10, Networks.parse(List.of())),
                () -> tls);
    }

    @AfterEach
    void stop() throws IOException {
        socket.close();
        secure.close();
        clear.close();
        handshakes.close();
    }

    @Test
    void whatTheFrameNeedsIsThereAndNothingElse() throws Exception {
        Map<String, Got> found = new TreeMap<>();
        Deque<String> open = new ArrayDeque<>(List.of("/console/"));
        while (!open.isEmpty()) {
            String path = open.removeFirst();
            if (found.containsKey(path)) {
                continue;
            }
            Got got = get(path);
            found.put(path, got);
            NAMED.matcher(got.body).results().map(named -> resolved(path, named)).forEach(open::add);
        }
        assertThat(found).allSatisfy((path, got) -> {
            assertThat(got.status).as(path).isEqualTo(200);
            assertThat(got.field("content-type")).as(path)
                    .isEqualTo(path.equals("/console/") ? TYPES.get("html") : TYPES.get(suffix(path)));
        });
        assertThat(found).containsKeys("/console/app.js", "/console/console.css", "/console/icon.svg",
                "/console/pages/audit.js", "/console/lib/lit-html/lit-html.js", "/console/lib/uplot/uPlot.esm.js",
                "/console/lib/uplot/uPlot.min.css");
        assertThat(sources()).as("what nobody loads").isSubsetOf(found.keySet());
    }

    private static String resolved(String path, MatchResult named) {
        return URI.create(path).resolve(named.group(1)).getPath();
    }

    private static String suffix(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    private static Set<String> sources() throws IOException {
        try (Stream<Path> files = Files.walk(SOURCES)) {
            return Set.copyOf(files.filter(Files::isRegularFile).map(SOURCES::relativize).map(Path::toString)
                    .filter(name -> !name.equals("index.html")).map(name -> "/console/" + name).toList());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "queues", "queues/example.com", "queues/a.b.example.js", "providers/google",
        "messages/06EB2QXV4R001?x=1", "queues/xn--mnchen-3ya.example", "queues/%5B192.0.2.1%5D"})
    void aPageIsTheFrameWhateverItIsAbout(String page) throws Exception {
        Got got = get("/console/" + page);
        assertThat(got.status).isEqualTo(200);
        assertThat(got.body).startsWith("<!doctype html>").contains("/console/app.js");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../outside.js", "..%2foutside.js", "%2e%2e/outside.js", "lib/../app.js",
        "lib/../../outside.js", "pages/..%2f..%2foutside.js", "pages/../../dev/penstock/Penstock.class", "nothing.js",
        "pages/nothing.js", "lib/", "./app.js", "//app.js", "app.js/", "a/b/c", "pages/.js", "index.html%00.js",
        "lib/lit-html/LICENSE", "favicon.ico"})
    void nothingElseIsThere(String path) throws Exception {
        assertThat(getClass().getResource("/outside.js")).as("what there would be to find").isNotNull();
        Got got = get("/console/" + path);
        assertThat(got.status).isEqualTo(404);
        assertThat(got.field("content-type")).isEqualTo("application/problem+json");
        assertThat(got.body).doesNotContain("to be had");
    }

    @Test
    void nothingRunsButWhatCameWithThePage() throws Exception {
        for (String path : List.of("/console/", "/console/app.js", "/console/queues/a.example")) {
            Got got = get(path);
            assertThat(got.field("content-security-policy")).as(path).contains("default-src 'none'",
                    "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'")
                    .doesNotContain("unsafe", "http:", "https:", "*");
            assertThat(got.field("x-content-type-options")).isEqualTo("nosniff");
        }
    }

    @Test
    void whatTheBrowserHasIsntSentAgain() throws Exception {
        Got first = get("/console/app.js");
        String tag = first.field("etag");
        assertThat(tag).isNotNull();
        assertThat(first.field("cache-control")).isEqualTo("no-cache");
        Got again = get("/console/app.js", "If-None-Match: " + tag);
        assertThat(again.status).isEqualTo(304);
        assertThat(again.body).isEmpty();
        assertThat(again.field("etag")).isEqualTo(tag);
        assertThat(again.fields).doesNotContainKey("content-length"); // 0 would be that of another file
        assertThat(get("/console/format.js", "If-None-Match: " + tag).status).as("of another file").isEqualTo(200);
    }

    @Test
    void filesAreOnlyRead() throws Exception {
        Got got = over(clear.address(), "POST", "/console/app.js", "Content-Length: 0");
        assertThat(got.status).isEqualTo(405);
        assertThat(got.field("allow")).isEqualTo("GET, HEAD");
        Got head = over(clear.address(), "HEAD", "/console/app.js");
        assertThat(head.status).isEqualTo(200);
        assertThat(head.body).isEmpty();
        assertThat(head.field("content-length")).isEqualTo(get("/console/app.js").field("content-length"));
    }

    @Test
    void whoLeavesTheSlashOutIsSentThere() throws Exception {
        Got got = get("/console");
        assertThat(got.status).isEqualTo(308);
        assertThat(got.field("location")).isEqualTo("/console/");
    }

    @Test
    void theyAreTheSameOverTlsAndOverTheUnixSocket() throws Exception {
        Got expected = get("/console/app.js");
        try (Socket connection = authority.clientContext().getSocketFactory()
                .createSocket(InetAddress.getLoopbackAddress(), secure.address().getPort())) {
            connection.getOutputStream().write(request("GET", "/console/app.js"));
            assertThat(read(connection.getInputStream()).body).isEqualTo(expected.body);
        }
        assertThat(over(UnixDomainSocketAddress.of(directory.resolve("a.sock")), "GET", "/console/app.js").body)
                .isEqualTo(expected.body);
    }

    private Got get(String path, String... fields) throws IOException {
        return over(clear.address(), "GET", path, fields);
    }

    /** As it is written: clients of others would take dots out. */
    private static Got over(SocketAddress address, String method, String path, String... fields) throws IOException {
        try (SocketChannel connection = SocketChannel.open(address)) {
            ByteBuffer request = ByteBuffer.wrap(request(method, path, fields));
            while (request.hasRemaining()) {
                connection.write(request);
            }
            return read(Channels.newInputStream(connection));
        }
    }

    private static byte[] request(String method, String path, String... fields) {
        List<String> lines = new ArrayList<>(
                List.of(method + " " + path + " HTTP/1.1", "Host: localhost", "Connection: close"));
        lines.addAll(List.of(fields));
        return (String.join("\r\n", lines) + "\r\n\r\n").getBytes(UTF_8);
    }

    private static Got read(InputStream in) throws IOException {
        String answer = new String(in.readAllBytes(), UTF_8);
        int end = answer.indexOf("\r\n\r\n");
        List<String> lines = answer.substring(0, end).lines().toList();
        Map<String, String> fields = new TreeMap<>();
        for (String line : lines.subList(1, lines.size())) {
            int colon = line.indexOf(':');
            fields.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
        }
        int status = "HTTP/1.1 ".length();
        return new Got(Integer.parseInt(lines.getFirst().substring(status, status + 3)), fields,
                answer.substring(end + 4));
    }
}
