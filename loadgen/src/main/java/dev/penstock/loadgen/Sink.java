package dev.penstock.loadgen;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

import com.sun.management.OperatingSystemMXBean;
import org.jspecify.annotations.Nullable;

import dev.penstock.loadgen.twin.TwinReport;

/**
 * A receiving SMTP server that checks every message of the generator and can misbehave on request. Thread-safe;
 * sessions are confined to the sink's loops.
 */
public final class Sink implements AutoCloseable {
    private static final int BACKLOG = 1024;
    private static final OperatingSystemMXBean PROCESS = ManagementFactory
            .getPlatformMXBean(OperatingSystemMXBean.class);

    final SinkOptions options;
    final Behaviours behaviours = new Behaviours();
    final Deliveries received = new Deliveries();
    final Map<String, DomainTable.Counters> domains = DomainTable.sharedCounters();
    final LongAdder connections = new LongAdder();
    final LongAdder open = new LongAdder();
    final LongAdder messages = new LongAdder();
    final LongAdder deliveries = new LongAdder();
    final LongAdder foreign = new LongAdder();
    final LongAdder octets = new LongAdder();
    final LongAdder counted = new LongAdder();
    final @Nullable DeliveryLog log;
    final SinkTwins twins;
    volatile long lastMicros;

    private final AtomicLong firstMicros = new AtomicLong();
    private final List<SinkWorker> workers = new ArrayList<>();
    private final List<InetSocketAddress> addresses = new ArrayList<>();
    private volatile long cpuNanosBefore;
    private int nextWorker; // confined to the first worker's loop, the one that accepts

    private Sink(SinkOptions options) throws IOException {
        this.options = options;
        behaviours.replace(options.behaviours());
        twins = new SinkTwins(options.twins(), options.twinSeed());
        log = options.received() == null ? null : new DeliveryLog(options.received());
        for (int i = 0; i < options.threads(); i++) {
            workers.add(new SinkWorker(this, i));
        }
    }

    /** Listens on all addresses before it returns. */
    public static Sink start(SinkOptions options) throws IOException {
        Sink sink = new Sink(options);
        try {
            for (InetSocketAddress address : options.listen()) {
                sink.bind(address);
            }
        } catch (IOException e) {
            sink.close();
            throw e;
        }
        sink.workers.forEach(SinkWorker::start);
        return sink;
    }

    /** Where it listens, in the order of the options, with the ports really taken. */
    public List<InetSocketAddress> addresses() {
        return List.copyOf(addresses);
    }

    /** Changes how a recipient domain, a listen address or, as {@code *}, everything else is treated from now on. */
    public void behave(String key, Behaviour behaviour) {
        behaviours.put(key, behaviour);
    }

    /** As {@link #behave}, for all keys at once; keys not named are forgotten. */
    public void behave(Map<String, Behaviour> all) {
        behaviours.replace(all);
    }

    public Deliveries received() {
        return received;
    }

    public SinkReport report() {
        Map<String, SinkReport.DomainCount> byDomain = new HashMap<>();
        long deferred = 0;
        long bounced = 0;
        long dropped = 0;
        for (Map.Entry<String, DomainTable.Counters> each : domains.entrySet()) {
            DomainTable.Counters counters = each.getValue();
            SinkReport.DomainCount count = new SinkReport.DomainCount(counters.received.sum(), counters.deferred.sum(),
                    counters.bounced.sum(), counters.dropped.sum());
            byDomain.put(each.getKey(), count);
            deferred += count.deferred();
            bounced += count.bounced();
            dropped += count.dropped();
        }
        long first = firstMicros.get();
        Duration cpu = first == 0 ? Duration.ZERO : Duration.ofNanos(PROCESS.getProcessCpuTime() - cpuNanosBefore);
        return new SinkReport(connections.sum(), open.sum(), messages.sum(), deliveries.sum(), foreign.sum(), deferred,
                bounced, dropped, octets.sum(), counted.sum(), first, lastMicros,
                Latency.of(workers.stream().map(SinkWorker::transit).toList()), cpu, byDomain, received);
    }

    /** What its twins have seen so far, for each source one. */
    public List<TwinReport> twinReports() {
        return twins.reports();
    }

    /** Closes every session; what was received is in the log afterwards. Safe to call twice. */
    @Override
    public void close() throws IOException {
        workers.forEach(SinkWorker::close);
        if (log != null) {
            log.close();
        }
    }

    void countFrom(long micros) {
        if (firstMicros.get() == 0 && firstMicros.compareAndSet(0, micros)) {
            cpuNanosBefore = PROCESS.getProcessCpuTime();
        }
    }

    private void bind(InetSocketAddress address) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.configureBlocking(false);
        server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
        SinkWorker acceptor = workers.getFirst();
        acceptor.loop.register(server, SelectionKey.OP_ACCEPT, new Acceptor(server));
        server.bind(address, BACKLOG);
        addresses.add((InetSocketAddress) server.getLocalAddress());
    }

    private final class Acceptor implements NioLoop.Handler {
        private final ServerSocketChannel server;

        Acceptor(ServerSocketChannel server) {
            this.server = server;
        }

        @Override
        public void ready(SelectionKey key) throws IOException {
            for (SocketChannel channel = server.accept(); channel != null; channel = server.accept()) {
                connections.increment();
                SinkWorker worker = workers.get(nextWorker++ % workers.size());
                if (worker == workers.getFirst()) {
                    worker.open(channel);
                } else {
                    SocketChannel handed = channel;
                    worker.loop.execute(() -> worker.open(handed));
                }
            }
        }

        @Override
        public void failed(IOException cause) {
            // out of descriptors, or the peer has gone: the next one may fare better
        }
    }
}
