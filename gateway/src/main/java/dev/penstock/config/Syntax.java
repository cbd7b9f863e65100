package dev.penstock.config;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;

import dev.penstock.smtp.Idna;

/**
 * The forms of addresses, networks and names in configuration files. Nothing here asks a name server. Every method
 * throws {@link IllegalArgumentException} with a message that says what was expected.
 */
final class Syntax {
    private static final int MAX_PORT = 65_535;
    private static final String UNIX = "unix:";
    private static final int MAX_SOCKET_PATH = 107; // unix(7): sun_path has 108 octets with its NUL

    private Syntax() {}

    /** @param port -1 when the text named none */
    record HostPort(String host, int port) {}

    /** {@code 127.0.0.1:2525} or {@code [::1]:25}. */
    static HostPort addressAndPort(String text) {
        HostPort split = split(text);
        if (split.port() < 0) {
            throw new IllegalArgumentException(
                    "the port is missing; expected address:port like 127.0.0.1:2525, [::1]:25");
        }
        return new HostPort(address(split.host()), split.port());
    }

    /** An IPv4 or IPv6 address without brackets. */
    static String address(String text) {
        try {
            InetAddress.ofLiteral(text);
            return text;
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("expected an IP address like 127.0.0.1 or ::1, not a name", e);
        }
    }

    /** Whether an address that {@link #address} has taken is this machine's alone. */
    static boolean isLoopback(String address) {
        return InetAddress.ofLiteral(address).isLoopbackAddress();
    }

    /** As {@link #address}, where a port can't stand beside it. */
    static String addressAlone(String text) {
        try {
            return address(text);
        } catch (IllegalArgumentException e) {
            if (namesPort(text)) {
                throw new IllegalArgumentException(
                        "a port can't stand here, it has a key of its own where there is one; "
                                + "expected an IP address alone, like 127.0.0.1 or ::1",
                        e);
            }
            throw e;
        }
    }

    private static boolean namesPort(String text) {
        try {
            return split(text).port() >= 0;
        } catch (IllegalArgumentException _) {
            return false;
        }
    }

    /** {@code address} or {@code address:port}, checked, as written. */
    static String server(String text) {
        HostPort split = split(text);
        address(split.host());
        return text;
    }

    /**
     * {@code name}, {@code name:port}, {@code address:port}, {@code [v6]:port} or {@code unix:/path}, checked, as
     * written.
     */
    static String host(String text) {
        if (text.startsWith(UNIX)) {
            return unixSocket(text);
        }
        HostPort split = split(text);
        if (split.port() == 0) {
            throw new IllegalArgumentException("port 0 can't be connected to");
        }
        if (split.host().contains(":") || looksLikeIpv4(split.host())) {
            address(split.host());
        } else {
            domain(split.host());
        }
        return text;
    }

    private static String unixSocket(String text) {
        String path = text.substring(UNIX.length());
        if (!path.startsWith("/") || path.endsWith("/") || path.indexOf(0) >= 0) {
            throw new IllegalArgumentException("expected an absolute path after unix:, like unix:/run/dovecot/lmtp");
        }
        if (path.getBytes(StandardCharsets.UTF_8).length > MAX_SOCKET_PATH) {
            throw new IllegalArgumentException("the path is too long; allowed: " + MAX_SOCKET_PATH + " octets");
        }
        return text;
    }

    /** Of a text that {@link #host} has passed; -1 when it names none. */
    static int portOf(String host) {
        return host.startsWith(UNIX) ? -1 : split(host).port();
    }

    /** A CIDR block; a bare address is a block of one. */
    static String network(String text) {
        int slash = text.lastIndexOf('/');
        String prefix = slash < 0 ? text : text.substring(0, slash);
        InetAddress address;
        try {
            address = InetAddress.ofLiteral(prefix);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("expected a network like 10.0.0.0/8 or 2001:db8::/32", e);
        }
        if (slash < 0) {
            return text;
        }
        int bits = address instanceof Inet4Address ? Integer.SIZE : 128;
        int length = number(text.substring(slash + 1), bits);
        if (length < 0) {
            throw new IllegalArgumentException("expected a prefix length from 0 to " + bits + " after the slash");
        }
        byte[] octets = address.getAddress();
        for (int bit = length; bit < bits; bit++) {
            if ((octets[bit / 8] & 0x80 >> bit % 8) != 0) {
                throw new IllegalArgumentException(
                        "the address has bits set beyond the prefix length; write the network's first address");
            }
        }
        return text;
    }

    /** A CIDR block, an address, or the name of one of {@link NetworkGroup}. */
    static String ignoredNetwork(String text) {
        if (NetworkGroup.named(text).isPresent()) {
            return text;
        }
        try {
            return network(text);
        } catch (IllegalArgumentException e) {
            if (text.indexOf('.') >= 0 || text.indexOf(':') >= 0) {
                throw e;
            }
            throw new IllegalArgumentException("expected a network like 10.0.0.0/8, or one of "
                    + NetworkGroup.NAMES, e);
        }
    }

    /** A domain name in the form it is routed by: lower case, A-labels, no trailing dot. */
    static String domain(String text) {
        return Idna.domain(text);
    }

    /** Fits into one reply line with any hostname (RFC 5321 4.5.3.1.5: 512 octets). */
    static String banner(String text) {
        if (!text.matches("[ -~]{1,200}")) {
            throw new IllegalArgumentException("expected 1 to 200 printable ASCII characters");
        }
        return text;
    }

    private static HostPort split(String text) {
        String host;
        String port;
        if (text.startsWith("[")) {
            int close = text.indexOf(']');
            if (close < 0 || (close + 1 < text.length() && text.charAt(close + 1) != ':')) {
                throw new IllegalArgumentException("expected [address] or [address]:port");
            }
            host = text.substring(1, close);
            port = close + 1 == text.length() ? "" : text.substring(close + 2);
            if (port.isEmpty() && text.endsWith(":")) {
                throw new IllegalArgumentException("the port is missing after the colon");
            }
        } else if (text.indexOf(':') != text.lastIndexOf(':')) {
            return new HostPort(text, -1);
        } else {
            int colon = text.indexOf(':');
            host = colon < 0 ? text : text.substring(0, colon);
            port = colon < 0 ? "" : text.substring(colon + 1);
            if (port.isEmpty() && colon >= 0) {
                throw new IllegalArgumentException("the port is missing after the colon");
            }
        }
        if (port.isEmpty()) {
            return new HostPort(host, -1);
        }
        int number = number(port, MAX_PORT);
        if (number < 0) {
            throw new IllegalArgumentException("expected a port from 0 to " + MAX_PORT);
        }
        return new HostPort(host, number);
    }

    private static boolean looksLikeIpv4(String host) {
        return !host.isEmpty() && host.chars().allMatch(c -> c == '.' || (c >= '0' && c <= '9'));
    }

    /** @return -1 when {@code text} isn't a number from 0 to {@code max} */
    private static int number(String text, int max) {
        if (text.isEmpty() || text.length() > 5 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return -1;
        }
        int number = Integer.parseInt(text);
        return number <= max ? number : -1;
    }
}
