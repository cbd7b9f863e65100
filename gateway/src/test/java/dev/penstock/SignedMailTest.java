package dev.penstock;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import org.apache.james.jdkim.DKIMVerifier;
import org.apache.james.jdkim.api.SignatureRecord;
import org.apache.james.jdkim.exceptions.FailException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.dkim.KeyFile;
import dev.penstock.dkim.PublicKeys;
import dev.penstock.dkim.TestKeys;
import dev.penstock.dkim.Verification;
import dev.penstock.dkim.Verifier;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Peers;

/**
 * Mail of all kinds goes through a whole gateway, by DATA, BDAT and HTTP in turn, and what comes out is verified by OpenDKIM,
 * dkimpy, Apache jDKIM and our own verifier. {@code -Dpenstock.dkim.messages=1000} asks for more of it.
 */
@Timeout(600)
class SignedMailTest {
    private static final int MESSAGES = Integer.getInteger("penstock.dkim.messages", 60);
    private static final int LARGE = MESSAGES < 100 ? 1 << 20 : 10 << 20; // octets
    /** From domains and how many signatures their mail gets. */
    private static final Map<String, Integer> DOMAINS = Map.of("rsa.example", 1, "both.example", 2, "simple.example", 1,
            "ed.example", 1);
    private static final Pattern NUMBER = Pattern.compile("X-Number: (\\d+)\r\n");

    @TempDir
    private static Path directory;
    /** What came out, by its number. */
    private static final Map<Integer, byte[]> received = new TreeMap<>();
    private static final Map<String, String> records = new TreeMap<>();

    @BeforeAll
    static void goThrough() throws Exception {
        for (String domain : DOMAINS.keySet()) {
            if (!domain.startsWith("ed.")) {
                publish(domain, "r1", TestKeys.rsa(directory.resolve("keys/" + domain + "/r1.key")));
            }
            if (domain.startsWith("ed.") || domain.startsWith("both.")) {
                publish(domain, "e1", TestKeys.ed25519(directory.resolve("keys/" + domain + "/e1.key")));
            }
        }
        try (FakeMx mx = new FakeMx().offering("PIPELINING,8BITMIME,SMTPUTF8,SIZE 20000000");
                Penstock penstock = Penstock.start(config(mx.port()))) {
            SplittableRandom random = new SplittableRandom(20261128);
            try (Client client = new Client(penstock.smtpAddresses().getFirst());
                    HttpClient http = HttpClient.newHttpClient()) {
                for (int i = 0; i < MESSAGES; i++) {
                    String message = message(i, random);
                    switch (i % 3) {
                        case 0 -> client.data(message.getBytes(UTF_8));
                        case 1 -> client.chunks(message.getBytes(UTF_8), random);
                        default -> inject(http, Objects.requireNonNull(penstock.injectionAddress()), message);
                    }
                }
            }
            await().atMost(Duration.ofMinutes(5)).until(() -> mx.messages().size() == MESSAGES);
            for (FakeMx.Received message : mx.messages()) {
                byte[] octets = withoutStuffing(message.text());
                Matcher number = NUMBER.matcher(message.text());
                assertThat(number.find()).isTrue();
                received.put(Integer.parseInt(number.group(1)), octets);
                Files.write(directory.resolve("message-%04d".formatted(Integer.parseInt(number.group(1)))), octets);
            }
        }
        assertThat(received).hasSize(MESSAGES);
    }

    private static void publish(String domain, String selector, Path key) {
        records.put(selector + "._domainkey." + domain, KeyFile.read(key).record());
    }

    private static GatewayConfig config(int port) throws IOException {
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [inbound]
                max-message-size = "20 MB"
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [injection]
                address = "127.0.0.1"
                port = 0
                directory = "%1$s/injection"
                max-body = "20 MB"
                require-auth = false
                relay-networks = ["127.0.0.0/8"]
                [http]
                port = 0
                [routes."*"]
                hosts = ["127.0.0.1:%2$d"]
                [dkim]
                missing-key = "refuse"
                [[dkim.signature]]
                domains = ["rsa.example", "both.example"]
                selector = "r1"
                key = "%1$s/keys/{domain}/{selector}.key"
                [[dkim.signature]]
                domains = ["ed.example", "both.example"]
                selector = "e1"
                key = "%1$s/keys/{domain}/{selector}.key"
                [[dkim.signature]]
                domains = ["simple.example"]
                selector = "r1"
                key = "%1$s/keys/{domain}/{selector}.key"
                header-canonicalization = "simple"
                body-canonicalization = "simple"
                expiry = "30d"
                identity = "news@{domain}"
                """.formatted(directory, port));
        return switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid -> valid.config();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    /** Every kind of trouble comes by its turn. */
    private static String message(int i, SplittableRandom random) {
        List<String> domains = DOMAINS.keySet().stream().sorted().toList();
        String domain = domains.get(i / 3 % domains.size());
        boolean simple = domain.startsWith("simple."); // by files OpenDKIM is told of values without the blanks before them
        StringBuilder text = new StringBuilder("X-Number: ").append(i)
                .append("\r\nFrom: \"News, all of it\"\r\n <news@")
                .append(domain).append(">\r\nTo:").append(simple ? " " : "  ").append("a@receiver.test\r\nSUBJECT:")
                .append(simple ? " " : "\t")
                .append(i % 5 == 0 ? "folded\r\n\t  and  spaced \t\r\n again" : "plain").append("\r\n");
        if (i % 4 == 0) {
            text.append("List-Unsubscribe: <https://u.example/").append(i)
                    .append(">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
        }
        if (i % 7 == 0) {
            text.append("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nX-Empty:\r\n");
        }
        if (i % 11 == 0) {
            text.append("References: ").append("<1234567890@rsa.example>\r\n ".repeat(30)).append("<1@b>\r\n");
        }
        if (i % 9 == 1) {
            return text.append("\r\n").toString(); // an empty body
        }
        text.append("\r\n");
        int size = i == 25 || i == 500 || i == 999 ? LARGE : random.nextInt(6_000);
        String[] lines = {"", "plain text", "trailing blanks  \t ", ".", "..", ".dot", "\ttab\tand  two",
            " begins with one",
            i % 7 == 0 ? "Gr\u00fc\u00dfe \u2013 \u20ac" : "7 bit", "x".repeat(1 + random.nextInt(900))};
        while (text.length() < size) {
            text.append(lines[random.nextInt(lines.length)]).append("\r\n");
        }
        text.append("\r\n".repeat(random.nextInt(4)));
        return i % 6 == 4 ? text + "no line end" : text.toString(); // by chunks; DATA has one in any case
    }

    private static byte[] withoutStuffing(String text) {
        String lines = text.replaceAll("(?m)^\\.(?=.)", "");
        return lines.replaceFirst("\\.\r\n\\z", "").getBytes(ISO_8859_1);
    }

    private static void inject(HttpClient http, InetSocketAddress address, String message) throws Exception {
        StringBuilder json = new StringBuilder("{\"envelope_sender\": \"b@sender.test\", ")
                .append("\"recipients\": [{\"email\": \"a@receiver.test\"}], \"content\": \"");
        message.chars().forEach(c -> {
            if (c < ' ' || c == '"' || c == '\\') {
                json.append("\\u%04x".formatted(c));
            } else {
                json.append((char) c);
            }
        });
        HttpResponse<String> answer = http.send(HttpRequest
                .newBuilder(URI.create("http://127.0.0.1:" + address.getPort() + "/api/inject/v1"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json + "\"}")).build(), HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    }

    /** One SMTP session. */
    private static final class Client implements AutoCloseable {
        private final Socket socket;
        private final InputStream in;
        private final OutputStream out;

        Client(InetSocketAddress address) throws IOException {
            socket = new Socket(address.getAddress(), address.getPort());
            in = new BufferedInputStream(socket.getInputStream());
            out = socket.getOutputStream();
            expect("220");
            say("EHLO client.test\r\n", "250");
        }

        void data(byte[] message) throws IOException {
            envelope();
            say("DATA\r\n", "354");
            String lines = new String(message, ISO_8859_1).replaceAll("(?m)^\\.", "..");
            out.write((lines + (lines.endsWith("\r\n") ? "" : "\r\n") + ".\r\n").getBytes(ISO_8859_1));
            expect("250");
        }

        void chunks(byte[] message, SplittableRandom random) throws IOException {
            envelope();
            int first = random.nextInt(message.length);
            out.write(("BDAT " + first + "\r\n").getBytes(US_ASCII));
            out.write(message, 0, first);
            expect("250");
            out.write(("BDAT " + (message.length - first) + " LAST\r\n").getBytes(US_ASCII));
            out.write(message, first, message.length - first);
            expect("250");
        }

        private void envelope() throws IOException {
            say("MAIL FROM:<b@sender.test> BODY=8BITMIME\r\n", "250");
            say("RCPT TO:<a@receiver.test>\r\n", "250");
        }

        private void say(String line, String code) throws IOException {
            out.write(line.getBytes(US_ASCII));
            expect(code);
        }

        private void expect(String code) throws IOException {
            StringBuilder reply = new StringBuilder();
            String line;
            do {
                line = line();
                reply.append(line).append('\n');
            } while (line.length() > 3 && line.charAt(3) == '-');
            assertThat(reply.toString()).startsWith(code);
        }

        private String line() throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int octet = in.read(); octet >= 0 && octet != '\n'; octet = in.read()) {
                line.write(octet);
            }
            return line.toString(ISO_8859_1).stripTrailing();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private static String fromDomain(byte[] message) {
        Matcher from = Pattern.compile("<news@([a-z.]+)>").matcher(new String(message, ISO_8859_1));
        assertThat(from.find()).isTrue();
        return from.group(1);
    }

    @Test
    void ourOwnVerifierPassesThem() {
        Verifier verifier = new Verifier(name -> {
            String text = records.get(name);
            return text == null ? new PublicKeys.None() : new PublicKeys.Found(List.of(text));
        }, InstantSource.system());
        received.forEach((number, message) -> assertThat(verifier.verify(message)).as("message %d", number)
                .hasSize(Objects.requireNonNull(DOMAINS.get(fromDomain(message))))
                .allMatch(signature -> signature.result() == Verification.Result.PASS));
    }

    @Test
    void theSignatureIsSevenBitAndItsLinesAreShort() {
        received.forEach((number, message) -> {
            String text = new String(message, ISO_8859_1);
            String field = text.substring(0, text.indexOf("\r\nReceived:") + 2);
            assertThat(field).as("message %d", number).startsWith("DKIM-Signature: ").matches("[\\x09\\x0a\\x0d -~]*");
            assertThat(field.lines().mapToInt(String::length).max().orElseThrow()).isLessThanOrEqualTo(78);
        });
    }

    @Test
    void jdkimPassesThoseWithRsa() {
        DKIMVerifier verifier = new DKIMVerifier((method, selector, domain) -> List
                .of(Objects.requireNonNull(records.get(selector + "._domainkey." + domain))));
        received.forEach((number, message) -> {
            boolean empty = new String(message, ISO_8859_1).split("\r\n\r\n", 2)[1].isBlank(); // it hashes CRLF then
            if (!fromDomain(message).startsWith("ed.") && (!empty || fromDomain(message).startsWith("simple."))) {
                try {
                    List<SignatureRecord> passed = verifier.verify(new ByteArrayInputStream(message));
                    assertThat(passed).as("message %d", number).isNotEmpty();
                } catch (FailException | IOException e) {
                    throw new AssertionError("message " + number, e);
                }
            }
        });
    }

    /** dkimpy, all messages in one process: a line for each with what became of each signature. */
    @Test
    void dkimpyPassesThem() throws Exception {
        Path script = Files.writeString(directory.resolve("verify.py"), """
                import dkim, sys
                keys = dict(line.rstrip("\\n").split(" ", 1) for line in open(sys.argv[1]))
                def dns(name, timeout=5):
                    return keys.get(name.decode().rstrip("."), "").encode() or None
                for file in sys.argv[2:]:
                    message = open(file, "rb").read()
                    count = sum(line.lower().startswith(b"dkim-signature:") for line in message.split(b"\\r\\n\\r\\n")[0].split(b"\\r\\n"))
                    print(file[-4:], *(dkim.DKIM(message).verify(i, dnsfunc=dns) for i in range(count)))
                """);
        assertPassed(run(python(), script.toString(), keys().toString()), "True");
    }

    /** Debian's own has the package; another one in front of it may not. */
    private static String python() {
        Path debians = Path.of("/usr/bin/python3");
        return Files.isExecutable(debians) ? debians.toString() : Peers.require("python3").toString();
    }

    private static void assertPassed(String output, String pass) {
        Map<Integer, String> results = output.lines().map(line -> line.split(" ", 2))
                .collect(Collectors.toMap(words -> Integer.valueOf(words[0]), words -> words[1]));
        received.forEach((number, message) -> assertThat(results.get(number)).as("message %d", number).isEqualTo(
                String.join(" ", Collections.nCopies(Objects.requireNonNull(DOMAINS.get(fromDomain(message))), pass))));
    }

    private static Path keys() throws IOException {
        return Files.write(directory.resolve("keys.txt"),
                records.entrySet().stream().map(entry -> entry.getKey() + " " + entry.getValue()).toList());
    }

    private static String run(String... command) throws Exception {
        List<String> all = new ArrayList<>(List.of(command));
        received.keySet().forEach(number -> all.add(directory.resolve("message-%04d".formatted(number)).toString()));
        return output(all);
    }

    private static String output(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }

    @Test
    void opendkimPassesThem() throws Exception {
        Path config = Files.writeString(directory.resolve("opendkim.conf"), """
                Mode v
                TestPublicKeys %s
                On-Default accept
                """.formatted(keys()));
        String files = received.keySet().stream()
                .map(number -> directory.resolve("message-%04d".formatted(number)).toString())
                .collect(Collectors.joining(","));
        String output = output(List.of(Peers.require("opendkim").toString(), "-x", config.toString(), "-t", files));
        assertThat(output.lines().filter(line -> !line.matches(".* verification \\(s=.*\\) succeeded")).toList())
                .isEmpty();
        received.keySet().forEach(number -> assertThat(output).contains("message-%04d: ".formatted(number)));
    }
}
