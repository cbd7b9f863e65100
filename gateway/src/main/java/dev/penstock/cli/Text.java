package dev.penstock.cli;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;

import dev.penstock.units.CleanText;

/** Words for the operator. Stateless. */
final class Text {
    private Text() {}

    /** {@code 127.0.0.1:2525}, {@code [::1]:25}. */
    static String address(InetSocketAddress address) {
        InetAddress ip = address.getAddress();
        String host = ip == null ? address.getHostString() : ip.getHostAddress();
        return (ip instanceof Inet6Address ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    /** An address that a client on this machine can connect to. */
    static InetSocketAddress reachable(InetSocketAddress bound) {
        InetAddress ip = bound.getAddress();
        return ip != null && ip.isAnyLocalAddress()
                ? new InetSocketAddress(InetAddress.getLoopbackAddress(), bound.getPort())
                : bound;
    }

    static String count(int number, String noun) {
        return number + " " + noun + (number == 1 ? "" : "s");
    }

    /** On one line, without what others may have said to tell the terminal what to do. */
    static String clean(CharSequence line) {
        return CleanText.of(line);
    }

    /** Likewise, JSON that says the same. */
    static String json(Object json) {
        return CleanText.ofJson(json.toString());
    }
}
