package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A gateway that has nothing to do does nothing, whatever its spool holds: no sync, no record, and next to no CPU time.
 * Its spool holds two deferred messages, and in another segment nothing but the end of a third that was accepted beside
 * them: a segment that can neither go nor be made smaller.
 *
 * <p>{@code -Dpenstock.long=true} watches it for a minute, with a bound of half a per cent of a core.
 */
@Timeout(300)
class IdleGatewayTest {
    private static final Logger log = LoggerFactory.getLogger(IdleGatewayTest.class);
    private static final boolean LONG = Boolean.getBoolean("penstock.long");
    private static final Duration SETTLING = Duration.ofSeconds(LONG ? 15 : 5);
    private static final Duration WATCHED = Duration.ofSeconds(LONG ? 60 : 10);
    /**
     * A JVM that is some seconds old still compiles, for three per cent of the time and more on a busy machine: the short
     * form finds a thread that spins or polls in a hurry, the long form says what an idle gateway costs.
     */
    private static final double SHARE_OF_A_CORE = LONG ? 0.005 : 0.25;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration LOOK = Duration.ofSeconds(1);
    private static final Duration SOON = Duration.ofSeconds(2);
    private static final Duration MUCH_LATER = Duration.ofHours(1);
    private static final List<String> WORK = List.of("penstock_spool_syncs_total", "penstock_spool_records_total",
            "penstock_spool_moved_bytes_total", "penstock_spool_segments_reclaimed_total");

    @TempDir
    Path directory;

    @Test
    void itDoesNothing() throws Exception {
        Set<String> accepted = ConcurrentHashMap.newKeySet();
        try (LimitedHost host = LimitedHost.start("127.0.0.1", Duration.ZERO)) {
            host.take(accepted::contains);
            try (GatewayCommand gateway = start(host, MUCH_LATER)) {
                for (String user : List.of("stays1", "stays2", "goes")) {
                    send(gateway, user + "@far.test");
                }
                awaitScheduled(gateway, 3);
                gateway.stop();
            }
            accepted.add("goes@far.test");
            try (GatewayCommand gateway = start(host, SOON)) {
                Awaitility.await().atMost(PATIENCE).until(() -> host.taken().size() == 1);
                awaitScheduled(gateway, 2);
                gateway.stop();
            }
            try (GatewayCommand gateway = start(host, MUCH_LATER)) {
                awaitScheduled(gateway, 2);
                awaitRest(gateway);
                Map<String, Double> before = gateway.metrics();
                Map<String, Long> filesBefore = spoolFiles();
                Duration cpuBefore = gateway.cpu();
                long begin = System.nanoTime();
                await(WATCHED);
                Duration cpu = gateway.cpu().minus(cpuBefore);
                Map<String, Double> after = gateway.metrics();

                double share = (double) cpu.toNanos() / (System.nanoTime() - begin);
                log.warn("idle for {} s: {} of a core, the spool's work before {} and after {}", WATCHED.toSeconds(),
                        share, work(before), work(after));
                assertThat(work(after)).as("what the spool did").isEqualTo(work(before));
                assertThat(spoolFiles()).isEqualTo(filesBefore);
                assertThat(share).as("of a core").isLessThan(SHARE_OF_A_CORE);
                assertThat(gateway.metrics()).containsEntry("penstock_spool_messages", 2.0);
            }
        }
    }

    private static Map<String, Double> work(Map<String, Double> metrics) {
        Map<String, Double> work = new TreeMap<>(metrics);
        work.keySet().retainAll(WORK);
        return work;
    }

    /** Names and times of the last change, since what is synced without a trace in the metrics was written before. */
    private Map<String, Long> spoolFiles() throws IOException {
        Map<String, Long> changed = new TreeMap<>();
        try (Stream<Path> files = Files.list(directory.resolve("spool"))) {
            for (Path file : files.toList()) {
                changed.put(file.getFileName().toString(), Files.getLastModifiedTime(file).toMillis());
            }
        }
        return changed;
    }

    private GatewayCommand start(LimitedHost host, Duration retry) throws IOException {
        return GatewayCommand.start(directory, """
                [spool]
                directory = "%1$s/spool"
                segment-size = "16 MB"
                [events]
                directory = "%1$s/log"
                [queue]
                retry-intervals = ["%2$ds"]
                jitter-percent = 0
                %3$s
                """.formatted(directory, retry.toSeconds(), FileGateway.route("*", host, "tls = \"none\"")));
    }

    /** With the null sender, so that no report of it comes into the queue. */
    private static void send(GatewayCommand gateway, String recipient) throws IOException {
        try (Socket socket = new Socket(gateway.smtp().getAddress(), gateway.smtp().getPort());
                BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1))) {
            assertThat(in.readLine()).startsWith("220 ");
            for (String command : List.of("HELO client.test", "MAIL FROM:<>", "RCPT TO:<" + recipient + ">", "DATA",
                    "Subject: x\r\n\r\nx\r\n.")) {
                socket.getOutputStream().write((command + "\r\n").getBytes(ISO_8859_1));
                assertThat(in.readLine()).startsWith(command.equals("DATA") ? "354 " : "250 ");
            }
        }
    }

    private static void awaitScheduled(GatewayCommand gateway, int messages) {
        Awaitility.await().atMost(PATIENCE).until(() -> gateway.metrics()
                .getOrDefault("penstock_queue_destinations{state=\"scheduled\"}", 0.0) == messages);
    }

    /** Until what a start leaves to be done is done and compiled, however long a busy machine takes over it. */
    private static void awaitRest(GatewayCommand gateway) {
        AtomicReference<Map<String, Double>> seen = new AtomicReference<>(work(gateway.metrics()));
        AtomicReference<Duration> used = new AtomicReference<>(gateway.cpu());
        AtomicLong since = new AtomicLong(System.nanoTime());
        Awaitility.await().atMost(PATIENCE.plus(SETTLING)).pollInterval(LOOK).until(() -> {
            Map<String, Double> now = work(gateway.metrics());
            Duration cpu = gateway.cpu();
            boolean busy = cpu.minus(used.getAndSet(cpu)).compareTo(LOOK.dividedBy(4)) > 0;
            if (busy || !now.equals(seen.getAndSet(now))) {
                since.set(System.nanoTime());
            }
            return System.nanoTime() - since.get() >= SETTLING.toNanos();
        });
    }

    private static void await(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        Awaitility.await().atMost(time.plus(PATIENCE)).until(() -> System.nanoTime() - end >= 0);
    }
}
