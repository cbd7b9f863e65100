package dev.penstock.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Optional;

/** Reads a table that names a URL to be asked. Stateless. */
final class CalloutReader {
    private static final int MAX_PORT = 65_535;

    private CalloutReader() {}

    /** @return empty when there is no such table */
    static Optional<CalloutConfig> read(TableBinder parent, String key) {
        return read(parent, key, CalloutConfig.TABLE).filter(callout -> !callout.url().equals(CalloutConfig.NOWHERE));
    }

    /**
     * @param keys the table's, among them that of {@link CalloutConfig#URL}
     * @return empty when there is no such table
     */
    static <N> Optional<N> read(TableBinder parent, String key, Table<N> keys) {
        boolean present = parent.has(key);
        TableBinder table = parent.table(key);
        if (!present || !parent.hasTable(key)) {
            return Optional.empty();
        }
        if (!table.has("url")) {
            parent.reject(key, "url is missing; expected one like \"http://127.0.0.1:8080/check\"");
        }
        return Optional.of(keys.read(table, keys.defaults()));
    }

    static URI url(String text) {
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

    static String fieldValue(String text) {
        if (!text.chars().allMatch(c -> c >= ' ' && c <= '~')) {
            throw new IllegalArgumentException("expected printable ASCII");
        }
        return text;
    }
}
