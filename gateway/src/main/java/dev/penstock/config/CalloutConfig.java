package dev.penstock.config;

import java.net.URI;
import java.time.Duration;

/**
 * A question asked over HTTP: POST with a JSON body, answered with JSON.
 *
 * @param url           {@code http} or {@code https}
 * @param deadline      for the whole exchange; later answers don't count
 * @param maxInFlight   questions at one time; more fail at once
 * @param authorization sent as the Authorization field, empty for none
 */
public record CalloutConfig(URI url, Duration deadline, int maxInFlight, String authorization) {
    public static final Duration DEADLINE = Duration.ofSeconds(3);
    public static final int MAX_IN_FLIGHT = 256;

    /** Without {@code authorization}, so that it never gets into a log. */
    @Override
    public String toString() {
        return "CalloutConfig[url=" + url + ", deadline=" + deadline + ", maxInFlight=" + maxInFlight
                + ", authorization=" + (authorization.isEmpty() ? "" : "…") + "]";
    }
}
