package dev.penstock.routing;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;

import dev.penstock.config.DnsConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.testing.FakeDns;
import dev.penstock.testing.ManualTicker;
import dev.penstock.testing.Patience;

/** One router over one fake DNS server, with a clock moved by hand. Confined to a test. */
final class Routers implements AutoCloseable {
    static final int SMTP_PORT = 2526;
    static final OwnAddresses OWN = new OwnAddresses(Set.of("gateway.example"),
            List.of(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), SMTP_PORT),
                    new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 2525)));
    /** For servers that answer, however busy the machine is. */
    static final DnsConfig CONFIG = DnsConfig.DEFAULT.with(DnsConfig.TIMEOUT, Duration.ofSeconds(20))
            .with(DnsConfig.DEADLINE, Duration.ofSeconds(50)).with(DnsConfig.MAX_IN_FLIGHT, 32)
            .with(DnsConfig.CACHE_SIZE, 10_000).with(DnsConfig.MAX_TTL, Duration.ofHours(1))
            .with(DnsConfig.NEGATIVE_TTL, Duration.ofMinutes(10)).with(DnsConfig.STALE_TTL, Duration.ofMinutes(30))
            .with(DnsConfig.IGNORE_NETWORKS, List.of());
    /** For servers that are silent whatever they are asked: time-outs pass in real time. */
    static final DnsConfig IMPATIENT = CONFIG.with(DnsConfig.TIMEOUT, Duration.ofMillis(200));

    final FakeDns dns = new FakeDns().start();
    final ManualTicker ticker = new ManualTicker();
    final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    final RandomGenerator random = synchronizedRandom(42);
    DnsRouter router;

    Routers() {
        this(Map.of());
    }

    Routers(Map<String, RouteConfig> routes) {
        router = new DnsRouter(routes, config(CONFIG), SMTP_PORT, OWN, ticker, executor, random);
    }

    /** With {@code config}'s limits, and this server where it names none. */
    Routers(DnsConfig config) {
        router = new DnsRouter(Map.of(), config(config), SMTP_PORT, OWN, ticker, executor, random);
    }

    /** With each task that the router starts wrapped. */
    Routers(DnsConfig config, UnaryOperator<Runnable> wrapping) {
        router = new DnsRouter(Map.of(), config(config), SMTP_PORT, OWN, ticker,
                task -> executor.execute(wrapping.apply(task)), random);
    }

    DnsConfig config(DnsConfig limits) {
        return limits.with(DnsConfig.SERVERS, limits.servers().isEmpty() ? List.of(dns.server()) : limits.servers());
    }

    Route route(String domain) {
        return router.route(domain).orTimeout(Patience.LONG.toSeconds(), TimeUnit.SECONDS).join();
    }

    Route.Hosts hosts(String domain) {
        Route route = route(domain);
        if (route instanceof Route.Hosts hosts) {
            return hosts;
        }
        throw new AssertionError("expected hosts for " + domain + " instead of " + route);
    }

    Route.Failure failure(String domain) {
        Route route = route(domain);
        if (route instanceof Route.Failure failure) {
            return failure;
        }
        throw new AssertionError("expected a failure for " + domain + " instead of " + route);
    }

    /** As {@code name/address:port}. */
    List<String> targets(String domain) {
        return hosts(domain).hosts().stream()
                .map(host -> host.name() + "/" + host.addressText() + ":" + host.port()).toList();
    }

    void advance(Duration duration) {
        ticker.advance(duration);
    }

    @Override
    public void close() {
        dns.close();
        executor.shutdownNow();
    }

    private static RandomGenerator synchronizedRandom(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return () -> {
            synchronized (random) {
                return random.nextLong();
            }
        };
    }
}
