package dev.penstock.egress;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.SourceConfig;

/**
 * An identity to send from. Immutable.
 *
 * @param name     of its table, or {@link SourceConfig#DEFAULT_NAME}
 * @param four     the IPv4 address; null for none
 * @param six      the IPv6 address; null for none
 * @param ehloName in EHLO and LHLO
 * @param proxy    on whose machine the addresses are; null when they are this machine's
 */
public record Source(String name, @Nullable Inet4Address four, @Nullable Inet6Address six, String ehloName,
        @Nullable Proxy proxy) {
    /**
     * How its proxy is reached.
     *
     * @param protocol never {@link SourceConfig.Proxy#NONE}
     * @param host     a name or an address
     * @param username empty for none
     * @param tls      whether it is spoken to under TLS
     * @param ca       whom its certificate is to be of; empty for Java's authorities
     */
    public record Proxy(SourceConfig.Proxy protocol, String host, int port, String username, String password,
            boolean tls, Optional<Path> ca) {
        /** {@code 10.0.0.9:1080}. */
        public String text() {
            return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
        }

        /** Without the password, so that it never gets into a log. */
        @Override
        public String toString() {
            return protocol + " " + text();
        }
    }

    /** @throws IllegalArgumentException when its password file can't be read any more */
    static Source of(String name, SourceConfig config, String hostname) {
        Inet4Address four = null;
        Inet6Address six = null;
        for (String text : config.sourceAddress()) {
            InetAddress address = InetAddress.ofLiteral(text);
            if (address instanceof Inet4Address v4) {
                four = v4;
            } else if (address instanceof Inet6Address v6) {
                six = v6;
            }
        }
        return new Source(name, four, six, config.ehloName().isEmpty() ? hostname : config.ehloName(),
                config.proxy() == SourceConfig.Proxy.NONE ? null : proxy(name, config));
    }

    private static Proxy proxy(String name, SourceConfig config) {
        String server = config.proxyServer();
        int colon = server.lastIndexOf(':');
        String host = server.substring(0, colon);
        try {
            return new Proxy(config.proxy(), host.startsWith("[") ? host.substring(1, host.length() - 1) : host,
                    Integer.parseInt(server.substring(colon + 1)), config.proxyUsername(), config.password(),
                    config.proxyTls(), config.proxyTlsCa());
        } catch (IOException e) {
            throw new IllegalArgumentException("source." + name + ".proxy-password-file: " + e.getMessage(), e);
        }
    }

    /**
     * What is sent from when nothing else is said.
     *
     * @param address empty for whatever the system chooses
     */
    static Source ofDefault(String address, String hostname) {
        return of(SourceConfig.DEFAULT_NAME, SourceConfig.DEFAULT.with(SourceConfig.SOURCE_ADDRESS,
                address.isEmpty() ? List.of() : List.of(address)), hostname);
    }

    /** Whether each of its connections takes TLS with a proxy. */
    public boolean isBehindTls() {
        return proxy != null && proxy.tls();
    }

    /** Whether a host with this address can be connected to: one of a family that the source has an address of. */
    public boolean reaches(InetAddress host) {
        return four == null && six == null || addressFor(host) != null;
    }

    /** What to bind to for a connection to this host; null for what the system chooses. */
    public @Nullable InetAddress addressFor(InetAddress host) {
        return host instanceof Inet4Address ? four : six;
    }

    /** Those that must be on this machine: none when there is a proxy, or the system chooses. */
    public Set<InetAddress> ownAddresses() {
        return proxy != null
                ? Set.of()
                : Stream.of(four, six).flatMap(Stream::ofNullable).collect(Collectors.toUnmodifiableSet());
    }

    /** For people: {@code ip-17 (192.0.2.17, 2001:db8::17)}. */
    public String text() {
        String addresses = Stream.of(four, six).flatMap(Stream::ofNullable).map(InetAddress::getHostAddress)
                .collect(Collectors.joining(", "));
        return addresses.isEmpty() ? name : name + " (" + addresses + ")";
    }
}
