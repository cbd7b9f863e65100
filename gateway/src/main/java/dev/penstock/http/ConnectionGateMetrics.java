package dev.penstock.http;

import dev.penstock.meters.PartMeters;

/** The connections of a port for HTTP, as metrics name them. Stateless. */
public final class ConnectionGateMetrics {
    private static final String REFUSED = "Connections closed at once, by the limit";

    private ConnectionGateMetrics() {}

    /** @param prefix of their names, like {@code penstock.http.} */
    public static PartMeters<ConnectionGate> of(String prefix, ConnectionGate gate) {
        PartMeters<ConnectionGate> part = PartMeters.of(prefix, () -> gate);
        part.gauge("connections.open", "HTTP connections to this port", ConnectionGate::open);
        part.counter("connections.refused", REFUSED, ConnectionGate::refused, "limit", "all");
        part.counter("connections.refused", REFUSED, ConnectionGate::refusedToClient, "limit", "address");
        part.counter("connections.refused", REFUSED, ConnectionGate::refusedForDescriptors, "limit", "descriptors");
        return part;
    }
}
