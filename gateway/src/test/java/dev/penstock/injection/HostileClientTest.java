package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.InboundConfig;
import dev.penstock.spool.SpoolException;
import dev.penstock.testing.Patience;

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
    private static final String ANOTHER = "GET /api/openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

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
            assertThat(http.server.stats().heldOctets()).isZero();
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
            InjectionFixture.Reply reply = http.post(bomb);
            assertThat(reply.status()).isEqualTo(422);
            assertThat(reply.text("/recipients/0/error/enhanced")).isEqualTo("5.6.0");
            assertThat(reply.text("/recipients/0/error/text"))
                    .matches(".* takes (more than 1000000 steps|longer than 1000 ms)");
            assertThat(http.post(SMALL).status()).isEqualTo(200);
        }
    }

    @Test
    void slowClientsTakeOnlyTheirPlacesAndGetATimeout() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory,
                config -> InjectionFixture.limited(config, 4, Patience.LONG), new InjectionPolicy())) {
            withSlowClients(http, 3, _ -> {
                Awaitility.await().until(() -> http.server.stats().requests() == 3);
                assertThat(http.post(SMALL).status()).isEqualTo(200);
            });
            Awaitility.await().until(() -> http.server.stats().requests() == 0);

            http.server.reconfigure(
                    InjectionFixture.limited(InjectionFixture.config(directory), 4, Duration.ofMillis(500)),
                    InboundConfig.DEFAULT, null);
            withSlowClients(http, 3, slow -> {
                for (Socket socket : slow) {
                    assertThat(head(socket)).startsWith("HTTP/1.1 408 ");
                }
                assertThat(http.server.stats().requests()).isZero();
            });
        }
    }

    /** What is looked at while clients send the first octet of a body and no more. */
    private interface WithSlowClients {
        void look(List<Socket> slow) throws Exception;
    }

    private static void withSlowClients(InjectionFixture http, int count, WithSlowClients then) throws Exception {
        List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                Socket socket = connect(http);
                slow.add(socket);
                socket.getOutputStream().write((HEAD + "Content-Length: 1000\r\n\r\n{").getBytes(ISO_8859_1));
            }
            then.look(slow);
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    @Test
    void moreRequestsThanPlacesGet429() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory,
                config -> InjectionFixture.limited(config, 2, Patience.LONG), new InjectionPolicy())) {
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
            assertThat(http.post(SMALL).status()).as("of who has come after all of them").isEqualTo(200);
            Awaitility.await().until(() -> http.server.stats().requests() == 0
                    && http.server.stats().heldOctets() == 0);
            assertThat(http.spool.messages()).hasSize(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity, chunked\r\nContent-Length: 5", "Content-Length : 5", "Content-Length: +5",
        "Content-Length: -1", "Content-Length: 0x5", "X: y\r\n Content-Length: 5\r\nTransfer-Encoding:\tchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"})
    void noSecondRequestCanBeSmuggledIn(String framing) throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory); Socket socket = connect(http)) {
            socket.getOutputStream().write((HEAD + framing + "\r\n\r\n0\r\n\r\n" + ANOTHER).getBytes(ISO_8859_1));
            String answers = answers(socket);
            assertThat(statuses(answers)).as(answers).hasSizeLessThan(2).doesNotContain("200");
            assertThat(http.spool.messages()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"POST /api/inject/v1 401", "POST /api/nothing 404", "PUT /api/inject/v1 405",
        "POST /api/openapi.json 405", "POST /api/inject/v1 415"})
    void aRefusedBodyIsNotTheNextRequest(String refused) throws Exception {
        String[] words = refused.split(" ", -1);
        try (InjectionFixture http = new InjectionFixture(directory); Socket socket = connect(http)) {
            String type = words[2].equals("415") ? "text/plain" : "application/json";
            socket.getOutputStream().write((words[0] + " " + words[1] + " HTTP/1.1\r\nHost: x\r\nContent-Type: " + type
                    + "\r\nContent-Length: " + ANOTHER.length() + "\r\n\r\n" + ANOTHER).getBytes(ISO_8859_1));
            assertThat(statuses(answers(socket))).containsExactly(words[2]);
        }
    }

    @Test
    void aRequestThatIsRefusedBeforeItsBodyEndsDoesNotMakeItTheNext() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory); Socket socket = connect(http)) {
            String body = "[" + " ".repeat(100_000) + ANOTHER;
            socket.getOutputStream().write((HEAD + "Content-Length: " + body.length() + "\r\n\r\n" + body + ANOTHER)
                    .getBytes(ISO_8859_1));
            assertThat(statuses(answers(socket)).getFirst()).isEqualTo("422");
            assertThat(http.spool.messages()).isEmpty();
        }
    }

    @Test
    void aConnectionGoesOnAfterAnAnswerToAllOfARequest() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory); Socket socket = connect(http)) {
            String post = HEAD + "Content-Length: " + SMALL.length() + "\r\n\r\n" + SMALL;
            for (String request : List.of("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n 404", post + " 200",
                    "DELETE /api/inject/v1 HTTP/1.1\r\nHost: x\r\n\r\n 405", post + " 200")) {
                int space = request.lastIndexOf(' ');
                socket.getOutputStream().write(request.substring(0, space).getBytes(ISO_8859_1));
                assertThat(answer(socket)).startsWith("HTTP/1.1" + request.substring(space) + " ");
            }
            assertThat(http.spool.messages()).hasSize(2);
        }
    }

    @Test
    void octetsThatAreNotUtf8AreRefused() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            for (String wrong : List.of("\u00c3(", "\u00ff", "\u00c0\u00af", "\u00ed\u00a0\u0080",
                    "\u00f5\u0080\u0080\u0080")) {
                byte[] body = SMALL.replace("\"t\"", "\"" + wrong + "\"").getBytes(ISO_8859_1);
                InjectionFixture.Reply reply = http
                        .send(http.request().POST(HttpRequest.BodyPublishers.ofByteArray(body)).build());
                assertThat(reply.status()).as(wrong).isEqualTo(422);
            }
            assertThat(http.spool.messages()).isEmpty();
        }
    }

    @Test
    void gzipThatIsNoneOrIsCutOffIsRefused() throws Exception {
        byte[] whole = InjectionFixture.gzip(SMALL);
        try (InjectionFixture http = new InjectionFixture(directory)) {
            for (byte[] body : List.of(SMALL.getBytes(ISO_8859_1), java.util.Arrays.copyOf(whole, 5),
                    java.util.Arrays.copyOf(whole, whole.length - 30))) {
                assertThat(http.send(http.request().header("Content-Encoding", "gzip")
                        .POST(HttpRequest.BodyPublishers.ofByteArray(body)).build()).status()).isEqualTo(422);
            }
            assertThat(http.spool.messages()).isEmpty();
            assertThat(http.server.stats().heldOctets()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/api%2finject/v1", "/api%2Finject%2Fv1", "/api/%69nject/v1", "/x/../api/inject/v1",
        "//api/inject/v1", "/api/inject/v1/", "/api/inject/v1;x", "/API/inject/v1", "/api\\inject/v1"})
    void noOtherSpellingOfThePathReachesInjection(String path) throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory); Socket socket = connect(http)) {
            socket.getOutputStream()
                    .write((HEAD.replace("/api/inject/v1", path) + "Connection: close\r\nContent-Length: "
                            + SMALL.length() + "\r\n\r\n" + SMALL).getBytes(ISO_8859_1));
            assertThat(statuses(answers(socket))).containsExactly("404");
            assertThat(http.spool.messages()).isEmpty();
        }
    }

    @Test
    void anAbsoluteTargetIsUnderstood() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory); Socket socket = connect(http)) {
            socket.getOutputStream()
                    .write((HEAD.replace("/api/inject/v1", "http://x/api/inject/v1")
                            + "Connection: close\r\nContent-Length: "
                            + SMALL.length() + "\r\n\r\n" + SMALL).getBytes(ISO_8859_1));
            assertThat(statuses(answers(socket))).containsExactly("200");
        }
    }

    @Test
    void silentConnectionsOfOneAddressLeaveOthersTheirs() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory,
                InjectionFixture::withThreeConnectionsFromAnAddress, new InjectionPolicy())) {
            List<Socket> silent = new ArrayList<>();
            try {
                for (int i = 0; i < 10; i++) {
                    silent.add(new Socket(http.server.address().getAddress(), http.server.address().getPort(),
                            InetAddress.ofLiteral("127.0.0.9"), 0));
                }
                Awaitility.await().until(() -> http.server.stats().connectionsRefusedToAddress() == 7);
                assertThat(http.server.stats().connections()).isEqualTo(3);
                assertThat(http.post(SMALL).status()).isEqualTo(200);
            } finally {
                for (Socket socket : silent) {
                    socket.close();
                }
            }
        }
    }

    @Test
    void slowBodiesOfOneTenantLeaveOthersAPlace() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory,
                config -> InjectionFixture.limited(InjectionFixture.relaying(config, "127.0.0.0/8"), 8, Patience.LONG),
                new InjectionPolicy())) {
            withSlowClients(http, 7, _ -> {
                Awaitility.await().until(() -> http.server.stats().requests() == 7);
                InjectionFixture.Reply more = http.post(SMALL);
                assertThat(more.status()).isEqualTo(429);
                assertThat(more.text("/detail")).isEqualTo("more than a fair part of 8 requests at one time");
                assertThat(http.send(HttpRequest.newBuilder(http.uri("/api/inject/v1"))
                        .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(SMALL))
                        .build()).status()).as("of another").isEqualTo(200);
            });
        }
    }

    @Test
    void whatARequestHoldsIsGivenBackWhateverBecomesOfIt() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            for (String body : List.of(SMALL, SMALL.replace("\"t\"", "\"{{ email }}{{ 1 / 0 }}\""), SMALL + "x",
                    SMALL.replace("\"t\"", "\"{{ \""), SMALL.replace("\"t\"", "\"{{ email }}\""))) {
                http.post(body);
                Awaitility.await().until(() -> http.server.stats().heldOctets() == 0);
            }
            http.spool.failCommits(SpoolException.Reason.FULL);
            assertThat(http.post(SMALL).status()).isEqualTo(503);
            Awaitility.await().until(() -> http.server.stats().heldOctets() == 0);
        }
    }

    @Test
    void objectsThatWouldTakeMoreMemoryThanThereIsAreRefused() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory)) {
            InjectionFixture.Reply reply = http.post(SMALL.replaceFirst("\\{",
                    "{\"substitutions\": {\"a\": [" + "{\"\":{}},".repeat(100_000) + "1]},"));
            assertThat(reply.status()).isEqualTo(413);
            assertThat(reply.text("/detail"))
                    .isEqualTo("what the request holds takes more memory than there is for it");
            assertThat(http.post(SMALL).status()).isEqualTo(200);
        }
    }

    private static Socket connect(InjectionFixture http) throws IOException {
        Socket socket = new Socket(http.server.address().getAddress(), http.server.address().getPort());
        socket.setSoTimeout(Math.toIntExact(Patience.LONG.toMillis()));
        return socket;
    }

    /** One answer of a connection that stays open, header and body. */
    private static String answer(Socket socket) throws IOException {
        StringBuilder answer = new StringBuilder();
        for (String line = head(socket); !line.isBlank(); line = head(socket)) {
            answer.append(line).append('\n');
        }
        int length = Integer.parseInt(Pattern.compile("(?i)content-length: (\\d+)").matcher(answer).results()
                .map(result -> result.group(1)).findFirst().orElseThrow());
        return answer + new String(socket.getInputStream().readNBytes(length), ISO_8859_1);
    }

    /** Of a connection that the server closes. */
    private static String answers(Socket socket) throws IOException {
        return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    }

    private static List<String> statuses(String answers) {
        return Pattern.compile("HTTP/1\\.1 (\\d{3})").matcher(answers).results().map(result -> result.group(1))
                .toList();
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
