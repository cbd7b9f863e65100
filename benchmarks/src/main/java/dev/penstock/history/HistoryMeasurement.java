package dev.penstock.history;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

import com.sun.management.OperatingSystemMXBean;

import dev.penstock.config.EventsConfig;
import dev.penstock.config.EventsConfig.Compression;
import dev.penstock.config.HistoryConfig;
import dev.penstock.events.DeliveryLog;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageEvent.Client;
import dev.penstock.message.MessageEvent.Meaning;
import dev.penstock.message.MessageEvent.Peer;
import dev.penstock.message.MessageEvent.Response;
import dev.penstock.message.MessageId;
import dev.penstock.units.ByteSize;

/**
 * What does the index of the delivery log cost per event and how fast does it answer? A program of its own: {@code generate}
 * writes a log of so many events, {@code index} makes an index of it in one go, {@code search} asks it, {@code follow} writes
 * events at a rate and tells the lag, to who asks so often. The last answer is in gateway/docs/message-story.md.
 */
public final class HistoryMeasurement {
    private static final int TENANTS = 100;
    private static final int DOMAINS = 10_000;
    private static final int SEARCHES = 50;
    private static final double NANOS_PER_MICRO = 1_000;
    private static final double NANOS_PER_MILLI = 1_000_000;
    private static final OperatingSystemMXBean SYSTEM = ManagementFactory
            .getPlatformMXBean(OperatingSystemMXBean.class);

    private HistoryMeasurement() {}

    /**
     * @param arguments what to do, the directory, and a number: of events, or of events a second; of follow, how many
     *                  milliseconds lie between two who search, none of whom there is otherwise
     */
    public static void main(String[] arguments) throws IOException {
        Locale.setDefault(Locale.ROOT);
        Path directory = Path.of(arguments[1]);
        long number = arguments.length > 2 ? Long.parseLong(arguments[2]) : 0;
        switch (arguments[0]) {
            case "generate" -> generate(directory, number);
            case "index" -> index(directory);
            case "search" -> search(directory, number);
            case "follow" -> follow(directory, number, arguments.length > 3 ? Long.parseLong(arguments[3]) : 0);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /** A message is received and delivered or bounced; every tenth delivery is tried twice. */
    static MessageEvent event(long number, long millis) {
        long message = number / 2;
        boolean received = number % 2 == 0;
        SplittableRandom random = new SplittableRandom(message);
        int tenant = random.nextInt(TENANTS);
        int domain = (int) (DOMAINS * Math.pow(random.nextDouble(), 4)); // few have most of the mail
        String recipient = "somebody." + message + "@customers" + domain + ".example";
        String name = "tenant" + tenant;
        MessageEvent.Type type = received
                ? MessageEvent.Type.RECEPTION
                : message % 10 == 3
                        ? MessageEvent.Type.TRANSIENT_FAILURE
                        : message % 50 == 7 ? MessageEvent.Type.BOUNCE : MessageEvent.Type.DELIVERY;
        return new MessageEvent(type, new MessageId(millis - 500 << MessageId.MILLIS_SHIFT | message % 1_048_576),
                "bounce+" + message + "@news.tenant" + tenant + ".example", List.of(recipient),
                "customers" + domain + ".example", name, "autumn" + random.nextInt(3),
                received ? "" : "default->(mx1|mx2).customers" + domain + ".example", 40_960,
                new Response(
                        type == MessageEvent.Type.TRANSIENT_FAILURE
                                ? 450
                                : type == MessageEvent.Type.BOUNCE ? 550 : 250,
                        "2.0.0",
                        "Ok: queued as 4XyZ" + Long.toString(random.nextLong() & Long.MAX_VALUE, 36), "."),
                new Peer("mx1.customers" + domain + ".example", "192.0.2." + domain % 256),
                received ? "10.0.0.1:25" : "10.0.0.1", millis, millis - 500, 0, received ? "ESMTPSA" : "ESMTPS",
                "01K3SESSION" + random.nextInt(10_000), new MessageEvent.Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
                received
                        ? new Client(name, "app" + tenant + ".example", "submission",
                                "<" + Long.toString(random.nextLong() & Long.MAX_VALUE, 36) + "@" + name + ".example>")
                        : new Client(name, "app" + tenant + ".example", "", ""),
                "", received ? "" : "default", Meaning.NONE);
    }

    private static EventsConfig events(Path directory, Compression compression) {
        return EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, directory.resolve("log"))
                .with(EventsConfig.COMPRESSION, compression);
    }

    private static HistoryConfig config(Path directory) {
        return HistoryConfig.DEFAULT.with(HistoryConfig.DIRECTORY, directory.resolve("history"))
                .with(HistoryConfig.MAX_SIZE, ByteSize.parse("4 GB"));
    }

    private static void generate(Path directory, long count) throws IOException {
        long now = System.currentTimeMillis();
        try (DeliveryLog log = new DeliveryLog(events(directory, Compression.ZSTD), "node", InstantSource.system())) {
            for (long i = 0; i < count; i++) {
                log.on(event(i, now - (count - i) / 10));
                while (log.stats().pending() > 20_000) {
                    LockSupport.parkNanos(1_000_000);
                }
            }
        }
        System.out.printf("%,d events, %,d octets of log%n", count, octets(directory.resolve("log")));
    }

    private static void index(Path directory) throws IOException {
        long cpu = SYSTEM.getProcessCpuTime();
        long begin = System.nanoTime();
        HistoryStats done = History.rebuild(config(directory), directory.resolve("log"), InstantSource.system(),
                _ -> {});
        long took = System.nanoTime() - begin;
        cpu = SYSTEM.getProcessCpuTime() - cpu;
        System.out.printf("%,d events: %.2f us CPU each (all threads), %,d/s, %.1f octets each, %d partitions%n",
                done.events(), cpu / NANOS_PER_MICRO / done.events(),
                (long) (done.events() / (took / 1e9)), (double) octets(directory.resolve("history")) / done.events(),
                done.partitions());
    }

    private static void search(Path directory, long count) throws IOException {
        try (History history = History.read(config(directory), directory.resolve("log"))) {
            SplittableRandom random = new SplittableRandom(1);
            for (String kind : List.of("warm up", "recipient", "domain", "sender", "tenant and bounces",
                    "an hour", "unknown recipient")) {
                long[] times = new long[SEARCHES];
                int found = 0;
                for (int i = 0; i < SEARCHES; i++) {
                    MessageEvent event = event(random.nextLong(count), 0);
                    Query query = query(kind, event);
                    long begin = System.nanoTime();
                    found += history.search(query, 50, null).items().size();
                    times[i] = System.nanoTime() - begin;
                }
                Arrays.sort(times);
                System.out.printf("%-20s %5.1f found, ms: median %.1f, p90 %.1f, most %.1f%n", kind,
                        (double) found / SEARCHES, times[SEARCHES / 2] / NANOS_PER_MILLI,
                        times[SEARCHES * 9 / 10] / NANOS_PER_MILLI, times[SEARCHES - 1] / NANOS_PER_MILLI);
            }
        }
    }

    private static Query query(String kind, MessageEvent event) {
        String recipient = event.recipients().getFirst();
        return switch (kind) {
            case "domain" -> new Query(null, event.domain(), null, null, null, null, null, null, null, Set.of());
            case "sender" -> new Query(null, null, event.sender(), null, null, null, null, null, null,
                    Set.of());
            case "tenant and bounces" -> new Query(null, null, null, null, event.tenant(), null, null, null, null,
                    Set.of(MessageEvent.Type.BOUNCE));
            case "an hour" -> new Query(null, null, null, null, null, null, null,
                    java.time.Instant.now().minus(Duration.ofHours(1)), null, Set.of());
            case "unknown recipient" -> new Query("x" + recipient, null, null, null, null, null, null, null, null,
                    Set.of());
            default -> new Query(recipient, null, null, null, null, null, null, null, null, Set.of());
        };
    }

    /** Until an event is found that has just happened. */
    private static long lag(History history, long number) {
        long begin = System.nanoTime();
        Query query = query("recipient", event(number, 0));
        while (history.search(query, 1, null).items().isEmpty()) {
            LockSupport.parkNanos(10_000_000);
        }
        return System.nanoTime() - begin;
    }

    private static void follow(Path directory, long rate, long every) throws IOException {
        InstantSource clock = InstantSource.system();
        EventsConfig events = events(directory, Compression.NONE);
        try (History history = History.open(config(directory), events.directory(), clock);
                DeliveryLog log = new DeliveryLog(events, "node", clock)) {
            long begin = System.nanoTime();
            long sent = 0;
            AtomicLong newest = new AtomicLong();
            List<Long> lags = Collections.synchronizedList(new ArrayList<>());
            AtomicBoolean over = new AtomicBoolean();
            if (every > 0) {
                Thread.ofPlatform().daemon().start(() -> {
                    while (!over.get()) {
                        LockSupport.parkNanos(Duration.ofMillis(every).toNanos());
                        if (history.stats().events() > 0) { // the index is open
                            lags.add(lag(history, newest.get()));
                        }
                    }
                });
            }
            long worst = 0;
            long shown = begin;
            long indexed = 0;
            long cpu = 0;
            for (long now = begin; now - begin < Duration.ofSeconds(60).toNanos(); now = System.nanoTime()) {
                for (long due = (now - begin) * rate / 1_000_000_000; sent < due; sent++) {
                    log.on(event(sent, clock.millis()));
                    newest.set(sent);
                }
                worst = Math.max(worst, history.stats().lagMillis());
                if (now - shown > Duration.ofSeconds(10).toNanos()) {
                    HistoryStats stats = history.stats();
                    long spent = cpuOf("history-index");
                    System.out.printf("%,d events/s indexed, lag %d ms, worst %d ms, %.2f us CPU of its thread each%n",
                            (stats.events() - indexed) / 10, stats.lagMillis(), worst,
                            (spent - cpu) / NANOS_PER_MICRO / (stats.events() - indexed));
                    indexed = stats.events();
                    cpu = spent;
                    worst = 0;
                    shown = now;
                }
                LockSupport.parkNanos(2_000_000);
            }
            over.set(true);
            List<Long> sorted = new ArrayList<>(lags).stream().sorted().toList();
            if (!sorted.isEmpty()) {
                System.out.printf(
                        "%d searches for what has just happened, found after ms: median %.0f, p99 %.0f, most %.0f%n",
                        sorted.size(), sorted.get(sorted.size() / 2) / NANOS_PER_MILLI,
                        sorted.get(sorted.size() * 99 / 100) / NANOS_PER_MILLI, sorted.getLast() / NANOS_PER_MILLI);
            }
            System.out.printf("%.1f octets of index each, %,d events%n",
                    (double) octets(directory.resolve("history")) / sent, sent);
        }
    }

    private static long cpuOf(String name) {
        var threads = ManagementFactory.getThreadMXBean();
        return Arrays.stream(threads.getAllThreadIds()).filter(id -> {
            var info = threads.getThreadInfo(id);
            return info != null && info.getThreadName().equals(name);
        }).map(threads::getThreadCpuTime).sum();
    }

    private static long octets(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
        }
    }
}
