package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Postfix's smtp-sink, which announces DSN and 8BITMIME and writes down every transaction that reaches it. */
final class SmtpSink implements AutoCloseable {
    private static final String ADDRESS = "127.0.0.6";
    private static final String BACKLOG = "100";
    private static final String PREFIX = "message.";

    private final PeerProcess process;
    private final Path dump;
    private final int port;

    /**
     * One transaction.
     *
     * @param mail    what followed {@code MAIL FROM:}, with its parameters
     * @param rcpts   what followed each {@code RCPT TO:}
     * @param content the message, our Received field first, lines ending in LF
     */
    record Transaction(String mail, List<String> rcpts, String content) {
        /** The field that the gateway put on top, unfolded. */
        String received() {
            int end = content.indexOf('\n');
            while (end >= 0 && end + 1 < content.length() && " \t".indexOf(content.charAt(end + 1)) >= 0) {
                end = content.indexOf('\n', end + 1);
            }
            return content.substring(0, end).replaceAll("\\s+", " ");
        }

        String body() {
            return content.substring(content.indexOf("\n\n") + 2);
        }
    }

    private SmtpSink(PeerProcess process, Path dump, int port) {
        this.process = process;
        this.dump = dump;
        this.port = port;
    }

    static SmtpSink start(Path directory) throws IOException {
        int port = Peers.freePort(ADDRESS);
        Path dump = Files.createDirectories(directory.resolve("smtp-sink"));
        PeerProcess process = PeerProcess.start(dump, "smtp-sink", List.of(Peers.require("smtp-sink"), "-d", PREFIX,
                "-u", System.getProperty("user.name"), ADDRESS + ":" + port, BACKLOG));
        return new SmtpSink(process.awaitListening(ADDRESS, port), dump, port);
    }

    /** For a route's hosts. */
    String host() {
        return ADDRESS + ":" + port;
    }

    /** The transactions that are written down whole so far, in no order. */
    List<Transaction> transactions() throws IOException {
        List<Transaction> transactions = new ArrayList<>();
        try (Stream<Path> files = Files.list(dump)) {
            for (Path file : files.filter(f -> f.getFileName().toString().startsWith(PREFIX)).toList()) {
                String text = Files.readString(file, ISO_8859_1);
                if (text.contains("\nX-Mail-Args: ") && text.endsWith("\n\n")) {
                    transactions.add(transaction(text));
                }
            }
        }
        return transactions;
    }

    /** The file begins with smtp-sink's own fields, the last of which is its Received, and ends in an empty line. */
    private static Transaction transaction(String text) {
        String mail = "";
        List<String> rcpts = new ArrayList<>();
        String rest = text;
        while (!rest.startsWith("Received: ")) {
            int end = rest.indexOf('\n');
            String line = rest.substring(0, end);
            if (line.startsWith("X-Mail-Args: ")) {
                mail = line.substring("X-Mail-Args: ".length());
            } else if (line.startsWith("X-Rcpt-Args: ")) {
                rcpts.add(line.substring("X-Rcpt-Args: ".length()));
            }
            rest = rest.substring(end + 1);
        }
        return new Transaction(mail, List.copyOf(rcpts),
                rest.substring(rest.indexOf("\nReceived: ") + 1, rest.length() - 1));
    }

    @Override
    public void close() {
        process.close();
    }
}
