package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.list;
import static dev.penstock.config.Types.networks;
import static dev.penstock.config.Types.optionalPath;
import static dev.penstock.config.Types.secret;
import static dev.penstock.config.Types.table;
import static dev.penstock.config.Types.text;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The configuration of {@code penstock proxy}, a file of its own. Each component is the key of its name.
 *
 * @param socks   where SOCKS5 is spoken; empty for nowhere
 * @param proxyV2 where the PROXY protocol is spoken; empty for nowhere
 * @param http    metrics and health
 */
public record ProxyConfig(Optional<ListenAddress> socks, Optional<ListenAddress> proxyV2, List<String> clients,
        String username, String password, Optional<Path> passwordFile, int maxConnections,
        int maxConnectionsPerClient, Duration handshakeTimeout, Duration connectTimeout, Duration idleTimeout,
        Duration stopTimeout, List<ListenerTls.Certificate> certificates, HttpConfig http)
        implements
            TableRecord<ProxyConfig> {
    static final Table<ProxyConfig> OWN_KEYS = Table.of(ProxyConfig.class, ProxyConfig::new,
            "The egress proxy: connections from clients go on to hosts from addresses of this machine.")
            .rule(ProxyConfig::check);
    public static final Key<ProxyConfig, Optional<ListenAddress>> SOCKS = OWN_KEYS
            .key("socks", ProxyConfig::socks, address("127.0.0.1:1080"),
                    "Where SOCKS5 is spoken (RFC 1928): an address and a port. Empty: nowhere.")
            .restart();
    public static final Key<ProxyConfig, Optional<ListenAddress>> PROXY_V2 = OWN_KEYS
            .key("proxy-v2", ProxyConfig::proxyV2, address(""),
                    "Where the PROXY protocol is spoken, version 2: an address and a port. It has no login. Empty: "
                            + "nowhere.")
            .restart();
    public static final Key<ProxyConfig, List<String>> CLIENTS = OWN_KEYS.key("clients", ProxyConfig::clients,
            networks("127.0.0.0/8", "::1/128"),
            "The networks of those who may connect; others are closed at once.");
    public static final Key<ProxyConfig, String> USERNAME = OWN_KEYS.key("username", ProxyConfig::username,
            text("a text in quotes", "", SourceReader::login),
            "Whom SOCKS5 clients have to log in as (RFC 1929). Empty: nobody logs in.");
    public static final Key<ProxyConfig, String> PASSWORD = OWN_KEYS.key("password", ProxyConfig::password,
            secret("a text in quotes", SourceReader::login), "The password for it …");
    public static final Key<ProxyConfig, Optional<Path>> PASSWORD_FILE = OWN_KEYS.key("password-file",
            ProxyConfig::passwordFile, optionalPath(SourceReader::passwordFile),
            "… or the file whose first line it is, read at a start and at each reload.");
    public static final Key<ProxyConfig, Integer> MAX_CONNECTIONS = OWN_KEYS.key("max-connections",
            ProxyConfig::maxConnections, integer(10_000, 1, 1_000_000),
            "Of clients, at one time; each takes two descriptors. More are closed at once.");
    public static final Key<ProxyConfig, Integer> MAX_CONNECTIONS_PER_CLIENT = OWN_KEYS.key(
            "max-connections-per-client", ProxyConfig::maxConnectionsPerClient, integer(10_000, 1, 1_000_000),
            "Of these, from one address (IPv6: one /64).");
    public static final Key<ProxyConfig, Duration> HANDSHAKE_TIMEOUT = OWN_KEYS.key("handshake-timeout",
            ProxyConfig::handshakeTimeout, duration("10s", "10ms", "1m"),
            "For a client to say what it wants, from its connection on, TLS and login included.");
    public static final Key<ProxyConfig, Duration> CONNECT_TIMEOUT = OWN_KEYS.key("connect-timeout",
            ProxyConfig::connectTimeout, duration("20s", "10ms", "10m"),
            "For the connection to a host. Shorter than the gateway's delivery.connect-timeout, so that the reason is "
                    + "told.");
    public static final Key<ProxyConfig, Duration> IDLE_TIMEOUT = OWN_KEYS.key("idle-timeout",
            ProxyConfig::idleTimeout, duration("15m", "10ms", "1d"),
            "Without an octet in either direction. Longer than the gateway's delivery.data-done-timeout.");
    public static final Key<ProxyConfig, Duration> STOP_TIMEOUT = OWN_KEYS.key("stop-timeout",
            ProxyConfig::stopTimeout, duration("20s", "0s", "1h"),
            "Connections that stand when the proxy stops get this long to end.");

    static final Table<ProxyConfig> TABLE = Table.of(ProxyConfig.class, ProxyConfig::new, "");
    static final Key<ProxyConfig, ProxyConfig> OWN = TABLE.key("proxy", config -> config, Types.own(OWN_KEYS), "");
    public static final Key<ProxyConfig, List<ListenerTls.Certificate>> CERTIFICATES = TABLE
            .key("certificate", ProxyConfig::certificates,
                    list(ListenerTls.Certificate.TABLE, List.of(),
                            (file, key) -> ListenerReader.certificates(file.tables(key))),
                    "With certificates clients are spoken to under TLS from the first octet. PEM files, looked at again "
                            + "when they change. To have any or none takes a restart.")
            .restart(List::isEmpty);
    public static final Key<ProxyConfig, HttpConfig> HTTP = TABLE.key("http", ProxyConfig::http,
            table(HttpConfig.TABLE, HttpConfig.DEFAULT.with(HttpConfig.PORT, 8125)), "");

    public static final ProxyConfig DEFAULT = TABLE.defaults();

    public ProxyConfig {
        clients = List.copyOf(clients);
        certificates = List.copyOf(certificates);
    }

    private ProxyConfig(Values<ProxyConfig> values) {
        this(values.get(SOCKS), values.get(PROXY_V2), values.get(CLIENTS), values.get(USERNAME), values.get(PASSWORD),
                values.get(PASSWORD_FILE), values.get(MAX_CONNECTIONS), values.get(MAX_CONNECTIONS_PER_CLIENT),
                values.get(HANDSHAKE_TIMEOUT), values.get(CONNECT_TIMEOUT), values.get(IDLE_TIMEOUT),
                values.get(STOP_TIMEOUT), values.get(CERTIFICATES), values.get(HTTP));
    }

    private static ValueType.Plain<Optional<ListenAddress>> address(String fallback) {
        return text("an address and a port in quotes, like \"127.0.0.1:1080\"", parse(fallback), ProxyConfig::parse,
                address -> address.map(ListenAddress::toString).orElse(""));
    }

    private static Optional<ListenAddress> parse(String text) {
        if (text.isEmpty()) {
            return Optional.empty();
        }
        Syntax.HostPort split = Syntax.addressAndPort(text);
        return Optional.of(new ListenAddress(split.host(), split.port()));
    }

    private static void check(TableBinder file, ProxyConfig proxy) {
        if (proxy.socks.isEmpty() && proxy.proxyV2.isEmpty()) {
            file.reject("socks", "the proxy listens nowhere; allowed: an address and a port here or for proxy-v2");
        }
        if (proxy.socks.isPresent() && proxy.socks.equals(proxy.proxyV2) && proxy.socks.get().port() != 0) {
            file.reject("proxy-v2", "socks uses this address and port already");
        }
        if (proxy.clients.isEmpty()) {
            file.reject("clients", "nobody could connect; expected networks, like [\"10.0.0.0/8\"]");
        }
        boolean password = !proxy.password.isEmpty() || proxy.passwordFile.isPresent();
        if (file.has("password") && file.has("password-file")) {
            file.reject("password-file", "password is there as well; allowed: one of the two");
        }
        if (!proxy.username.isEmpty() && !password && !file.has("password-file")) {
            file.reject("username", "needs password or password-file");
        }
        if (proxy.username.isEmpty() && password) {
            file.reject(proxy.passwordFile.isPresent() ? "password-file" : "password", "needs username");
        }
    }

    /** What reading a file gave. */
    public sealed interface Result {}

    public record Valid(ProxyConfig config, List<Problem> warnings) implements Result {}

    /** @param problems at least one, from top to bottom */
    public record Invalid(List<Problem> problems) implements Result {}

    /** Blocks while it reads the file. */
    public static Result read(Path file) {
        List<Problem> errors = new ArrayList<>();
        List<Problem> warnings = new ArrayList<>();
        ConfigSource source = new ConfigSource(file, errors, warnings, new Places());
        TableBinder tables = source.parse();
        ProxyConfig config = OWN.read(tables, DEFAULT).with(CERTIFICATES, CERTIFICATES.read(tables))
                .with(HTTP, HTTP.read(tables));
        tables.end();
        return errors.isEmpty()
                ? new Valid(config, ConfigSource.inOrder(warnings))
                : new Invalid(ConfigSource.inOrder(errors));
    }

    /** The keys that differ and take effect only after a restart, dotted; empty when {@code changed} may be applied now. */
    public static List<String> notReloadable(ProxyConfig current, ProxyConfig changed) {
        return ConfigChange.notReloadable(TABLE, current, changed);
    }

    /** Of the login; empty for none. @throws IOException when its file can't be read */
    public String login() throws IOException {
        return passwordFile.isEmpty() ? password : SourceReader.password(passwordFile.get());
    }

    /** TLS towards clients, as of a listener. */
    public ListenerTls tls() {
        return certificates.isEmpty()
                ? ListenerTls.NONE
                : ListenerTls.NONE.with(ListenerTls.MODE, ListenerTls.Mode.IMPLICIT)
                        .with(ListenerTls.CERTIFICATES, certificates);
    }

    /** Without the password, so that it never gets into a log. */
    @Override
    public String toString() {
        return "ProxyConfig[socks=" + socks + ", proxyV2=" + proxyV2 + ", clients=" + clients + ", username="
                + username + "]";
    }
}
