package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A network of its own, with nothing but the loopback device in it: it needs root. Confined to the test's thread. */
final class Namespace implements AutoCloseable {
    private static final Duration TIME = Duration.ofSeconds(60);
    private final Path directory;
    private final String name;

    private Namespace(Path directory, String name) {
        this.directory = directory;
        this.name = name;
    }

    /** Fails in CI where that isn't allowed, and skips on a laptop. */
    static Namespace create(Path directory) throws IOException, InterruptedException {
        Peers.requireRoot();
        String ip = Peers.require("ip");
        String name = "penstock-test-" + ProcessHandle.current().pid();
        try {
            PeerProcess.run(directory, "netns", TIME, List.of(ip, "netns", "add", name));
        } catch (AssertionError e) {
            Peers.missing("network namespaces are not allowed here: " + e.getMessage());
        }
        Namespace namespace = new Namespace(directory, name);
        try {
            PeerProcess.run(directory, "netns-up", TIME, List.of(ip, "-n", name, "link", "set", "lo", "up"));
        } catch (AssertionError e) {
            namespace.close();
            throw e;
        }
        return namespace;
    }

    /** Runs a class's main method in a JVM in there, to its end. @return what it printed; a failure fails the test */
    String run(Class<?> main, Duration limit, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Peers.require("ip"), "netns", "exec", name,
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m",
                "-XX:+UseCompactObjectHeaders", "--enable-native-access=ALL-UNNAMED", "-cp",
                System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        return PeerProcess.run(directory, main.getSimpleName(), limit, command);
    }

    /** From within: an address of the loopback device comes or goes. */
    static void address(Path directory, String command, String address) throws IOException, InterruptedException {
        PeerProcess.run(directory, "address", TIME,
                List.of(Peers.require("ip"), "addr", command, address, "dev", "lo"));
    }

    @Override
    public void close() throws IOException {
        try {
            PeerProcess.run(directory, "netns-del", TIME, List.of(Peers.require("ip"), "netns", "del", name));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while namespace " + name + " was deleted", e);
        }
    }
}
