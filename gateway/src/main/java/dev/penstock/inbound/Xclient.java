package dev.penstock.inbound;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Locale;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/** What the attributes of XCLIENT mean (Postfix XCLIENT_README). Stateless. */
final class Xclient {
    private static final int MAX_PORT = 65_535;

    private Xclient() {}

    /** The attribute's value, {@code before} when it isn't there, empty when the proxy doesn't know it. */
    static String name(Map<String, String> attributes, String attribute, String before) {
        String value = attributes.get(attribute);
        return value == null ? before : isUnknown(value) ? "" : value;
    }

    /**
     * The address that two attributes change.
     *
     * @param before what holds for an attribute that isn't there or is unknown
     * @return null when one can't be read, or when nothing is known
     */
    static @Nullable InetSocketAddress address(Map<String, String> attributes, String addressAttribute,
            String portAttribute, @Nullable InetSocketAddress before) {
        String address = attributes.getOrDefault(addressAttribute, "[UNAVAILABLE]");
        String port = attributes.getOrDefault(portAttribute, "[UNAVAILABLE]");
        try {
            InetAddress host = isUnknown(address) ? before == null ? null : before.getAddress() : parse(address);
            int number = isUnknown(port) ? before == null ? 0 : before.getPort() : Integer.parseInt(port);
            return host == null || number < 0 || number > MAX_PORT ? null : new InetSocketAddress(host, number);
        } catch (IllegalArgumentException _) {
            return null;
        }
    }

    private static InetAddress parse(String address) {
        String tag = "IPV6:";
        return InetAddress.ofLiteral(address.toUpperCase(Locale.ROOT).startsWith(tag)
                ? address.substring(tag.length())
                : address);
    }

    private static boolean isUnknown(String value) {
        return value.equalsIgnoreCase("[UNAVAILABLE]") || value.equalsIgnoreCase("[TEMPUNAVAIL]");
    }
}
