package dev.penstock.queue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.Selection.Place;

/**
 * What has become of recipients in the last minute and hour, by domain, site, provider, source, pool, tenant and campaign.
 * Thread-safe: whoever has an outcome adds it to one number of its sub-queue; the thread {@code queue-traffic} fetches these
 * each second and counts them in its tables, which readers and it alone have a lock for.
 *
 * <p>Bounded: each table names as many as it says; what comes beyond that is counted as {@link #OTHER}, and once a minute the
 * least of the named ones make room, by a sixteenth of them, for whoever comes next. What makes room is counted as other from
 * then on, so that a table's sum stays what came. A name takes some 900 octets, all of them 8 MB at most: they aren't part
 * of what the queue takes, since they outlast the mail for an hour.
 */
public final class Traffic implements AutoCloseable {
    /** All that has no series of its own. */
    public static final String OTHER = "(other)";
    private static final Duration TICK = Duration.ofSeconds(1);
    private static final int MOST_DOMAINS = 4_096;
    private static final int MOST_SENDERS = 512;
    private static final int MOST_RECEIVERS = 512;
    private static final int ROOM_SHIFT = 4; // a sixteenth
    /** Sub-queues per hold of the lock: some tens of microseconds. */
    private static final int BATCH = 64;
    /** Three counts in one number: of what is fetched each second, 2,097,151 of each. */
    private static final int BITS = 21;
    private static final long MASK = (1L << BITS) - 1;
    private static final long HALF = 1L << BITS - 1;
    private static final int KINDS = 3;
    private static final int DELIVERED = 0;
    private static final int DEFERRED = 1;
    private static final int BOUNCED = 2;
    /** Between the two names of a pair. */
    private static final char AND = '\n';

    private final LongSupplier wallMillis;
    private final Function<SubQueue, Place> places;
    private final List<Runnable> eachSecond = new CopyOnWriteArrayList<>();
    private final Queue<SubQueue> dirty = new ConcurrentLinkedQueue<>();
    private final LongAdder came = new LongAdder();
    private volatile boolean closed;
    private volatile @Nullable Thread thread;

    // Guarded by this.
    private final Map<Grouping, Table> tables = new EnumMap<>(Grouping.class);
    private final Table tenantsAtProviders = new Table(MOST_SENDERS);
    private final Table campaignsAtProviders = new Table(MOST_SENDERS);
    private final Table sourcesAtProviders = new Table(MOST_SENDERS);
    private final Series out;
    private final Peak in;
    private final Peak delivered;
    private long cameBefore;
    private long roomMinute;

    /**
     * @param wallMillis milliseconds since 1970
     * @param places     where a sub-queue's mail goes and whose it is, called without the lock
     */
    Traffic(LongSupplier wallMillis, Function<SubQueue, Place> places) {
        this.wallMillis = wallMillis;
        this.places = places;
        long now = wallMillis.getAsLong();
        for (Grouping grouping : Grouping.values()) {
            tables.put(grouping, new Table(switch (grouping) {
                case DOMAIN -> MOST_DOMAINS;
                case TENANT, CAMPAIGN -> MOST_SENDERS;
                case SITE, PROVIDER, SOURCE, POOL -> MOST_RECEIVERS;
            }));
        }
        this.out = new Series(now);
        this.in = new Peak(now);
        this.delivered = new Peak(now);
        this.roomMinute = TrafficSeries.minuteOf(now);
    }

    /**
     * What happened in each of the last sixty minutes, the one under way last. Immutable.
     *
     * @param fromMillis when the first began, milliseconds since 1970
     * @param came       destinations; empty where that isn't counted
     * @param delivered  recipients that receivers took
     * @param deferred   likewise to be tried again
     * @param bounced    likewise returned
     */
    public record LastHour(long fromMillis, List<Long> came, List<Long> delivered, List<Long> deferred,
            List<Long> bounced) {
        public LastHour {
            came = List.copyOf(came);
            delivered = List.copyOf(delivered);
            deferred = List.copyOf(deferred);
            bounced = List.copyOf(bounced);
        }
    }

    /**
     * How much came or went. Immutable.
     *
     * @param lastSecond a second, on average of the last five that are over
     * @param lastMinute in the last minute
     * @param lastHour   in the last hour
     * @param topMinute  the most that was in a minute since the start
     * @param topHour    likewise in an hour
     */
    public record Flow(double lastSecond, long lastMinute, long lastHour, long topMinute, long topHour) {}

    /** A flow and the most that it was. Guarded by the traffic's lock. */
    private static final class Peak {
        private final TrafficSeries series;
        private long topMinute;
        private long topHour;
        private long step;
        private long stepCount;
        private long lastStepCount;

        Peak(long now) {
            series = new TrafficSeries(now);
            step = Math.floorDiv(now, TrafficSeries.STEP_MILLIS);
        }

        void add(int many, long now) {
            advance(now);
            series.add(many);
            stepCount += many;
        }

        void advance(long now) {
            long next = Math.floorDiv(now, TrafficSeries.STEP_MILLIS);
            if (next != step) {
                lastStepCount = next == step + 1 ? stepCount : 0;
                stepCount = 0;
                step = next;
                series.advance(now);
                topMinute = Math.max(topMinute, series.lastMinute());
                topHour = Math.max(topHour, series.lastHour());
            }
        }

        Flow flow() {
            return new Flow((double) lastStepCount * TICK.toMillis() / TrafficSeries.STEP_MILLIS, series.lastMinute(),
                    series.lastHour(), topMinute, Math.max(topHour, series.lastHour()));
        }
    }

    /** What became of somebody's recipients. Guarded by the traffic's lock. */
    private static final class Series {
        private final @Nullable TrafficSeries[] kinds = new TrafficSeries[KINDS];
        private long atMillis;

        Series(long now) {
            atMillis = now;
        }

        void advance(long now) {
            atMillis = now;
            for (TrafficSeries kind : kinds) {
                if (kind != null) {
                    kind.advance(now);
                }
            }
        }

        void add(long packed) {
            for (int kind = 0; kind < KINDS; kind++) {
                int many = part(packed, kind);
                if (many > 0) {
                    kind(kind).add(many);
                }
            }
        }

        private TrafficSeries kind(int kind) {
            TrafficSeries known = kinds[kind];
            if (known == null) {
                known = new TrafficSeries(atMillis);
                kinds[kind] = known;
            }
            return known;
        }

        void addAll(Series other) {
            for (int kind = 0; kind < KINDS; kind++) {
                TrafficSeries more = other.kinds[kind];
                if (more != null) {
                    kind(kind).addAll(more);
                }
            }
        }

        long hour() {
            return hour(DELIVERED) + hour(DEFERRED) + hour(BOUNCED);
        }

        private long minute(int kind) {
            TrafficSeries known = kinds[kind];
            return known == null ? 0 : known.lastMinute();
        }

        private long hour(int kind) {
            TrafficSeries known = kinds[kind];
            return known == null ? 0 : known.lastHour();
        }

        LastHour lastHour(long now, @Nullable TrafficSeries came) {
            return new LastHour(TrafficSeries.firstMinuteMillis(now), came == null ? List.of() : minutes(came),
                    minutes(kind(DELIVERED)), minutes(kind(DEFERRED)), minutes(kind(BOUNCED)));
        }

        private static List<Long> minutes(TrafficSeries series) {
            return Arrays.stream(series.minutes()).boxed().toList();
        }

        Rates rates() {
            return new Rates(minute(DELIVERED), minute(DEFERRED), minute(BOUNCED), hour(DELIVERED), hour(DEFERRED),
                    hour(BOUNCED));
        }
    }

    /** Guarded by the traffic's lock. */
    private static final class Table {
        private final Map<String, Series> named = new HashMap<>();
        private final int most;
        private @Nullable Series other;
        private boolean full;

        Table(int most) {
            this.most = most;
        }

        void add(String name, long packed, long now) {
            Series series = named.get(name);
            if (series == null && named.size() < most) {
                series = new Series(now);
                named.put(name, series);
            }
            if (series == null) {
                full = true;
                series = other(now);
            }
            series.advance(now);
            series.add(packed);
        }

        private Series other(long now) {
            Series known = other;
            if (known == null) {
                known = new Series(now);
                other = known;
            }
            return known;
        }

        void makeRoom(long now) {
            named.values().removeIf(series -> {
                series.advance(now);
                return series.hour() == 0;
            });
            if (full && named.size() >= most) {
                List<Map.Entry<String, Series>> least = named.entrySet().stream()
                        .sorted(Comparator.comparingLong(entry -> entry.getValue().hour()))
                        .limit(Math.max(1, most >> ROOM_SHIFT)).toList();
                Series into = other(now);
                into.advance(now);
                for (Map.Entry<String, Series> entry : least) {
                    into.addAll(entry.getValue());
                    named.remove(entry.getKey());
                }
            }
            full = false;
        }

        Map<String, Rates> rates(long now) {
            Map<String, Rates> rates = HashMap.newHashMap(named.size() + 1);
            named.forEach((name, series) -> {
                series.advance(now);
                rates.put(name, series.rates());
            });
            Series rest = other;
            if (rest != null) {
                rest.advance(now);
                rates.put(OTHER, rest.rates());
            }
            return rates;
        }

        @Nullable
        Series find(String name) {
            return name.equals(OTHER) ? other : named.get(name);
        }

        Rates rates(String name, long now) {
            Series series = find(name);
            if (series == null) {
                return Rates.NONE;
            }
            series.advance(now);
            return series.rates();
        }
    }

    private static int part(long packed, int kind) {
        return (int) (packed >>> kind * BITS & MASK);
    }

    /** Has {@code action} run each second, by the thread that counts; it must be quick and must not throw. */
    public void eachSecond(Runnable action) {
        eachSecond.add(action);
    }

    void start() {
        thread = Thread.ofPlatform().name("queue-traffic").daemon().start(() -> {
            while (!closed) {
                LockSupport.parkNanos(this, TICK.toNanos());
                tick();
                eachSecond.forEach(Runnable::run);
            }
        });
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    /** A destination has come. */
    void came() {
        came.increment();
    }

    /** What has become of an item's recipients, of fewer than a million; the caller has the item in hand. */
    void count(QueueItem item, int deliveredNow, int deferredNow, int bouncedNow) {
        long packed = deliveredNow | (long) deferredNow << DEFERRED * BITS | (long) bouncedNow << BOUNCED * BITS;
        if (packed == 0) {
            return;
        }
        SubQueue home = item.home;
        long before = home.count(packed);
        if (before == 0) {
            dirty.add(home);
        }
        if (isHalfFull(before + packed)) { // nobody has come for a long time
            count(home, places.apply(home));
        }
    }

    private static boolean isHalfFull(long packed) {
        return part(packed, DELIVERED) >= HALF || part(packed, DEFERRED) >= HALF || part(packed, BOUNCED) >= HALF;
    }

    private synchronized void count(SubQueue home, Place place) {
        count(home, place, wallMillis.getAsLong());
    }

    private void count(SubQueue home, Place place, long now) {
        long packed = home.fetchOutcomes();
        if (packed == 0) {
            return;
        }
        tables.forEach((grouping, table) -> table.add(grouping.name(place), packed, now));
        tenantsAtProviders.add(place.tenant() + AND + place.provider(), packed, now);
        if (!place.campaign().isEmpty()) {
            campaignsAtProviders.add(Grouping.CAMPAIGN.name(place) + AND + place.provider(), packed, now);
        }
        sourcesAtProviders.add(place.source() + AND + place.provider(), packed, now);
        out.advance(now);
        out.add(packed);
        delivered.add(part(packed, DELIVERED), now);
    }

    /** Counts what has come and what has become of recipients since the last time. */
    void tick() {
        List<SubQueue> some = new ArrayList<>(BATCH);
        List<Place> theirs = new ArrayList<>(BATCH);
        boolean more = true;
        while (more) {
            some.clear();
            theirs.clear();
            for (SubQueue next = dirty.poll(); next != null; next = some.size() < BATCH ? dirty.poll() : null) {
                some.add(next);
                theirs.add(places.apply(next));
            }
            more = some.size() == BATCH;
            synchronized (this) {
                long now = wallMillis.getAsLong();
                for (int i = 0; i < some.size(); i++) {
                    count(some.get(i), theirs.get(i), now);
                }
            }
        }
        synchronized (this) {
            long now = wallMillis.getAsLong();
            long all = came.sum();
            in.add((int) (all - cameBefore), now);
            cameBefore = all;
            delivered.advance(now);
            out.advance(now);
            long minute = TrafficSeries.minuteOf(now);
            if (minute != roomMinute) {
                roomMinute = minute;
                tables.values().forEach(table -> table.makeRoom(now));
                tenantsAtProviders.makeRoom(now);
                campaignsAtProviders.makeRoom(now);
                sourcesAtProviders.makeRoom(now);
            }
        }
    }

    /** Of each that is named, by its name, and of all others as {@link #OTHER}. */
    public synchronized Map<String, Rates> rates(Grouping grouping) {
        Table table = tables.get(grouping);
        return table == null ? Map.of() : table.rates(wallMillis.getAsLong());
    }

    /** Of one; {@link Rates#NONE} when it isn't named. */
    public synchronized Rates rates(Grouping grouping, String name) {
        Table table = tables.get(grouping);
        return table == null ? Rates.NONE : table.rates(name, wallMillis.getAsLong());
    }

    /** Of each tenant's mail to each provider, by their names. */
    public Map<String, Map<String, Rates>> tenantsByProvider() {
        return pairs(tenantsAtProviders);
    }

    /** Likewise of each campaign, named {@code tenant/campaign}. */
    public Map<String, Map<String, Rates>> campaignsByProvider() {
        return pairs(campaignsAtProviders);
    }

    /** Likewise of each source. */
    public Map<String, Map<String, Rates>> sourcesByProvider() {
        return pairs(sourcesAtProviders);
    }

    private synchronized Map<String, Map<String, Rates>> pairs(Table table) {
        Map<String, Map<String, Rates>> found = new HashMap<>();
        table.rates(wallMillis.getAsLong()).forEach((pair, rates) -> {
            int and = pair.indexOf(AND);
            if (and >= 0) {
                found.computeIfAbsent(pair.substring(0, and), _ -> new HashMap<>()).put(pair.substring(and + 1), rates);
            }
        });
        return found;
    }

    /** Of all. */
    public synchronized Rates rates() {
        out.advance(wallMillis.getAsLong());
        return out.rates();
    }

    /** Of all, minute by minute. */
    public synchronized LastHour lastHour() {
        long now = wallMillis.getAsLong();
        in.advance(now);
        out.advance(now);
        return out.lastHour(now, in.series);
    }

    /** Of one, minute by minute; nothing of one that isn't named. */
    public synchronized LastHour lastHour(Grouping grouping, String name) {
        long now = wallMillis.getAsLong();
        Table table = tables.get(grouping);
        Series known = table == null ? null : table.find(name);
        Series series = known == null ? new Series(now) : known;
        series.advance(now);
        return series.lastHour(now, null);
    }

    /** Destinations that came. */
    public synchronized Flow in() {
        return in.flow();
    }

    /** Recipients that receivers took. */
    public synchronized Flow delivered() {
        return delivered.flow();
    }
}
