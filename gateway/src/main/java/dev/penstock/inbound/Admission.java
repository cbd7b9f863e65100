package dev.penstock.inbound;

import java.net.InetAddress;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Counts sessions, in all and per client address. Thread-safe. */
final class Admission {
    enum Verdict {
        ADMITTED,
        TOO_MANY,
        TOO_MANY_FROM_ADDRESS
    }

    private final AtomicInteger sessions = new AtomicInteger();
    private final ConcurrentHashMap<InetAddress, Integer> byAddress = new ConcurrentHashMap<>();

    /** Counts a session in, which {@link #leave} must count out, unless it is refused. */
    Verdict enter(InetAddress address, Settings settings) {
        if (sessions.incrementAndGet() > settings.config().maxSessions()) {
            sessions.decrementAndGet();
            return Verdict.TOO_MANY;
        }
        int fromAddress = byAddress.merge(address, 1, Integer::sum);
        if (fromAddress > settings.config().maxSessionsPerAddress() && !settings.relayNetworks().contains(address)) {
            leave(address);
            return Verdict.TOO_MANY_FROM_ADDRESS;
        }
        return Verdict.ADMITTED;
    }

    void leave(InetAddress address) {
        byAddress.computeIfPresent(address, (_, count) -> count == 1 ? null : count - 1);
        sessions.decrementAndGet();
    }

    int sessions() {
        return sessions.get();
    }
}
