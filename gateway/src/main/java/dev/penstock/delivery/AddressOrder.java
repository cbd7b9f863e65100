package dev.penstock.delivery;

import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

import dev.penstock.config.AddressPreference;
import dev.penstock.routing.MailHost;

/**
 * The order in which the addresses of each host are tried: those of both families in turn, from the preferred one on (RFC
 * 8305 4). The order of the hosts stays. Stateless.
 */
final class AddressOrder {
    private AddressOrder() {}

    /** The same list when there is nothing to change. */
    static List<MailHost> of(List<MailHost> hosts, AddressPreference preference) {
        boolean sixFirst = switch (preference) {
            case IPV4 -> false;
            case IPV6 -> true;
            case NONE -> ThreadLocalRandom.current().nextBoolean();
        };
        List<MailHost> ordered = null;
        for (int begin = 0, end; begin < hosts.size(); begin = end) {
            end = endOfHost(hosts, begin, hosts.size());
            if (end - begin > 1 && !isOrdered(hosts, begin, end, sixFirst)) {
                if (ordered == null) {
                    ordered = new ArrayList<>(hosts);
                }
                interleave(ordered.subList(begin, end), sixFirst);
            }
        }
        return ordered == null ? hosts : ordered;
    }

    /** Where the addresses of the host at {@code begin} end that follow each other, at {@code limit} at the latest. */
    static int endOfHost(List<MailHost> hosts, int begin, int limit) {
        MailHost first = hosts.get(begin);
        int end = begin + 1;
        while (end < limit && isOfHost(hosts.get(end), first)) {
            end++;
        }
        return end;
    }

    private static boolean isOfHost(MailHost other, MailHost host) {
        return !host.isUnixSocket() && !other.isUnixSocket() && other.preference() == host.preference()
                && other.port() == host.port() && other.name().equals(host.name());
    }

    private static boolean isOrdered(List<MailHost> hosts, int begin, int end, boolean sixFirst) {
        boolean four = false;
        boolean six = false;
        for (int i = begin; i < end; i++) {
            boolean isSix = isSix(hosts.get(i));
            six |= isSix;
            four |= !isSix;
        }
        return !(four && six) || end - begin == 2 && isSix(hosts.get(begin)) == sixFirst;
    }

    private static void interleave(List<MailHost> addresses, boolean sixFirst) {
        ArrayDeque<MailHost> preferred = new ArrayDeque<>();
        ArrayDeque<MailHost> others = new ArrayDeque<>();
        for (MailHost address : addresses) {
            (isSix(address) == sixFirst ? preferred : others).add(address);
        }
        boolean turn = true;
        for (int i = 0; i < addresses.size(); i++, turn = !turn) {
            ArrayDeque<MailHost> next = turn && !preferred.isEmpty() || others.isEmpty() ? preferred : others;
            addresses.set(i, next.remove());
        }
    }

    private static boolean isSix(MailHost host) {
        return host.address() instanceof InetSocketAddress inet && !(inet.getAddress() instanceof Inet4Address);
    }
}
