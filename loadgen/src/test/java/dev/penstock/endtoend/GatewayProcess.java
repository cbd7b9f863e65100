package dev.penstock.endtoend;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.awaitility.Awaitility;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.InjectionConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.LocalDomainConfig;
import dev.penstock.config.MaildirConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.queue.QueueStats;
import dev.penstock.spool.SpoolStats;

/** A gateway in a JVM of its own, so that it can be killed: on fixed ports, saying what it holds as it runs. */
final class GatewayProcess implements AutoCloseable {
    private static final Duration RETRY = Duration.ofSeconds(1);
    private static final long REPORT_MILLIS = 100;
    private static final long START_SECONDS = 120; // of a machine that is busy with other things
    private static final String FIGURES = "figures ";
    private final Process process;
    private final CountDownLatch ready = new CountDownLatch(1);
    private volatile Figures figures = new Figures(0, -1, -1, -1, -1, -1);

    /**
     * What the gateway holds.
     *
     * @param nanos       when it was asked, {@link System#nanoTime()}: of Linux's one clock for all processes
     * @param queued      destinations in its queue
     * @param scheduled   those of them that wait for their retry
     * @param spooled     messages in its spool
     * @param quarantined damaged records it has met
     * @param unwritten   outcomes, and new mail, that its spool was given and hasn't written yet
     */
    record Figures(long nanos, long queued, long scheduled, long spooled, long quarantined, long unwritten) {
        @Override
        public String toString() {
            return FIGURES + nanos + " " + queued + " " + scheduled + " " + spooled + " " + quarantined + " "
                    + unwritten;
        }

        static Figures parse(String line) {
            String[] words = line.substring(FIGURES.length()).split(" ", -1);
            return new Figures(Long.parseLong(words[0]), Long.parseLong(words[1]), Long.parseLong(words[2]),
                    Long.parseLong(words[3]), Long.parseLong(words[4]), Long.parseLong(words[5]));
        }
    }

    private GatewayProcess(Process process) {
        this.process = process;
        Thread.ofVirtual().name("gateway-output").start(this::read);
    }

    /** Starts one and waits until it accepts mail. */
    static GatewayProcess start(Path directory, String dnsServer, int smtpPort, int deliveryPort)
            throws IOException, InterruptedException {
        return launch(directory, dnsServer, smtpPort, deliveryPort).awaitReady();
    }

    /** Starts one and doesn't wait. */
    static GatewayProcess launch(Path directory, String dnsServer, int smtpPort, int deliveryPort)
            throws IOException {
        return launch(directory, dnsServer, smtpPort, deliveryPort, 0);
    }

    /** As {@link #launch(Path, String, int, int)}; the mail of {@code local} domains goes into Maildirs. */
    static GatewayProcess launch(Path directory, String dnsServer, int smtpPort, int deliveryPort,
            MaildirConfig maildirs, List<String> local) throws IOException {
        return launch(directory, dnsServer, smtpPort, deliveryPort, 0, maildirs.template(),
                maildirs.recipientDelimiter(), String.join(",", local));
    }

    /** @param injectionPort where it takes mail over HTTP, from this machine without credentials; 0 for not at all */
    static GatewayProcess launch(Path directory, String dnsServer, int smtpPort, int deliveryPort, int injectionPort)
            throws IOException {
        return launch(directory, dnsServer, smtpPort, deliveryPort, injectionPort, "", "", "");
    }

    private static GatewayProcess launch(Path directory, String dnsServer, int smtpPort, int deliveryPort,
            int injectionPort, String maildirs, String delimiter, String local) throws IOException {
        return new GatewayProcess(new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx512m",
                "-XX:+UseCompactObjectHeaders", "--enable-native-access=ALL-UNNAMED", "-XX:+UseParallelGC", "-cp",
                System.getProperty("java.class.path"), GatewayProcess.class.getName(), directory.toString(), dnsServer,
                String.valueOf(smtpPort), String.valueOf(deliveryPort), String.valueOf(injectionPort), maildirs,
                delimiter, local)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    }

    GatewayProcess awaitReady() throws InterruptedException {
        if (!ready.await(START_SECONDS, TimeUnit.SECONDS)) {
            close();
            throw new AssertionError("the gateway did not start within " + START_SECONDS + " s");
        }
        return this;
    }

    /** What {@link #start} runs in the other JVM. */
    public static void main(String[] arguments) throws Exception {
        GatewayConfig base = Gateway.config(Path.of(arguments[0]), arguments[1], Integer.parseInt(arguments[3]));
        GatewayConfig config = base
                .with(GatewayConfig.LISTENERS, List.of(ListenerConfig.at("127.0.0.1", Integer.parseInt(arguments[2]))))
                .with(GatewayConfig.QUEUE, QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, RETRY)
                        .with(QueueConfig.MAX_RETRY_INTERVAL, RETRY).with(QueueConfig.MAX_AGE, Duration.ofDays(1)))
                .with(GatewayConfig.LOCAL_DOMAINS, localDomains(arguments[5], arguments[6], arguments[7]))
                .with(GatewayConfig.INJECTION, injection(Path.of(arguments[0]), Integer.parseInt(arguments[4])));
        Thread.ofPlatform().name("parent-watch").daemon().start(GatewayProcess::endWithParent);
        try (Penstock penstock = Penstock.start(config)) {
            while (!Thread.interrupted()) {
                long now = System.nanoTime();
                QueueStats queue = penstock.queueStats();
                SpoolStats spool = penstock.spoolStats();
                System.out.println(new Figures(now, queue.queued(), queue.scheduled(), spool.messages(),
                        spool.quarantined(), spool.waiting()));
                TimeUnit.MILLISECONDS.sleep(REPORT_MILLIS);
            }
        }
    }

    private static Map<String, LocalDomainConfig> localDomains(String template, String delimiter, String domains) {
        if (template.isEmpty()) {
            return Map.of();
        }
        LocalDomainConfig config = LocalDomainConfig.of(
                new LocalDomainConfig.Maildir(new MaildirConfig(template, true, delimiter, false)),
                LocalDomainConfig.Verify.NONE, Optional.empty());
        return Stream.of(domains.split(",")).collect(Collectors.toMap(Function.identity(), _ -> config));
    }

    private static InjectionConfig injection(Path directory, int port) {
        InjectionConfig d = InjectionConfig.DEFAULT;
        return d.with(InjectionConfig.ADDRESS, port == 0 ? "" : "127.0.0.1").with(InjectionConfig.PORT, port)
                .with(InjectionConfig.REQUIRE_AUTH, true).with(InjectionConfig.RELAY_NETWORKS, List.of("127.0.0.0/8"))
                .with(InjectionConfig.DIRECTORY, directory.resolve("injection"));
    }

    /** A test that is killed itself leaves no gateway behind. */
    private static void endWithParent() {
        try {
            if (System.in.read() < 0) {
                Runtime.getRuntime().halt(1);
            }
        } catch (IOException _) {
            Runtime.getRuntime().halt(1);
        }
    }

    private void read() {
        try (BufferedReader lines = new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith(FIGURES)) {
                    figures = Figures.parse(line);
                    ready.countDown();
                }
            }
        } catch (IOException _) {
            ready.countDown(); // killed
        }
    }

    /** As it said last. */
    Figures figures() {
        if (!process.isAlive()) {
            throw new AssertionError("the gateway ended with " + process.exitValue());
        }
        return figures;
    }

    /** Whether it accepts mail. */
    boolean isReady() {
        return ready.getCount() == 0;
    }

    /** Waits until what it says is of a time after this call. */
    Figures figuresFromNow() {
        long now = System.nanoTime();
        Awaitility.await().atMost(Duration.ofSeconds(START_SECONDS)).pollInterval(Duration.ofMillis(10))
                .until(() -> figures().nanos - now > 0);
        return figures;
    }

    /** Waits until its queue is empty and its spool knows it, which what it said before may have been by chance. */
    void awaitEmpty(Duration patience) {
        long now = System.nanoTime();
        Awaitility.await().atMost(patience).until(() -> {
            Figures last = figures();
            return last.nanos - now > 0 && last.queued == 0 && last.spooled == 0;
        });
    }

    /** As it said last, be it alive or not. */
    Figures lastFigures() {
        return figures;
    }

    /** Lets it run for so long; an end of its own fails the test. */
    void run(Duration time) throws InterruptedException {
        if (process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("the gateway ended with " + process.exitValue());
        }
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
