package dev.penstock.routing;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

import dev.penstock.config.NetworkGroup;
import dev.penstock.units.Networks;

/**
 * Where no MX record and no address literal may send mail: both are written by strangers, and what listens inside trusts
 * whoever reaches it. Immutable.
 *
 * <p>An IPv6 address that carries an IPv4 address (RFC 4291 2.5.5, RFC 6052, RFC 8215, RFC 3056) is judged as that one too.
 */
final class IgnoredNetworks {
    /** As they are, translated (RFC 2765 2.1), by the well-known prefix (RFC 6052 2.1). */
    private static final Networks IPV4_AT_THE_END = Networks
            .parse(List.of("::/96", "::ffff:0:0:0/96", "64:ff9b::/96"));
    /** A network's own prefixes, of any length from 48 bits (RFC 8215). */
    private static final Networks IPV4_ANYWHERE = Networks.parse(List.of("64:ff9b:1::/48"));
    private static final int[] AT_THE_END = {12, 13, 14, 15};
    /** Octets of the IPv4 address behind prefixes of 48, 56, 64 and 96 bits: RFC 6052 2.2; octet 8 is none of them. */
    private static final int[][] PLACES = {{6, 7, 9, 10}, {7, 9, 10, 11}, {9, 10, 11, 12}, AT_THE_END};
    private static final Networks SIX_TO_FOUR = Networks.parse(List.of("2002::/16"));
    private static final int[] IN_SIX_TO_FOUR = {2, 3, 4, 5}; // octets: RFC 3056 2

    private final Networks networks;

    private IgnoredNetworks(Networks networks) {
        this.networks = networks;
    }

    /** @param written networks and words, as {@link dev.penstock.config.DnsConfig#ignoreNetworks} has them */
    static IgnoredNetworks of(List<String> written) {
        List<String> cidrs = new ArrayList<>();
        for (String each : written) {
            Optional<NetworkGroup> group = NetworkGroup.named(each);
            if (group.isEmpty()) {
                cidrs.add(each);
            } else if (group.get() == NetworkGroup.OWN) {
                OwnAddresses.machineAddresses().forEach(own -> cidrs.add(withoutScope(own)));
            } else {
                cidrs.addAll(group.get().networks());
            }
        }
        return new IgnoredNetworks(Networks.parse(cidrs));
    }

    boolean contains(InetAddress address) {
        if (networks.contains(address)) {
            return true;
        }
        if (!(address instanceof Inet6Address)) {
            return false;
        }
        if (SIX_TO_FOUR.contains(address)) {
            return networks.contains(embedded(address, IN_SIX_TO_FOUR));
        }
        if (IPV4_ANYWHERE.contains(address)) {
            return containsAtAnyPlace(address);
        }
        return IPV4_AT_THE_END.contains(address) && networks.contains(embedded(address, AT_THE_END));
    }

    /**
     * Which place it is only the network knows. One that begins with a zero is filling or nothing that a translator sends
     * to (0.0.0.0/8), unless all do.
     */
    private boolean containsAtAnyPlace(InetAddress address) {
        byte[] octets = address.getAddress();
        List<int[]> filled = Arrays.stream(PLACES).filter(place -> octets[place[0]] != 0).toList();
        return filled.isEmpty()
                ? networks.contains(embedded(address, AT_THE_END))
                : filled.stream().anyMatch(place -> networks.contains(embedded(address, place)));
    }

    private static InetAddress embedded(InetAddress address, int[] place) {
        byte[] octets = address.getAddress();
        StringBuilder text = new StringBuilder();
        for (int at : place) {
            text.append(text.isEmpty() ? "" : ".").append(Byte.toUnsignedInt(octets[at]));
        }
        return InetAddress.ofLiteral(text.toString());
    }

    private static String withoutScope(InetAddress address) {
        String text = address.getHostAddress();
        int scope = text.indexOf('%');
        return scope < 0 ? text : text.substring(0, scope);
    }
}
