package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.SequenceInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.InjectionConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.reception.Reception;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.testing.NoUsers;
import dev.penstock.units.ByteSize;

/**
 * Requests made to fill the heap, against a server in a process of its own with a small one that ends when it is full.
 * The server lives, answers each, and then takes mail as before.
 */
@Timeout(300)
class MemoryAttackTest {
    private static final int MEGABYTE = 1 << 20;
    private static final String HEAP = "-Xmx192m";
    private static final int MEMORY_LIMIT = 64; // megabytes
    private static final int MAX_BODY = 8;
    private static final int AT_ONE_TIME = 12;
    private static final String BEGIN = "{\"envelope_sender\": \"\", \"recipients\": [{\"email\": \"ann@a.example\"}], ";
    private static final String CONTENT = "\"content\": {\"from\": {\"email\": \"s@s.example\"}, \"text_body\": \"t\"}";
    private static final String SMALL = BEGIN + CONTENT + "}";

    @TempDir
    Path directory;
    private Process server;
    private URI uri;
    private HttpClient client;

    @BeforeEach
    void start() throws Exception {
        server = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), HEAP,
                "-XX:+ExitOnOutOfMemoryError", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                System.getProperty("java.class.path"), Server.class.getName(), directory.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        BufferedReader lines = new BufferedReader(new InputStreamReader(server.getInputStream(), UTF_8));
        String line = lines.readLine();
        while (!line.startsWith("port ")) {
            line = lines.readLine();
        }
        uri = URI.create("http://127.0.0.1:" + line.substring("port ".length()) + "/api/inject/v1");
        Thread.ofVirtual().start(() -> lines.lines().forEach(_ -> {})); // of the log
        client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    }

    @AfterEach
    void stop() throws Exception {
        client.close();
        server.destroyForcibly().waitFor();
    }

    /** The server, until it is killed. */
    static final class Server {
        private Server() {}

        public static void main(String[] args) throws Exception {
            Path directory = Path.of(args[0]);
            SpoolConfig d = SpoolConfig.DEFAULT;
            SegmentSpool spool = SegmentSpool.open(
                    d.with(SpoolConfig.DIRECTORY, directory.resolve("spool"))
                            .with(SpoolConfig.SEGMENT_SIZE, ByteSize.ofMegabytes(16))
                            .with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(4))
                            .with(SpoolConfig.MIN_FREE_SPACE, ByteSize.ofMegabytes(1))
                            .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(8)).with(SpoolConfig.READERS, 1),
                    InstantSource.system(), _ -> {});
            InjectionConfig c = InjectionConfig.DEFAULT;
            InjectionConfig config = c.with(InjectionConfig.ADDRESS, "127.0.0.1").with(InjectionConfig.PORT, 0)
                    .with(InjectionConfig.MAX_BODY, ByteSize.ofMegabytes(MAX_BODY))
                    .with(InjectionConfig.MEMORY_LIMIT, ByteSize.ofMegabytes(MEMORY_LIMIT))
                    .with(InjectionConfig.DEADLINE, Duration.ofSeconds(20)).with(InjectionConfig.REQUIRE_AUTH, false)
                    .with(InjectionConfig.RELAY_NETWORKS, List.of())
                    .with(InjectionConfig.DIRECTORY, directory.resolve("keys"));
            OldJournal journal = OldJournal.open(config);
            journal.takeOver(spool, System.currentTimeMillis());
            Authenticator nobody = new NoUsers();
            InjectionServer server = new InjectionServer("gateway.example", config, InboundConfig.DEFAULT, journal,
                    spool, new Reception(spool, destination -> {
                        var _ = spool.done(destination.entry());
                    }, _ -> {}, InstantSource.system()), nobody, new InjectionPolicy(), _ -> {},
                    InstantSource.system(), null);
            System.out.println("port " + server.address().getPort());
            Thread.currentThread().join();
        }
    }

    /** What goes over the wire: made while it is sent, so that this process doesn't hold it. */
    private static InputStream body(String begin, int pieces, IntFunction<String> piece, String end) {
        InputStream middle = new InputStream() {
            private int next;
            private byte[] current = {};
            private int at;

            private boolean isAtEnd() {
                while (at == current.length) {
                    if (next == pieces) {
                        return true;
                    }
                    current = piece.apply(next++).getBytes(UTF_8);
                    at = 0;
                }
                return false;
            }

            @Override
            public int read() {
                return isAtEnd() ? -1 : current[at++] & 0xff;
            }

            @Override
            public int read(byte[] into, int offset, int length) {
                if (isAtEnd()) {
                    return -1;
                }
                int count = Math.min(length, current.length - at);
                System.arraycopy(current, at, into, offset, count);
                at += count;
                return count;
            }
        };
        return new SequenceInputStream(new SequenceInputStream(new ByteArrayInputStream(begin.getBytes(UTF_8)), middle),
                new ByteArrayInputStream(end.getBytes(UTF_8)));
    }

    private CompletableFuture<Integer> send(byte[] gzip) {
        return client
                .sendAsync(HttpRequest.newBuilder(uri).timeout(Duration.ofMinutes(2))
                        .header("Content-Type", "application/json").header("Content-Encoding", "gzip")
                        .POST(HttpRequest.BodyPublishers.ofByteArray(gzip)).build(),
                        HttpResponse.BodyHandlers.discarding())
                .thenApply(HttpResponse::statusCode);
    }

    private void attack(InputStream body) throws Exception {
        byte[] gzip = InjectionFixture.gzip(body);
        List<CompletableFuture<Integer>> answers = new ArrayList<>();
        for (int i = 0; i < AT_ONE_TIME; i++) {
            answers.add(send(gzip));
        }
        for (CompletableFuture<Integer> answer : answers) {
            assertThat(answer.get(150, TimeUnit.SECONDS)).isIn(200, 408, 413, 422, 429, 503);
        }
        assertThat(server.isAlive()).isTrue();
        assertThat(send(InjectionFixture.gzip(SMALL)).get(60, TimeUnit.SECONDS)).isEqualTo(200);
    }

    @Test
    void manySmallObjects() throws Exception {
        String piece = "{\"\":{}},";
        attack(body(BEGIN + CONTENT + ",\"substitutions\":{\"a\":[", MAX_BODY * MEGABYTE / piece.length() - 100,
                _ -> piece, "1]}}"));
    }

    @Test
    void manyNamesManyListsAndManyNumbers() throws Exception {
        attack(body(BEGIN + CONTENT + ",\"substitutions\":{", 600_000, i -> "\"n" + i + "\":1,", "\"x\":1}}"));
        attack(body(BEGIN + CONTENT + ",\"substitutions\":{\"a\":[", 2_000_000, _ -> "[],", "1]}}"));
        attack(body(BEGIN + CONTENT + ",\"substitutions\":{\"a\":[", 3_500_000, _ -> "1,", "1]}}"));
    }

    @Test
    void manyNamesInWhatIsNotKept() throws Exception {
        attack(body("{\"envelope_sender\": \"\", \"recipients\": [{\"email\": \"ann@a.example\", \"metadata\": {",
                600_000,
                i -> "\"n" + i + "\":1,", "\"x\":1}}], " + CONTENT + "}"));
        attack(body(BEGIN + CONTENT + ",\"unknown\":{", 600_000, i -> "\"n" + i + "\":1,", "\"x\":1}}"));
        attack(body(
                BEGIN + "\"content\": {\"from\": {\"email\": \"s@s.example\"}, \"text_body\": \"t\", \"headers\": {",
                500_000, i -> "\"X" + i + "\":\"\",", "\"Y\":\"\"}}}"));
    }

    @Test
    void templatesThatKeepWhatTheyMake() throws Exception {
        attack(body(BEGIN + "\"substitutions\":{\"big\":\"" + "x".repeat(600_000) + "\"},\"content\": {\"from\": "
                + "{\"email\": \"s@s.example\"}, \"text_body\": \"", 400,
                i -> "{% set a" + i + " = big ~ '" + i + "' %}",
                "t\"}}"));
    }

    @Test
    void templatesThatAreLarge() throws Exception {
        String content = BEGIN + "\"content\": {\"from\": {\"email\": \"s@s.example\"}, \"text_body\": \"";
        attack(body(content, 100_000, i -> "{{a+a}}" + i % 10, "\"}}"));
        attack(body(content, 50_000, _ -> "{%set a=a%}", "\"}}"));
        attack(body(content + "t\", \"headers\": {", 190,
                i -> "\"X-" + i + "\":\"" + "{{a+a+a}}".repeat(4_000) + "\",", "\"Y\":\"\"}}}"));
    }

    @Test
    void largeTextsAndAttachments() throws Exception {
        String content = BEGIN + "\"content\": {\"from\": {\"email\": \"s@s.example\"}, ";
        attack(body(content + "\"text_body\": \"", MAX_BODY * MEGABYTE / 8 - 200, _ -> "123456\\n",
                "\\n\"}}"));
        attack(body(content + "\"text_body\": \"€", MAX_BODY * MEGABYTE / 8 - 200, _ -> "12345678", "\\n\"}}"));
        attack(body(content + "\"text_body\": \"t\", \"attachments\": [{\"content_type\": \"a/b\", \"base64\": true, "
                + "\"data\": \"", MAX_BODY * MEGABYTE / 8 - 200, _ -> "12345678", "\"}]}}"));
    }

    @Test
    void largeMessagesForManyRecipients() throws Exception {
        attack(body("{\"envelope_sender\": \"\", \"substitutions\":{\"big\":\"" + "x".repeat(500_000)
                + "\"}, \"content\": {\"from\": {\"email\": \"s@s.example\"}, \"text_body\": \"{{ email }}{{ big }}{{ big }}\"}, "
                + "\"recipients\": [", 20, i -> "{\"email\": \"r" + i + "@a.example\"},",
                "{\"email\": \"x@a.example\"}]}"));
        attack(body("{\"envelope_sender\": \"\", \"substitutions\":{\"many\":[1" + ",1".repeat(50_000)
                + "]}, \"content\": {\"from\": {\"email\": \"s@s.example\"}, \"html_body\": "
                + "\"{% for x in many %}0123456789012345678901234567890123456789{{ x }}{% endfor %}\"}, "
                + "\"recipients\": [", 20, i -> "{\"email\": \"r" + i + "@a.example\"},",
                "{\"email\": \"x@a.example\"}]}"));
    }

    @Test
    void manyRecipients() throws Exception {
        attack(body("{\"envelope_sender\": \"\", " + CONTENT + ", \"recipients\": [", 9_999,
                i -> "{\"email\": \"not an address " + "x".repeat(700) + i + "\"},", "{\"email\": \"x@a.example\"}]}"));
        attack(body("{\"envelope_sender\": \"\", \"content\": \"From: <s@s.example>\\n\\nx\", \"recipients\": [", 9_999,
                i -> "{\"email\": \"r" + i + "@a.example\"},", "{\"email\": \"x@a.example\"}]}"));
    }
}
