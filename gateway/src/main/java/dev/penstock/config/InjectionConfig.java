package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.list;
import static dev.penstock.config.Types.networks;
import static dev.penstock.config.Types.size;
import static dev.penstock.config.Types.text;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import dev.penstock.units.ByteSize;

/** Mail taken over HTTP. Each component is the key of its name. */
public record InjectionConfig(String address, int port, ByteSize maxBody, int maxRecipients, int maxConcurrent,
        int maxConnections, int maxConnectionsPerAddress, ByteSize memoryLimit, Duration deadline, boolean requireAuth,
        List<String> relayNetworks, Path directory, Duration idempotencyRetention, int maxKeys,
        List<ListenerTls.Certificate> certificates) implements TableRecord<InjectionConfig> {
    /** What a request may take for each octet of its body: read, understood, filled in, written as a message. */
    private static final int BODY_IN_MEMORY = 8;

    static final Table<InjectionConfig> TABLE = Table
            .of(InjectionConfig.class, InjectionConfig::new,
                    "Mail taken over HTTP: POST /api/inject/v1, see gateway/docs/injection.md.")
            .rule(InjectionConfig::check);
    public static final Key<InjectionConfig, String> ADDRESS = TABLE
            .key("address", InjectionConfig::address,
                    text("an IP address in quotes, or \"\" for no injection", "",
                            address -> address.isEmpty() ? address : Syntax.addressAlone(address)),
                    "An IP address to listen on. Empty: no injection.")
            .restart();
    public static final Key<InjectionConfig, Integer> PORT = TABLE
            .key("port", InjectionConfig::port, Types.port(8026, 0), "Port 0 lets the system choose.").restart();
    public static final Key<InjectionConfig, ByteSize> MAX_BODY = TABLE.key("max-body", InjectionConfig::maxBody,
            size("16 MB", "1 KB", "1 GB"),
            "Octets of a request's body, decompressed; more get 413 (KumoMTA: request_body_limit, 2 MB).");
    public static final Key<InjectionConfig, Integer> MAX_RECIPIENTS = TABLE.key("max-recipients",
            InjectionConfig::maxRecipients, integer(10_000, 1, 100_000), "Of one request; more get 422.");
    public static final Key<InjectionConfig, Integer> MAX_CONCURRENT = TABLE.key("max-concurrent",
            InjectionConfig::maxConcurrent, integer(64, 1, 10_000),
            "Requests at one time; more get 429. One tenant alone gets three quarters of them, so that others find a "
                    + "place.");
    public static final Key<InjectionConfig, Integer> MAX_CONNECTIONS = TABLE.key("max-connections",
            InjectionConfig::maxConnections, integer(1000, 1, 1_000_000),
            "Connections at one time; more are closed at once.");
    public static final Key<InjectionConfig, Integer> MAX_CONNECTIONS_PER_ADDRESS = TABLE.key(
            "max-connections-per-address", InjectionConfig::maxConnectionsPerAddress, integer(100, 1, 1_000_000),
            "Of these, from one address (IPv6: one /64); more are closed at once. Not for relay-networks.");
    public static final Key<InjectionConfig, ByteSize> MEMORY_LIMIT = TABLE.key("memory-limit",
            InjectionConfig::memoryLimit, size("128 MB", "1 KB", "1 TB"),
            "Octets that all requests hold at one time: an octet of a body counts three, values, templates and messages "
                    + "what they take. What goes beyond gets 503; 413 when one request alone does. At least eight times "
                    + "max-body, which is what a request may take; left out, 128 MB or as much as that when it is more.");
    public static final Key<InjectionConfig, Duration> DEADLINE = TABLE.key("deadline", InjectionConfig::deadline,
            duration("1m", "1s", "1h"), "For a body to come in, and for its messages to be made.");
    public static final Key<InjectionConfig, Boolean> REQUIRE_AUTH = TABLE.key("require-auth",
            InjectionConfig::requireAuth, flag(true), "Clients must log in. False only behind a proxy that asks.");
    public static final Key<InjectionConfig, List<String>> RELAY_NETWORKS = TABLE.key("relay-networks",
            InjectionConfig::relayNetworks, networks(), "Clients in these networks need not log in.");
    public static final Key<InjectionConfig, Path> DIRECTORY = TABLE
            .key("directory", InjectionConfig::directory, Types.directory("data/injection"),
                    "Where versions before this one kept idempotency keys: a start takes them over into the spool. "
                            + "Nothing else is done there.")
            .restart();
    public static final Key<InjectionConfig, Duration> IDEMPOTENCY_RETENTION = TABLE.key("idempotency-retention",
            InjectionConfig::idempotencyRetention, duration("1d", "1m", "30d"),
            "How long idempotency keys are remembered that are recorded from now on.");
    public static final Key<InjectionConfig, Integer> MAX_KEYS = TABLE.key("max-keys", InjectionConfig::maxKeys,
            integer(500_000, 1, 100_000_000),
            "How many are remembered; requests with further keys get 503.");
    public static final Key<InjectionConfig, List<ListenerTls.Certificate>> CERTIFICATES = TABLE
            .key("certificate", InjectionConfig::certificates,
                    list(ListenerTls.Certificate.TABLE, List.of(),
                            (table, key) -> ListenerReader.certificates(table.tables(key))),
                    "With certificates HTTPS is spoken, without them HTTP. PEM files as a listener's, looked at again "
                            + "when they change. To have any or none takes a restart.")
            .restart(List::isEmpty);

    public static final InjectionConfig DEFAULT = TABLE.defaults();

    public InjectionConfig {
        relayNetworks = List.copyOf(relayNetworks);
        certificates = List.copyOf(certificates);
    }

    private InjectionConfig(Values<InjectionConfig> values) {
        this(values.get(ADDRESS), values.get(PORT), values.get(MAX_BODY), values.get(MAX_RECIPIENTS),
                values.get(MAX_CONCURRENT), values.get(MAX_CONNECTIONS), values.get(MAX_CONNECTIONS_PER_ADDRESS),
                values.get(MEMORY_LIMIT), values.get(DEADLINE), values.get(REQUIRE_AUTH), values.get(RELAY_NETWORKS),
                values.get(DIRECTORY), values.get(IDEMPOTENCY_RETENTION), values.get(MAX_KEYS),
                values.get(CERTIFICATES));
    }

    static InjectionConfig read(TableBinder file) {
        return TABLE.read(file, DEFAULT.with(MEMORY_LIMIT, memoryFor(MAX_BODY.read(file))));
    }

    /** Unless it is configured: the default, or what one request may take when that is more. */
    private static ByteSize memoryFor(ByteSize maxBody) {
        ByteSize one = new ByteSize(BODY_IN_MEMORY * maxBody.bytes());
        return one.compareTo(DEFAULT.memoryLimit()) > 0 ? one : DEFAULT.memoryLimit();
    }

    private static void check(TableBinder file, InjectionConfig injection) {
        if (injection.memoryLimit().bytes() / BODY_IN_MEMORY < injection.maxBody().bytes()) {
            file.reject("memory-limit", injection.memoryLimit() + " is too small; allowed: at least " + BODY_IN_MEMORY
                    + " times max-body, which is " + injection.maxBody());
        }
    }

    /** Its TLS, as of a listener. */
    public ListenerTls tls() {
        return !enabled() || certificates.isEmpty()
                ? ListenerTls.NONE
                : ListenerTls.NONE.with(ListenerTls.MODE, ListenerTls.Mode.IMPLICIT)
                        .with(ListenerTls.CERTIFICATES, certificates);
    }

    /** Whether mail is taken over HTTP at all. */
    public boolean enabled() {
        return !address.isEmpty();
    }
}
