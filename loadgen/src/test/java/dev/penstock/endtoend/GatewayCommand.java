package dev.penstock.endtoend;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.awaitility.Awaitility;

import dev.penstock.cli.Main;

/** {@code penstock run} in a JVM of its own, on ports of 127.0.0.1. Confined to the test's thread. */
final class GatewayCommand implements AutoCloseable {
    private static final String ADDRESS = "127.0.0.1";
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private final Process process;
    private final InetSocketAddress smtp;
    private final InetSocketAddress http;

    private GatewayCommand(Process process, int smtpPort, int httpPort) {
        this.process = process;
        smtp = new InetSocketAddress(InetAddress.ofLiteral(ADDRESS), smtpPort);
        http = new InetSocketAddress(InetAddress.ofLiteral(ADDRESS), httpPort);
    }

    /**
     * Starts one and waits until it accepts mail.
     *
     * @param tables of its configuration, beside those of its name and ports
     */
    static GatewayCommand start(Path directory, String tables) throws IOException {
        return start(directory, tables, "unlimited");
    }

    /** @param fileSize the largest file it may write, as {@code ulimit -f} takes it: in blocks of 512 octets */
    static GatewayCommand start(Path directory, String tables, String fileSize) throws IOException {
        return start(directory, tables, "ulimit -f " + fileSize, List.of("-Xmx256m"));
    }

    /**
     * Starts one and waits until it accepts mail.
     *
     * @param limits  a command of the shell, before the gateway begins
     * @param options of Java, for its heap
     */
    static GatewayCommand start(Path directory, String tables, String limits, List<String> options)
            throws IOException {
        int smtpPort = Peers.freePort(ADDRESS);
        int httpPort = Peers.freePort(ADDRESS);
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                address = "%1$s:%2$d"
                [http]
                address = "%1$s"
                port = %3$d
                %4$s
                """.formatted(ADDRESS, smtpPort, httpPort, tables));
        List<String> command = new ArrayList<>(List.of("sh", "-c", limits + " && exec \"$@\"", "sh",
                Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(options);
        command.addAll(List.of("-XX:+UseCompactObjectHeaders", "-XX:+UseParallelGC",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                GatewayCommand.class.getName(), "run", "--config", file.toString()));
        GatewayCommand gateway = new GatewayCommand(new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve("output").toFile())).start(),
                smtpPort, httpPort);
        try {
            Awaitility.await().atMost(PATIENCE).until(gateway::greets);
            return gateway;
        } catch (RuntimeException e) {
            gateway.close();
            throw e;
        }
    }

    /** What {@link #start} runs in the other JVM; a test that is killed itself leaves no gateway behind. */
    public static void main(String[] arguments) throws Exception {
        Thread.ofPlatform().name("parent-watch").daemon().start(() -> {
            try {
                while (System.in.read() >= 0) {
                    // nothing is sent
                }
            } catch (IOException _) {
                // the same as its end
            }
            Runtime.getRuntime().halt(1);
        });
        Main.main(arguments);
    }

    private boolean greets() {
        if (!process.isAlive()) {
            throw new AssertionError("the gateway ended with " + process.exitValue());
        }
        try (var socket = new Socket(smtp.getAddress(), smtp.getPort());
                var _ = new Socket(http.getAddress(), http.getPort())) { // which is opened last
            return socket.getInputStream().read() == '2';
        } catch (IOException _) {
            return false;
        }
    }

    InetSocketAddress smtp() {
        return smtp;
    }

    InetSocketAddress http() {
        return http;
    }

    boolean isAlive() {
        return process.isAlive();
    }

    Map<String, Double> metrics() {
        return Metrics.of(http);
    }

    /** CPU time used so far, of all threads. */
    Duration cpu() {
        return process.info().totalCpuDuration().orElseThrow();
    }

    /** A clean stop, by SIGTERM, awaited. */
    void stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(PATIENCE)) {
            throw new AssertionError("the gateway did not stop");
        }
    }

    /** kill -9, awaited, unless it has stopped. */
    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }
}
