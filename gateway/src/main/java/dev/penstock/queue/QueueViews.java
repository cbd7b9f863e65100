package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TrafficLimits;
import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.queue.MessagePage.Cursor;
import dev.penstock.queue.Selection.Place;
import dev.penstock.queue.WhyMail.Hold;
import dev.penstock.queue.WhyMail.LimitStanding;
import dev.penstock.queue.WhyMail.QueueStanding;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitReached;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.shaping.Throttle;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.units.MailClass;
import dev.penstock.units.Rate;

/**
 * What is queued and why, for who looks at it. Thread-safe; it may take tens of milliseconds, so it isn't for event loops.
 *
 * <p>No lock that mail needs is held for longer than some microseconds, whatever is queued: counts are kept where mail comes
 * and goes, and are read from {@value #SUB_QUEUES} sub-queues at a time; messages are looked at {@value #ITEMS} at a time.
 * What moves from one place to another meanwhile may be counted twice or not.
 *
 * <p>What was counted is shown again to who asks for the same soon: {@link RecentAnswers}.
 */
public final class QueueViews {
    /** Counts of as many are read in some microseconds. */
    private static final int SUB_QUEUES = 16;
    /** Likewise messages. */
    private static final int ITEMS = 256;
    /** Messages whose envelope is read for one page at most. */
    private static final int MOST_ENVELOPES = 2_000;
    /** And for how long, whatever the disk does. */
    private static final Duration READING_TIME = Duration.ofSeconds(2);
    private static final int OCTETS_PER_KILOBYTE = 1024;
    private static final double NANOS_PER_SECOND = 1e9;
    private static final int MOST_REPLIES = RecentOutcomes.REPLIES;

    private final MailQueue queue;
    private final Shaper shaper;
    private final RecentAnswers<Asked, Counted> tables;
    private final RecentAnswers<Selection, WhyMail> whys;

    QueueViews(MailQueue queue, Shaper shaper) {
        this.queue = queue;
        this.shaper = shaper;
        tables = new RecentAnswers<>(queue.clock::nanos);
        whys = new RecentAnswers<>(queue.clock::nanos);
    }

    private record Asked(Grouping by, Selection selection) {}

    /** @param fullest of each row, where most mail waits that could go */
    private record Counted(QueueTable table, Map<String, SubQueue> fullest) {}

    /** Gives what the spool has of a message. Blocks. */
    @FunctionalInterface
    public interface EnvelopeReader {
        /** @return null when it can't be read */
        @Nullable
        Envelope read(SpoolEntry entry) throws IOException;
    }

    /** Counts that are being put together. Confined to who puts them together. */
    private static final class Sum {
        private long scheduled;
        private long held;
        private long routing;
        private long ready;
        private long suspended;
        private long active;
        private long attempted;
        private long kilobytes;
        private final long[] ages = new long[QueueCounts.AGE_BOUNDS.size() + 1];
        private int oldestMinute = Integer.MAX_VALUE;
        private long domains;
        private @Nullable DomainQueue lastDomain;
        private @Nullable SubQueue fullest;
        private long inFullest;

        /** Locked. */
        void take(SubQueue subQueue, QueueItem.State readyState, int nowMinute) {
            int readyNow = subQueue.ready.size();
            int activeNow = subQueue.active.size();
            held += subQueue.held;
            scheduled += Math.max(0, subQueue.all.size() - readyNow - activeNow - subQueue.held);
            active += activeNow;
            switch (readyState) {
                case ROUTING -> routing += readyNow;
                case SUSPENDED -> suspended += readyNow;
                case READY -> ready += readyNow;
                case SCHEDULED, HELD, ACTIVE ->
                    throw new IllegalStateException("mail that is ready isn't " + readyState);
            }
            attempted += subQueue.attempted;
            kilobytes += subQueue.kilobytes;
            subQueue.ages.addTo(ages, nowMinute);
            oldestMinute = Math.min(oldestMinute, subQueue.ages.oldestMinute());
        }

        void reset() {
            scheduled = 0;
            held = 0;
            routing = 0;
            ready = 0;
            suspended = 0;
            active = 0;
            attempted = 0;
            kilobytes = 0;
            Arrays.fill(ages, 0);
            oldestMinute = Integer.MAX_VALUE;
        }

        void add(Sum other, SubQueue of) {
            scheduled += other.scheduled;
            held += other.held;
            routing += other.routing;
            ready += other.ready;
            suspended += other.suspended;
            active += other.active;
            attempted += other.attempted;
            kilobytes += other.kilobytes;
            for (int i = 0; i < ages.length; i++) {
                ages[i] += other.ages[i];
            }
            oldestMinute = Math.min(oldestMinute, other.oldestMinute);
            if (lastDomain != of.domain) {
                lastDomain = of.domain;
                domains++;
            }
            long waits = other.routing + other.ready + other.suspended;
            if (waits > inFullest) {
                inFullest = waits;
                fullest = of;
            }
        }

        QueueCounts counts() {
            List<Long> byAge = new ArrayList<>(ages.length);
            for (long age : ages) {
                byAge.add(age);
            }
            return new QueueCounts(scheduled, held, routing, ready, suspended, active, attempted,
                    kilobytes * OCTETS_PER_KILOBYTE, byAge,
                    oldestMinute == Integer.MAX_VALUE ? 0 : TimeUnit.MINUTES.toMillis(oldestMinute));
        }
    }

    /** What is counted of one sub-queue, with why it waits. */
    private static final class Cell {
        private final Sum sum = new Sum();
        private @Nullable SubQueue subQueue;
        private @Nullable ReadyQueue readyQueue;
        private @Nullable Place place;
        private QueueItem.State readyState = QueueItem.State.READY;
        private Withheld.@Nullable Until withheld;
        private boolean isEmpty;

        SubQueue subQueue() {
            return requireNonNull(subQueue);
        }

        ReadyQueue readyQueue() {
            return requireNonNull(readyQueue);
        }

        Place place() {
            return requireNonNull(place);
        }
    }

    /** Shows the counts of each sub-queue that has mail and may be selected. */
    private void walk(Selection selection, Consumer<Cell> action) {
        walk(selection, false, action);
    }

    /** @param empty whether those are shown, too, that have had mail some minutes ago */
    private void walk(Selection selection, boolean empty, Consumer<Cell> action) {
        int nowMinute = (int) TimeUnit.MILLISECONDS.toMinutes(queue.clock.wallMillis());
        Cell[] cells = Stream.generate(Cell::new).limit(SUB_QUEUES).toArray(Cell[]::new);
        for (Iterator<DomainQueue> domains = domains(selection).iterator(); domains.hasNext();) {
            DomainQueue domain = domains.next();
            Iterator<SubQueue> each = domain.subQueues.values().iterator();
            while (each.hasNext()) {
                int some = read(domain, each, cells, empty, nowMinute);
                for (int i = 0; i < some; i++) {
                    Place place = queue.place(cells[i].subQueue());
                    if (selection.matches(place)) {
                        cells[i].place = place;
                        action.accept(cells[i]);
                    }
                }
            }
        }
    }

    /** Those that may have selected mail. */
    private Stream<DomainQueue> domains(Selection selection) {
        Set<NamePattern> names = selection.domains();
        if (!names.isEmpty() && names.stream().allMatch(NamePattern::isLiteral)) {
            return names.stream().flatMap(name -> queue.allOf(name.text()));
        }
        return queue.allDomains()
                .filter(domain -> names.isEmpty() || names.stream().anyMatch(name -> name.matches(domain.name)));
    }

    private int read(DomainQueue domain, Iterator<SubQueue> each, Cell[] cells, boolean empty, int nowMinute) {
        int some = 0;
        ReadyQueue readyQueue = domain.lockReadyQueue();
        try {
            for (int looked = 0; looked < cells.length && each.hasNext(); looked++) {
                SubQueue subQueue = each.next();
                boolean isEmpty = subQueue.all.size() == 0;
                if (isEmpty && !empty) {
                    continue;
                }
                Cell cell = cells[some++];
                cell.isEmpty = isEmpty;
                cell.subQueue = subQueue;
                cell.readyQueue = readyQueue;
                cell.readyState = queue.readyState(subQueue, readyQueue);
                cell.withheld = readyQueue.withheldUntil(subQueue);
                cell.sum.reset();
                cell.sum.take(subQueue, cell.readyState, nowMinute);
            }
        } finally {
            readyQueue.unlock();
        }
        return some;
    }

    /**
     * What is queued, by domain, site, provider, source, pool, tenant or campaign; also such as have nothing queued and got
     * or sent something in the last hour, where only themselves are selected.
     *
     * @param selection of places ({@link Selection#isOfPlaces})
     * @throws IllegalArgumentException with a sentence for people, when the selection is of messages
     */
    public QueueTable table(Grouping by, Selection selection) {
        return counted(by, selection).table;
    }

    /**
     * Some rows of a {@link #table}, with what holds them.
     *
     * @param order   by which the rows are put in order
     * @param reverse whether what that would put last comes first
     * @param offset  rows left out at the beginning
     * @param limit   rows at most
     * @throws IllegalArgumentException as of {@link #table}
     */
    public QueueTable.Page page(Grouping by, Selection selection, QueueTable.Column order, boolean reverse, int offset,
            int limit) {
        Counted counted = counted(by, selection);
        Comparator<QueueTable.Row> comparator = reverse ? order.order().reversed() : order.order();
        List<QueueTable.Row> rows = counted.table.rows().stream().sorted(comparator).skip(offset).limit(limit)
                .map(row -> held(row, counted.fullest.get(row.name()))).toList();
        return new QueueTable.Page(by, rows, counted.table.rows().size(), counted.table.total(),
                counted.table.atMillis());
    }

    private QueueTable.Row held(QueueTable.Row row, @Nullable SubQueue fullest) {
        Why why = fullest == null ? null : queue.why(fullest);
        return why == null
                ? row
                : new QueueTable.Row(row.name(), row.counts(), row.rates(), row.domains(), why.waitingFor(),
                        why.nextAttemptMillis());
    }

    private Counted counted(Grouping by, Selection selection) {
        if (!selection.isOfPlaces()) {
            throw new IllegalArgumentException("queues are selected by domain, site, provider, source, pool, tenant, "
                    + "campaign and class; what selects messages too (" + selection + ") is for lists of messages");
        }
        return tables.get(new Asked(by, selection), () -> count(by, selection, queue.clock.wallMillis()));
    }

    /** Drops what nobody asks for any more: tables are as large as what is queued in many domains. Waits for nobody. */
    void forgetOld() {
        tables.forgetOld();
        whys.forgetOld();
    }

    /** Tables that are kept. */
    int kept() {
        return tables.size();
    }

    private Counted count(Grouping by, Selection selection, long nowMillis) {
        Map<String, Sum> sums = new HashMap<>();
        Sum total = new Sum();
        walk(selection, cell -> {
            SubQueue subQueue = cell.subQueue();
            sums.computeIfAbsent(by.name(cell.place()), _ -> new Sum()).add(cell.sum, subQueue);
            total.add(cell.sum, subQueue);
        });
        Map<String, Rates> rates = queue.traffic().rates(by);
        List<QueueTable.Row> rows = new ArrayList<>(sums.size());
        Map<String, SubQueue> fullest = HashMap.newHashMap(sums.size());
        sums.forEach((name, sum) -> {
            rows.add(new QueueTable.Row(name, sum.counts(), rates.getOrDefault(name, Rates.NONE), sum.domains, "", 0));
            if (sum.fullest != null) {
                fullest.put(name, sum.fullest);
            }
        });
        rates.forEach((name, lately) -> {
            if (!sums.containsKey(name) && isNamed(by, name, selection)) {
                rows.add(new QueueTable.Row(name, new Sum().counts(), lately, 0, "", 0));
            }
        });
        return new Counted(new QueueTable(by, List.copyOf(rows), total.counts(), nowMillis), fullest);
    }

    /** Whether something is selected by its own name alone, and so without mail. */
    private static boolean isNamed(Grouping by, String name, Selection selection) {
        for (String attribute : selection.parameters().keySet()) {
            if (!attribute.equals(by.attribute().word())) {
                return false;
            }
        }
        Place place = switch (by) {
            case DOMAIN -> place(name, "", "", "", "", "", "");
            case SITE -> place("", name, "", "", "", "", "");
            case PROVIDER -> place("", "", name, "", "", "", "");
            case SOURCE -> place("", "", "", name, "", "", "");
            case POOL -> place("", "", "", "", name, "", "");
            case TENANT -> place("", "", "", "", "", name, "");
            case CAMPAIGN -> place("", "", "", "", "", "", name.substring(name.indexOf('/') + 1));
        };
        return selection.matches(place);
    }

    private static Place place(String domain, String site, String provider, String source, String pool, String tenant,
            String campaign) {
        return new Place(domain, site, provider, source, pool, tenant, campaign,
                MailClass.BULK);
    }

    /** What holds mail, being put together. */
    private static final class Holding {
        private final ReadyQueue readyQueue;
        private final QueueItem.State state;
        private final SubQueue one;
        private final Withheld.@Nullable Until withheld;
        private long destinations;

        Holding(Cell cell) {
            readyQueue = cell.readyQueue();
            state = cell.readyState;
            one = cell.subQueue();
            withheld = cell.withheld;
        }
    }

    /**
     * Why the selected mail hasn't gone yet.
     *
     * @param selection of places
     * @throws IllegalArgumentException as of {@link #table}
     */
    public WhyMail why(Selection selection) {
        if (!selection.isOfPlaces()) {
            throw new IllegalArgumentException(
                    "why is told of a domain, site, provider, source, pool, tenant, campaign "
                            + "or class, or of one message; not of " + selection);
        }
        return whys.get(selection, () -> lookWhy(selection));
    }

    private WhyMail lookWhy(Selection selection) {
        Sum total = new Sum();
        Map<List<Object>, Holding> holdings = new HashMap<>();
        IdentityHashMap<ReadyQueue, long[]> queues = new IdentityHashMap<>();
        Set<ReadyQueue> asked = Collections.newSetFromMap(new IdentityHashMap<>());
        walk(selection, true, cell -> {
            asked.add(cell.readyQueue());
            if (cell.isEmpty) {
                return;
            }
            total.add(cell.sum, cell.subQueue());
            queues.computeIfAbsent(cell.readyQueue(), _ -> new long[1])[0] += cell.subQueue().all.size();
            long waits = cell.sum.routing + cell.sum.ready + cell.sum.suspended;
            if (waits > 0) {
                Object by = cell.withheld == null ? "" : cell.withheld;
                holdings.computeIfAbsent(List.of(cell.readyQueue(), cell.readyState, by),
                        _ -> new Holding(cell)).destinations += waits;
            }
        });
        List<Holding> most = holdings.values().stream()
                .sorted(Comparator.comparingLong((Holding holding) -> holding.destinations).reversed()).toList();
        List<Hold> holds = most.stream().limit(WhyMail.MOST_HOLDS).map(this::hold).toList();
        long others = most.stream().skip(WhyMail.MOST_HOLDS).mapToLong(holding -> holding.destinations).sum();
        List<QueueStanding> standings = queues.entrySet().stream().filter(entry -> isOpen(entry.getKey()))
                .sorted(Map.Entry.comparingByValue(Comparator.comparingLong((long[] number) -> number[0]).reversed()))
                .limit(WhyMail.MOST_HOLDS).map(entry -> standing(entry.getKey())).toList();
        QueueCounts counts = total.counts();
        return new WhyMail(counts, holds, others,
                counts.scheduled() + counts.held() == 0 ? 0 : firstDue(selection), lastGoes(standings, counts),
                standings, replies(asked.stream()));
    }

    /** How many messages a second go at most where queues share their limits: on one path. Confined to who counts. */
    private static final class PathRate {
        private final String provider;
        private double perSecond;

        PathRate(String provider, double perSecond) {
            this.provider = provider;
            this.perSecond = perSecond;
        }
    }

    /**
     * How many messages a second the rates that are in force let go to each provider at most, by its name. A provider that
     * has a queue that no rate holds isn't there.
     */
    public Map<String, Double> rateLimits() {
        Map<EgressPath, PathRate> paths = new HashMap<>();
        Map<SharedLimit, Set<PathRate>> sharing = new HashMap<>();
        for (ReadyQueue readyQueue : queue.allReadyQueues()) {
            Throttle throttle = readyQueue.throttleOrNull();
            if (throttle == null) {
                continue;
            }
            PathRate path = paths.computeIfAbsent(
                    new EgressPath(readyQueue.key().source(), readyQueue.key().site()),
                    _ -> new PathRate(queue.provider(readyQueue), perSecond(throttle.limits().maxMessageRate())));
            for (SharedLimit shared : throttle.sharedLimits()) {
                if (shared.id().measure() == Measure.MESSAGE_RATE && shared.bound() instanceof Bound.Spaced) {
                    sharing.computeIfAbsent(shared, _ -> new HashSet<>()).add(path);
                }
            }
        }
        sharing.forEach((shared, members) -> share(members, perSecond(((Bound.Spaced) shared.bound()).rate())));
        Map<String, Double> limits = new HashMap<>();
        paths.values().forEach(path -> limits.merge(path.provider, path.perSecond, Double::sum));
        limits.values().removeIf(perSecond -> Double.isInfinite(perSecond));
        return limits;
    }

    /** None has more than there is for all; if all together would, each has its part. */
    private static void share(Set<PathRate> members, double perSecond) {
        double all = 0;
        for (PathRate member : members) {
            member.perSecond = Math.min(member.perSecond, perSecond);
            all += member.perSecond;
        }
        double part = Math.min(1, perSecond / all);
        members.forEach(member -> member.perSecond *= part);
    }

    private static double perSecond(@Nullable Rate rate) {
        return rate == null ? Double.POSITIVE_INFINITY : NANOS_PER_SECOND / rate.intervalNanos();
    }

    private static boolean isOpen(ReadyQueue readyQueue) {
        return readyQueue.throttleOrNull() != null;
    }

    private Hold hold(Holding holding) {
        Withheld.Until until = holding.withheld;
        Why why = queue.why(holding.one);
        String what = until != null ? until.what().get() : why == null ? "its turn" : why.waitingFor();
        return new Hold(what, isOpen(holding.readyQueue) ? holding.readyQueue.toString() : "", holding.state,
                holding.destinations, why == null ? 0 : why.nextAttemptMillis());
    }

    /** Told only where all that is ready is in the queues that are shown. */
    private static long lastGoes(List<QueueStanding> standings, QueueCounts counts) {
        long last = 0;
        if (counts.ready() == 0 || standings.size() == WhyMail.MOST_HOLDS) {
            return 0;
        }
        for (QueueStanding standing : standings) {
            if (standing.state().ready() > 0) {
                if (standing.state().lastGoesMillis() == 0) {
                    return 0;
                }
                last = Math.max(last, standing.state().lastGoesMillis());
            }
        }
        return last;
    }

    private long firstDue(Selection selection) {
        long now = queue.clock.millis();
        long[] first = {Long.MAX_VALUE};
        lookInOrder(Cursor.START, item -> {
            // Whose due time is later than that of another needn't be looked at further; whose is over is on its way.
            long due = item.dueMillis();
            if (due < first[0] && due >= now && isWaiting(item) && isSelected(selection, item.home)) {
                first[0] = due;
            }
            return true;
        });
        return first[0] >= QueueItem.MAX_DUE ? 0 : queue.clock.toWall(first[0]); // what is held without end is never due
    }

    private static boolean isWaiting(QueueItem item) {
        QueueItem.State state = item.where(QueueItem.State.READY);
        return state == QueueItem.State.SCHEDULED || state == QueueItem.State.HELD;
    }

    /** Ready queues that are selected, the fullest first. Of {@code domain} the one it is in. */
    public List<QueueStanding> queues(Selection selection, int most) {
        IdentityHashMap<ReadyQueue, long[]> queues = new IdentityHashMap<>();
        walk(selection,
                cell -> queues.computeIfAbsent(cell.readyQueue(), _ -> new long[1])[0] += cell.subQueue().all.size());
        return queues.entrySet().stream().filter(entry -> isOpen(entry.getKey()))
                .sorted(Map.Entry.comparingByValue(Comparator.comparingLong((long[] number) -> number[0]).reversed()))
                .limit(most).map(entry -> standing(entry.getKey())).toList();
    }

    private static List<RecentReply> replies(Stream<ReadyQueue> queues) {
        return queues.flatMap(each -> each.recent.replies().stream())
                .sorted(Comparator.comparingLong(RecentReply::atMillis).reversed()).limit(MOST_REPLIES).toList();
    }

    private QueueStanding standing(ReadyQueue readyQueue) {
        ReadyQueueState state = readyQueue.state();
        return new QueueStanding(readyQueue.toString(), queue.provider(readyQueue), state, limits(readyQueue, state),
                readyQueue.recent.strip(), readyQueue.recent.replies());
    }

    private List<LimitStanding> limits(ReadyQueue readyQueue, ReadyQueueState state) {
        Throttle throttle = readyQueue.throttle();
        TrafficLimits own = throttle.limits();
        LimitReached reached = throttle.waitingFor(queue.clock.nanos());
        String binding = state.ready() == 0 || reached == null ? "" : name(reached.limiter(), reached.scope());
        int sessions = throttle.sessions().sessions();
        List<LimitStanding> limits = new ArrayList<>();
        limits.add(standing(binding, "connection_limit", String.valueOf(own.connectionLimit()), "", "", sessions));
        int window = throttle.sessions().size();
        if (window < own.connectionLimit()) {
            limits.add(standing(binding, "window", String.valueOf(window), "", "", sessions));
        }
        if (own.maxMessageRate() != null) {
            limits.add(standing(binding, "max_message_rate", own.maxMessageRate().toString(), "", "", null));
        }
        if (own.maxConnectionRate() != null) {
            limits.add(standing(binding, "max_connection_rate", own.maxConnectionRate().toString(), "", "", null));
        }
        for (SharedLimit shared : throttle.sharedLimits()) {
            String value = switch (shared.bound()) {
                case Bound.Count(int most) -> String.valueOf(most);
                case Bound.Spaced(var rate) -> rate.toString();
                case Bound.Daily(long most, var zone) -> most + "/d in " + zone;
            };
            limits.add(standing(binding, shared.id().name(), value, shared.id().scope(), shared.place(),
                    shared.bound() instanceof Bound.Count ? (Integer) shaper.open(shared.id()) : null));
        }
        return limits;
    }

    private static LimitStanding standing(String binding, String limiter, String value, String scope, String place,
            @Nullable Integer used) {
        return new LimitStanding(limiter, value, scope, place, used, binding.equals(name(limiter, scope)));
    }

    private static String name(String limiter, String scope) {
        return limiter + " of " + scope;
    }

    // Messages

    private boolean isSelected(Selection selection, SubQueue subQueue) {
        return selection.mayMatch(subQueue.domain.name, subQueue.owner)
                && (!selection.asksForPlace() || selection.matches(queue.place(subQueue)));
    }

    /**
     * Selected messages, the oldest first. What is queued and selected throughout is on one of the pages exactly once,
     * whatever comes and goes; mail that is moved to another ready queue just then passes for scheduled. By place they are
     * looked at until the page is full; by state, age or attempts all are, to be counted, as they are a moment before,
     * without their locks. Where sender or recipients select, reads up to {@value #MOST_ENVELOPES} envelopes for a page,
     * which may be shorter than it could be then.
     *
     * @param after where the page before ended; {@link Cursor#START} for the first
     * @param most  on the page
     */
    public MessagePage messages(Selection selection, Cursor after, int most, EnvelopeReader reader)
            throws IOException {
        if (!selection.needsEnvelope()) {
            return page(selection, after, most, true);
        }
        List<MessageRow> rows = new ArrayList<>();
        long until = System.nanoTime() + READING_TIME.toNanos();
        Cursor from = after;
        int looked = 0;
        MessagePage candidates = page(selection, from, ITEMS, true);
        long selected = candidates.selected();
        while (true) {
            for (MessageRow row : candidates.messages()) {
                from = new Cursor(row.id().value(), row.entry().destination());
                looked++;
                Envelope envelope = reader.read(row.entry());
                if (envelope != null && selection.matches(envelope, destination(envelope, row.entry()))) {
                    rows.add(row);
                }
                if (rows.size() == most || looked == MOST_ENVELOPES || System.nanoTime() - until > 0) {
                    return new MessagePage(rows, from, selected, looked);
                }
            }
            if (candidates.next() == null) {
                return new MessagePage(rows, null, selected, looked);
            }
            candidates = page(selection, from, ITEMS, false);
        }
    }

    private static Destination destination(Envelope envelope, SpoolEntry entry) {
        return envelope.destinations().get(entry.destination());
    }

    /** @param counts whether it is told how many are selected on all pages */
    private MessagePage page(Selection selection, Cursor after, int most, boolean counts) {
        if (!selection.ids().isEmpty()) {
            return pageOfIds(selection, after, most);
        }
        boolean everything = isEverywhere(selection);
        if (selection.needsItem()) {
            return pageOfMatching(selection, everything, after, most, counts);
        }
        return pageOfPlaces(selection, everything, after, most, counts);
    }

    private List<MessageRow> rows(Collection<SeenItem> all) {
        IdentityHashMap<SubQueue, @Nullable Why> whys = new IdentityHashMap<>();
        List<MessageRow> rows = new ArrayList<>(all.size());
        all.forEach(found -> rows.add(row(found, whys)));
        return rows;
    }

    private static boolean isEverywhere(Selection selection) {
        return !selection.asksForPlace() && selection.domains().isEmpty() && selection.tenants().isEmpty()
                && selection.campaigns().isEmpty() && selection.classes().isEmpty();
    }

    /** How many destinations are in the places that are selected. */
    private long count(Selection selection) {
        long count = 0;
        for (Iterator<DomainQueue> domains = domains(selection).iterator(); domains.hasNext();) {
            DomainQueue domain = domains.next();
            for (SubQueue subQueue : domain.subQueues.values()) {
                if (isSelected(selection, subQueue)) {
                    ReadyQueue readyQueue = domain.lockReadyQueue();
                    try {
                        count += subQueue.all.size();
                    } finally {
                        readyQueue.unlock();
                    }
                }
            }
        }
        return count;
    }

    /** Such as are in selected places, from the oldest on until the page is full. */
    private MessagePage pageOfPlaces(Selection selection, boolean everything, Cursor after, int most, boolean counts) {
        long selected = !counts ? 0 : everything ? queue.queued() : count(selection);
        List<SeenItem> found = new ArrayList<>();
        boolean more = lookInOrder(after, item -> {
            if (everything || isSelected(selection, item.home)) {
                add(item, found);
            }
            return found.size() <= most; // one more tells whether there is a next page
        });
        // What came since it was counted is on the page too.
        return shown(found, more, Math.max(selected, found.size()));
    }

    private MessagePage shown(List<SeenItem> found, boolean more, long selected) {
        if (more) {
            found.removeLast();
        }
        return new MessagePage(rows(found), more ? IdIndex.key(found.getLast().item()) : null, selected, 0);
    }

    /** Such as the queue's knowledge of them selects: to count them all are looked at; those behind the place are shown. */
    private MessagePage pageOfMatching(Selection selection, boolean everything, Cursor after, int most,
            boolean counts) {
        long nowMillis = queue.clock.wallMillis();
        IdentityHashMap<SubQueue, QueueItem.State> ready = new IdentityHashMap<>();
        List<SeenItem> found = new ArrayList<>();
        long[] selected = {0};
        lookInOrder(counts ? Cursor.START : after, item -> {
            if (!everything && !isSelected(selection, item.home)) {
                return true;
            }
            QueueItem.State state = item.where(selection.states().isEmpty() || !item.isReady()
                    ? QueueItem.State.READY
                    : ready.computeIfAbsent(item.home, this::readyState));
            if (state == null
                    || !selection.matches(id(item), state, item.receivedMillis(), item.attempts(), nowMillis)) {
                return true;
            }
            if (found.size() <= most && IdIndex.isBehind(item, after)
                    && !addMatching(selection, item, nowMillis, found)) {
                return true;
            }
            selected[0]++;
            return counts || found.size() <= most;
        });
        return shown(found, found.size() > most, selected[0]);
    }

    private static MessageId id(QueueItem item) {
        return new MessageId(item.entry().messageId());
    }

    private QueueItem.State readyState(SubQueue subQueue) {
        ReadyQueue readyQueue = subQueue.domain.lockReadyQueue();
        try {
            return queue.readyState(subQueue, readyQueue);
        } finally {
            readyQueue.unlock();
        }
    }

    /** @return false when it isn't selected, looked at under its lock */
    private boolean addMatching(Selection selection, QueueItem item, long nowMillis, List<SeenItem> found) {
        if (!add(item, found)) {
            return false;
        }
        SeenItem last = found.getLast();
        if (!selection.matches(id(item), last.state(), item.receivedMillis(), last.attempts(), nowMillis)) {
            found.removeLast();
            return false;
        }
        return true;
    }

    /** Of messages that are named: all their destinations are looked at, and no others. */
    private MessagePage pageOfIds(Selection selection, Cursor after, int most) {
        long nowMillis = queue.clock.wallMillis();
        List<SeenItem> found = new ArrayList<>();
        for (MessageId id : selection.ids().stream().sorted().toList()) {
            lookInOrder(IdIndex.before(id), item -> {
                if (item.entry().messageId() != id.value()) {
                    return false;
                }
                if (isSelected(selection, item.home)) {
                    addMatching(selection, item, nowMillis, found);
                }
                return true;
            });
        }
        List<SeenItem> behind = found.stream().filter(each -> IdIndex.key(each.item()).compareTo(after) > 0)
                .limit(most + 1L).toList();
        boolean more = behind.size() > most;
        List<SeenItem> shown = more ? behind.subList(0, most) : behind;
        return new MessagePage(rows(shown), more ? IdIndex.key(shown.getLast().item()) : null, found.size(), 0);
    }

    /**
     * Shows what is queued in the order of ids, the first behind a place first.
     *
     * @param on whether to go on behind that one
     * @return whether it was told to stop
     */
    private boolean lookInOrder(Cursor after, Predicate<QueueItem> on) {
        @Nullable
        QueueItem[] some = new QueueItem[ITEMS];
        Cursor from = after;
        int size;
        do {
            size = queue.byId().behind(from, some);
            for (int i = 0; i < size; i++) {
                QueueItem item = requireNonNull(some[i]);
                if (!on.test(item)) {
                    return true;
                }
            }
            from = size == 0 ? from : IdIndex.key(requireNonNull(some[size - 1]));
        } while (size == some.length);
        return false;
    }

    /** @return false when it has just been finished */
    private boolean add(QueueItem item, List<SeenItem> found) {
        SeenItem seen = queue.look(item);
        return seen != null && found.add(seen);
    }

    private MessageRow row(SeenItem found, Map<SubQueue, @Nullable Why> whys) {
        QueueItem item = found.item();
        SubQueue home = item.home;
        Why why = switch (found.state()) {
            case SCHEDULED, HELD, ACTIVE -> null;
            case READY, ROUTING, SUSPENDED -> whys.computeIfAbsent(home, queue::why);
        };
        long next = switch (found.state()) {
            case SCHEDULED -> queue.clock.toWall(found.dueMillis());
            case HELD -> queue.endOfHoldMillis(item);
            case ACTIVE -> 0;
            case READY, ROUTING, SUSPENDED -> why == null ? 0 : why.nextAttemptMillis();
        };
        String waitingFor = switch (found.state()) {
            case SCHEDULED -> "its next attempt";
            case HELD -> queue.awaitedRelease(item);
            case ACTIVE -> "the attempt under way";
            case READY, ROUTING, SUSPENDED -> why == null ? "its turn" : why.waitingFor();
        };
        return new MessageRow(new MessageId(item.entry().messageId()), item.entry(), queue.place(home), found.state(),
                found.attempts(), item.receivedMillis(), item.size(), next, waitingFor);
    }

    /** The queued destinations of a message, none when there are none. Looks at these alone. */
    public List<MessageRow> message(MessageId id) {
        Map<String, List<String>> byId = Map.of(Selection.Attribute.ID.word(), List.of(id.toString()));
        return page(Selection.parse(byId), Cursor.START, Integer.MAX_VALUE - 1, false).messages();
    }

    /** Of a message that is queued: why it hasn't gone, with the time at which it will probably; null when it has. */
    public @Nullable Why why(MessageRow row) {
        return queue.why(row.place().domain(), row.id()).orElseGet(() -> {
            boolean waits = row.state() == QueueItem.State.SCHEDULED || row.state() == QueueItem.State.HELD;
            return waits ? new Why(row.state(), row.waitingFor(), null, null, row.nextMillis(), 0, -1, 0, 0, 0) : null;
        });
    }
}
