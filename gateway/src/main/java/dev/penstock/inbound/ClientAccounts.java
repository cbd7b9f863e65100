package dev.penstock.inbound;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.LongSupplier;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import org.jspecify.annotations.Nullable;

import dev.penstock.config.ClientLimits;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.shaping.Spacing;
import dev.penstock.units.ClientKey;
import dev.penstock.units.Networks;
import dev.penstock.units.Rate;

/**
 * What each client does, over all of its sessions: how many it has open, and how fast it begins sessions, sends messages
 * and recipients, and makes errors. Thread-safe; nothing is locked but one client's entry, when a session begins or ends.
 *
 * <p>Counts of sessions are exact: they live with the open sessions, whose number is bounded. What is left of a client
 * without a session is how much of its rates it has used up. That is kept until it is made up for, in a cache of
 * {@code max-clients}: who would have others' forgotten needs so many addresses of his own, and established connections
 * from each.
 */
final class ClientAccounts {
    /** What is counted over time. */
    enum Event {
        SESSION(0), MESSAGE(1), RECIPIENT(2), ERROR(3);

        private final int index;

        Event(int index) {
            this.index = index;
        }
    }

    /** Limits with what follows from them. Immutable. */
    static final class Limits {
        private final InboundConfig config;
        private final Networks exempt;
        private final Map<Event, Spacing> spacings = new EnumMap<>(Event.class);

        Limits(InboundConfig config) {
            this.config = config;
            ClientLimits clients = config.clients();
            List<String> networks = new ArrayList<>(clients.exempt());
            networks.addAll(config.relayNetworks()); // as smtpd_client_event_limit_exceptions of Postfix
            exempt = Networks.parse(networks);
            spacings.put(Event.SESSION, spacing(clients.sessionRate()));
            spacings.put(Event.MESSAGE, spacing(clients.messageRate()));
            spacings.put(Event.RECIPIENT, spacing(clients.recipientRate()));
            spacings.put(Event.ERROR, spacing(clients.errorRate()));
        }

        /** Who is over a rate is refused, not delayed; so a rate without a burst lets all its events come at once. */
        private static Spacing spacing(@Nullable Rate rate) {
            return rate == null || rate.burst() > 1
                    ? Spacing.of(rate)
                    : Spacing
                            .of(new Rate(rate.count(), rate.period(), (int) Math.min(rate.count(), Integer.MAX_VALUE)));
        }

        boolean exempts(InetAddress address) {
            return exempt.contains(address);
        }

        Spacing spacing(Event event) {
            return spacings.getOrDefault(event, Spacing.of(null));
        }
    }

    /** A client or a network. */
    static final class Client {
        private final ClientKey key;
        private int sessions; // guarded by the entry of the map
        private final @Nullable AtomicLongArray arrivals; // per event as Spacing has them, null for a network

        Client(ClientKey key, @Nullable AtomicLongArray arrivals) {
            this.key = key;
            this.arrivals = arrivals;
        }
    }

    private final Counters counters;
    private final LongSupplier nanoTime;
    private final AtomicInteger sessions = new AtomicInteger();
    private final Map<String, AtomicInteger> listeners = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<ClientKey, Client> clients = new ConcurrentHashMap<>(); // with sessions
    private final ConcurrentHashMap<ClientKey, Client> networks = new ConcurrentHashMap<>();
    private final Cache<ClientKey, Client> remembered; // without
    private volatile Limits limits;

    /**
     * @param nanoTime as {@link System#nanoTime()}
     * @throws IllegalArgumentException when a network is written wrongly
     */
    ClientAccounts(InboundConfig config, Counters counters, LongSupplier nanoTime) {
        this.counters = counters;
        this.nanoTime = nanoTime;
        this.limits = new Limits(config);
        this.remembered = Caffeine.newBuilder().maximumSize(config.clients().maxClients()).ticker(nanoTime::getAsLong)
                .executor(Runnable::run)
                .expireAfter(Expiry.<ClientKey, Client>creating((_, client) -> Duration.ofNanos(debt(client))))
                .build();
    }

    /** New limits, for sessions that are open too; none is ended by them. */
    void reconfigure(InboundConfig config) {
        limits = new Limits(config);
        remembered.policy().eviction().ifPresent(bound -> bound.setMaximum(config.clients().maxClients()));
    }

    /** A session of the client at {@code address}; {@link ClientAccount#refusal} says whether it may be. */
    ClientAccount enter(InetAddress address, ListenerConfig listener) {
        ClientAccount account = enter(listener);
        account.move(address);
        return account;
    }

    /**
     * A session whose client a proxy will tell. It counts in all and on its listener, until
     * {@link ClientAccount#move} with no one.
     */
    ClientAccount enter(ListenerConfig listener) {
        AtomicInteger onListener = listeners.computeIfAbsent(listener.name(), _ -> new AtomicInteger());
        Integer most = listener.limits().maxSessions();
        SessionRefusal refusal = null;
        if (sessions.incrementAndGet() > limits.config.maxSessions()) {
            refusal = SessionRefusal.TOO_MANY;
        } else if (onListener.incrementAndGet() > (most == null ? Integer.MAX_VALUE : most)) {
            onListener.decrementAndGet();
            refusal = SessionRefusal.TOO_MANY_ON_LISTENER;
        }
        if (refusal != null) {
            sessions.decrementAndGet();
            counters.refused(refusal);
        }
        return new ClientAccount(this, onListener, refusal);
    }

    /** Counts {@code account} in with a client, unless it is refused. */
    @Nullable
    SessionRefusal admit(ClientAccount account, InetAddress address) {
        Limits current = limits;
        ClientLimits rules = current.config.clients();
        boolean exempt = current.exempts(address);
        Entry entry = new Entry();
        Integer most = exempt ? null : rules.maxSessionsPerNetwork();
        networks.compute(ClientKey.of(address, rules.networkPrefixV4(), rules.networkPrefixV6()), (key, known) -> {
            Client network = known == null ? new Client(key, null) : known;
            if (most != null && network.sessions >= most) {
                return known;
            }
            network.sessions++;
            entry.network = network;
            return network;
        });
        Client network = entry.network;
        if (network == null) {
            return refused(SessionRefusal.TOO_MANY_FROM_NETWORK);
        }
        clients.compute(ClientKey.of(address, Integer.SIZE, rules.ipv6Prefix()), (key, known) -> {
            Client client = known == null ? recall(key) : known;
            entry.refusal = exempt ? null : refusal(client, current);
            if (entry.refusal != null) {
                if (known == null) {
                    remember(client);
                }
                return known;
            }
            client.sessions++;
            entry.client = client;
            return client;
        });
        if (entry.client == null) {
            leave(networks, network);
            return refused(entry.refusal == null ? SessionRefusal.TOO_MANY_FROM_CLIENT : entry.refusal);
        }
        account.opened(address, entry.client, network, current, exempt);
        return null;
    }

    /** What one admission comes to; confined to its caller. */
    private static final class Entry {
        private @Nullable Client network;
        private @Nullable Client client;
        private @Nullable SessionRefusal refusal;
    }

    private @Nullable SessionRefusal refusal(Client client, Limits current) {
        if (client.sessions >= current.config.maxSessionsPerAddress()) {
            return SessionRefusal.TOO_MANY_FROM_CLIENT;
        }
        if (isAboveErrorRate(client, current)) {
            return SessionRefusal.TOO_MANY_ERRORS;
        }
        return take(client, Event.SESSION, current) ? null : SessionRefusal.TOO_FAST;
    }

    private Client recall(ClientKey key) {
        Client known = remembered.asMap().remove(key);
        return known == null ? newClient(key) : known;
    }

    private SessionRefusal refused(SessionRefusal refusal) {
        counters.refused(refusal);
        return refusal;
    }

    private Client newClient(ClientKey key) {
        long now = nanoTime.getAsLong();
        AtomicLongArray arrivals = new AtomicLongArray(Event.values().length);
        for (int i = 0; i < arrivals.length(); i++) {
            arrivals.set(i, now);
        }
        return new Client(key, arrivals);
    }

    /** The session is with no client any more. */
    void forget(Client client, @Nullable Client network) {
        leave(clients, client);
        if (network != null) {
            leave(networks, network);
        }
    }

    private void leave(ConcurrentHashMap<ClientKey, Client> map, Client client) {
        map.computeIfPresent(client.key, (_, known) -> {
            if (--known.sessions > 0) {
                return known;
            }
            remember(known);
            return null;
        });
    }

    private void remember(Client client) {
        if (client.arrivals != null && debt(client) > 0) {
            remembered.put(client.key, client);
        }
    }

    /** Nanoseconds until all the rates are as if nothing had happened. */
    private long debt(Client client) {
        AtomicLongArray arrivals = client.arrivals;
        long longest = 0;
        if (arrivals != null) {
            long now = nanoTime.getAsLong();
            for (int i = 0; i < arrivals.length(); i++) {
                longest = Math.max(longest, arrivals.get(i) - now);
            }
        }
        return longest;
    }

    void leave() {
        sessions.decrementAndGet();
    }

    Limits limits() {
        return limits;
    }

    /** More of them were made than the rate has, so that not only the next one would have to wait. */
    private boolean isAboveErrorRate(Client client, Limits current) {
        Spacing spacing = current.spacing(Event.ERROR);
        AtomicLongArray arrivals = client.arrivals;
        if (spacing.isNone() || arrivals == null) {
            return false;
        }
        long now = nanoTime.getAsLong();
        long arrival = arrival(arrivals, Event.ERROR, spacing, now);
        return spacing.waitNanos(arrival, now) > spacing.intervalNanos();
    }

    /** @return whether the event is within its rate; only then it is counted, but that errors may run up a debt */
    boolean take(Client client, Event event, Limits current) {
        Spacing spacing = current.spacing(event);
        AtomicLongArray arrivals = client.arrivals;
        if (spacing.isNone() || arrivals == null) {
            return true;
        }
        long now = nanoTime.getAsLong();
        while (true) {
            long arrival = arrival(arrivals, event, spacing, now);
            long wait = spacing.waitNanos(arrival, now);
            if (wait > 0 && wait >= mostDebt(spacing, event)) {
                return countLimited(event);
            }
            if (arrivals.compareAndSet(event.index, arrival, spacing.arrivalAfter(arrival, now))) {
                return wait == 0;
            }
        }
    }

    private boolean countLimited(Event event) {
        switch (event) {
            case MESSAGE -> counters.messagesLimited.increment();
            case RECIPIENT -> counters.recipientsLimited.increment();
            case SESSION, ERROR -> {
                // counted as a refusal; errors refuse only later
            }
        }
        return false;
    }

    /** Whoever goes on making errors stays out longer, up to the period of the rate. */
    private static long mostDebt(Spacing spacing, Event event) {
        return event == Event.ERROR && spacing.rate() != null ? spacing.rate().period().toNanos() : 0;
    }

    /** What was used up under another rate mustn't count for more than this one can take: cut down where it does. */
    private static long arrival(AtomicLongArray arrivals, Event event, Spacing spacing, long now) {
        long furthest = spacing.toleranceNanos() + spacing.intervalNanos() + mostDebt(spacing, event);
        return arrivals.updateAndGet(event.index, due -> due - now > furthest ? now + furthest : due);
    }

    /** Open sessions. */
    int sessions() {
        return sessions.get();
    }

    /** Open sessions on a listener. */
    int sessions(String listener) {
        AtomicInteger count = listeners.get(listener);
        return count == null ? 0 : count.get();
    }

    /** Clients with sessions, for tests. */
    int clients() {
        return clients.size();
    }

    /** Networks with sessions, for tests. */
    int networks() {
        return networks.size();
    }

    /** Clients without sessions whose use of their rates is remembered. */
    long remembered() {
        remembered.cleanUp();
        return remembered.estimatedSize();
    }
}
