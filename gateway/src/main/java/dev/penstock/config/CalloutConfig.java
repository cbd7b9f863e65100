package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.secret;
import static dev.penstock.config.Types.text;

import java.net.URI;
import java.time.Duration;

/**
 * A question asked over HTTP: POST with a JSON body, answered with JSON. Each component is the key of its name.
 */
public record CalloutConfig(URI url, Duration deadline, int maxInFlight, String authorization)
        implements
            TableRecord<CalloutConfig> {
    /** Stands for a URL that is missing or wrong. */
    static final URI NOWHERE = URI.create("http://nowhere.invalid/");

    static final Table<CalloutConfig> TABLE = Table.of(CalloutConfig.class, CalloutConfig::new, "");
    public static final Key<CalloutConfig, URI> URL = TABLE
            .key("url", CalloutConfig::url, text("a URL in quotes", NOWHERE, CalloutReader::url, URI::toString)
                    .allowing("http or https", "pattern", "^[Hh][Tt][Tt][Pp][Ss]?://"), "It is sent a POST with JSON.")
            .required().example("\"http://127.0.0.1:8080/decide\"");
    public static final Key<CalloutConfig, Duration> DEADLINE = TABLE.key("deadline", CalloutConfig::deadline,
            duration("3s", "10ms", "1m"), "For the whole exchange; later answers don't count.");
    public static final Key<CalloutConfig, Integer> MAX_IN_FLIGHT = TABLE.key("max-in-flight",
            CalloutConfig::maxInFlight, integer(256, 1, 100_000), "Questions at a time; more fail at once.");
    public static final Key<CalloutConfig, String> AUTHORIZATION = TABLE.key("authorization",
            CalloutConfig::authorization, secret("a text in quotes", CalloutReader::fieldValue),
            "Sent as the Authorization field. Empty: none.");

    private CalloutConfig(Values<CalloutConfig> values) {
        this(values.get(URL), values.get(DEADLINE), values.get(MAX_IN_FLIGHT), values.get(AUTHORIZATION));
    }

    /** With the defaults of all else. */
    public static CalloutConfig of(URI url) {
        return TABLE.defaults().with(URL, url);
    }

    /** Without {@code authorization}, so that it never gets into a log. */
    @Override
    public String toString() {
        return "CalloutConfig[url=" + url + ", deadline=" + deadline + ", maxInFlight=" + maxInFlight
                + ", authorization=" + (authorization.isEmpty() ? "" : "…") + "]";
    }
}
