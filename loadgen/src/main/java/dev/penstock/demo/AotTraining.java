package dev.penstock.demo;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/**
 * Has a gateway do what gateways do and then stop, so that its JVM can write down which classes it loaded and which methods
 * were busy ({@code -XX:AOTCacheOutput}; JEP 514, 515). The launcher calls it after a build; hosts, zone and load are in this
 * process and on loopback. Confined to the calling thread.
 */
public final class AotTraining {
    private static final int MESSAGES = 30_000; // the busy methods have been compiled by then
    private static final int SESSIONS = 20;
    private static final int DOMAINS = 20;
    private static final InetAddress HERE = InetAddress.ofLiteral("127.0.0.1");
    private static final Duration PATIENCE = Duration.ofMinutes(5); // for a start, a queue, a stop with all that it writes
    private static final Duration POLL = Duration.ofMillis(50);

    private AotTraining() {}

    /** Arguments: a directory of its own, then the command that {@code --config FILE} is added to. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(Arrays.asList(arguments).subList(1, arguments.length));
        run(Path.of(arguments[0]), command);
    }

    private static void run(Path directory, List<String> command) throws IOException, InterruptedException {
        int mx = freePort();
        int smtp = freePort();
        int http = freePort();
        try (Sink sink = Sink.start(SinkOptions.on(new InetSocketAddress(HERE, mx)).build());
                ZoneServer zone = zone()) {
            Path file = Files.writeString(directory.resolve("penstock.toml"),
                    configuration(directory, zone.server(), mx, smtp, http));
            command.addAll(List.of("--config", file.toString()));
            Process gateway = new ProcessBuilder(command).redirectErrorStream(true)
                    .redirectOutput(directory.resolve("gateway.log").toFile()).start();
            Runtime.getRuntime().addShutdownHook(new Thread(gateway::destroyForcibly)); // ended itself, it leaves none behind
            try {
                await("its greeting", () -> !gateway.isAlive() || greets(smtp));
                work(sink, new InetSocketAddress(HERE, smtp), http);
                gateway.destroy();
                if (!gateway.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                    throw new IllegalStateException("the gateway didn't stop");
                }
            } finally {
                gateway.destroyForcibly();
            }
        }
    }

    private static void work(Sink sink, InetSocketAddress gateway, int http) throws IOException, InterruptedException {
        LoadReport sent = new LoadGenerator(LoadOptions.to(gateway).sessions(SESSIONS).messages(MESSAGES)
                .messagesPerSession(MESSAGES / SESSIONS / 10).sizes("4KB").domains("d{01..20}.test").build()).run();
        if (sent.accepted() != MESSAGES) {
            throw new IllegalStateException("accepted " + sent.accepted() + " of " + MESSAGES + " messages");
        }
        await("its deliveries", () -> sink.report().messages() >= MESSAGES);
        try (HttpClient client = HttpClient.newHttpClient()) {
            for (String path : List.of("/metrics", "/health/ready")) {
                client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + http + path)).build(),
                        BodyHandlers.discarding());
            }
        }
    }

    private static ZoneServer zone() {
        ZoneServer zone = new ZoneServer(0).address("mx.hosts.test", HERE.getHostAddress());
        for (int domain = 1; domain <= DOMAINS; domain++) {
            zone.mx("d%02d.test".formatted(domain), 10, "mx.hosts.test");
        }
        return zone.start();
    }

    private static String configuration(Path directory, String dns, int mx, int smtp, int http) {
        return """
                [gateway]
                hostname = "training.test"
                [[listener]]
                addresses = ["127.0.0.1:%4$d"]
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [dns]
                servers = ["%2$s"]
                ignore-networks = []
                [delivery]
                port = %3$d
                [http]
                port = %5$d
                """.formatted(directory, dns, mx, smtp, http);
    }

    private static boolean greets(int port) {
        try (Socket socket = new Socket(HERE, port)) {
            return socket.getInputStream().read() == '2';
        } catch (IOException _) {
            return false;
        }
    }

    private static void await(String what, BooleanSupplier done) throws InterruptedException {
        long start = System.nanoTime();
        while (!done.getAsBoolean()) {
            if (System.nanoTime() - start > PATIENCE.toNanos()) {
                throw new IllegalStateException("waited for " + what + " in vain");
            }
            Thread.sleep(POLL);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, HERE)) {
            return socket.getLocalPort();
        }
    }
}
