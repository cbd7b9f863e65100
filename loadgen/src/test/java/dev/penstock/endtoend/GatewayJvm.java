package dev.penstock.endtoend;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.queue.QueueStats;

/**
 * A gateway in a JVM of its own, cold and with a heap as small as the test says, that tells what it holds when asked. It
 * tries deferred mail again much later. Confined to the test's thread.
 */
final class GatewayJvm implements AutoCloseable {
    private static final Duration LATER = Duration.ofHours(2);
    private static final String STARTED = "started ";
    private static final String FIGURES = "figures ";
    private static final String COUNT = "count";
    private static final String COLLECT = "collect";
    private static final int COLLECTIONS = 3;
    private static final long STOP_SECONDS = 120;
    private final Process process;
    private final BufferedReader lines;
    private final PrintStream commands;
    private final InetSocketAddress smtp;

    /**
     * What the gateway holds.
     *
     * @param scheduled destinations that wait for their retry
     * @param queued    all destinations
     * @param cached    octets of content in memory
     * @param domains   that have queues
     * @param heap      octets of heap in use
     */
    record Figures(long scheduled, long queued, long cached, long domains, long heap) {
        @Override
        public String toString() {
            return FIGURES + scheduled + " " + queued + " " + cached + " " + domains + " " + heap;
        }

        static Figures parse(String line) {
            String[] words = line.split(" ", -1);
            return new Figures(Long.parseLong(words[0]), Long.parseLong(words[1]), Long.parseLong(words[2]),
                    Long.parseLong(words[3]), Long.parseLong(words[4]));
        }
    }

    private final long startedNanos;

    private GatewayJvm(Process process, long startedNanos) {
        this.process = process;
        this.startedNanos = startedNanos;
        lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        commands = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        smtp = new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(answer(STARTED)));
    }

    static GatewayJvm start(Path directory, String dnsServer, int deliveryPort, String maxHeap) throws IOException {
        long startedNanos = System.nanoTime();
        return new GatewayJvm(new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx" + maxHeap,
                "-XX:+UseCompactObjectHeaders", "-XX:+UseParallelGC", "-XX:+ExitOnOutOfMemoryError",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                GatewayJvm.class.getName(), directory.toString(), dnsServer, String.valueOf(deliveryPort))
                .redirectError(ProcessBuilder.Redirect.INHERIT).start(), startedNanos);
    }

    /** What {@link #start} runs in the other JVM; ends when its input does, so never outlives the test. */
    public static void main(String[] arguments) throws Exception {
        GatewayConfig base = Gateway.config(Path.of(arguments[0]), arguments[1], Integer.parseInt(arguments[2]));
        GatewayConfig config = base.with(GatewayConfig.QUEUE,
                QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, LATER).with(QueueConfig.MAX_RETRY_INTERVAL, LATER)
                        .with(QueueConfig.MAX_AGE, Duration.ofDays(1)));
        try (Penstock penstock = Penstock.start(config);
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            System.out.println(STARTED + penstock.smtpAddresses().getFirst().getPort());
            for (String command = in.readLine(); command != null; command = in.readLine()) {
                long heap = command.equals(COLLECT) ? heapAfterCollection() : heap();
                QueueStats queue = penstock.queueStats();
                System.out.println(
                        new Figures(queue.scheduled(), queue.queued(), penstock.spoolStats().cachedBytes(),
                                queue.domains(), heap));
            }
        }
    }

    private static long heapAfterCollection() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < COLLECTIONS; i++) {
            System.gc();
            least = Math.min(least, heapLeft());
        }
        return least;
    }

    /** Heap that collections have left in use: not the buffers that threads have taken since, of up to a megabyte each. */
    private static long heapLeft() {
        return ManagementFactory.getMemoryPoolMXBeans().stream().filter(pool -> pool.getType() == MemoryType.HEAP)
                .map(MemoryPoolMXBean::getCollectionUsage).mapToLong(MemoryUsage::getUsed).sum();
    }

    private static long heap() {
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    /** {@link System#nanoTime()} before there was a JVM. */
    long startedNanos() {
        return startedNanos;
    }

    /** CPU time used so far, which says more than the clock where the machine is busy with other things. */
    Duration cpu() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    InetSocketAddress smtp() {
        return smtp;
    }

    Figures figures() {
        commands.println(COUNT);
        return Figures.parse(answer(FIGURES));
    }

    /** After a full collection. */
    Figures figuresCollected() {
        commands.println(COLLECT);
        return Figures.parse(answer(FIGURES));
    }

    private String answer(String prefix) {
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith(prefix)) {
                    return line.substring(prefix.length());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new AssertionError("the gateway ended");
    }

    /** A clean stop, awaited. */
    void stop() throws InterruptedException {
        commands.close();
        if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
            throw new AssertionError("the gateway did not stop well");
        }
    }

    /** kill -9, awaited, unless it has stopped. */
    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }
}
