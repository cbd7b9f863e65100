package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients that want to use up what there is. */
@Timeout(180)
class HostileClientTest {
    private static final int MEGABYTE = 1 << 20;
    private static final String SMALL = """
            {"envelope_sender": "s@s.example", "recipients": [{"email": "ann@a.example"}],
             "content": {"from": {"email": "s@s.example"}, "text_body": "t"}}
            """;
    private static final String HEAD = "POST /api/inject/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Authorization: " + InjectionFixture.BASIC + "\r\n";

    @TempDir
    Path directory;

    /** Spaces without end, of which so many are given. */
    private static final class Spaces extends InputStream {
        private long left;

        Spaces(long count) {
            left = count;
        }

        @Override
        public int read() {
            return left-- > 0 ? ' ' : -1;
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            int count = (int) Math.min(left, length);
            if (count <= 0) {
                return -1;
            }
            java.util.Arrays.fill(into, offset, offset + count, (byte) ' ');
            left -= count;
            return count;
        }
    }

    @Test
    void aBodyThatIsDeclaredTooLargeIsRefusedUnread() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory); Socket socket = connect(http)) {
            socket.getOutputStream()
                    .write((HEAD + "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n").getBytes(ISO_8859_1));
            assertThat(head(socket)).startsWith("HTTP/1.1 413 ");
        }
    }

    @Test
    void aBodyThatGrowsTooLargeIsRefusedOnTheWay() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            InjectionFixture.Reply reply = http.send(http.request()
                    .POST(HttpRequest.BodyPublishers.ofInputStream(() -> new Spaces(8 * MEGABYTE))).build());
            assertThat(reply.status()).isEqualTo(413);
            assertThat(reply.text("/detail")).isEqualTo("a body has at most 1048576 octets, decompressed");
            assertThat(http.server.stats().bodyOctets()).isZero();
            assertThat(http.post(SMALL).status()).isEqualTo(200);
        }
    }

    @Test
    void aGzipBombCountsAsWhatItBecomes() throws Exception {
        byte[] bomb = InjectionFixture.gzip(new Spaces(200L * MEGABYTE));
        assertThat(bomb).hasSizeLessThan(MEGABYTE);
        try (InjectionFixture http = new InjectionFixture(directory)) {
            InjectionFixture.Reply reply = http.send(http.request().header("Content-Encoding", "gzip")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(bomb)).build());
            assertThat(reply.status()).isEqualTo(413);
        }
    }

    @Test
    void deepNestingIsRefused() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            InjectionFixture.Reply reply = http.post(SMALL.replaceFirst("\\{",
                    "{\"substitutions\": " + "{\"a\":".repeat(100_000) + "1" + "}".repeat(100_000) + ","));
            assertThat(reply.status()).isEqualTo(422);
            assertThat(reply.wrongs().getFirst()).contains("nesting depth");
        }
    }

    @Test
    void numbersAndNamesAreBounded() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            for (String value : List.of("1e999", "123456789012345678901234567890", "1" + "0".repeat(10_000),
                    "{\"" + "n".repeat(100_000) + "\": 1}")) {
                assertThat(http.post(SMALL.replaceFirst("\\{", "{\"substitutions\": {\"a\": " + value + "},"))
                        .status()).isEqualTo(422);
            }
        }
    }

    @Test
    void tooManyRecipientsAreRefusedAndManySubstitutionsAreNot() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            String one = "{\"email\": \"ann@a.example\"}";
            InjectionFixture.Reply reply = http
                    .post(SMALL.replace(one, one + ("," + one).repeat(1_000)));
            assertThat(reply.status()).isEqualTo(422);
            assertThat(reply.wrongs()).containsExactly("/recipients: more than 1000 recipients");
            StringBuilder many = new StringBuilder("{\"s\": 0");
            for (int i = 0; i < 20_000; i++) {
                many.append(",\"s").append(i).append("\": \"").append(i).append('"');
            }
            assertThat(http.post(SMALL.replace("\"t\"", "\"{{ s19999 }}\"").replaceFirst("\\{",
                    "{\"substitutions\": " + many + "},")).status()).isEqualTo(200);
            assertThat(http.spool.content(0)).endsWith("\r\n19999\r\n");
        }
    }

    @Test
    void aTemplateBombCostsItsSenderItsMessagesAndNobodyElse() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            String one = "{\"email\": \"ann@a.example\"}";
            String bomb = SMALL.replace(one, one + ("," + one).repeat(200)).replace("\"t\"",
                    "\"{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}\"")
                    .replaceFirst("\\{", "{\"substitutions\": {\"x\": [1" + ",1".repeat(1_000) + "]},");
            long begin = System.nanoTime();
            InjectionFixture.Reply reply = http.post(bomb);
            assertThat(reply.status()).isEqualTo(422);
            assertThat(reply.text("/recipients/0/error/enhanced")).isEqualTo("5.6.0");
            assertThat(System.nanoTime() - begin).isLessThan(Duration.ofSeconds(15).toNanos());
            assertThat(http.post(SMALL).status()).isEqualTo(200);
        }
    }

    @Test
    void slowClientsGetATimeoutAndTakeOnlyTheirPlaces() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory,
                config -> InjectionFixture.limited(config, 4, Duration.ofSeconds(3)), new InjectionPolicy())) {
            List<Socket> slow = new ArrayList<>();
            try {
                for (int i = 0; i < 3; i++) {
                    Socket socket = connect(http);
                    slow.add(socket);
                    socket.getOutputStream().write((HEAD + "Content-Length: 1000\r\n\r\n{").getBytes(ISO_8859_1));
                }
                Awaitility.await().until(() -> http.server.stats().requests() == 3);
                assertThat(http.post(SMALL).status()).isEqualTo(200);
                for (Socket socket : slow) {
                    assertThat(head(socket)).startsWith("HTTP/1.1 408 ");
                }
                assertThat(http.server.stats().requests()).isZero();
            } finally {
                for (Socket socket : slow) {
                    socket.close();
                }
            }
        }
    }

    @Test
    void moreRequestsThanPlacesGet429() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory,
                config -> InjectionFixture.limited(config, 2, Duration.ofSeconds(20)), new InjectionPolicy())) {
            http.spool.holdCommits();
            List<CompletableFuture<InjectionFixture.Reply>> held = List.of(http.postLater(SMALL, "a"),
                    http.postLater(SMALL, "b"));
            Awaitility.await().until(() -> http.spool.waitingCommits() == 2);
            InjectionFixture.Reply more = http.post(SMALL);
            assertThat(more.status()).isEqualTo(429);
            assertThat(more.header("Retry-After")).isEqualTo("1");
            http.spool.completeCommits();
            for (CompletableFuture<InjectionFixture.Reply> reply : held) {
                assertThat(reply.get().status()).isEqualTo(200);
            }
        }
    }

    @Test
    void aClientThatLeavesInTheMiddleLeavesNothingBehind() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            for (int i = 0; i < 20; i++) {
                try (Socket socket = connect(http)) {
                    socket.getOutputStream()
                            .write((HEAD + "Content-Length: 1000\r\n\r\n" + SMALL).getBytes(ISO_8859_1));
                    socket.setSoLinger(true, 0);
                }
            }
            Awaitility.await().until(() -> http.server.stats().requests() == 0);
            assertThat(http.spool.messages()).isEmpty();
            assertThat(http.server.stats().bodyOctets()).isZero();
            assertThat(http.post(SMALL).status()).isEqualTo(200);
        }
    }

    @Test
    void headersOfAnotherRequestCannotBeSmuggledIn() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory); Socket socket = connect(http)) {
            OutputStream out = socket.getOutputStream();
            out.write((HEAD + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/openapi.json "
                    + "HTTP/1.1\r\nHost: x\r\n\r\n").getBytes(ISO_8859_1));
            assertThat(head(socket)).doesNotStartWith("HTTP/1.1 200");
            assertThat(http.spool.messages()).isEmpty();
        }
    }

    private static Socket connect(InjectionFixture http) throws IOException {
        Socket socket = new Socket(http.server.address().getAddress(), http.server.address().getPort());
        socket.setSoTimeout(20_000);
        return socket;
    }

    /** The first line of the answer. */
    private static String head(Socket socket) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int b = socket.getInputStream().read(); b >= 0 && b != '\n'; b = socket.getInputStream().read()) {
            line.append((char) b);
        }
        return line.toString();
    }
}
