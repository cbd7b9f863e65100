package dev.penstock.egress;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.SocketException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.stream.Collectors;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks every second which of the sources' addresses are on this machine, on a thread of its own. A source of which an
 * address is missing isn't to be used: half of one would be the one address alone. Addresses behind a proxy are the
 * proxy's to know. The listener is called by that thread, or by whoever calls {@link #check}, one call at a time.
 */
public final class AddressWatch implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(AddressWatch.class);
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final Sources sources;
    private final SourceListener listener;
    private final Predicate<InetAddress> plumbed;
    private final Thread thread;
    /** What was told last, by source. Guarded by this. */
    private final Map<String, Set<InetAddress>> missing = new HashMap<>();
    private volatile boolean closed;

    public AddressWatch(Sources sources, SourceListener listener) {
        this(sources, listener, AddressWatch::isPlumbed);
    }

    AddressWatch(Sources sources, SourceListener listener, Predicate<InetAddress> plumbed) {
        this.sources = sources;
        this.listener = listener;
        this.plumbed = plumbed;
        this.thread = Thread.ofPlatform().name("egress-addresses").daemon().unstarted(this::run);
    }

    /** Looks once before it returns, so that nothing is sent from an address that was never there. */
    public void start() {
        check();
        thread.start();
    }

    private void run() {
        while (!closed) {
            LockSupport.parkNanos(this, PAUSE.toNanos());
            try {
                check();
            } catch (RuntimeException e) {
                log.error("event=addresses-not-checked", e);
            }
        }
    }

    /** Looks now, as after a reload. */
    public synchronized void check() {
        Map<InetAddress, Boolean> known = new HashMap<>(); // one address may be of several sources
        Set<String> names = new HashSet<>();
        for (Source source : sources.all()) {
            names.add(source.name());
            Set<InetAddress> gone = source.ownAddresses().stream()
                    .filter(address -> !known.computeIfAbsent(address, plumbed::test))
                    .collect(Collectors.toUnmodifiableSet());
            Set<InetAddress> before = missing.getOrDefault(source.name(), Set.of());
            if (gone.equals(before)) {
                continue;
            }
            if (gone.isEmpty()) {
                missing.remove(source.name());
                log.info("event=source-addresses-back source={}", source.name());
                listener.addressesBack(source.name());
            } else {
                missing.put(source.name(), gone);
                log.warn("event=source-addresses-missing source={} addresses={}", source.name(),
                        gone.stream().map(InetAddress::getHostAddress).sorted().toList());
                listener.addressesMissing(source, gone);
            }
        }
        for (String name : List.copyOf(missing.keySet())) {
            if (!names.contains(name)) { // what isn't configured any more isn't missing
                missing.remove(name);
                listener.addressesBack(name);
            }
        }
    }

    /**
     * Whether one can bind to it. Interfaces list less than that: of 127.0.0.0/8 one address, and none of a network routed
     * to this machine as local (ip-route(8), type local).
     */
    public static boolean isPlumbed(InetAddress address) {
        try {
            if (NetworkInterface.getByInetAddress(address) != null) {
                return true;
            }
        } catch (SocketException _) {
            // then binding tells
        }
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(address, 0));
            return true;
        } catch (BindException _) {
            return false;
        } catch (IOException e) {
            log.warn("event=address-not-checked address={} why={}", address.getHostAddress(), e.getMessage());
            return true; // for want of descriptors, say: no reason to stop sending
        }
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
