package dev.penstock.http;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.AdminConfig;
import dev.penstock.config.HttpConfig;
import dev.penstock.tls.ServerTls;
import dev.penstock.units.Networks;

/** The port of those who look after the gateway: people, scrapers, probes. Stateless. */
public final class OperatorPort {
    private static final HttpServer.Times TIMES = new HttpServer.Times(
            Duration.ofMinutes(2), // above the usual scrape interval of 1 min
            Duration.ofSeconds(10));
    /** A few scrapers and probes. One client's don't shut out the others, all together leave SMTP its descriptors. */
    private static final ConnectionGate.Limits LIMITS = new ConnectionGate.Limits(100, 25, Networks.parse(List.of()));

    private OperatorPort() {}

    /**
     * The port of the administration API's own.
     *
     * @param tls asked for each connection; gives null for none
     */
    public static HttpServer.Port of(AdminConfig config, Supplier<@Nullable ServerTls> tls) {
        return new HttpServer.Port("admin-port", new InetSocketAddress(config.address(), config.port()), TIMES,
                ConnectionGate.forOperators("admin-port"), () -> LIMITS, tls);
    }

    public static HttpServer.Port of(HttpConfig config) {
        return HttpServer.Port.inClear("http", config.address(), config.port(), TIMES,
                ConnectionGate.forOperators("http"), () -> LIMITS);
    }
}
