package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import dev.penstock.Penstock;
import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.DnsConfig;
import dev.penstock.config.EventsConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.HttpConfig;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.SpoolConfig;

/** Configurations of a gateway under test: ports chosen by the system, everything it writes below one directory. */
final class Gateway {
    private Gateway() {}

    static GatewayConfig config(Path directory, String dnsServer, int deliveryPort) {
        SpoolConfig spool = SpoolConfig.DEFAULT;
        return new GatewayConfig("gateway.test", List.of(new ListenerConfig("127.0.0.1", 0)), InboundConfig.DEFAULT,
                new SpoolConfig(directory.resolve("spool"), spool.segmentSize(), spool.inlineLimit(), spool.cacheSize(),
                        spool.minFreeSpace(), spool.appendDeadline(), spool.maxWaiting(), spool.readers(),
                        spool.reclaimBelow()),
                dns(dnsServer), Map.of(), QueueConfig.DEFAULT, delivery(deliveryPort), ShapingConfig.DEFAULT,
                new EventsConfig(directory.resolve("log"), EventsConfig.DEFAULT.maxFileSize(),
                        EventsConfig.DEFAULT.flushInterval(), EventsConfig.DEFAULT.maxPending()),
                new HttpConfig("127.0.0.1", 0));
    }

    static Penstock start(GatewayConfig config) throws IOException {
        return Penstock.start(config);
    }

    private static DnsConfig dns(String server) {
        DnsConfig dns = DnsConfig.DEFAULT;
        return new DnsConfig(List.of(server), dns.timeout(), dns.deadline(), dns.maxInFlight(), dns.cacheSize(),
                dns.minTtl(), dns.maxTtl(), dns.negativeTtl(), dns.failureTtl(), dns.staleTtl(), List.of());
    }

    private static DeliveryConfig delivery(int port) {
        DeliveryConfig delivery = DeliveryConfig.DEFAULT;
        return new DeliveryConfig(port, delivery.sourceAddress(), delivery.maxSessions(),
                delivery.maxRecipientsPerTransaction(), Duration.ofSeconds(5), Duration.ofSeconds(10),
                Duration.ofSeconds(10), Duration.ofSeconds(10), Duration.ofSeconds(10), Duration.ofSeconds(10),
                Duration.ofSeconds(2), Duration.ofSeconds(1), Duration.ofSeconds(5));
    }
}
