package dev.penstock.config;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The whole configuration, one record per table of the file. Immutable and valid: the reader has refused everything
 * else.
 *
 * @param hostname  the name this gateway greets with and puts into trace lines
 * @param node      the number of this gateway, unlike that of any other it shares mail with; message ids carry it
 * @param listeners at least one
 * @param routes    by recipient domain, or {@code *} for all that have none of their own
 * @param shaping   the contents of the shaping file
 * @param auth      who may log in
 * @param policy    who may send what to whom
 * @param localDomains domains whose mail is handed to a store, by domain
 * @param injection mail taken over HTTP
 */
public record GatewayConfig(String hostname, int node, List<ListenerConfig> listeners, InboundConfig inbound,
        SpoolConfig spool,
        DnsConfig dns, Map<String, RouteConfig> routes, QueueConfig queue, DeliveryConfig delivery,
        ShapingConfig shaping,
        EventsConfig events, HttpConfig http, AuthConfig auth, PolicyConfig policy,
        Map<String, LocalDomainConfig> localDomains, InjectionConfig injection) {
    /** Message ids have ten bits for it. */
    public static final int MAX_NODE = 1023;

    public GatewayConfig {
        listeners = List.copyOf(listeners);
        routes = Map.copyOf(routes);
        localDomains = Map.copyOf(localDomains);
    }

    /** Node 0, with nobody to log in, no policy, no local domains and no injection over HTTP. */
    public GatewayConfig(String hostname, List<ListenerConfig> listeners, InboundConfig inbound, SpoolConfig spool,
            DnsConfig dns, Map<String, RouteConfig> routes, QueueConfig queue, DeliveryConfig delivery,
            ShapingConfig shaping, EventsConfig events, HttpConfig http) {
        this(hostname, 0, listeners, inbound, spool, dns, routes, queue, delivery, shaping, events, http,
                AuthConfig.DEFAULT, PolicyConfig.DEFAULT, Map.of(), InjectionConfig.DEFAULT);
    }

    /**
     * The configured routes and those of the local domains, which have no other. The shaping file says nothing about
     * TLS towards stores of our own: {@code delivery.tls} does.
     */
    public Map<String, RouteConfig> allRoutes() {
        if (localDomains.isEmpty()) {
            return routes;
        }
        Map<String, RouteConfig> all = new HashMap<>(routes);
        localDomains.forEach((domain, local) -> all.put(domain, local.store().route().orTls(delivery.tls())));
        return all;
    }

    /** What {@code ./penstock run} starts with when no file is named. */
    public static GatewayConfig embedded(String hostname) {
        return new GatewayConfig(hostname, List.of(ListenerConfig.DEFAULT), InboundConfig.DEFAULT, SpoolConfig.DEFAULT,
                DnsConfig.DEFAULT, Map.of(), QueueConfig.DEFAULT, DeliveryConfig.DEFAULT, ShapingConfig.DEFAULT,
                EventsConfig.DEFAULT, HttpConfig.DEFAULT);
    }
}
