package dev.penstock.config;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ListenerTls.Certificate;
import dev.penstock.config.ListenerTls.ClientCertificates;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.units.ByteSize;
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
    private static final int MILLION = 1_000_000;
    private static final int MIN_RECIPIENTS = 100; // RFC 5321 4.5.3.1.8
    private static final int MAX_RECIPIENTS = 50_000;
    private static final ByteSize KILOBYTE = ByteSize.ofKilobytes(1);
    private static final ByteSize GIGABYTE = ByteSize.ofMegabytes(1024);
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration HOUR = Duration.ofHours(1);
    private static final List<String> PROTOCOLS = List.of("TLSv1.2", "TLSv1.3"); // RFC 8996 ended those before
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");

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
        ListenerConfig d = ListenerConfig.DEFAULT;
        ListenerConfig listener = new ListenerConfig(
                table.text("name", defaultName, "a name in quotes", ListenerReader::name),
                addresses(table), tls(table),
                new LinkedHashSet<>(table.list("withheld", List.copyOf(d.withheld()),
                        text -> oneOf(text.toUpperCase(Locale.ROOT), ListenerConfig.WITHHOLDABLE))),
                table.list("mechanisms", d.mechanisms(),
                        text -> oneOf(text.toUpperCase(Locale.ROOT), ListenerConfig.MECHANISMS)),
                table.flag("auth-required", d.authRequired()),
                table.list("proxy-networks", d.proxyNetworks(), Syntax::network),
                table.duration("proxy-timeout", d.proxyTimeout(), SECOND, MINUTE),
                table.list("xclient-networks", d.xclientNetworks(), Syntax::network),
                table.text("tenant", d.tenant(), "a text", ListenerReader::label),
                table.text("campaign", d.campaign(), "a text", ListenerReader::label),
                limits(table.table("limits")));
        table.end();
        if (!names.add(listener.name())) {
            table.reject("name", "another listener has the name \"" + listener.name() + "\" already");
        }
        checkTls(table, listener);
        checkAuth(table, listener);
        return listener;
    }

    private List<ListenAddress> addresses(TableBinder table) {
        String key = table.has("address") && !table.has("addresses") ? "address" : "addresses";
        Optional<ListenAddress> single = table.text("address", Optional.empty(),
                "address:port in quotes, like \"127.0.0.1:2525\"", text -> Optional.of(address(text)));
        List<ListenAddress> several = table.list("addresses", List.of(), ListenerReader::address);
        if (table.has("address") && table.has("addresses")) {
            table.reject("address", "addresses is there as well; write all into addresses");
        } else if (table.isEmptyArray("addresses")) {
            table.reject("addresses", "at least one is needed");
        }
        List<ListenAddress> found = new ArrayList<>(several);
        single.ifPresent(found::add);
        if (!table.has(key)) {
            found.addAll(ListenerConfig.DEFAULT.addresses());
        }
        Set<ListenAddress> own = new HashSet<>();
        for (ListenAddress address : found) {
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
        return found;
    }

    private static ListenAddress address(String text) {
        Syntax.HostPort address = Syntax.addressAndPort(text);
        return new ListenAddress(address.host(), address.port());
    }

    private static String name(String text) {
        if (!NAME.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    "expected 1 to 63 letters, digits, dots, hyphens and underscores, the first a letter or digit");
        }
        return text;
    }

    private static String label(String text) {
        return text.isEmpty() ? text : name(text);
    }

    private static String oneOf(String text, List<String> allowed) {
        if (!allowed.contains(text)) {
            throw new IllegalArgumentException("unknown; allowed: " + String.join(", ", allowed));
        }
        return text;
    }

    private static ListenerTls tls(TableBinder table) {
        ListenerTls d = ListenerTls.NONE;
        List<TableBinder> tables = table.tables("certificate");
        List<Certificate> certificates = certificates(tables);
        return new ListenerTls(
                table.choice("tls", tables == null ? Mode.NONE : Mode.OFFERED, Mode.class), certificates,
                table.text("min-protocol", d.minProtocol(), "a text", text -> oneOf(text, PROTOCOLS)),
                table.choice("client-certificates", d.clientCertificates(), ClientCertificates.class),
                authorities(table, "client-ca", d.clientCa()));
    }

    /** A PEM file with at least one certificate; empty when the text is. */
    static Optional<Path> authorities(TableBinder table, String key, Optional<Path> fallback) {
        return table.text(key, fallback, "a path in quotes", text -> text.isEmpty()
                ? Optional.empty()
                : Optional.of(pemFile(text, "a certificate", ListenerReader::holdsCertificate)));
    }

    /** @param tables null for none */
    static List<Certificate> certificates(@Nullable List<TableBinder> tables) {
        List<Certificate> certificates = new ArrayList<>();
        for (TableBinder certificate : tables == null ? List.<TableBinder>of() : tables) {
            Optional<Path> chain = pem(certificate, "chain", "a certificate", ListenerReader::holdsCertificate);
            Optional<Path> key = pem(certificate, "key", "a private key in PKCS #8", ListenerReader::holdsKey);
            certificate.end();
            if (chain.isPresent() && key.isPresent()) {
                certificates.add(new Certificate(chain.get(), key.get()));
            }
        }
        return certificates;
    }

    private static Optional<Path> pem(TableBinder table, String key, String what, PemCheck check) {
        if (!table.has(key)) {
            table.reject(key, "is missing; expected the path of a PEM file with " + what);
        }
        return table.text(key, Optional.empty(), "a path in quotes", text -> Optional.of(pemFile(text, what, check)));
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

    private static ListenerLimits limits(TableBinder table) {
        ByteSize size = table.size("max-message-size", new ByteSize(0), KILOBYTE, GIGABYTE);
        Duration timeout = table.duration("command-timeout", Duration.ZERO, SECOND, HOUR);
        ListenerLimits limits = new ListenerLimits(limit(table, "max-sessions", 1, MILLION),
                size.bytes() == 0 ? null : size, limit(table, "max-recipients", MIN_RECIPIENTS, MAX_RECIPIENTS),
                limit(table, "max-messages-per-session", 1, Integer.MAX_VALUE), timeout.isZero() ? null : timeout);
        table.end();
        return limits;
    }

    private static @Nullable Integer limit(TableBinder table, String key, int min, int max) {
        int value = table.integer(key, 0, min, max);
        return value == 0 ? null : value;
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
