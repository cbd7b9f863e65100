package dev.penstock.routing;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where this gateway itself takes mail: a route that leads here is a loop (RFC 5321 5.1). Immutable.
 *
 * @param names     host names of this gateway, compared without regard to case
 * @param listeners as bound; a wildcard address stands for every address of this machine
 */
public record OwnAddresses(Set<String> names, List<InetSocketAddress> listeners) {
    private static final Logger log = LoggerFactory.getLogger(OwnAddresses.class);

    /** For a gateway that listens nowhere. */
    public static final OwnAddresses NONE = new OwnAddresses(Set.of(), List.of());

    public OwnAddresses {
        names = names.stream().map(DomainNames::normalize).collect(Collectors.toUnmodifiableSet());
        // The machine's addresses are looked up once, here: asking for them takes a system call per interface.
        Set<InetSocketAddress> each = new HashSet<>();
        for (InetSocketAddress listener : listeners) {
            each.add(listener);
            if (listener.getAddress().isAnyLocalAddress()) {
                machineAddresses().forEach(address -> each.add(new InetSocketAddress(address, listener.getPort())));
            }
        }
        listeners = List.copyOf(each);
    }

    /** Address and port both: another server on this machine is somebody else. */
    boolean contains(InetAddress address, int port) {
        for (InetSocketAddress listener : listeners) {
            if (listener.getPort() == port && (listener.getAddress().equals(address)
                    || listener.getAddress().isAnyLocalAddress() && address.isLoopbackAddress())) {
                return true;
            }
        }
        return false;
    }

    boolean contains(String host, int port) {
        return names.contains(host) && listeners.stream().anyMatch(listener -> listener.getPort() == port);
    }

    /** Of all interfaces; empty when they can't be read. */
    static List<InetAddress> machineAddresses() {
        try {
            return NetworkInterface.networkInterfaces().flatMap(NetworkInterface::inetAddresses).toList();
        } catch (SocketException e) {
            log.warn("event=own-addresses-unknown why={} effect=\"mail loops are found by name only\"", e.getMessage());
            return List.of();
        }
    }
}
