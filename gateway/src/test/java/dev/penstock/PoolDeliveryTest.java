package dev.penstock;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.testing.FakeMx;

/** A whole gateway with a pool of four addresses of the loopback network. */
@Timeout(180)
class PoolDeliveryTest {
    private static final int MESSAGES = 300;

    @TempDir
    Path directory;
    private final FakeMx host = new FakeMx();
    private final HttpClient http = HttpClient.newHttpClient();
    private Penstock penstock;

    @BeforeEach
    void start() throws IOException {
        penstock = Penstock.start(config("127.0.0.11"));
    }

    @AfterEach
    void stop() {
        penstock.close();
        http.close();
        host.close();
    }

    private GatewayConfig config(String addressOfTheFirst) throws IOException {
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [http]
                port = 0
                [routes."dest.example"]
                hosts = ["127.0.0.1:%2$d"]
                [policy]
                pool-header = "X-Pool"
                [delivery]
                tls = "none"
                pool = "shared"
                [source.ip-11]
                source-address = ["%3$s"]
                ehlo-name = "mta11.test"
                [source.ip-12]
                source-address = ["127.0.0.12"]
                ehlo-name = "mta12.test"
                [source.ip-13]
                source-address = ["127.0.0.13"]
                ehlo-name = "mta13.test"
                [source.ip-14]
                source-address = ["127.0.0.14"]
                ehlo-name = "mta14.test"
                [pool.shared]
                sources = { ip-11 = 4, ip-12 = 3, ip-13 = 2, ip-14 = 1 }
                [pool.one]
                sources = { ip-14 = 1 }
                """.formatted(directory, host.port(), addressOfTheFirst));
        return switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid -> valid.config();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    @Test
    void eachSourceSendsItsShareUnderItsNameAndPassesItOnWhileItsAddressIsMissing() throws Exception {
        send(MESSAGES, "");
        await().until(() -> delivered(11, 12, 13, 14) == MESSAGES);
        assertThat(delivered(11)).isCloseTo(MESSAGES * 4 / 10, within(10L));
        assertThat(delivered(12)).isCloseTo(MESSAGES * 3 / 10, within(10L));
        assertThat(delivered(13)).isCloseTo(MESSAGES * 2 / 10, within(10L));
        assertThat(delivered(14)).isCloseTo(MESSAGES / 10, within(10L));
        assertThat(host.clients()).containsExactlyInAnyOrderElementsOf(Stream.of(11, 12, 13, 14)
                .map(last -> InetAddress.ofLiteral("127.0.0." + last)).toList());
        assertThat(host.commands()).contains("EHLO mta11.test", "EHLO mta12.test", "EHLO mta13.test",
                "EHLO mta14.test");
        await().until(() -> events("Delivery").count() == MESSAGES);
        assertThat(events("Delivery")).allMatch(line -> line.contains("\"egress_pool\":\"shared\""))
                .filteredOn(line -> line.contains("\"egress_source\":\"ip-13\""))
                .hasSize((int) delivered(13)).allMatch(line -> line.contains("\"127.0.0.13\""));

        long first = delivered(11);
        long fourth = delivered(14);
        penstock.reload(config("192.0.2.11")); // documentation: on no machine (RFC 5737)
        assertThat(figure("suspensions", "cause=\"address\",", 11)).isEqualTo(1);
        send(MESSAGES, "");
        await().until(() -> delivered(11, 12, 13, 14) == 2 * MESSAGES);
        assertThat(delivered(11)).isEqualTo(first);
        assertThat(delivered(14) - fourth).isCloseTo(MESSAGES / 6, within(10L));

        penstock.reload(config("127.0.0.11"));
        assertThat(figure("suspensions", "cause=\"address\",", 11)).isZero();
        send(MESSAGES, "");
        await().until(() -> delivered(11, 12, 13, 14) == 3 * MESSAGES);
        assertThat(delivered(11) - first).isCloseTo(MESSAGES * 4 / 10, within(10L));
        await().until(() -> events("Delivery").count() == 3 * MESSAGES);
        assertThat(events("TransientFailure")).as("nothing was charged").isEmpty();
    }

    @Test
    void aFieldNamesThePoolAndOneThatIsntThereIsRefused() throws Exception {
        send(20, "X-Pool: one\r\n");
        await().until(() -> delivered(14) == 20);
        assertThat(host.messages()).noneMatch(message -> message.text().contains("X-Pool"));
        assertThat(delivered(11, 12, 13)).isZero();
        assertThat(send(1, "X-Pool: two\r\n")).containsExactly("550 5.7.1 Error: there is no pool \"two\" to send by");
    }

    /** @return the answers to the content */
    private List<String> send(int messages, String fields) throws IOException {
        List<String> answers = new ArrayList<>();
        try (Socket socket = new Socket(penstock.smtpAddresses().getFirst().getAddress(),
                penstock.smtpAddresses().getFirst().getPort())) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
            reply(in);
            write(socket, "HELO client.test\r\n");
            reply(in);
            for (int i = 0; i < messages; i++) {
                write(socket, "MAIL FROM:<s@s.test>\r\n");
                reply(in);
                write(socket, "RCPT TO:<r@dest.example>\r\n");
                reply(in);
                write(socket, "DATA\r\n");
                reply(in);
                write(socket, fields + "Subject: hello\r\n\r\nhello\r\n.\r\n");
                answers.add(reply(in));
            }
        }
        return answers;
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(ISO_8859_1));
    }

    private static String reply(BufferedReader in) throws IOException {
        String line = in.readLine();
        while (line != null && line.charAt(3) == '-') {
            line = in.readLine();
        }
        return String.valueOf(line);
    }

    private Stream<String> events(String type) throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("log"))) {
            List<String> lines = new ArrayList<>();
            for (Path file : files.toList()) {
                lines.addAll(Files.readAllLines(file));
            }
            return lines.stream().filter(line -> line.startsWith("{\"type\":\"" + type + '"'));
        }
    }

    private long delivered(int... sources) throws IOException, InterruptedException {
        long sum = 0;
        for (int source : sources) {
            sum += figure("recipients_total", "outcome=\"delivered\",", source);
        }
        return sum;
    }

    private long figure(String name, String label, int source) throws IOException, InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + penstock.httpAddress().getPort() + "/metrics");
        String begin = "penstock_source_" + name + "{" + label + "source=\"ip-" + source + "\"} ";
        return http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofLines()).body()
                .filter(line -> line.startsWith(begin)).findFirst()
                .map(line -> (long) Double.parseDouble(line.substring(begin.length())))
                .orElseThrow(() -> new AssertionError("no " + begin));
    }
}
