package dev.penstock.shaping;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.shaping.SessionLimiter.Waiter;

/**
 * How many sessions may be coming up at one time: all of them, those for the mail of one party, and those to one network of
 * hosts. Thread-safe: one state machine behind its monitor, which is never held over a call to the outside.
 *
 * <p>A share is as large as what is left allows (the dynamic thresholds of Choudhury and Hahne 1998 for buffers that many
 * use): a network and the reports may have as many places as are free, a tenant {@value #TENANT} times as many. So whoever is
 * alone gets nearly all, and whoever fills his share, and however many do, leaves some to those who have few.
 *
 * <p>As a {@link SessionLimiter} it grants, and nobody polls: whoever leaves a place calls {@link #next} until it answers
 * null. Those without any session come first, and a reserve is for them alone; among those it is the turn of the party that
 * has fewest places, then of its networks one after the other, then of who came first.
 *
 * <p>Invariant, between any two calls: who waits has a share that is full, or all places he may have are taken.
 */
public final class OpeningLimiter implements Limiter {
    /** Stands for a network that isn't known: it has no share. */
    public static final String NO_NETWORK = "";
    private static final int TENANT = 4; // times the places that are left
    private static final int REPORTS = 1;
    private static final int NETWORK = 1;

    /**
     * Whose mail a session is opened for.
     *
     * @param tenant  empty when unknown
     * @param reports whether it is the reports made here, of all tenants: strangers can cause them
     */
    public record Party(String tenant, boolean reports) {
        public static final Party REPORTS = new Party("", true);

        public static Party tenant(String name) {
            return new Party(name, false);
        }

        @Override
        public String toString() {
            return reports ? "reports" : tenant.isEmpty() ? "mail without a tenant" : "tenant " + tenant;
        }
    }

    /** A place that has passed to the one who waited for it. */
    public record Grant(Waiter waiter, Place place) {}

    /** What one party or one network has. */
    private static final class Share<K> {
        final K key;
        final long factor;
        /** Written under the monitor. */
        volatile int open;
        int waiting;

        Share(K key, long factor) {
            this.key = key;
            this.factor = factor;
        }

        boolean hasRoom(int left) {
            return open < factor * left;
        }

        /** How much is used of what it could have with {@code left} places free: 1 when it gets no more. */
        double fill(int left) {
            return open * (factor + 1.0) / (factor * ((double) left + open));
        }
    }

    /** Who waits, for one of some parties. */
    private static final class Entry {
        final Waiter waiter;
        Share<String> network;
        final List<Share<Party>> parties;
        boolean first;

        Entry(Waiter waiter, Share<String> network, boolean first) {
            this.waiter = waiter;
            this.network = network;
            this.first = first;
            this.parties = new ArrayList<>(1);
        }
    }

    /** Those who wait for places of one party, by their network. */
    private static final class Line {
        private final LinkedHashMap<Share<String>, LinkedHashSet<Entry>> byNetwork = new LinkedHashMap<>();

        void add(Entry entry) {
            byNetwork.computeIfAbsent(entry.network, _ -> new LinkedHashSet<>()).add(entry);
        }

        void remove(Entry entry) {
            LinkedHashSet<Entry> entries = requireNonNull(byNetwork.get(entry.network));
            entries.remove(entry);
            if (entries.isEmpty()) {
                byNetwork.remove(entry.network);
            }
        }

        boolean has(Share<String> network) {
            return byNetwork.containsKey(network);
        }

        /** The first whose network has room; null when none has. */
        @Nullable
        Entry first(int left) {
            for (Map.Entry<Share<String>, LinkedHashSet<Entry>> each : byNetwork.entrySet()) {
                if (each.getKey().hasRoom(left)) {
                    return each.getValue().getFirst();
                }
            }
            return null;
        }

        /** It has had its turn. */
        void rotate(Share<String> network) {
            LinkedHashSet<Entry> entries = byNetwork.remove(network);
            if (entries != null) {
                byNetwork.put(network, entries);
            }
        }
    }

    private final String name;
    private final int limit;
    private final int reserve;
    private final Map<Party, Share<Party>> parties = new HashMap<>();
    private final Map<String, Share<String>> networks = new HashMap<>();
    private final Map<Waiter, Entry> entries = new HashMap<>();
    /** The party whose turn was last is last. */
    private final LinkedHashMap<Share<Party>, Line> firsts = new LinkedHashMap<>();
    private final LinkedHashMap<Share<Party>, Line> others = new LinkedHashMap<>();
    /** Written under the monitor. */
    private volatile int open;

    /**
     * @param name    for people
     * @param reserve places that only those without any session get
     */
    public OpeningLimiter(String name, int limit, int reserve) {
        this.name = name;
        this.limit = limit;
        this.reserve = reserve;
    }

    /** A session's place among those that come up. Thread-safe. */
    public final class Place {
        /** Written under the monitor, as the next two. */
        private volatile Share<Party> party;
        private volatile Share<String> network;
        private volatile boolean held = true;

        private Place(Share<Party> party, Share<String> network) {
            this.party = party;
            this.network = network;
        }

        /** Whose mail it is taken for. */
        public Party party() {
            return party.key;
        }

        /** The session is up, or over. Call {@link OpeningLimiter#next} then. */
        public void leave() {
            OpeningLimiter.this.leave(this);
        }

        /**
         * The session connects to a host of {@code network}, be it another or again. Call {@link OpeningLimiter#next}
         * then.
         *
         * @return whether it may; else it has the place it had, or none
         */
        public boolean enter(String network) {
            return OpeningLimiter.this.enter(this, network);
        }

        /** How crowded it is where this place is: from 0, when it isn't taken, to 1. Costs no lock. */
        public double crowding() {
            if (!held) {
                return 0;
            }
            int left = limit - open;
            double share = Math.max(party.fill(left), network.fill(left));
            return Math.clamp(Math.max(share, (double) open / limit), 0, 1);
        }
    }

    /** A place for one of the parties, that which has fewest, if one is free and nobody waits for it; else null. */
    public synchronized @Nullable Place tryAcquire(List<Party> wanted, String network, boolean first) {
        int left = left(first);
        Share<String> net = networks.get(network);
        if (left <= 0 || net != null && !net.hasRoom(left)) {
            return null;
        }
        Party best = null;
        int fewest = Integer.MAX_VALUE;
        for (Party party : wanted) {
            Share<Party> share = parties.get(party);
            int has = share == null ? 0 : share.open;
            if (has < fewest && (share == null || share.hasRoom(left) && !isAwaited(share, net, first))) {
                best = party;
                fewest = has;
            }
        }
        return best == null ? null : take(party(best), network(network));
    }

    /** A place, or null and one in the order: {@link #next} will name the waiter. */
    public synchronized @Nullable Place acquire(Waiter waiter, List<Party> wanted, String network, boolean first) {
        Place place = tryAcquire(wanted, network, first);
        if (place == null) {
            Entry entry = new Entry(waiter, network(network), first);
            entry.network.waiting++;
            entries.put(waiter, entry);
            wanted.forEach(party -> widen(entry, party));
        }
        return place;
    }

    /** Who waits has mail of these parties now, and would connect to this network. Call {@link #next} then. */
    public synchronized void update(Waiter waiter, List<Party> wanted, String network) {
        Entry entry = entries.get(waiter);
        if (entry != null) {
            move(entry, network);
            wanted.forEach(party -> widen(entry, party));
        }
    }

    private void move(Entry entry, String network) {
        Share<String> before = entry.network;
        if (before.key.equals(network)) {
            return;
        }
        entry.parties.forEach(party -> unlink(entry, party));
        entry.network = network(network);
        entry.network.waiting++;
        before.waiting--;
        forget(networks, before);
        entry.parties.forEach(party -> lines(entry).computeIfAbsent(party, _ -> new Line()).add(entry));
    }

    private void widen(Entry entry, Party party) {
        Share<Party> share = party(party);
        if (!entry.parties.contains(share)) {
            entry.parties.add(share);
            share.waiting++;
            lines(entry).computeIfAbsent(share, _ -> new Line()).add(entry);
        }
    }

    /** Gives a place that is free to the one whose turn it is; null when there is none, or nobody may have it. */
    public synchronized @Nullable Grant next() {
        Share<Party> party = turn(true);
        boolean first = party != null;
        if (party == null) {
            party = turn(false);
        }
        if (party == null) {
            return null;
        }
        LinkedHashMap<Share<Party>, Line> lines = first ? firsts : others;
        Line line = requireNonNull(lines.get(party));
        Entry entry = requireNonNull(line.first(left(first)));
        Place place = take(party, entry.network);
        remove(entry);
        line.rotate(entry.network);
        if (lines.remove(party, line)) {
            lines.put(party, line);
        }
        return new Grant(entry.waiter, place);
    }

    /** The party that has fewest places of those with somebody who may have one; null when there is none. */
    private @Nullable Share<Party> turn(boolean first) {
        int left = left(first);
        Share<Party> turn = null;
        if (left > 0) {
            for (Map.Entry<Share<Party>, Line> each : (first ? firsts : others).entrySet()) {
                Share<Party> party = each.getKey();
                if (party.hasRoom(left) && (turn == null || party.open < turn.open)
                        && each.getValue().first(left) != null) {
                    turn = party;
                }
            }
        }
        return turn;
    }

    @Override
    public synchronized void promote(Waiter waiter) {
        Entry entry = entries.get(waiter);
        if (entry != null && !entry.first) {
            entry.parties.forEach(party -> unlink(entry, party));
            entry.first = true;
            entry.parties.forEach(party -> firsts.computeIfAbsent(party, _ -> new Line()).add(entry));
        }
    }

    private void remove(Entry entry) {
        entries.remove(entry.waiter);
        for (Share<Party> party : entry.parties) {
            unlink(entry, party);
            party.waiting--;
            forget(parties, party);
        }
        entry.network.waiting--;
        forget(networks, entry.network);
    }

    private void unlink(Entry entry, Share<Party> party) {
        Map<Share<Party>, Line> lines = lines(entry);
        Line line = requireNonNull(lines.get(party));
        line.remove(entry);
        if (line.byNetwork.isEmpty()) {
            lines.remove(party);
        }
    }

    private Map<Share<Party>, Line> lines(Entry entry) {
        return entry.first ? firsts : others;
    }

    private synchronized void leave(Place place) {
        if (place.held) {
            place.held = false;
            open--;
            count(place.party, -1);
            count(place.network, -1);
            forget(parties, place.party);
            forget(networks, place.network);
        }
    }

    private synchronized boolean enter(Place place, String network) {
        if (place.held && place.network.key.equals(network)) {
            return true;
        }
        int left = place.held ? left(true) + 1 : left(false); // it leaves where it was
        Share<Party> party = party(place.party.key);
        Share<String> net = network(network);
        boolean may = left > 0 && net.hasRoom(left) && (place.held || party.hasRoom(left));
        if (may) {
            Share<String> before = place.network;
            if (place.held) {
                count(before, -1);
            } else {
                open++;
                count(party, 1);
                place.party = party;
                place.held = true;
            }
            count(net, 1);
            place.network = net;
            forget(networks, before);
        }
        forget(parties, party);
        forget(networks, net);
        return may;
    }

    private synchronized Place take(Share<Party> party, Share<String> network) {
        open++;
        count(party, 1);
        count(network, 1);
        return new Place(party, network);
    }

    private synchronized void count(Share<?> share, int more) {
        share.open += more;
    }

    private Share<Party> party(Party party) {
        return parties.computeIfAbsent(party, key -> new Share<>(key, key.reports ? REPORTS : TENANT));
    }

    private Share<String> network(String network) {
        return networks.computeIfAbsent(network,
                key -> new Share<>(key, key.equals(NO_NETWORK) ? Integer.MAX_VALUE : NETWORK));
    }

    private static <K> void forget(Map<K, Share<K>> shares, Share<K> share) {
        if (share.open == 0 && share.waiting == 0) {
            shares.remove(share.key, share);
        }
    }

    private boolean isAwaited(Share<Party> party, @Nullable Share<String> network, boolean first) {
        return network != null && (isAwaited(firsts.get(party), network)
                || !first && isAwaited(others.get(party), network));
    }

    private static boolean isAwaited(@Nullable Line line, Share<String> network) {
        return line != null && line.has(network);
    }

    private int left(boolean first) {
        return limit - open - (first ? 0 : reserve);
    }

    public int open() {
        return open;
    }

    /** How many may be coming up at most. */
    public int limit() {
        return limit;
    }

    /** How many wait for a place. */
    public synchronized int waiting() {
        return entries.size();
    }

    @Override
    public synchronized String describe(Waiter waiter, long nowNanos) {
        Entry entry = entries.get(waiter);
        String all = name + " " + limit;
        if (entry == null || left(entry.first) <= 0) {
            return all;
        }
        Share<?> full = entry.network.hasRoom(left(entry.first)) ? entry.parties.getFirst() : entry.network;
        String whose = full == entry.network ? "network " + full.key : full.key.toString();
        return "the share of " + whose + " in " + all + ", of which it has " + full.open;
    }

    @Override
    public synchronized boolean isRegistered(Waiter waiter) {
        return entries.containsKey(waiter);
    }

    @Override
    public synchronized boolean isFirst(Waiter waiter) {
        Entry entry = entries.get(waiter);
        return entry != null && entry.first;
    }

    @Override
    public synchronized @Nullable String violation(long nowNanos) {
        int ofParties = parties.values().stream().mapToInt(share -> share.open).sum();
        int ofNetworks = networks.values().stream().mapToInt(share -> share.open).sum();
        if (open < 0 || open > limit || open != ofParties || open != ofNetworks) {
            return "miscounted: " + this + ", " + ofParties + " of parties, " + ofNetworks + " of networks";
        }
        if (open == 0 && entries.isEmpty() && parties.size() + networks.size() > 0) {
            return "shares are kept that nobody has: " + this;
        }
        return turn(true) != null || turn(false) != null ? "a place is free and somebody waits: " + this : null;
    }

    @Override
    public synchronized String toString() {
        StringBuilder text = new StringBuilder(name).append(' ').append(open).append('/').append(limit)
                .append(" waiting ").append(entries.size());
        parties.values().forEach(share -> text.append(", ").append(share.key).append(' ').append(share.open));
        return text.toString();
    }
}
