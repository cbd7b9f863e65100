package dev.penstock.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/** Reads a table that names a URL to be asked. Stateless. */
final class CalloutReader {
    private static final Duration MIN_DEADLINE = Duration.ofMillis(10);
    private static final Duration MAX_DEADLINE = Duration.ofMinutes(1);
    private static final int MAX_IN_FLIGHT = 100_000;
    private static final int MAX_PORT = 65_535;

    private CalloutReader() {}

    /** @return empty when there is no such table */
    static Optional<CalloutConfig> read(TableBinder parent, String key) {
        return read(parent, key, _ -> {});
    }

    /**
     * @param more reads what else the table has
     * @return empty when there is no such table
     */
    static Optional<CalloutConfig> read(TableBinder parent, String key, Consumer<TableBinder> more) {
        boolean present = parent.has(key);
        TableBinder table = parent.table(key);
        if (!present || !parent.hasTable(key)) {
            return Optional.empty();
        }
        if (!table.has("url")) {
            parent.reject(key, "url is missing; expected one like \"http://127.0.0.1:8080/check\"");
        }
        Optional<URI> url = table.text("url", Optional.empty(), "a URL in quotes", text -> Optional.of(url(text)));
        Duration deadline = table.duration("deadline", CalloutConfig.DEADLINE, MIN_DEADLINE, MAX_DEADLINE);
        int maxInFlight = table.integer("max-in-flight", CalloutConfig.MAX_IN_FLIGHT, 1, MAX_IN_FLIGHT);
        String authorization = table.secret("authorization", "", "a text in quotes", CalloutReader::fieldValue);
        more.accept(table);
        table.end();
        return url.map(found -> new CalloutConfig(found, deadline, maxInFlight, authorization));
    }

    private static URI url(String text) {
        URI url;
        try {
            url = new URI(text);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("not a URL: " + e.getReason(), e);
        }
        String scheme = url.getScheme() == null ? "" : url.getScheme().toLowerCase(Locale.ROOT);
        if (!(scheme.equals("http") || scheme.equals("https")) || url.getHost() == null) {
            throw new IllegalArgumentException("expected a URL like http://127.0.0.1:8080/check or https://…");
        }
        if (url.getPort() == 0 || url.getPort() > MAX_PORT) {
            throw new IllegalArgumentException("port " + url.getPort() + " is out of range; allowed: 1 to " + MAX_PORT);
        }
        if (url.getUserInfo() != null) {
            throw new IllegalArgumentException("a name and password don't belong here; use authorization");
        }
        return url;
    }

    private static String fieldValue(String text) {
        if (!text.chars().allMatch(c -> c >= ' ' && c <= '~')) {
            throw new IllegalArgumentException("expected printable ASCII");
        }
        return text;
    }
}
