package dev.penstock.demo;

import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.Penstock;
import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.DnsConfig;
import dev.penstock.config.EventsConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.HttpConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.loadgen.Behaviour;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.loadgen.SinkReport;
import dev.penstock.queue.QueueStats;
import dev.penstock.routing.ZoneServer;
import dev.penstock.units.Rate;

/** One run of the demo. Confined to the calling thread; its parts have threads of their own. */
final class Demo {
    private static final int DOMAINS = 100;
    private static final int HOSTS = 8;
    /** A ninth host, slow, for one domain alone: it must not delay the others. */
    private static final int SLOW_HOST = HOSTS + 1;
    private static final String SLOW_DOMAIN = "d100.test";
    /** Fewer than the gateway takes in one session by default. */
    private static final int MESSAGES_PER_SESSION = 5_000;
    private static final String SENDER_DOMAIN = "penstock.test";
    /** Domains whose host misbehaves, so that there is something to see: the sink's words for it. */
    private static final Map<String, String> UNRULY = Map.of("d098.test", "bounce=5%", "d099.test", "defer=20%",
            SLOW_DOMAIN, "dot-delay=200ms");
    private static final String THROTTLED_DOMAIN = "d097.test";
    private static final String THROTTLE = "20/s";
    private static final Duration RETRY = Duration.ofSeconds(3);
    private static final Duration DRAIN = Duration.ofSeconds(15);
    private static final int HEADER_EVERY = 15;
    private static final int BUSIEST = 3;

    private final Options options;
    private final PrintStream out;
    private Map<String, Long> receivedBefore = Map.of();
    private long acceptedBefore;
    private long deliveredBefore;
    private int lines;

    /** @param directory null for a new one that is removed at the end */
    record Options(Duration duration, int sessions, double rate, String sizes, @Nullable Path directory) {}

    Demo(Options options, PrintStream out) {
        this.options = options;
        this.out = out;
    }

    DemoResult run() throws IOException, InterruptedException {
        Path directory = options.directory == null
                ? Files.createTempDirectory(Path.of("").toAbsolutePath(), "penstock-demo-")
                : Files.createDirectories(options.directory);
        try {
            return run(directory);
        } finally {
            if (options.directory == null) {
                delete(directory);
            }
        }
    }

    private DemoResult run(Path directory) throws IOException, InterruptedException {
        int port = freePort();
        SinkOptions.Builder sinkOptions = SinkOptions.on(IntStream.rangeClosed(1, SLOW_HOST)
                .mapToObj(host -> new InetSocketAddress(hostAddress(host), port)).toArray(InetSocketAddress[]::new));
        UNRULY.forEach((domain, words) -> sinkOptions.behave(domain, Behaviour.parse(words)));
        try (Sink sink = Sink.start(sinkOptions.build()); ZoneServer zone = zone()) {
            Penstock penstock = Penstock.start(config(directory, zone.server(), port));
            LoadReport sent;
            double deliveredRate;
            try {
                sent = load(directory, port, sink, zone, penstock);
                deliveredRate = sink.report().deliveries() * 1e9 / options.duration.toNanos();
                drain(sent, sink, penstock);
            } finally {
                penstock.close();
            }
            // Counted after the stop: a message on its way would be with the sink and in the queue.
            return DemoResult.of(sent, sink.report(), penstock.deliveryStats(), penstock.queueStats(), deliveredRate);
        }
    }

    private LoadReport load(Path directory, int port, Sink sink, ZoneServer zone, Penstock penstock)
            throws IOException, InterruptedException {
        InetSocketAddress gateway = penstock.smtpAddresses().getFirst();
        out.printf(Locale.ROOT, """
                    gateway   %s, spool in %s, every 250 after a sync
                    sink      %d hosts on 127.0.1.1 to 127.0.1.%d, port %d
                    DNS       %s, %d domains
                    unruly    %s, and %s throttled to %s
                    load      %d sessions, %s, for %d s%n%n""", hostPort(gateway), directory, SLOW_HOST, SLOW_HOST,
                port,
                zone.server(), DOMAINS,
                UNRULY.entrySet().stream().sorted(Map.Entry.comparingByKey())
                        .map(each -> each.getKey() + " " + each.getValue()).collect(Collectors.joining(", ")),
                THROTTLED_DOMAIN, THROTTLE, options.sessions, options.sizes, options.duration.toSeconds());
        LoadGenerator load = new LoadGenerator(LoadOptions.to(gateway).sessions(options.sessions)
                .duration(options.duration).rate(options.rate).sizes(options.sizes).domains("d{001..100}.test")
                .messagesPerSession(MESSAGES_PER_SESSION)
                .sender("bounces@" + SENDER_DOMAIN).eightBit(0.1).build());
        return load.run(report -> show(report, sink.report(), penstock));
    }

    /** Waits until only mail is left that waits for its retry or its throttle, or until the patience is over. */
    private void drain(LoadReport sent, Sink sink, Penstock penstock) throws InterruptedException {
        long end = System.nanoTime() + DRAIN.toNanos();
        out.println("load has ended, the queue drains");
        while (penstock.queueStats().queued() > 0 && System.nanoTime() - end < 0) {
            Thread.sleep(Duration.ofSeconds(1));
            show(sent, sink.report(), penstock);
        }
    }

    private void show(LoadReport load, SinkReport sink, Penstock penstock) {
        if (lines++ % HEADER_EVERY == 0) {
            out.println("accepted      /s  delivered      /s  deferred  bounced   queued  ready  retry"
                    + "   accept p50   p99 ms  transit p50   p99 ms  busiest domains /s");
        }
        QueueStats queue = penstock.queueStats();
        Map<String, Long> received = sink.domains().entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, each -> each.getValue().received()));
        long delivered = sink.deliveries();
        out.printf(Locale.ROOT, "%8d  %6d  %9d  %6d  %8d  %7d  %7d  %5d  %5d   %10.1f  %7.1f  %11.1f  %7.1f  %s%n",
                load.accepted(), load.accepted() - acceptedBefore, delivered, delivered - deliveredBefore,
                sink.deferred(), sink.bounced(), queue.queued(), queue.ready(), queue.scheduled(),
                millis(load.accept().p50()), millis(load.accept().p99()), millis(sink.transit().p50()),
                millis(sink.transit().p99()), busiest(received));
        acceptedBefore = load.accepted();
        deliveredBefore = delivered;
        receivedBefore = received;
    }

    private String busiest(Map<String, Long> received) {
        return received.entrySet().stream()
                .map(each -> Map.entry(each.getKey(),
                        each.getValue() - receivedBefore.getOrDefault(each.getKey(), 0L)))
                .filter(each -> each.getValue() > 0)
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(Map.Entry.comparingByKey()))
                .limit(BUSIEST).map(each -> each.getKey() + " " + each.getValue()).collect(Collectors.joining(", "));
    }

    private static GatewayConfig config(Path directory, String dns, int port) {
        SpoolConfig spool = SpoolConfig.DEFAULT;
        DnsConfig names = DnsConfig.DEFAULT;
        DeliveryConfig delivery = DeliveryConfig.DEFAULT;
        QueueConfig queue = QueueConfig.DEFAULT;
        EventsConfig events = EventsConfig.DEFAULT;
        TrafficLimits limits = TrafficLimits.DEFAULT;
        TrafficLimits throttled = limits.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse(THROTTLE))
                .with(TrafficLimits.MAX_CONNECTION_RATE, null);
        return GatewayConfig.embedded("gateway." + SENDER_DOMAIN)
                .with(GatewayConfig.LISTENERS, List.of(ListenerConfig.at("127.0.0.1", 0)))
                .with(GatewayConfig.SPOOL, spool.with(SpoolConfig.DIRECTORY, directory.resolve("spool")))
                .with(GatewayConfig.DNS,
                        names.with(DnsConfig.SERVERS, List.of(dns)).with(DnsConfig.IGNORE_NETWORKS, List.of()))
                .with(GatewayConfig.QUEUE,
                        queue.with(QueueConfig.RETRY_INTERVAL, RETRY).with(QueueConfig.MAX_RETRY_INTERVAL, RETRY)
                                .with(QueueConfig.RETRY_INTERVALS, List.of()))
                .with(GatewayConfig.DELIVERY, delivery.with(DeliveryConfig.PORT, port))
                .with(GatewayConfig.SHAPING, new ShapingConfig(limits, Map.of(THROTTLED_DOMAIN, throttled)))
                .with(GatewayConfig.EVENTS,
                        events.with(EventsConfig.DIRECTORY, directory.resolve("log"))
                                .with(EventsConfig.MAX_FILE_AGE, Duration.ZERO).with(EventsConfig.REJECTION_RATE, null))
                .with(GatewayConfig.HTTP, new HttpConfig("127.0.0.1", 0));
    }

    private static ZoneServer zone() {
        ZoneServer zone = new ZoneServer(0);
        for (int host = 1; host <= SLOW_HOST; host++) {
            zone.address(hostName(host), hostAddress(host).getHostAddress());
        }
        for (int domain = 1; domain <= DOMAINS; domain++) {
            String name = String.format(Locale.ROOT, "d%03d.test", domain);
            zone.mx(name, 10, hostName(name.equals(SLOW_DOMAIN) ? SLOW_HOST : domain % HOSTS + 1));
        }
        zone.mx(SENDER_DOMAIN, 10, hostName(1));
        return zone.start();
    }

    private static String hostName(int host) {
        return "mx" + host + ".hosts.test";
    }

    private static InetAddress hostAddress(int host) {
        return InetAddress.ofLiteral("127.0.1." + host);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, hostAddress(1))) {
            return socket.getLocalPort();
        }
    }

    private static String hostPort(InetSocketAddress address) {
        return address.getAddress().getHostAddress() + ":" + address.getPort();
    }

    private static double millis(long micros) {
        return micros / 1000.0;
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
