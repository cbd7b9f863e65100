package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.regex.Pattern;

/**
 * Lines {@code C: text} are sent with CRLF, those that follow each other in one write; {@code S: text} must be the next
 * line from the server, in which {@code *} stands for anything; {@code S: <close>} is the end of the connection,
 * {@code S: <ehlo>} a whole positive answer to EHLO. Other escapes: {@code \n}, {@code \r}, {@code \0}, and {@code \c}
 * for no CRLF. Stateless.
 */
final class Transcript {
    /** The client's end of a connection. */
    interface Client {
        void send(String text) throws IOException;

        /** {@code <close>} at the end of the connection. */
        String readLine() throws IOException;
    }

    private Transcript() {}

    static void play(String transcript, Client client) throws IOException {
        StringBuilder toSend = new StringBuilder();
        for (String step : transcript.split("\n", -1)) {
            String line = step.strip();
            if (line.startsWith("C:")) {
                String text = line.length() > 3 ? line.substring(3) : "";
                toSend.append((text + "\r\n").replace("\\c\r\n", "").replace("\\r", "\r").replace("\\n", "\n")
                        .replace("\\0", "\0"));
            } else if (line.startsWith("S:")) {
                client.send(toSend.toString());
                toSend.setLength(0);
                String expected = line.length() > 3 ? line.substring(3) : "";
                if (expected.equals("<ehlo>")) {
                    expectEhlo(client);
                } else {
                    expect(expected, client);
                }
            }
        }
        client.send(toSend.toString());
    }

    static void expect(String pattern, Client client) throws IOException {
        String regex = Pattern.quote(pattern).replace("*", "\\E.*\\Q");
        assertThat(client.readLine()).matches(regex);
    }

    private static void expectEhlo(Client client) throws IOException {
        String line;
        do {
            line = client.readLine();
            assertThat(line).startsWith("250");
        } while (line.startsWith("250-"));
    }
}
