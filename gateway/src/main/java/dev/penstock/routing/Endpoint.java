package dev.penstock.routing;

import java.net.InetAddress;
import java.net.UnixDomainSocketAddress;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

/**
 * A host and a port as configuration writes them: {@code name}, {@code name:port}, {@code address}, {@code address:port},
 * {@code v6}, {@code [v6]}, {@code [v6]:port}, {@code unix:/path}. Immutable.
 *
 * @param host    without brackets; a Unix domain socket's as it is written
 * @param address null when {@code host} is a name, or a Unix domain socket
 * @param port    0 for a Unix domain socket
 * @param socket  null when it is no Unix domain socket
 */
record Endpoint(String host, @Nullable InetAddress address, int port, @Nullable UnixDomainSocketAddress socket) {
    private static final String UNIX = "unix:";
    private static final Pattern DOTTED_QUAD = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");
    private static final int MAX_PORT = 65_535;

    /** @throws IllegalArgumentException saying what is wrong with {@code text} */
    static Endpoint parse(String text, int defaultPort) {
        if (text.startsWith(UNIX)) {
            return new Endpoint(text, null, 0, UnixDomainSocketAddress.of(text.substring(UNIX.length())));
        }
        String host = text;
        int port = defaultPort;
        int colon = text.lastIndexOf(':');
        int bracket = text.indexOf(']');
        boolean bareV6 = !text.startsWith("[") && colon != text.indexOf(':');
        if (colon > bracket && !bareV6) {
            host = text.substring(0, colon);
            port = port(text, text.substring(colon + 1));
        }
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        }
        @Nullable
        InetAddress address = address(host);
        if (address == null && !DomainNames.isValid(host)) {
            throw new IllegalArgumentException(
                    "expected name, name:port, address:port or [v6]:port instead of '" + text + "'");
        }
        return new Endpoint(host, address, port, null);
    }

    /** Never asks DNS. Null when {@code text} isn't an address. */
    static @Nullable InetAddress address(String text) {
        boolean six = text.indexOf(':') >= 0;
        if (!six && !DOTTED_QUAD.matcher(text).matches() || text.indexOf('%') >= 0) {
            return null;
        }
        try {
            return InetAddress.ofLiteral(text);
        } catch (IllegalArgumentException _) {
            return null;
        }
    }

    /**
     * RFC 5321 4.1.3: {@code [192.0.2.1]}, {@code [IPv6:2001:db8::1]}. Null when {@code domain} is neither. Of
     * {@code [IPv6:::ffff:192.0.2.1]} the IPv4 address, as the JDK gives it.
     */
    static @Nullable InetAddress addressLiteral(String domain) {
        if (!domain.startsWith("[") || !domain.endsWith("]")) {
            return null;
        }
        String inner = domain.substring(1, domain.length() - 1);
        String tag = "IPv6:";
        if (!inner.regionMatches(true, 0, tag, 0, tag.length())) {
            return inner.indexOf(':') < 0 ? address(inner) : null;
        }
        String six = inner.substring(tag.length());
        return six.indexOf(':') >= 0 ? address(six) : null;
    }

    private static int port(String text, String digits) {
        try {
            int port = Integer.parseInt(digits);
            if (port > 0 && port <= MAX_PORT) {
                return port;
            }
        } catch (NumberFormatException _) {
            // said below
        }
        throw new IllegalArgumentException("expected a port from 1 to " + MAX_PORT + " at the end of '" + text + "'");
    }
}
