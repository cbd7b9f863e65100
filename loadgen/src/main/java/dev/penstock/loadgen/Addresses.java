package dev.penstock.loadgen;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;

/** Reads lists of {@code host:port}; {@code 127.0.1.{1..8}:2525} names eight of them. Pure functions. */
final class Addresses {
    private Addresses() {}

    /** @throws IllegalArgumentException when an item has no port or its host isn't known */
    static List<InetSocketAddress> parse(List<String> items) {
        List<InetSocketAddress> addresses = new ArrayList<>();
        for (String item : items) {
            for (String text : DomainMix.expand(item.strip())) {
                addresses.add(parse(text));
            }
        }
        return addresses;
    }

    private static InetSocketAddress parse(String text) {
        int colon = text.lastIndexOf(':');
        if (colon < 1) {
            throw new IllegalArgumentException("expected host:port, got: " + text);
        }
        String host = text.substring(0, colon);
        boolean bracketed = host.startsWith("[") && host.endsWith("]");
        InetSocketAddress address = new InetSocketAddress(bracketed ? host.substring(1, host.length() - 1) : host,
                port(text.substring(colon + 1)));
        if (address.isUnresolved()) {
            throw new IllegalArgumentException("unknown host: " + host);
        }
        return address;
    }

    private static int port(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("expected a port number, got: " + text, e);
        }
    }
}
