package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * An SMTP conversation through a program that passes lines on, such as {@code openssl s_client}: each line waits for
 * the reply to the one before it. Confined to the test's thread.
 */
final class PeerDialogue implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Process process;
    private final OutputStream in;
    private final BlockingQueue<Optional<String>> lines = new LinkedBlockingQueue<>(); // empty at the end
    private final List<String> transcript = new ArrayList<>();

    private PeerDialogue(Process process) {
        this.process = process;
        this.in = process.getOutputStream();
    }

    static PeerDialogue start(Path directory, String name, List<String> command) throws IOException {
        PeerDialogue dialogue = new PeerDialogue(new ProcessBuilder(command).directory(directory.toFile())
                .redirectError(directory.resolve(name + ".err").toFile()).start());
        Thread.ofVirtual().name(name).start(dialogue::read);
        return dialogue;
    }

    private void read() {
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), ISO_8859_1))) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                lines.add(Optional.of(line));
            }
        } catch (IOException _) {
            // closed here, or the program ended
        } finally {
            lines.add(Optional.empty());
        }
    }

    /** Sends a line and gives the whole reply, its lines joined with LF. */
    String send(String line) throws IOException, InterruptedException {
        transcript.add("C: " + line);
        in.write((line + "\n").getBytes(ISO_8859_1));
        in.flush();
        return reply();
    }

    /** The next whole reply. */
    String reply() throws InterruptedException {
        List<String> reply = new ArrayList<>();
        while (true) {
            Optional<String> line = lines.poll(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            if (line == null || line.isEmpty()) {
                throw new AssertionError("no reply within " + PATIENCE + " after " + transcript);
            }
            transcript.add("S: " + line.get());
            reply.add(line.get());
            if (line.get().matches("\\d{3}( .*)?")) {
                return String.join("\n", reply);
            }
        }
    }

    @Override
    public void close() throws IOException {
        in.close();
        process.destroy();
        try {
            if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException _) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
