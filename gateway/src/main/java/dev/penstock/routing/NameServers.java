package dev.penstock.routing;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

import org.xbill.DNS.config.ResolvConfResolverConfigProvider;

/**
 * Thread-safe. The servers to ask, in configured order, those that didn't answer lately last.
 *
 * <p>A silent server costs the full query time-out, so once one has been silent, only a single query in each
 * {@link #REST} finds out whether it is back; all others go to the next server first.
 */
final class NameServers {
    /** As long as unbound's and systemd-resolved's own memory of a dead server at the least. */
    static final Duration REST = Duration.ofSeconds(30);
    static final int DNS_PORT = 53;

    private final List<Server> servers;

    NameServers(List<String> configured) {
        List<InetSocketAddress> addresses = new ArrayList<>();
        for (String text : configured) {
            Endpoint endpoint = Endpoint.parse(text, DNS_PORT);
            if (endpoint.address() == null) {
                throw new IllegalArgumentException(
                        "expected an address, not the name '" + text + "', for a DNS server");
            }
            addresses.add(new InetSocketAddress(endpoint.address(), endpoint.port()));
        }
        if (configured.isEmpty()) {
            ResolvConfResolverConfigProvider system = new ResolvConfResolverConfigProvider();
            system.initialize();
            addresses.addAll(system.servers());
        }
        if (addresses.isEmpty()) {
            // resolv.conf(5): without a nameserver line the one on the local machine
            addresses.add(new InetSocketAddress(Objects.requireNonNull(Endpoint.address("127.0.0.1")), DNS_PORT));
        }
        servers = addresses.stream().map(Server::new).toList();
    }

    /** Resting servers come last; each rest that has run out yields one probe. */
    List<Server> inOrder(long nowNanos) {
        if (servers.size() == 1) {
            return servers;
        }
        List<Server> order = new ArrayList<>(servers.size());
        List<Server> resting = new ArrayList<>(0);
        for (Server server : servers) {
            (server.mayBeAsked(nowNanos) ? order : resting).add(server);
        }
        order.addAll(resting);
        return order;
    }

    List<InetSocketAddress> addresses() {
        return servers.stream().map(Server::address).toList();
    }

    /** Thread-safe. */
    static final class Server {
        private static final long ANSWERS = Long.MIN_VALUE;

        private final InetSocketAddress address;
        private final AtomicLong restsUntil = new AtomicLong(ANSWERS);

        Server(InetSocketAddress address) {
            this.address = address;
        }

        InetSocketAddress address() {
            return address;
        }

        void answered() {
            if (restsUntil.get() != ANSWERS) {
                restsUntil.set(ANSWERS);
            }
        }

        void silent(long nowNanos) {
            restsUntil.set(nowNanos + REST.toNanos());
        }

        private boolean mayBeAsked(long nowNanos) {
            long until = restsUntil.get();
            return until == ANSWERS
                    || nowNanos - until >= 0 && restsUntil.compareAndSet(until, nowNanos + REST.toNanos());
        }

        @Override
        public String toString() {
            String host = address.getAddress().getHostAddress();
            return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + address.getPort();
        }
    }
}
