package dev.penstock.benchmarks;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.config.DnsConfig;
import dev.penstock.routing.DnsRouter;
import dev.penstock.routing.OwnAddresses;
import dev.penstock.routing.Route;
import dev.penstock.routing.Router;
import dev.penstock.routing.ZoneServer;

/** What does the route of a domain cost that is in the cache? The last answer is in gateway/docs/benchmarks.md. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class MxCacheBenchmark {
    private static final int DOMAINS = 1024;
    private static final int HOSTS = 8;
    private static final Duration LONGER_THAN_A_RUN = Duration.ofHours(1);

    private final String[] domains = new String[DOMAINS];
    private final ExecutorService lookUps = Executors.newVirtualThreadPerTaskExecutor();
    private @Nullable ZoneServer dns;
    private @Nullable Router router;
    private int next;

    @Setup(Level.Trial)
    public void fill() throws Exception {
        ZoneServer zone = new ZoneServer(0).ttl(LONGER_THAN_A_RUN.toSeconds());
        dns = zone;
        for (int host = 0; host < HOSTS; host++) {
            zone.address("mx" + host + ".test", "127.0.1." + (host + 1));
        }
        for (int i = 0; i < DOMAINS; i++) {
            domains[i] = String.format(Locale.ROOT, "d%04d.test", i);
            zone.mx(domains[i], 10, "mx" + i % HOSTS + ".test");
        }
        zone.start();
        DnsConfig usual = DnsConfig.DEFAULT;
        DnsConfig config = usual.with(DnsConfig.SERVERS, List.of(zone.server()))
                .with(DnsConfig.MIN_TTL, LONGER_THAN_A_RUN).with(DnsConfig.IGNORE_NETWORKS, List.of());
        Router filled = new DnsRouter(Map.of(), config, 25, OwnAddresses.NONE, System::nanoTime, lookUps,
                DnsRouter.SHARED_RANDOM);
        for (String domain : domains) {
            if (!(filled.route(domain).get(1, TimeUnit.MINUTES) instanceof Route.Hosts)) {
                throw new IllegalStateException("no route to " + domain);
            }
        }
        router = filled;
    }

    @TearDown(Level.Trial)
    public void close() {
        if (dns != null) {
            dns.close();
        }
        lookUps.close();
    }

    @Benchmark
    public @Nullable Route hit() {
        return router == null ? null : router.route(domains[next++ & DOMAINS - 1]).getNow(null);
    }
}
