package dev.penstock.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What the limits of a configuration add up to, of something that there is only so much of. Each limit holds by itself; only
 * the sum says whether all can be used up at one time.
 *
 * @param lines one for each limit, none twice
 */
public record Budget(List<Line> lines) {
    private static final int PERCENT = 100;
    /** What waits for a segment, a merge's buffers, what one search finds. */
    private static final long HISTORY = 32 << 20;
    private static final int NAMED = 5;
    private static final int HEAP_PERCENT = 90;
    /** Of the heap, for queued mail that nobody has said a limit for, whatever the others leave. */
    private static final int LEAST_QUEUE_PERCENT = 10;

    /** Octets that a session to a host takes in clear. */
    public static final int OUTBOUND_SESSION = 24 << 10;
    /**
     * Octets that TLS adds, when records of 16 KB went each way: a thousand such connections took 75 KB each, sockets
     * included, and 12 KB before anything was sent (Java 25, compact headers).
     */
    public static final int OUTBOUND_TLS = 72 << 10;

    /** A session in clear: its state, an envelope of 2 KB, a line of input. */
    private static final long INBOUND_SESSION = 5 << 10;
    /** What TLS adds: two ciphers with their keys, the session, Netty's handler. */
    private static final long INBOUND_TLS = 6 << 10;
    private static final long CLIENT = 200;
    private static final long KEY = 120;
    /** Bad hosts, passwords found right, answers of stores, TLS sessions to resume, DNS answers being read. */
    private static final long FIXED = 60 << 20;

    /** Of local stores' own sessions there is one for so many others. */
    private static final int LOCAL_SHARE = 10;
    private static final int METRICS_CONNECTIONS = 100;
    /** Segments of the spool, jars, logs, event loops, call-outs. */
    private static final int OTHER_FILES = 512;

    /**
     * A limit.
     *
     * @param key    its name in the file, or in words what has none
     * @param amount octets, or descriptors
     */
    public record Line(String key, long amount) {}

    public Budget {
        lines = List.copyOf(lines);
    }

    /** Octets of heap, but for queued mail, which has no limit. */
    public static Budget heap(GatewayConfig config) {
        InboundConfig inbound = config.inbound();
        boolean tls = config.listeners().stream().anyMatch(one -> one.tls().mode() != ListenerTls.Mode.NONE);
        List<Line> lines = new ArrayList<>();
        lines.add(new Line("inbound.memory-limit", inbound.memoryLimit().bytes()));
        lines.add(new Line("inbound.max-sessions",
                inbound.maxSessions() * (INBOUND_SESSION + (tls ? INBOUND_TLS : 0))));
        lines.add(new Line("inbound.clients.max-clients", inbound.clients().maxClients() * CLIENT));
        lines.add(new Line("spool.cache-size", config.spool().cacheSize().bytes()));
        lines.add(new Line("spool.max-waiting", config.spool().maxWaiting().bytes()));
        lines.add(new Line("dns.cache-size", 2 * config.dns().cacheOctets() + config.dns().recordOctets()));
        lines.add(new Line("delivery.memory-limit", config.delivery().memoryLimit().bytes()));
        lines.add(new Line("events.max-pending", config.events().maxPendingOctets()));
        if (config.injection().enabled()) {
            lines.add(new Line("injection.memory-limit", config.injection().memoryLimit().bytes()));
            lines.add(new Line("injection.max-keys", config.injection().maxKeys() * KEY));
        }
        if (config.history().enabled()) {
            lines.add(new Line("history.enabled", HISTORY));
        }
        long queue = config.queue().memoryLimit().bytes();
        if (queue > 0) {
            lines.add(new Line("queue.memory-limit", queue));
        }
        lines.add(new Line("all that has no key", FIXED));
        return new Budget(lines);
    }

    /**
     * Octets of heap that queued mail may take.
     *
     * @param heap all of it
     */
    public static long forQueue(GatewayConfig config, long heap) {
        long chosen = config.queue().memoryLimit().bytes();
        return chosen > 0
                ? chosen
                : Math.max(heap / PERCENT * HEAP_PERCENT - heap(config).sum(), heap / PERCENT * LEAST_QUEUE_PERCENT);
    }

    /** Sessions to hosts that {@code delivery.memory-limit} has room for when all are under TLS and hold nothing else. */
    public static long sessionsUnderTls(GatewayConfig config) {
        return config.delivery().memoryLimit().bytes() / (OUTBOUND_SESSION + OUTBOUND_TLS);
    }

    /** Whether the limits leave what the collector needs, and what is made and thrown away. */
    public boolean fitsHeap(long heap) {
        return fits(heap, HEAP_PERCENT);
    }

    /** File descriptors. */
    public static Budget descriptors(GatewayConfig config) {
        int sessions = config.delivery().maxSessions();
        List<Line> lines = new ArrayList<>();
        lines.add(new Line("inbound.max-sessions", config.inbound().maxSessions()));
        lines.add(new Line("delivery.max-sessions", sessions + Math.max(1, sessions / LOCAL_SHARE)));
        lines.add(new Line("dns.max-in-flight", config.dns().maxInFlight()));
        if (config.injection().enabled()) {
            lines.add(new Line("injection.max-connections", config.injection().maxConnections()));
        }
        lines.add(new Line("connections for metrics", METRICS_CONNECTIONS));
        lines.add(new Line("files", OTHER_FILES));
        return new Budget(lines);
    }

    public long sum() {
        return lines.stream().mapToLong(Line::amount).sum();
    }

    /** Whether the sum is within so many percent of what there is. */
    public boolean fits(long available, int percent) {
        return sum() <= available / PERCENT * percent;
    }

    /** The largest limits by name with their amounts, the largest first. */
    public String largest(long unit) {
        return lines.stream().sorted(Comparator.comparingLong(Line::amount).reversed()).limit(NAMED)
                .map(line -> line.key + " " + line.amount / unit).collect(Collectors.joining(", "));
    }
}
