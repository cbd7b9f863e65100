package dev.penstock.config;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ListenerTls.Certificate;
import dev.penstock.config.ListenerTls.ClientCertificates;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.config.ValueType.Plain;
import dev.penstock.units.WholeFile;

/**
 * Reads the tables {@code [[listener]]}. Confined to the thread that reads the configuration.
 *
 * <p>The PEM files that are named must be there and hold what their key asks for; whether a certificate and its key
 * belong together is found out by whoever loads them.
 */
final class ListenerReader {
    private static final int SMTP = 25;
    private static final int SUBMISSIONS = 465; // RFC 8314 7.3
    private static final int MAX_PEM = 1 << 20; // octets; no chain is that long
    /** As a pattern of JSON Schema. */
    static final String NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";
    private static final Pattern NAME = Pattern.compile(NAME_PATTERN);

    private final TableBinder file;
    private final Set<ListenAddress> addresses = new HashSet<>();
    private final Set<String> names = new HashSet<>();

    private ListenerReader(TableBinder file) {
        this.file = file;
    }

    static List<ListenerConfig> read(TableBinder file) {
        return new ListenerReader(file).listeners();
    }

    private List<ListenerConfig> listeners() {
        List<TableBinder> tables = file.tables("listener");
        if (tables == null) {
            return List.of(ListenerConfig.DEFAULT);
        }
        if (tables.isEmpty()) {
            file.reject("listener", "at least one is needed");
        }
        List<ListenerConfig> listeners = new ArrayList<>();
        for (int i = 0; i < tables.size(); i++) {
            listeners.add(listener(tables.get(i), i == 0 ? "smtp" : "smtp-" + (i + 1)));
        }
        return listeners;
    }

    private ListenerConfig listener(TableBinder table, String defaultName) {
        ListenerConfig listener = ListenerConfig.TABLE.read(table,
                ListenerConfig.DEFAULT.with(ListenerConfig.NAME, defaultName));
        checkAddresses(table, listener);
        if (!names.add(listener.name())) {
            table.reject("name", "another listener has the name \"" + listener.name() + "\" already");
        }
        checkTls(table, listener);
        checkAuth(table, listener);
        return listener;
    }

    static Plain<List<ListenAddress>> addressesType() {
        return new Plain<>(List.of(new ListenAddress("127.0.0.1", 2525)), ListenerReader::addresses,
                addresses -> addresses.stream().map(ListenAddress::toString).toList(),
                () -> Types.schema("array", "items", Types.schema("string"), "minItems", 1), "", false);
    }

    private static List<ListenAddress> addresses(TableBinder table, String key, List<ListenAddress> otherwise) {
        Optional<ListenAddress> single = table.text("address", Optional.empty(),
                "address:port in quotes, like \"127.0.0.1:2525\"", text -> Optional.of(address(text)));
        List<ListenAddress> found = new ArrayList<>(table.list(key, List.of(), ListenerReader::address));
        if (table.has("address") && table.has(key)) {
            table.reject("address", "addresses is there as well; write all into addresses");
        } else if (table.isEmptyArray(key)) {
            table.reject(key, "at least one is needed");
        }
        single.ifPresent(found::add);
        return table.has("address") || table.has(key) ? found : otherwise;
    }

    private void checkAddresses(TableBinder table, ListenerConfig listener) {
        String key = table.has("address") && !table.has("addresses") ? "address" : "addresses";
        Set<ListenAddress> own = new HashSet<>();
        for (ListenAddress address : listener.addresses()) {
            if (address.port() == 0) {
                continue;
            }
            if (!own.add(address)) {
                table.reject(key, "this address and port are there twice");
            } else if (!addresses.add(address)) {
                table.reject(key, table.has(key)
                        ? "another listener has this address and port already"
                        : "is missing, and another listener has the default, " + address + "; expected an array like "
                                + "[\"127.0.0.1:2525\", \"[::1]:2525\"]");
            }
        }
    }

    private static ListenAddress address(String text) {
        Syntax.HostPort address = Syntax.addressAndPort(text);
        return new ListenAddress(address.host(), address.port());
    }

    static String name(String text) {
        if (!NAME.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    "expected 1 to 63 letters, digits, dots, hyphens and underscores, the first a letter or digit");
        }
        return text;
    }

    static String label(String text) {
        return text.isEmpty() ? text : name(text);
    }

    static String oneOf(String text, List<String> allowed) {
        if (!allowed.contains(text)) {
            throw new IllegalArgumentException("unknown; allowed: " + String.join(", ", allowed));
        }
        return text;
    }

    static String withholdable(String text) {
        return oneOf(text.toUpperCase(Locale.ROOT), ListenerConfig.WITHHOLDABLE);
    }

    static String mechanism(String text) {
        return oneOf(text.toUpperCase(Locale.ROOT), ListenerConfig.MECHANISMS);
    }

    /** With a certificate STARTTLS is offered unless something else is said. */
    static ListenerTls tls(TableBinder table, ListenerTls otherwise) {
        return ListenerTls.TABLE.readKeys(table,
                table.has("certificate") ? otherwise.with(ListenerTls.MODE, Mode.OFFERED) : otherwise);
    }

    /** A PEM file with at least one certificate; empty when the text is. */
    static Optional<Path> authorities(TableBinder table, String key, Optional<Path> fallback) {
        return table.text(key, fallback, "a path in quotes", text -> text.isEmpty()
                ? Optional.empty()
                : Optional.of(pemFile(text, "a certificate", ListenerReader::holdsCertificate)));
    }

    /** @param tables null for none */
    static List<Certificate> certificates(@Nullable List<TableBinder> tables) {
        return tables == null
                ? List.of()
                : tables.stream().map(table -> Certificate.TABLE.read(table, Certificate.TABLE.defaults())).toList();
    }

    static Path chain(TableBinder table, String key, Path otherwise) {
        return pem(table, key, otherwise, "a certificate", ListenerReader::holdsCertificate);
    }

    static Path privateKey(TableBinder table, String key, Path otherwise) {
        return pem(table, key, otherwise, "a private key in PKCS #8", ListenerReader::holdsKey);
    }

    private static Path pem(TableBinder table, String key, Path otherwise, String what, PemCheck check) {
        if (!table.has(key)) {
            table.reject(key, "is missing; expected the path of a PEM file with " + what);
        }
        return table.text(key, otherwise, "a path in quotes", text -> pemFile(text, what, check));
    }

    /** Looks for what is wanted in a PEM text; throws an {@link IllegalArgumentException} for what is near it. */
    @FunctionalInterface
    private interface PemCheck {
        boolean holds(String pem);
    }

    private static Path pemFile(String text, String what, PemCheck check) {
        Path path = TableBinder.toPath(text);
        if (!Files.exists(path)) {
            throw new IllegalArgumentException("there is no file " + path.toAbsolutePath().normalize()
                    + "; expected the path of a PEM file with " + what);
        }
        String pem;
        try {
            pem = new String(WholeFile.read(path, MAX_PEM), ISO_8859_1);
        } catch (IOException e) {
            throw new IllegalArgumentException(WholeFile.reason(e), e);
        }
        if (!check.holds(pem)) {
            throw new IllegalArgumentException("expected a PEM file with " + what + ", found none in it");
        }
        return path;
    }

    private static boolean holdsCertificate(String pem) {
        return pem.contains("-----BEGIN CERTIFICATE-----");
    }

    private static boolean holdsKey(String pem) {
        if (pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")) {
            throw new IllegalArgumentException(
                    "the key is encrypted; write it anew with: openssl pkcs8 -topk8 -nocrypt -in FILE");
        }
        if (pem.contains("-----BEGIN RSA PRIVATE KEY-----") || pem.contains("-----BEGIN EC PRIVATE KEY-----")) {
            throw new IllegalArgumentException(
                    "the key isn't PKCS #8; write it anew with: openssl pkcs8 -topk8 -nocrypt -in FILE");
        }
        return pem.contains("-----BEGIN PRIVATE KEY-----");
    }

    private static void checkTls(TableBinder table, ListenerConfig listener) {
        ListenerTls tls = listener.tls();
        boolean certificate = table.has("certificate") && !table.isEmptyArray("certificate");
        if (tls.mode() == Mode.NONE && certificate) {
            table.reject("tls", "\"none\", but there is a certificate; allowed with one: \"offered\", \"required\", "
                    + "\"implicit\"");
        } else if (tls.mode() != Mode.NONE && !certificate) {
            table.reject("tls", "needs a certificate: [[listener.certificate]] with chain and key");
        }
        if (tls.clientCertificates() != ClientCertificates.NONE) {
            if (tls.mode() == Mode.NONE) {
                table.reject("client-certificates", "can't be asked for without TLS");
            }
            if (!table.has("client-ca")) {
                table.reject("client-certificates", "needs client-ca, the authorities to check them against");
            }
        } else if (tls.clientCa().isPresent()) {
            table.reject("client-ca", "has no effect while client-certificates is \"none\"");
        }
        for (ListenAddress address : listener.addresses()) {
            if (address.port() == SUBMISSIONS && tls.mode() != Mode.IMPLICIT) {
                table.warn("tls", "clients expect TLS from the first octet on port 465; is \"implicit\" meant?");
            } else if (address.port() == SMTP && tls.mode() == Mode.IMPLICIT) {
                table.warn("tls", "other servers begin without TLS on port 25; is \"offered\" meant?");
            }
        }
    }

    private static void checkAuth(TableBinder table, ListenerConfig listener) {
        boolean certificates = listener.tls().clientCertificates() != ClientCertificates.NONE;
        if (!listener.authRequired() || certificates) {
            return;
        }
        if (listener.mechanisms().isEmpty()) {
            table.reject("auth-required", "nobody could log in: mechanisms is empty and client-certificates \"none\"");
        } else if (listener.tls().mode() == Mode.NONE && !listener.mechanisms().contains("SCRAM-SHA-256")) {
            table.reject("auth-required", "nobody could log in: without TLS only SCRAM-SHA-256 is offered, and it is "
                    + "not in mechanisms");
        }
    }
}
