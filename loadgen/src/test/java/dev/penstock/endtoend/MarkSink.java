package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A mail host that remembers, for each recipient and the mark in the header field X-Mark, the Message-IDs it got.
 * Thread-safe.
 */
final class MarkSink implements AutoCloseable {
    private final ServerSocket server;
    private final Map<String, Set<String>> received = new ConcurrentHashMap<>();
    private final Queue<Socket> open = new ConcurrentLinkedQueue<>();

    MarkSink(InetAddress address, int port) throws IOException {
        server = new ServerSocket(port, 50, address);
        Thread.ofVirtual().name("mark-sink").start(this::accept);
    }

    /** Message-IDs by mark, a space and the recipient. */
    Map<String, Set<String>> received() {
        return received;
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                open.add(socket);
                Thread.ofVirtual().name("mark-session").start(() -> serve(socket));
            } catch (IOException e) {
                if (!server.isClosed()) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
            OutputStream out = socket.getOutputStream();
            List<String> recipients = new ArrayList<>();
            say(out, "220 sink");
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String verb = line.length() < 4 ? line : line.substring(0, 4);
                switch (verb) {
                    case "MAIL" -> recipients.clear();
                    case "RCPT" -> recipients.add(line.substring(line.indexOf('<') + 1, line.indexOf('>')));
                    case "DATA" -> {
                        say(out, "354 go on");
                        message(in, recipients);
                    }
                    default -> {
                        // EHLO, RSET, QUIT
                    }
                }
                say(out, "250 ok");
            }
        } catch (IOException e) {
            // the gateway was killed
        }
    }

    private void message(BufferedReader in, List<String> recipients) throws IOException {
        String mark = "";
        String id = "";
        for (String line = in.readLine(); !".".equals(line); line = in.readLine()) {
            if (line == null) {
                throw new IOException("cut off");
            }
            if (line.startsWith("X-Mark: ")) {
                mark = line.substring("X-Mark: ".length());
            } else if (line.startsWith("Message-ID: ")) {
                id = line.substring("Message-ID: ".length());
            }
        }
        for (String recipient : recipients) {
            received.computeIfAbsent(mark + " " + recipient, _ -> ConcurrentHashMap.newKeySet()).add(id);
        }
    }

    private static void say(OutputStream out, String reply) throws IOException {
        out.write((reply + "\r\n").getBytes(ISO_8859_1));
        out.flush();
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket socket : open) {
            socket.close();
        }
    }
}
