package dev.penstock.http;

import java.time.Duration;
import java.util.List;

import dev.penstock.config.HttpConfig;
import dev.penstock.units.Networks;

/** The port of those who look after the gateway: people, scrapers, probes. Stateless. */
public final class OperatorPort {
    private static final HttpServer.Times TIMES = new HttpServer.Times(
            Duration.ofMinutes(2), // above the usual scrape interval of 1 min
            Duration.ofSeconds(10));
    /** A few scrapers and probes. One client's don't shut out the others, all together leave SMTP its descriptors. */
    private static final ConnectionGate.Limits LIMITS = new ConnectionGate.Limits(100, 25, Networks.parse(List.of()));

    private OperatorPort() {}

    public static HttpServer.Port of(HttpConfig config) {
        return HttpServer.Port.inClear("http", config.address(), config.port(), TIMES,
                ConnectionGate.forOperators("http"), () -> LIMITS);
    }
}
