package dev.penstock.delivery;

import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.IpLookupStrategy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.MailHost;
import dev.penstock.units.Networks;

/**
 * Which of the hosts that DNS told a session may connect to, and at which port, by the keys of its path. Hosts that the
 * configuration names stay as they are. Stateless.
 */
final class PathHosts {
    private PathHosts() {}

    /**
     * @param hosts   in their order; empty exactly when there is a refusal
     * @param refusal why none may be connected to
     */
    record Choice(List<MailHost> hosts, @Nullable Failure refusal) {
        private static Choice refused(Failure.Kind kind, String why) {
            return new Choice(List.of(), new Failure(kind, why));
        }
    }

    /**
     * @param hosts      of a route, the addresses of each host behind each other; not empty
     * @param configured whether the configuration names them
     */
    static Choice of(List<MailHost> hosts, boolean configured, TrafficLimits path) {
        if (configured || isPlain(path)) {
            return new Choice(hosts, null);
        }
        List<MailHost> left = path.smtpPort() == 0
                ? hosts
                : hosts.stream().map(host -> at(host, path.smtpPort())).toList();
        left = ofFamily(left, path.ipLookupStrategy());
        if (left.isEmpty()) {
            return Choice.refused(Failure.Kind.NO_ADDRESS, "no host of " + named(hosts)
                    + " has an address of the family that ip_lookup_strategy wants");
        }
        Networks skipped = Networks.parse(path.skipHosts());
        if (!skipped.isEmpty()) {
            left = left.stream().filter(host -> !isIn(skipped, host)).toList();
            if (left.isEmpty()) {
                return Choice.refused(Failure.Kind.NO_HOST_LEFT, "all hosts of " + named(hosts) + " are in skip_hosts");
            }
        }
        Networks prohibited = Networks.parse(path.prohibitedHosts());
        for (MailHost host : prohibited.isEmpty() ? List.<MailHost>of() : left) {
            if (isIn(prohibited, host)) {
                return Choice.refused(Failure.Kind.NO_HOST_LEFT, host.text() + " is in prohibited_hosts");
            }
        }
        return new Choice(left, null);
    }

    private static boolean isPlain(TrafficLimits path) {
        return path.smtpPort() == 0 && path.ipLookupStrategy() == IpLookupStrategy.IPV4_AND_IPV6
                && path.skipHosts().isEmpty() && path.prohibitedHosts().isEmpty();
    }

    private static String named(List<MailHost> hosts) {
        return String.join(", ", hosts.stream().map(MailHost::name).distinct().toList());
    }

    private static MailHost at(MailHost host, int port) {
        return host.address() instanceof InetSocketAddress inet
                ? new MailHost(host.name(), inet.getAddress(), port, host.preference())
                : host;
    }

    private static boolean isIn(Networks networks, MailHost host) {
        return host.address() instanceof InetSocketAddress inet && networks.contains(inet.getAddress());
    }

    private static boolean isFour(MailHost host) {
        return host.address() instanceof InetSocketAddress inet && inet.getAddress() instanceof Inet4Address;
    }

    /** The last two look at each host by itself. */
    private static List<MailHost> ofFamily(List<MailHost> hosts, IpLookupStrategy strategy) {
        return switch (strategy) {
            case IPV4_AND_IPV6 -> hosts;
            case IPV4_ONLY -> hosts.stream().filter(PathHosts::isFour).toList();
            case IPV6_ONLY -> hosts.stream().filter(host -> !isFour(host)).toList();
            case IPV4_THEN_IPV6 -> preferring(hosts, true);
            case IPV6_THEN_IPV4 -> preferring(hosts, false);
        };
    }

    private static List<MailHost> preferring(List<MailHost> hosts, boolean four) {
        List<MailHost> left = new ArrayList<>(hosts.size());
        for (int begin = 0, end; begin < hosts.size(); begin = end) {
            end = AddressOrder.endOfHost(hosts, begin, hosts.size());
            List<MailHost> addresses = hosts.subList(begin, end);
            List<MailHost> preferred = addresses.stream().filter(host -> isFour(host) == four).toList();
            left.addAll(preferred.isEmpty() ? addresses : preferred);
        }
        return left;
    }
}
