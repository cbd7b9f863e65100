package dev.penstock.injection;

import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import dev.penstock.meters.PartMeters;

/** Mail over HTTP, as metrics name it. Stateless. */
public final class InjectionMetrics {
    private static final String CONNECTIONS_REFUSED = "Connections closed at once, by the limit";

    private InjectionMetrics() {}

    public static PartMeters<InjectionStats> of(Supplier<InjectionStats> source) {
        PartMeters<InjectionStats> part = PartMeters.of("penstock.injection.", source);
        part.gauge("requests.open", "HTTP requests being answered", InjectionStats::requests);
        requests(part, "accepted", InjectionStats::requestsAccepted);
        requests(part, "refused", InjectionStats::requestsRefused);
        requests(part, "unauthorized", InjectionStats::unauthorized);
        requests(part, "throttled", InjectionStats::throttled);
        requests(part, "unavailable", InjectionStats::unavailable);
        part.counter("replayed", "Requests answered from their idempotency key", InjectionStats::replayed);
        part.counter("messages", "Messages kept", InjectionStats::messages);
        part.counter("bytes", "Octets of their content", InjectionStats::octets);
        part.counter("recipients", "Recipients accepted", InjectionStats::recipients);
        part.counter("recipients.refused", "Recipients refused", InjectionStats::recipientsRefused);
        part.gauge("keys", "Idempotency keys remembered", InjectionStats::keys);
        part.gauge("receiving.bytes", "Octets that requests being worked on hold", InjectionStats::heldOctets);
        part.gauge("connections.open", "HTTP connections open", InjectionStats::connections);
        part.counter("connections.refused", CONNECTIONS_REFUSED, InjectionStats::connectionsRefused, "limit", "all");
        part.counter("connections.refused", CONNECTIONS_REFUSED, InjectionStats::connectionsRefusedToAddress, "limit",
                "address");
        part.counter("connections.refused", CONNECTIONS_REFUSED, InjectionStats::connectionsRefusedForDescriptors,
                "limit", "descriptors");
        return part;
    }

    private static void requests(PartMeters<InjectionStats> part, String outcome,
            ToDoubleFunction<InjectionStats> value) {
        part.counter("requests", "HTTP requests answered, by outcome", value, "outcome", outcome);
    }
}
