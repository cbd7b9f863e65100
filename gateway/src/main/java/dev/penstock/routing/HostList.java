package dev.penstock.routing;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnixDomainSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The hosts of a route, ready to be put in order for each message. Immutable; thread-safe.
 */
final class HostList {
    /** Postfix's smtp_mx_address_limit: 5; per host we may add the second family. */
    static final int MAX_HOSTS = 5;
    /** Of one host and family: the others get their turn at the next call. */
    static final int MAX_ADDRESSES_PER_FAMILY = 2;
    /** Of the whole route: with half a minute for each connection, five minutes of trying. */
    static final int MAX_ADDRESSES = 10;

    /**
     * Addresses of one host.
     *
     * @param rank equal ranks are shuffled
     */
    private record Choice(int rank, List<MailHost> four, List<MailHost> six) {}

    private final Choice[] choices;

    /** @param choices by rank */
    private HostList(Choice[] choices) {
        this.choices = choices;
    }

    /** Whether every call to {@link #order} gives the same list. */
    boolean isFixed() {
        for (int i = 0; i < choices.length; i++) {
            if (choices[i].four.size() > 1 || choices[i].six.size() > 1
                    || i > 0 && choices[i].rank == choices[i - 1].rank) {
                return false;
            }
        }
        return true;
    }

    /** Of all hosts. */
    int addresses() {
        int count = 0;
        for (Choice choice : choices) {
            count += choice.four.size() + choice.six.size();
        }
        return count;
    }

    boolean isEmpty() {
        return choices.length == 0;
    }

    /**
     * By preference; equal preferences shuffled (RFC 5321 5.1); of a host with many addresses another one first each
     * time, since the resolver's own rotation stands still while the answer is cached.
     */
    List<MailHost> order(RandomGenerator random) {
        Choice[] order = choices;
        if (choices.length > 1) {
            order = choices.clone();
            for (int start = 0; start < order.length;) {
                int end = start + 1;
                while (end < order.length && order[end].rank == order[start].rank) {
                    end++;
                }
                for (int i = end - 1; i > start; i--) {
                    int j = start + random.nextInt(i - start + 1);
                    Choice swapped = order[i];
                    order[i] = order[j];
                    order[j] = swapped;
                }
                start = end;
            }
        }
        ArrayList<MailHost> hosts = new ArrayList<>(MAX_ADDRESSES);
        for (int i = 0; i < Math.min(order.length, MAX_HOSTS); i++) {
            take(order[i].four, hosts, random);
            take(order[i].six, hosts, random);
        }
        return hosts.size() > MAX_ADDRESSES ? List.copyOf(hosts.subList(0, MAX_ADDRESSES)) : List.copyOf(hosts);
    }

    private static void take(List<MailHost> from, List<MailHost> hosts, RandomGenerator random) {
        int first = from.size() > 1 ? random.nextInt(from.size()) : 0;
        for (int i = 0; i < Math.min(from.size(), MAX_ADDRESSES_PER_FAMILY); i++) {
            hosts.add(from.get((first + i) % from.size()));
        }
    }

    /** Not thread-safe. */
    static final class Builder {
        private final List<Choice> choices = new ArrayList<>();

        /** Ranks must come in ascending order. */
        void add(int rank, String name, List<InetAddress> addresses, int port, int preference) {
            if (addresses.isEmpty()) {
                return;
            }
            List<MailHost> four = new ArrayList<>(2);
            List<MailHost> six = new ArrayList<>(2);
            for (InetAddress address : addresses) {
                (address instanceof Inet4Address ? four : six).add(new MailHost(name, address, port, preference));
            }
            choices.add(new Choice(rank, List.copyOf(four), List.copyOf(six)));
        }

        /** A socket in the file system. */
        void add(int rank, String name, UnixDomainSocketAddress socket) {
            choices.add(new Choice(rank, List.of(new MailHost(name, socket, 0)), List.of()));
        }

        HostList build() {
            return new HostList(choices.toArray(Choice[]::new));
        }
    }
}
