package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.list;
import static dev.penstock.config.Types.optionalPath;
import static dev.penstock.config.Types.text;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** TLS of one listener; its keys are among the listener's. Each component is the key of its name; the mode's is tls. */
public record ListenerTls(Mode mode, List<Certificate> certificates, String minProtocol,
        ClientCertificates clientCertificates, Optional<Path> clientCa) implements TableRecord<ListenerTls> {
    private static final List<String> PROTOCOLS = List.of("TLSv1.2", "TLSv1.3"); // RFC 8996 ended those before

    static final Table<ListenerTls> TABLE = Table.of(ListenerTls.class, ListenerTls::new, "");
    public static final Key<ListenerTls, Mode> MODE = TABLE
            .key("tls", ListenerTls::mode, choice(Mode.NONE),
                    "\"none\", \"offered\" (STARTTLS), \"required\" (nothing but STARTTLS is taken before it) or "
                            + "\"implicit\" (from the first octet, port 465). \"offered\" unless said when there is a "
                            + "certificate. To and from \"implicit\" takes a restart.")
            .restart(mode -> mode == Mode.IMPLICIT);
    public static final Key<ListenerTls, String> MIN_PROTOCOL = TABLE.key("min-protocol", ListenerTls::minProtocol,
            text("a text", "TLSv1.2", text -> ListenerReader.oneOf(text, PROTOCOLS))
                    .allowing(Types.quoted(PROTOCOLS), "enum", PROTOCOLS),
            "The oldest version of TLS: \"TLSv1.2\" or \"TLSv1.3\".");
    public static final Key<ListenerTls, ClientCertificates> CLIENT_CERTIFICATES = TABLE.key("client-certificates",
            ListenerTls::clientCertificates, choice(ClientCertificates.NONE),
            "\"none\", \"requested\" or \"required\". One that verifies is an identity, as a login is.");
    public static final Key<ListenerTls, Optional<Path>> CLIENT_CA = TABLE.key("client-ca", ListenerTls::clientCa,
            optionalPath(ListenerReader::authorities),
            "PEM file of the authorities that clients' certificates are checked against.");
    public static final Key<ListenerTls, List<Certificate>> CERTIFICATES = TABLE
            .key("certificate", ListenerTls::certificates,
                    list(Certificate.TABLE, List.of(),
                            (table, key) -> ListenerReader.certificates(table.tables(key))),
                    "PEM files, looked at again when they change; any number of tables, chosen by the client's server "
                            + "name (SNI), the first when none fits.");

    public static final ListenerTls NONE = TABLE.defaults();

    public ListenerTls {
        certificates = List.copyOf(certificates);
    }

    private ListenerTls(Values<ListenerTls> values) {
        this(values.get(MODE), values.get(CERTIFICATES), values.get(MIN_PROTOCOL), values.get(CLIENT_CERTIFICATES),
                values.get(CLIENT_CA));
    }

    public enum Mode {
        NONE,
        /** STARTTLS is offered (RFC 3207). */
        OFFERED,
        /** STARTTLS is offered, and nothing but EHLO, NOOP, QUIT and STARTTLS is taken before it (530 5.7.0). */
        REQUIRED,
        /** TLS from the first octet (RFC 8314: port 465). */
        IMPLICIT
    }

    public enum ClientCertificates {
        NONE,
        /** Asked for; a client without one, or with one that doesn't verify, goes on without an identity. */
        REQUESTED,
        /** The handshake fails without one that verifies. */
        REQUIRED
    }

    /** PEM files, looked at again when they change. Each component is the key of its name. */
    public record Certificate(Path chain, Path key) {
        private static final Path NOWHERE = Path.of("");

        static final Table<Certificate> TABLE = Table.of(Certificate.class, Certificate::new, "");
        public static final Key<Certificate, Path> CHAIN = TABLE
                .key("chain", Certificate::chain, Types.path(NOWHERE, ListenerReader::chain),
                        "The certificate and those that vouch for it, leaf first.")
                .required().example("\"/etc/penstock/mx.example.net.pem\"");
        public static final Key<Certificate, Path> KEY = TABLE
                .key("key", Certificate::key, Types.path(NOWHERE, ListenerReader::privateKey),
                        "Its private key, PKCS #8, not encrypted.")
                .required().example("\"/etc/penstock/mx.example.net.key\"");

        private Certificate(Values<Certificate> values) {
            this(values.get(CHAIN), values.get(KEY));
        }
    }
}
