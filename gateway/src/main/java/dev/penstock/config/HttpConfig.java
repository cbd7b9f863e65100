package dev.penstock.config;

import static dev.penstock.config.Types.text;

/** Where metrics and health are served. Each component is the key of its name. */
public record HttpConfig(String address, int port) implements TableRecord<HttpConfig> {
    static final Table<HttpConfig> TABLE = Table.of(HttpConfig.class, HttpConfig::new,
            "/metrics, /health/live, /health/ready.");
    public static final Key<HttpConfig, String> ADDRESS = TABLE
            .key("address", HttpConfig::address,
                    text("an IP address in quotes", "127.0.0.1", Syntax::addressAlone), "An IP address to listen on.")
            .restart();
    public static final Key<HttpConfig, Integer> PORT = TABLE
            .key("port", HttpConfig::port, Types.port(8025, 0), "Port 0 lets the system choose.").restart();

    public static final HttpConfig DEFAULT = TABLE.defaults();

    private HttpConfig(Values<HttpConfig> values) {
        this(values.get(ADDRESS), values.get(PORT));
    }
}
