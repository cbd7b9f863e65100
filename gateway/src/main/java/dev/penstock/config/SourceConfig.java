package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.optionalPath;
import static dev.penstock.config.Types.secret;
import static dev.penstock.config.Types.text;
import static dev.penstock.config.Types.texts;

import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.List;
import java.util.Optional;

/**
 * An identity to send from, {@code [source."ip-17"]}: addresses, the name in EHLO, and the proxy on whose machine the
 * addresses are. Each component is the key of its name.
 *
 * @param sourceAddress at most one address of each family; none for whatever the system, or the proxy, chooses
 * @param ehloName      empty for the gateway's own
 * @param proxyServer   {@code address:port} or {@code name:port}; empty exactly when {@code proxy} is {@link Proxy#NONE}
 * @param warmUp        the schedule by which it is warmed up, empty for none
 * @param warmUpStart   its first day, there exactly when {@code warmUp} is
 */
public record SourceConfig(List<String> sourceAddress, String ehloName, Proxy proxy, String proxyServer,
        String proxyUsername, String proxyPassword, Optional<Path> proxyPasswordFile, boolean proxyTls,
        Optional<Path> proxyTlsCa, String warmUp,
        Optional<LocalDate> warmUpStart) implements TableRecord<SourceConfig> {
    /** The source that needs no table: {@code delivery.source-address} and the gateway's hostname. */
    public static final String DEFAULT_NAME = "default";
    /** RFC 1929 2: a length of one octet. */
    public static final int MAX_LOGIN = 255;

    static final Table<SourceConfig> TABLE = Table.of(SourceConfig.class, SourceConfig::new, "")
            .rule(SourceReader::check).rule(WarmUpReader::check);
    public static final Key<SourceConfig, List<String>> SOURCE_ADDRESS = TABLE
            .key("source-address", SourceConfig::sourceAddress, texts(Syntax::addressAlone),
                    "At most one IPv4 and one IPv6 address. Hosts are reached by addresses of these families alone. "
                            + "Empty: the system chooses, or the proxy.")
            .example("[\"192.0.2.17\", \"2001:db8::17\"]");
    public static final Key<SourceConfig, String> EHLO_NAME = TABLE
            .key("ehlo-name", SourceConfig::ehloName,
                    text("a domain name in quotes", "", name -> name.isEmpty() ? name : Syntax.domain(name)),
                    "The name in EHLO, which the addresses' PTR records should give. Empty: gateway.hostname.")
            .example("\"mta17.example.net\"");
    public static final Key<SourceConfig, Proxy> PROXY = TABLE.key("proxy", SourceConfig::proxy, choice(Proxy.NONE),
            "\"none\": the addresses are this machine's. \"socks5\": connections go through a SOCKS5 proxy (RFC 1928), "
                    + "which is asked to bind to the address as penstock proxy and KumoMTA's understand it. "
                    + "\"proxy-v2\": through a server that takes the PROXY protocol and connects from its source to its "
                    + "destination: penstock proxy or HAProxy. See gateway/docs/egress-proxy.md.");
    public static final Key<SourceConfig, String> PROXY_SERVER = TABLE
            .key("proxy-server", SourceConfig::proxyServer,
                    text("a server in quotes, like \"10.0.0.9:1080\"", "",
                            SourceReader::server),
                    "Where the proxy listens: \"address:port\", \"[v6]:port\" or \"name:port\".")
            .example("\"10.0.0.9:1080\"");
    public static final Key<SourceConfig, String> PROXY_USERNAME = TABLE.key("proxy-username",
            SourceConfig::proxyUsername, text("a text in quotes", "", SourceReader::login),
            "To log in to a SOCKS5 proxy with (RFC 1929). Empty: without a login.");
    public static final Key<SourceConfig, String> PROXY_PASSWORD = TABLE.key("proxy-password",
            SourceConfig::proxyPassword, secret("a text in quotes", SourceReader::login),
            "The password for it …");
    public static final Key<SourceConfig, Optional<Path>> PROXY_PASSWORD_FILE = TABLE.key("proxy-password-file",
            SourceConfig::proxyPasswordFile, optionalPath(SourceReader::passwordFile),
            "… or the file whose first line it is, read at a start and at each reload.");
    public static final Key<SourceConfig, Boolean> PROXY_TLS = TABLE.key("proxy-tls", SourceConfig::proxyTls,
            flag(false), "Whether the proxy is spoken to under TLS; its certificate must be good for its name.");
    public static final Key<SourceConfig, Optional<Path>> PROXY_TLS_CA = TABLE.key("proxy-tls-ca",
            SourceConfig::proxyTlsCa, optionalPath(ListenerReader::authorities),
            "PEM file of the authorities that the proxy's certificate is checked against. Empty: those that come with "
                    + "Java.");
    public static final Key<SourceConfig, String> WARM_UP = TABLE.key(WarmUpReader.WARM_UP, SourceConfig::warmUp,
            text("the name of a schedule in quotes", "", name -> name),
            "The schedule by which it is warmed up, a table [warm-up.\"name\"]. Empty: it sends as much as there is. See "
                    + "gateway/docs/warm-up.md.");
    public static final Key<SourceConfig, Optional<LocalDate>> WARM_UP_START = TABLE
            .key(WarmUpReader.WARM_UP_START, SourceConfig::warmUpStart, WarmUpReader.date(),
                    "The first day of its warm-up; before it nothing is sent from it.")
            .example("2026-12-01");

    public static final SourceConfig DEFAULT = TABLE.defaults();

    /** How a proxy is told what to connect to, and from where. */
    public enum Proxy {
        /** There is none. */
        NONE,
        /** RFC 1928. */
        SOCKS5,
        /** The PROXY protocol, version 2. */
        PROXY_V2
    }

    public SourceConfig {
        sourceAddress = List.copyOf(sourceAddress);
    }

    private SourceConfig(Values<SourceConfig> values) {
        this(values.get(SOURCE_ADDRESS), values.get(EHLO_NAME), values.get(PROXY), values.get(PROXY_SERVER),
                values.get(PROXY_USERNAME), values.get(PROXY_PASSWORD), values.get(PROXY_PASSWORD_FILE),
                values.get(PROXY_TLS), values.get(PROXY_TLS_CA), values.get(WARM_UP), values.get(WARM_UP_START));
    }

    /** For the login to the proxy; empty for none. @throws IOException when its file can't be read */
    public String password() throws IOException {
        return proxyPasswordFile.isEmpty() ? proxyPassword : SourceReader.password(proxyPasswordFile.get());
    }

    /** Without the password, so that it never gets into a log. */
    @Override
    public String toString() {
        return "SourceConfig[sourceAddress=" + sourceAddress + ", ehloName=" + ehloName + ", proxy=" + proxy
                + ", proxyServer=" + proxyServer + ", proxyUsername=" + proxyUsername + ", proxyPassword="
                + (proxyPassword.isEmpty() ? "" : "…") + ", proxyPasswordFile=" + proxyPasswordFile + ", proxyTls="
                + proxyTls + ", proxyTlsCa=" + proxyTlsCa + ", warmUp=" + warmUp
                + ", warmUpStart=" + warmUpStart + "]";
    }
}
