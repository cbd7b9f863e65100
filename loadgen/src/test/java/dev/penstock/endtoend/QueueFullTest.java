package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients queue mail, which nobody takes, until {@code queue.memory-limit}; more is refused until some is delivered. */
@Timeout(300)
class QueueFullTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int RECIPIENTS = 100; // of a message, each in a domain of its own
    private static final int MOST_MESSAGES = 100; // of 900 octets a recipient: far more than a megabyte

    private static final String TAKEN = "taken";
    private static final String FULL = "452 4.3.1 Insufficient system storage: the queue is full";

    @TempDir
    Path directory;

    @Test
    void aFullQueueRefusesMailAndTakesItAgainWhenSomeIsDelivered() throws Exception {
        Set<String> accepted = ConcurrentHashMap.newKeySet();
        try (LimitedHost host = LimitedHost.start("127.0.0.1", Duration.ZERO)) {
            host.take(_ -> !accepted.isEmpty());
            try (GatewayCommand gateway = GatewayCommand.start(directory, configuration(host))) {
                int queued = 0;
                String answer = TAKEN;
                for (int i = 0; i < MOST_MESSAGES && answer.equals(TAKEN); i++) {
                    try (Client client = new Client(gateway.smtp())) {
                        answer = client.say("MAIL FROM:<a@sender.test>");
                        queued += answer.startsWith("250 ") ? client.send(i) : 0;
                        answer = answer.startsWith("250 ") ? TAKEN : answer;
                    }
                }
                assertThat(answer).isEqualTo(FULL);
                assertThat(queued).isPositive();
                assertThat(ready(gateway)).isEqualTo(HttpURLConnection.HTTP_UNAVAILABLE);
                assertThat(gateway.metrics().get("penstock_memory_used_bytes{account=\"queue\"}"))
                        .isGreaterThanOrEqualTo(
                                gateway.metrics().get("penstock_memory_limit_bytes{account=\"queue\"}"));

                accepted.add("all");
                Awaitility.await().atMost(PATIENCE).until(() -> answerToMail(gateway.smtp()).startsWith("250 "));
                assertThat(ready(gateway)).isEqualTo(HttpURLConnection.HTTP_OK);
                int all = queued;
                Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(host.taken()).hasSize(all));
            }
        }
    }

    private String configuration(LimitedHost host) {
        return """
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [queue]
                memory-limit = "1 MB"
                retry-intervals = ["1s"]
                jitter-percent = 0
                [routes."*"]
                hosts = ["127.0.0.1:%2$d"]
                """.formatted(directory, host.port());
    }

    private static int ready(GatewayCommand gateway) throws IOException {
        InetSocketAddress http = gateway.http();
        HttpURLConnection connection = (HttpURLConnection) URI
                .create("http://" + http.getAddress().getHostAddress() + ":" + http.getPort() + "/health/ready").toURL()
                .openConnection();
        return connection.getResponseCode();
    }

    private static String answerToMail(InetSocketAddress gateway) throws IOException {
        try (Client client = new Client(gateway)) {
            return client.say("MAIL FROM:<a@sender.test>");
        }
    }

    /** A session that has said hello. */
    private static final class Client implements AutoCloseable {
        private final Socket socket;
        private final BufferedReader in;

        Client(InetSocketAddress gateway) throws IOException {
            socket = new Socket(gateway.getAddress(), gateway.getPort());
            in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
            in.readLine();
            say("HELO client.test");
        }

        String say(String line) throws IOException {
            socket.getOutputStream().write((line + "\r\n").getBytes(ISO_8859_1));
            return in.readLine();
        }

        /** Goes on after MAIL. @return recipients that were taken */
        int send(int number) throws IOException {
            int taken = 0;
            for (int i = 0; i < RECIPIENTS; i++) {
                String answer = say("RCPT TO:<x@d" + number + "-" + i + ".test>");
                taken += answer.startsWith("250 ") ? 1 : 0;
                assertThat(answer).matches("250 .*|" + FULL);
            }
            if (taken > 0) {
                say("DATA");
                assertThat(say("Subject: x\r\n\r\nx\r\n.")).startsWith("250 ");
            }
            return taken;
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
