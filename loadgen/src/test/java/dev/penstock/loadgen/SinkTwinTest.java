package dev.penstock.loadgen;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.loadgen.twin.TwinReport;
import dev.penstock.loadgen.twin.Twins;

/** The sink as a receiver, over real connections from several source addresses. */
class SinkTwinTest {
    private static final String TWIN = """
            [[limit]]
            kind = "connections"
            most = 2
            replies = ["421 4.7.0 Too many connections"]
            [[limit]]
            kind = "rate"
            rate = "2/d"
            burst = "1d"
            replies = ["451 4.7.650 rate limited (S775)"]
            [escalation]
            after = 2
            within = "1h"
            block = "4h"
            replies = ["550 5.7.1 on our block list (S3150)"]
            """;

    /** One client. Confined to the test. */
    private static final class Client implements AutoCloseable {
        private final Socket socket = new Socket();
        private final BufferedReader in;

        Client(InetSocketAddress to, String from) throws IOException {
            socket.bind(new InetSocketAddress(InetAddress.ofLiteral(from), 0));
            socket.connect(to);
            socket.setSoTimeout(60_000);
            in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
        }

        String read() throws IOException {
            String line = in.readLine();
            while (line != null && line.length() > 3 && line.charAt(3) == '-') {
                line = in.readLine();
            }
            return line == null ? "closed" : line;
        }

        String say(String command) throws IOException {
            socket.getOutputStream().write((command + "\r\n").getBytes(StandardCharsets.US_ASCII));
            return read();
        }

        /** @return the reply that decided */
        String message() throws IOException {
            String mail = say("MAIL FROM:<a@shop.example>");
            if (!mail.startsWith("250")) {
                return mail;
            }
            say("RCPT TO:<r@test.example>");
            say("DATA");
            return say("Subject: x\r\n\r\nbody\r\n.");
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private static InetSocketAddress any(String host) {
        return new InetSocketAddress(InetAddress.ofLiteral(host), 0);
    }

    @Test
    void eachSourceAddressMeetsTheReceiversRules(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("mine.toml"), TWIN);
        SinkOptions options = SinkOptions.on(any("127.0.1.1"), any("127.0.1.2")).threads(2)
                .twin("127.0.1.1", Twins.read(file.toString())).build();
        try (Sink sink = Sink.start(options);
                Client first = new Client(sink.addresses().getFirst(), "127.0.0.1");
                Client second = new Client(sink.addresses().getFirst(), "127.0.0.1")) {
            assertThat(first.read()).startsWith("220 ");
            assertThat(second.read()).startsWith("220 ");
            try (Client third = new Client(sink.addresses().getFirst(), "127.0.0.1")) {
                assertThat(third.read()).isEqualTo("421 4.7.0 Too many connections");
                assertThat(third.read()).isEqualTo("closed");
            }
            first.say("EHLO client.example");
            second.say("EHLO client.example");
            assertThat(first.message()).startsWith("250 ");
            assertThat(second.message()).startsWith("250 ");
            for (int i = 0; i < 3; i++) {
                assertThat(first.message()).isEqualTo("451 4.7.650 rate limited (S775)");
            }
            assertThat(second.message()).isEqualTo("550 5.7.1 on our block list (S3150)");
            try (Client other = new Client(sink.addresses().getFirst(), "127.0.0.2");
                    Client elsewhere = new Client(sink.addresses().getLast(), "127.0.0.1")) {
                other.read();
                other.say("EHLO client.example");
                assertThat(other.message()).as("from another address").startsWith("250 ");
                elsewhere.read();
                elsewhere.say("EHLO client.example");
                for (int i = 0; i < 5; i++) {
                    assertThat(elsewhere.message()).as("at an address without a twin").startsWith("250 ");
                }
            }
            List<TwinReport> reports = sink.twinReports();
            assertThat(reports).extracting(TwinReport::source).containsExactly("127.0.0.1", "127.0.0.2");
            TwinReport report = reports.getFirst();
            assertThat(report.taken()).isEqualTo(2);
            assertThat(report.mostOpen()).isEqualTo(2);
            assertThat(report.refused()).containsOnlyKeys("connections", "rate", "blocked").containsEntry("rate", 3L);
            assertThat(report.text()).contains("twin mine, source 127.0.0.1: taken 2, deferred 4",
                    "blocked 1 times", "refused for rate: 3");
            assertThat(sink.report().foreign()).isEqualTo(8);
        }
    }

    @Test
    void aConnectionThatIsClosedMakesRoom(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("mine.toml"), TWIN);
        try (Sink sink = Sink.start(
                SinkOptions.on(any("127.0.1.1")).twin("*", Twins.read(file.toString())).build())) {
            for (int i = 0; i < 10; i++) {
                try (Client client = new Client(sink.addresses().getFirst(), "127.0.0.1")) {
                    assertThat(client.read()).startsWith("220 ");
                    assertThat(client.say("QUIT")).startsWith("221 ");
                    assertThat(client.read()).isEqualTo("closed");
                }
            }
        }
    }
}
