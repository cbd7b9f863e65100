package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.list;
import static dev.penstock.config.Types.map;
import static dev.penstock.config.Types.optionalPath;
import static dev.penstock.config.Types.size;
import static dev.penstock.config.Types.text;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import dev.penstock.units.ByteSize;

/**
 * The administration API. Each component is the key of its name.
 *
 * @param clients who comes with a client certificate, by a name in it
 */
public record AdminConfig(boolean enabled, String socket, String socketGroup, Access loopbackRole, String address,
        int port, Optional<Path> clientCa, ByteSize auditFileSize, Duration auditKeep,
        List<ListenerTls.Certificate> certificates, Map<String, Client> clients) implements TableRecord<AdminConfig> {
    /** What sun_path of Linux holds (unix(7)): 108 octets with the zero at its end. */
    public static final int LONGEST_SOCKET = 107;

    private static final String SOCKET_NAME = "admin.sock";
    private static final String NO_SOCKET = "none";

    static final Table<AdminConfig> TABLE = Table
            .of(AdminConfig.class, AdminConfig::new,
                    "The administration API, see gateway/docs/administration.md: /api/admin/v1 at [http]'s address for "
                            + "this machine, on a Unix socket, and at an address of its own for others.")
            .rule(AdminConfig::check);
    public static final Key<AdminConfig, Boolean> ENABLED = TABLE
            .key("enabled", AdminConfig::enabled, flag(true), "Whether it is served at all.").restart();
    public static final Key<AdminConfig, String> SOCKET = TABLE
            .key("socket", AdminConfig::socket,
                    text("the path of a Unix socket in quotes, \"\" or \"none\"", "", AdminConfig::socket),
                    "A Unix socket: whoever may connect to it may do everything. Empty: admin.sock in the spool's "
                            + "directory. \"none\": there is none.")
            .restart();
    public static final Key<AdminConfig, String> SOCKET_GROUP = TABLE
            .key("socket-group", AdminConfig::socketGroup, text("a group's name in quotes", "", text -> text),
                    "A group that may connect to it, besides the user who runs this. Empty: nobody else may.")
            .restart();
    public static final Key<AdminConfig, Access> LOOPBACK_ROLE = TABLE.key("loopback-role", AdminConfig::loopbackRole,
            choice(Access.READ),
            "What may be done, without credentials, by who connects from this machine itself, which any of its users "
                    + "can: \"none\", \"read\", \"operate\" or \"configure\".");
    public static final Key<AdminConfig, String> ADDRESS = TABLE
            .key("address", AdminConfig::address,
                    text("an IP address in quotes, or \"\"", "",
                            address -> address.isEmpty() ? address : Syntax.addressAlone(address)),
                    "An address of its own. Beyond this machine it needs certificates: credentials go over TLS only. "
                            + "Empty: none.")
            .restart();
    public static final Key<AdminConfig, Integer> PORT = TABLE
            .key("port", AdminConfig::port, Types.port(8027, 0), "Of that address. Port 0 lets the system choose.")
            .restart();
    public static final Key<AdminConfig, Optional<Path>> CLIENT_CA = TABLE.key("client-ca", AdminConfig::clientCa,
            optionalPath(ListenerReader::authorities),
            "PEM file of the authorities that clients' certificates are checked against. Empty: none is asked for.");
    public static final Key<AdminConfig, ByteSize> AUDIT_FILE_SIZE = TABLE.key("audit-file-size",
            AdminConfig::auditFileSize, size("16 MB", "1 KB", "256 MB"),
            "The audit log is audit-*.jsonl in events.directory: at this size a file is closed and the next one begun.");
    public static final Key<AdminConfig, Duration> AUDIT_KEEP = TABLE.key("audit-keep", AdminConfig::auditKeep,
            duration("400d", "1d", "7300d"), "Its files are deleted so long after their last line.");
    public static final Key<AdminConfig, List<ListenerTls.Certificate>> CERTIFICATES = TABLE
            .key("certificate", AdminConfig::certificates,
                    list(ListenerTls.Certificate.TABLE, List.of(),
                            (table, key) -> ListenerReader.certificates(table.tables(key))),
                    "With certificates HTTPS is spoken at that address, without them HTTP. PEM files as a listener's, "
                            + "looked at again when they change. To have any or none takes a restart.")
            .restart(List::isEmpty);
    public static final Key<AdminConfig, Map<String, Client>> CLIENTS = TABLE
            .key("client", AdminConfig::clients, map(Client.TABLE, (table, key) -> clients(table.table(key))),
                    "What may be done by who comes with a client certificate that has this name: a DNS name, an e-mail "
                            + "address, a URI, or a common name where it has none of these.")
            .example("ops.example.net");

    public static final AdminConfig DEFAULT = TABLE.defaults();

    /** What may be done. */
    public enum Access {
        NONE, READ, OPERATE, CONFIGURE
    }

    /** Who comes with a client certificate. Each component is the key of its name. */
    public record Client(Access role) {
        static final Table<Client> TABLE = Table.of(Client.class, Client::new, "");
        public static final Key<Client, Access> ROLE = TABLE.key("role", Client::role, choice(Access.READ),
                "\"none\", \"read\", \"operate\" or \"configure\".");

        private Client(Values<Client> values) {
            this(values.get(ROLE));
        }
    }

    public AdminConfig {
        certificates = List.copyOf(certificates);
        clients = Map.copyOf(clients);
    }

    private AdminConfig(Values<AdminConfig> values) {
        this(values.get(ENABLED), values.get(SOCKET), values.get(SOCKET_GROUP), values.get(LOOPBACK_ROLE),
                values.get(ADDRESS), values.get(PORT), values.get(CLIENT_CA), values.get(AUDIT_FILE_SIZE),
                values.get(AUDIT_KEEP), values.get(CERTIFICATES), values.get(CLIENTS));
    }

    private static String socket(String text) {
        if (text.getBytes(StandardCharsets.UTF_8).length > LONGEST_SOCKET) {
            throw new IllegalArgumentException(
                    "too long for a Unix socket; allowed: at most " + LONGEST_SOCKET + " octets, or \"none\"");
        }
        return text.isEmpty() ? text : TableBinder.toPath(text).toString();
    }

    private static Map<String, Client> clients(TableBinder table) {
        Map<String, Client> clients = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder client = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            if (client.holdsOnlyTables()) {
                table.reject(name, "a name with a dot needs quotes here: \"" + name + "."
                        + client.keys().iterator().next() + "\"");
                continue;
            }
            Client read = Client.TABLE.read(client, Client.TABLE.defaults());
            try {
                clients.put(UsersFile.certificateName(name), read);
            } catch (IllegalArgumentException e) {
                table.reject(name, String.valueOf(e.getMessage()));
            }
        }
        return clients;
    }

    private static void check(TableBinder file, AdminConfig admin) {
        boolean here = admin.address().isEmpty() || Syntax.isLoopback(admin.address());
        if (!here && admin.certificates().isEmpty()) {
            file.reject("address", admin.address() + " is beyond this machine, where credentials go over TLS only; "
                    + "expected [[admin.certificate]] with chain and key, or a loopback address");
        }
        if (admin.address().isEmpty() && !admin.certificates().isEmpty()) {
            file.reject("certificate", "has no meaning without address: at [http]'s HTTP is spoken");
        }
        if (admin.clientCa().isPresent() && admin.certificates().isEmpty()) {
            file.reject("client-ca", "needs a certificate of ours: [[admin.certificate]] with chain and key");
        }
        if (!admin.clients().isEmpty() && admin.clientCa().isEmpty()) {
            file.reject("client", "client certificates need a client-ca to be checked against");
        }
    }

    /** Its TLS, as of a listener. */
    public ListenerTls tls() {
        ListenerTls tls = ListenerTls.NONE.with(ListenerTls.MODE, ListenerTls.Mode.IMPLICIT)
                .with(ListenerTls.CERTIFICATES, certificates);
        return !hasPort() || certificates.isEmpty()
                ? ListenerTls.NONE
                : clientCa.isEmpty()
                        ? tls
                        : tls.with(ListenerTls.CLIENT_CERTIFICATES, ListenerTls.ClientCertificates.REQUESTED)
                                .with(ListenerTls.CLIENT_CA, clientCa);
    }

    /** Whether it listens at an address of its own. */
    public boolean hasPort() {
        return enabled && !address.isEmpty();
    }

    /** Where the Unix socket is; empty for none. */
    public Optional<Path> socketPath(SpoolConfig spool) {
        return !enabled || socket.equals(NO_SOCKET)
                ? Optional.empty()
                : Optional.of(socket.isEmpty() ? spool.directory().resolve(SOCKET_NAME) : Path.of(socket));
    }

    /** Where the Unix socket of a gateway on built-in defaults is. */
    public static Path defaultSocket() {
        return SpoolConfig.DEFAULT.directory().resolve(SOCKET_NAME);
    }

    /**
     * Where the Unix socket of the gateway with this configuration is; nothing else of the file is looked at. Empty when
     * it has none.
     *
     * @throws IOException when what the file says about it can't be read
     */
    public static Optional<Path> socketNamedBy(Path configuration) throws IOException {
        List<Problem> errors = new ArrayList<>();
        TableBinder file = new ConfigSource(configuration, errors, new ArrayList<>(), null).parse();
        AdminConfig admin = DEFAULT.with(SOCKET, SOCKET.read(file.table("admin")))
                .with(ENABLED, ENABLED.read(file.table("admin")));
        SpoolConfig spool = SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY,
                SpoolConfig.DIRECTORY.read(file.table("spool")));
        if (!errors.isEmpty()) {
            throw new IOException(ConfigSource.inOrder(errors).getFirst().toString());
        }
        return admin.socketPath(spool);
    }
}
