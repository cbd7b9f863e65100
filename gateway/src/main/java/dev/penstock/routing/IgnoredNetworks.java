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
 * <p>An IPv6 address that carries an IPv4 address to its end (RFC 4291 2.5.5, RFC 6052, RFC 3056) is judged as that one
 * too.
 */
final class IgnoredNetworks {
    /** As they are, translated (RFC 2765 2.1), by the well-known prefix, by those of a network's own (RFC 8215). */
    private static final Networks IPV4_AT_THE_END = Networks
            .parse(List.of("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"));
    private static final Networks SIX_TO_FOUR = Networks.parse(List.of("2002::/16"));
    private static final int SIX_TO_FOUR_OFFSET = 2; // octets: RFC 3056 2
    private static final int LAST_OFFSET = 12; // octets: the last four of sixteen

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
            return networks.contains(embedded(address, SIX_TO_FOUR_OFFSET));
        }
        return IPV4_AT_THE_END.contains(address) && networks.contains(embedded(address, LAST_OFFSET));
    }

    private static InetAddress embedded(InetAddress address, int offset) {
        byte[] octets = Arrays.copyOfRange(address.getAddress(), offset, offset + Integer.BYTES);
        StringBuilder text = new StringBuilder();
        for (byte octet : octets) {
            text.append(text.isEmpty() ? "" : ".").append(Byte.toUnsignedInt(octet));
        }
        return InetAddress.ofLiteral(text.toString());
    }

    private static String withoutScope(InetAddress address) {
        String text = address.getHostAddress();
        int scope = text.indexOf('%');
        return scope < 0 ? text : text.substring(0, scope);
    }
}
