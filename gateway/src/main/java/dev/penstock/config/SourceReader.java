package dev.penstock.config;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

import dev.penstock.config.SourceConfig.Proxy;
import dev.penstock.units.WholeFile;

/** Reads the tables {@code [source."ip-17"]}. Stateless. */
final class SourceReader {
    /** Stands in log lines, the delivery log and metrics as it is. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");
    private static final List<String> OF_PROXIES = List.of("proxy-server", "proxy-username", "proxy-password",
            "proxy-password-file", "proxy-tls", "proxy-tls-ca");

    /** Octets: far more than a password has, and a comment below it. */
    private static final int MAX_PASSWORD_FILE = 4_096;

    private SourceReader() {}

    static Map<String, SourceConfig> read(TableBinder table) {
        Map<String, SourceConfig> sources = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder source = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            if (source.holdsOnlyTables()) {
                table.reject(name, "a name with dots needs quotes here: [source.\"" + name + "."
                        + source.keys().iterator().next() + "\"]");
                continue;
            }
            if (!NAME.matcher(name).matches()) {
                table.reject(name, "not a name; allowed: 1 to 63 letters, digits, dots, hyphens and underscores, the "
                        + "first a letter or digit");
            }
            sources.put(name, SourceConfig.TABLE.read(source, SourceConfig.DEFAULT));
        }
        return sources;
    }

    static void check(TableBinder table, SourceConfig source) {
        checkAddresses(table, source);
        if (source.proxy() == Proxy.NONE) {
            OF_PROXIES.stream().filter(table::has)
                    .forEach(key -> table.reject(key, "has no meaning without a proxy; allowed with proxy = \"socks5\""
                            + " or \"proxy-v2\""));
            return;
        }
        if (!table.has("proxy-server")) {
            table.reject("proxy-server", "is missing; expected where the proxy listens, like \"10.0.0.9:1080\"");
        }
        if (source.proxy() == Proxy.PROXY_V2) {
            if (source.sourceAddress().isEmpty()) {
                table.reject("source-address", "is missing; the PROXY protocol can't leave it open");
            }
            List.of("proxy-username", "proxy-password", "proxy-password-file").stream().filter(table::has)
                    .forEach(key -> table.reject(key, "the PROXY protocol has no login; allowed with proxy = "
                            + "\"socks5\""));
            return;
        }
        boolean password = !source.proxyPassword().isEmpty() || source.proxyPasswordFile().isPresent();
        if (!source.proxyPassword().isEmpty() && source.proxyPasswordFile().isPresent()) {
            table.reject("proxy-password-file", "proxy-password is there as well; allowed: one of the two");
        }
        if (!source.proxyUsername().isEmpty() && !password && !table.has("proxy-password-file")) {
            table.reject("proxy-username", "needs proxy-password or proxy-password-file");
        }
        if (source.proxyUsername().isEmpty() && password) {
            table.reject(source.proxyPasswordFile().isPresent() ? "proxy-password-file" : "proxy-password",
                    "needs proxy-username");
        }
    }

    private static void checkAddresses(TableBinder table, SourceConfig source) {
        long four = source.sourceAddress().stream().map(InetAddress::ofLiteral)
                .filter(Inet4Address.class::isInstance).count();
        if (four > 1 || source.sourceAddress().size() - four > 1) {
            table.reject("source-address", "two addresses of one family; allowed: at most one IPv4 and one IPv6 "
                    + "address, others are sources of their own");
        }
        for (String address : source.sourceAddress()) {
            InetAddress parsed = InetAddress.ofLiteral(address);
            if (parsed.isAnyLocalAddress() || parsed.isMulticastAddress()) {
                table.reject("source-address", "nothing can be sent from " + address
                        + "; allowed: addresses of one machine");
            }
        }
    }

    static String server(String text) {
        Syntax.host(text);
        if (text.startsWith("unix:") || Syntax.portOf(text) < 0) {
            throw new IllegalArgumentException("expected \"address:port\", \"[v6]:port\" or \"name:port\"");
        }
        return text;
    }

    static String login(String text) {
        if (text.getBytes(StandardCharsets.UTF_8).length > SourceConfig.MAX_LOGIN) {
            throw new IllegalArgumentException("too long; allowed: " + SourceConfig.MAX_LOGIN + " octets (RFC 1929 2)");
        }
        return text;
    }

    static Optional<Path> passwordFile(TableBinder table, String key, Optional<Path> otherwise) {
        Optional<Path> file = table.file(key, otherwise, "no file");
        if (file.isPresent()) {
            try {
                login(password(file.get()));
            } catch (IOException | IllegalArgumentException e) {
                table.reject(key, "can't be used: " + e.getMessage());
            }
        }
        return file;
    }

    /**
     * The first line of a password file.
     *
     * @throws IOException when it is empty, can't be read as UTF-8, is too long, or is a device or FIFO
     */
    static String password(Path file) throws IOException {
        String text = StandardCharsets.UTF_8.newDecoder()
                .decode(ByteBuffer.wrap(WholeFile.read(file, MAX_PASSWORD_FILE))).toString();
        return text.lines().findFirst().filter(line -> !line.isEmpty())
                .orElseThrow(() -> new IOException("its first line is empty; expected the password there"));
    }
}
