package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.awaitility.Awaitility;

/** A program started for a test: its output in a file, ended with its children when closed. */
final class PeerProcess implements AutoCloseable {
    private static final Duration STOP_TIME = Duration.ofSeconds(10);
    /** Until it listens: a start is what a busy machine slows down most. */
    private static final Duration START_TIME = Duration.ofMinutes(2);
    private final Process process;
    private final Path output;

    private PeerProcess(Process process, Path output) {
        this.process = process;
        this.output = output;
    }

    static PeerProcess start(Path directory, String name, List<String> command) throws IOException {
        return start(directory, name, Map.of(), "", command);
    }

    private static PeerProcess start(Path directory, String name, Map<String, String> environment, String input,
            List<String> command) throws IOException {
        Path output = directory.resolve(name + ".out");
        ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().putAll(environment);
        if (!input.isEmpty()) {
            builder.redirectInput(Files.writeString(directory.resolve(name + ".in"), input).toFile());
        }
        Process process = builder.start();
        process.getOutputStream().close();
        return new PeerProcess(process, output);
    }

    /** How a program ended, and what it printed. */
    record Outcome(int exit, String output) {}

    /** Runs a program to its end and returns what it printed; a failure of the program fails the test. */
    static String run(Path directory, String name, Duration limit, List<String> command)
            throws IOException, InterruptedException {
        return run(directory, name, limit, Map.of(), "", command);
    }

    /** The same, with something in the environment and on standard input. */
    static String run(Path directory, String name, Duration limit, Map<String, String> environment, String input,
            List<String> command) throws IOException, InterruptedException {
        Outcome outcome = outcome(directory, name, limit, environment, input, command);
        if (outcome.exit() != 0) {
            throw new AssertionError(name + " ended with " + outcome.exit() + ":\n" + outcome.output());
        }
        return outcome.output();
    }

    /** Runs a program that may fail to its end. */
    static Outcome outcome(Path directory, String name, Duration limit, Map<String, String> environment, String input,
            List<String> command) throws IOException, InterruptedException {
        try (PeerProcess peer = start(directory, name, environment, input, command)) {
            if (!peer.process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError(name + " did not end within " + limit + ":\n" + peer.output());
            }
            return new Outcome(peer.process.exitValue(), peer.output());
        }
    }

    Process process() {
        return process;
    }

    String output() throws IOException {
        return Files.readString(output, java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    /** Waits until something listens there. */
    PeerProcess awaitListening(String address, int port) {
        Awaitility.await().atMost(START_TIME).pollInterval(Duration.ofMillis(50)).until(() -> {
            if (!process.isAlive()) {
                throw new AssertionError("the peer ended with " + process.exitValue() + ":\n" + output());
            }
            try (java.net.Socket _ = new java.net.Socket(address, port)) {
                return true;
            } catch (IOException e) {
                return false;
            }
        });
        return this;
    }

    /** kill -9. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() {
        List<ProcessHandle> children = process.descendants().toList();
        process.destroy();
        try {
            if (!process.waitFor(STOP_TIME.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException _) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        children.forEach(ProcessHandle::destroyForcibly);
    }
}
