package dev.penstock.injection;

/**
 * What HTTP injection did since its start, and has now.
 *
 * @param requests         being answered now
 * @param requestsTotal    answered with whatever status
 * @param requestsAccepted of which a recipient was accepted
 * @param requestsRefused  answered with 4xx but 401 and 429
 * @param unauthorized     answered with 401
 * @param throttled        answered with 429
 * @param unavailable      answered with 5xx
 * @param replayed         answered from what their idempotency key was answered with before
 * @param messages         kept
 * @param octets           of their content
 * @param recipients       accepted
 * @param recipientsRefused told so
 * @param keys             idempotency keys remembered
 * @param heldOctets       octets that requests being answered now hold in memory, with what is made of them
 * @param connections      open now
 * @param connectionsRefused closed at once for {@code max-connections}
 * @param connectionsRefusedToAddress closed at once for {@code max-connections-per-address}
 * @param connectionsRefusedForDescriptors closed at once for the reserve of descriptors
 */
public record InjectionStats(long requests, long requestsTotal, long requestsAccepted, long requestsRefused,
        long unauthorized, long throttled, long unavailable, long replayed, long messages, long octets,
        long recipients, long recipientsRefused, long keys, long heldOctets, long connections,
        long connectionsRefused, long connectionsRefusedToAddress, long connectionsRefusedForDescriptors) {
    public static final InjectionStats NONE = new InjectionStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0);
}
