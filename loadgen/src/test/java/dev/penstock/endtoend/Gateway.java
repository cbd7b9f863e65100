package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import dev.penstock.Penstock;
import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.DnsConfig;
import dev.penstock.config.EventsConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.HttpConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.SpoolConfig;

/** Configurations of a gateway under test: ports chosen by the system, everything it writes below one directory. */
final class Gateway {
    /** Of hosts: a real one on a machine with a busy disk may need some of it. */
    private static final Duration REPLY_TIME = Duration.ofSeconds(60);

    private Gateway() {}

    static GatewayConfig config(Path directory, String dnsServer, int deliveryPort) {
        SpoolConfig spool = SpoolConfig.DEFAULT;
        return GatewayConfig.embedded("gateway.test")
                .with(GatewayConfig.LISTENERS, List.of(ListenerConfig.at("127.0.0.1", 0)))
                .with(GatewayConfig.SPOOL, spool.with(SpoolConfig.DIRECTORY, directory.resolve("spool")))
                .with(GatewayConfig.DNS, dns(dnsServer)).with(GatewayConfig.DELIVERY, delivery(deliveryPort))
                .with(GatewayConfig.EVENTS,
                        EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, directory.resolve("log"))
                                .with(EventsConfig.MAX_FILE_AGE, Duration.ZERO).with(EventsConfig.REJECTION_RATE, null))
                .with(GatewayConfig.HTTP, new HttpConfig("127.0.0.1", 0));
    }

    static Penstock start(GatewayConfig config) throws IOException {
        return Penstock.start(config);
    }

    private static DnsConfig dns(String server) {
        DnsConfig dns = DnsConfig.DEFAULT;
        return dns.with(DnsConfig.SERVERS, List.of(server)).with(DnsConfig.IGNORE_NETWORKS, List.of());
    }

    private static DeliveryConfig delivery(int port) {
        DeliveryConfig delivery = DeliveryConfig.DEFAULT;
        return delivery.with(DeliveryConfig.PORT, port).with(DeliveryConfig.CONNECT_TIMEOUT, REPLY_TIME)
                .with(DeliveryConfig.GREETING_TIMEOUT, REPLY_TIME)
                .with(DeliveryConfig.COMMAND_TIMEOUT, REPLY_TIME)
                .with(DeliveryConfig.DATA_INIT_TIMEOUT, REPLY_TIME)
                .with(DeliveryConfig.DATA_BLOCK_TIMEOUT, REPLY_TIME)
                .with(DeliveryConfig.DATA_DONE_TIMEOUT, REPLY_TIME)
                .with(DeliveryConfig.QUIT_TIMEOUT, Duration.ofSeconds(2))
                .with(DeliveryConfig.BAD_HOST_TIME, Duration.ofSeconds(1))
                .with(DeliveryConfig.STOP_TIMEOUT, Duration.ofSeconds(5));
    }
}
