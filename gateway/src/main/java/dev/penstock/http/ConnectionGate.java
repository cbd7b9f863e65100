package dev.penstock.http;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

import io.netty.channel.Channel;
import io.netty.util.NetUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.callout.LogPace;
import dev.penstock.units.ClientKey;
import dev.penstock.units.Networks;

/**
 * Bounds the connections of a port, in all, for each client (one address, or one /64 of IPv6), and by the descriptors that
 * are to be left to SMTP and the spool. What goes beyond is closed at once, counted, and logged once in a while. Thread-safe.
 */
public final class ConnectionGate {
    private static final Logger log = LoggerFactory.getLogger(ConnectionGate.class);
    private static final int IPV6_PREFIX = 64; // what one site is given: RFC 6177

    private final String port;
    private final AtomicInteger open = new AtomicInteger();
    private final ConcurrentHashMap<ClientKey, Integer> clients = new ConcurrentHashMap<>();
    private final LongAdder refused = new LongAdder();
    private final LongAdder refusedToClient = new LongAdder();
    private final LongAdder refusedForDescriptors = new LongAdder();
    private final Descriptors descriptors;
    private final long kept;
    private final LogPace pace = new LogPace();

    /**
     * Limits.
     *
     * @param connections       at one time
     * @param connectionsFromClient of these, from one client
     * @param exempt            whose clients are counted in all only
     */
    public record Limits(int connections, int connectionsFromClient, Networks exempt) {}

    /** @param port what it is called in the log */
    public ConnectionGate(String port) {
        this(port, Descriptors.SYSTEM, Descriptors.SYSTEM.reserve());
    }

    private ConnectionGate(String port, Descriptors descriptors, long kept) {
        this.port = port;
        this.descriptors = descriptors;
        this.kept = kept;
    }

    /** One for few connections, which may use half of the reserve: who looks after the gateway comes over them. */
    public static ConnectionGate forOperators(String port) {
        return new ConnectionGate(port, Descriptors.SYSTEM, Descriptors.SYSTEM.reserve() / 2);
    }

    /** With other descriptors than the process's. */
    static ConnectionGate with(String port, Descriptors descriptors) {
        return new ConnectionGate(port, descriptors, descriptors.reserve());
    }

    /** Counts a new connection, on its event loop. @return false when it is beyond a limit and will be closed */
    public boolean enter(Channel channel, Limits limits) {
        boolean room = open.incrementAndGet() <= limits.connections;
        ClientKey client = channel.remoteAddress() instanceof InetSocketAddress remote
                ? client(remote.getAddress())
                : null;
        int own = client == null ? 0 : clients.merge(client, 1, Integer::sum);
        var _ = channel.closeFuture().addListener(_ -> {
            open.decrementAndGet();
            if (client != null) {
                clients.computeIfPresent(client, (_, count) -> count == 1 ? null : count - 1);
            }
        });
        boolean fair = own <= limits.connectionsFromClient
                || channel.remoteAddress() instanceof InetSocketAddress remote
                        && limits.exempt.contains(remote.getAddress());
        boolean spare = room && fair && descriptors.mayHaveOneMore(kept);
        if (spare) {
            return true;
        }
        (!room ? refused : fair ? refusedForDescriptors : refusedToClient).increment();
        long notLogged = pace.turn();
        if (notLogged != LogPace.NOT_NOW) {
            log.warn("event=connections-refused port={} limit={} client={} not-logged={}", port,
                    !room ? "all" : fair ? "descriptors" : "address", name(channel), notLogged);
        }
        channel.eventLoop().execute(() -> {
            var _ = channel.close();
        });
        return false;
    }

    private static ClientKey client(InetAddress address) {
        return ClientKey.of(address, Integer.SIZE, IPV6_PREFIX);
    }

    private static String name(Channel channel) {
        return channel.remoteAddress() instanceof InetSocketAddress remote
                ? NetUtil.toSocketAddressString(remote)
                : "unknown";
    }

    /** Open now. */
    public int open() {
        return open.get();
    }

    /** Closed at once, because there were too many. */
    public long refused() {
        return refused.sum();
    }

    /** Closed at once, because the descriptors that are left are for SMTP and the spool. */
    public long refusedForDescriptors() {
        return refusedForDescriptors.sum();
    }

    /** Closed at once, because their client had too many. */
    public long refusedToClient() {
        return refusedToClient.sum();
    }
}
