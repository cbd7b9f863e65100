package dev.penstock.endtoend;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.QueueConfig;

/** A gateway in a JVM of its own, so that it can be killed: on fixed ports, saying how much it queues as it runs. */
final class GatewayProcess implements AutoCloseable {
    private static final Duration RETRY = Duration.ofSeconds(1);
    private static final long REPORT_MILLIS = 100;
    private static final long START_SECONDS = 30;
    private final Process process;
    private final CountDownLatch ready = new CountDownLatch(1);
    private volatile long queued = -1;

    private GatewayProcess(Process process) {
        this.process = process;
        Thread.ofVirtual().name("gateway-output").start(this::read);
    }

    static GatewayProcess start(Path directory, String dnsServer, int smtpPort, int deliveryPort)
            throws IOException, InterruptedException {
        GatewayProcess gateway = new GatewayProcess(new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx512m",
                "-XX:+UseCompactObjectHeaders", "--enable-native-access=ALL-UNNAMED", "-XX:+UseParallelGC", "-cp",
                System.getProperty("java.class.path"), GatewayProcess.class.getName(), directory.toString(), dnsServer,
                String.valueOf(smtpPort), String.valueOf(deliveryPort)).redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
        if (!gateway.ready.await(START_SECONDS, TimeUnit.SECONDS)) {
            gateway.close();
            throw new AssertionError("the gateway did not start within " + START_SECONDS + " s");
        }
        return gateway;
    }

    /** What {@link #start} runs in the other JVM. */
    public static void main(String[] arguments) throws Exception {
        GatewayConfig base = Gateway.config(Path.of(arguments[0]), arguments[1], Integer.parseInt(arguments[3]));
        GatewayConfig config = new GatewayConfig(base.hostname(),
                List.of(new ListenerConfig("127.0.0.1", Integer.parseInt(arguments[2]))), base.inbound(), base.spool(),
                base.dns(), Map.of(), new QueueConfig(RETRY, RETRY, List.of(), 10, Duration.ofDays(1), 10),
                base.delivery(), base.shaping(), base.events(), base.http());
        try (Penstock penstock = Penstock.start(config)) {
            while (!Thread.interrupted()) {
                System.out.println(penstock.queueStats().queued());
                TimeUnit.MILLISECONDS.sleep(REPORT_MILLIS);
            }
        }
    }

    private void read() {
        try (BufferedReader lines = new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isEmpty() && line.chars().allMatch(Character::isDigit)) {
                    queued = Long.parseLong(line);
                    ready.countDown();
                }
            }
        } catch (IOException _) {
            ready.countDown(); // killed
        }
    }

    /** Destinations queued, as it said last. */
    long queued() {
        if (!process.isAlive()) {
            throw new AssertionError("the gateway ended with " + process.exitValue());
        }
        return queued;
    }

    /** kill -9. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
