package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.CurfewConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.queue.ReadyQueue.Failed;
import dev.penstock.queue.ReadyQueue.Kept;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.queue.ReadyQueue.Suspension;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Route.Protocol;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.OpeningLimiter;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.Permit;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.shaping.SharedSessions;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.FakeLimitBook;
import dev.penstock.units.MailClass;
import dev.penstock.units.Rate;

/**
 * Fifty ready queues of a dozen sites, driven through random interleavings: mail comes, sessions come up, fail and end,
 * limits and time change, operators suspend and resume mail and take some out. Every call into {@link Admission} runs on a thread of its own that stops wherever it looks at
 * the clock, between two steps of its own, so that another may come in between; one of them runs at a time, and a seed is
 * a schedule.
 *
 * <p>Longer: {@code -Dpenstock.model.steps=1000000}, {@code -Dpenstock.model.seed=7}.
 */
@Timeout(1_800)
class ReadyQueueModelTest {
    private static final int STEPS = Integer.getInteger("penstock.model.steps", 60_000);

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void readyMailIsNeverWithoutSomebodyWhoComesForIt(long seed) {
        Model model = new Model(seed);
        model.run(STEPS);
        assertThat(model.named).as("times that a sender was named").isPositive();
        assertThat(model.mostWithheld).as("messages withheld in one queue").isPositive();
        assertThat(model.mostSuspended).as("messages that operators had suspended").isPositive();
        assertThat(model.resumed).as("suspensions of operators that were lifted").isPositive();
        assertThat(model.claimed).as("messages that operators took out").isPositive();
        assertThat(model.refused).as("messages that their source might not send").isPositive();
        assertThat(model.strayed).as("senders whose mail was to be placed anew").isPositive();
        assertThat(model.fullest).as("times that a shared limit was full").isPositive();
        assertThat(model.atShared).as("times that a queue waited for one").isPositive();
        assertThat(model.sharedKept).as("times that a queue kept permits of some").isPositive();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void norWhenPlacesAndAllSessionsAreScarceAtOnce(long seed) {
        Model model = new Model(seed, 5, 3);
        model.run(STEPS);
        assertThat(model.mostPlacesKept).as("places kept at one time").isPositive();
    }

    @Test
    void theSeedThatIsAskedForToo() {
        Long seed = Long.getLong("penstock.model.seed");
        if (seed != null) {
            new Model(seed).run(STEPS);
        }
    }

    /** What a receiver is like for a while. */
    private enum Mood {
        GOOD,
        /** Takes three sessions. */
        NARROW,
        DEAD,
        REFUSING,
        INSECURE,
        /** Says for how long nothing is to come, or nothing of one sender. */
        NAMING
    }

    /** A session as its delivery session sees it. */
    private static final class DeliverySession {
        final Session session;
        @Nullable
        QueueItem item;
        boolean up;
        boolean unproved = true;
        /** Whether it has a place among those that come up. */
        boolean comesUp;
        boolean idle;
        boolean known;

        DeliverySession(Session session) {
            this.session = session;
            this.comesUp = session.permit().place() != null;
        }
    }

    /** A call that stops at each look at the clock until it is its turn again. */
    private static final class Call implements Runnable {
        final ReadyQueue queue;
        private final Runnable body;
        private final Thread thread;
        private volatile @Nullable Thread scheduler;
        private volatile boolean mayRun;
        private volatile boolean stopped;
        private volatile boolean over;
        private volatile @Nullable Throwable failure;

        Call(ReadyQueue queue, Runnable body) {
            this.queue = queue;
            this.body = body;
            this.thread = Thread.ofVirtual().unstarted(this);
        }

        @Override
        public void run() {
            try {
                body.run();
            } catch (Throwable e) {
                failure = e;
            } finally {
                over = true;
                stopped = true;
                LockSupport.unpark(scheduler);
            }
        }

        void pause() {
            mayRun = false;
            stopped = true;
            LockSupport.unpark(scheduler);
            while (!mayRun) {
                LockSupport.park(this);
            }
        }

        /** Runs it to where it stops next. @return whether it is over */
        boolean step() {
            scheduler = Thread.currentThread();
            stopped = false;
            mayRun = true;
            if (thread.getState() == Thread.State.NEW) {
                thread.start();
            } else {
                LockSupport.unpark(thread);
            }
            while (!stopped) {
                LockSupport.park(this);
            }
            Throwable thrown = failure;
            if (thrown != null) {
                throw new AssertionError("a call failed", thrown);
            }
            return over;
        }
    }

    /**
     * What an operator has suspended.
     *
     * @param meant what he would say of a sub-queue, in the model's own words
     */
    private record Suspended(Withheld.Ordered rule, Predicate<SubQueue> meant) {
        boolean isOpen() {
            return rule.until().open();
        }

        boolean binds(SubQueue subQueue, long now) {
            return now - rule.until().nanos() < 0 && meant.test(subQueue);
        }
    }

    /**
     * What a suspension may be of.
     *
     * @param word as operators write it
     */
    private record Attribute(String word, List<String> names, Function<SubQueue, String> of) {}

    private static final class Model implements ReadyQueue.Surroundings {
        /** The call that runs now, on its own thread. */
        private static final ThreadLocal<@Nullable Call> CURRENT = new ThreadLocal<>();
        private static final List<TlsPolicy> POLICIES = List.of(TlsPolicy.values());
        private static final List<Mood> MOODS = List.of(Mood.values());
        private static final List<MailHost> NETWORKS = IntStream.range(0, 4).mapToObj(Model::host).toList();
        private static final int SITES = 12;
        private static final int QUEUES = 50;
        private static final int PROVIDERS = 3;
        private static final int TENANTS = 3;
        private static final int CAMPAIGNS = 2;
        private static final long MILLI = 1_000_000;
        private static final int MOST_QUEUED = 1_000;
        /** Suspensions of operators at one time. */
        private static final int MOST_SUSPENSIONS = 6;
        /** What they may be of. */
        private static final List<Attribute> ATTRIBUTES = List.of(
                new Attribute("domain", names("d", QUEUES, ".example"), subQueue -> subQueue.domain.name),
                new Attribute("site", names("site", SITES, ".example"),
                        subQueue -> subQueue.domain.readyQueue.key().site().name()),
                new Attribute("provider", names("provider", PROVIDERS, ""), subQueue -> subQueue.domain.provider),
                new Attribute("source", List.of(QueueKey.DEFAULT_SOURCE, "other"), _ -> QueueKey.DEFAULT_SOURCE),
                new Attribute("pool", names("p", 2, ""), subQueue -> poolOf(subQueue.owner)),
                new Attribute("tenant", names("t", TENANTS, ""), subQueue -> subQueue.owner.tenant()),
                new Attribute("campaign", names("c", CAMPAIGNS, ""), subQueue -> subQueue.owner.campaign()),
                new Attribute("class", List.of("bulk", "transactional"),
                        subQueue -> subQueue.owner.mailClass().word()));
        /** When what an operator has suspended without an end would end: nobody lives so long, nor does the model. */
        private static final long FAR = MailQueue.FAR_AWAY.toNanos();
        /** So often it is looked whether what operators have suspended is all that is left. */
        private static final int LOOK_STEPS = 100;
        /** Of this many a message needs some twenty. */
        private static final int STEPS_TO_SETTLE = 200_000;
        /** By a receiver that says how long. */
        private static final Duration TOLD = Duration.ofSeconds(40);
        private static final TrafficLimits LIMITS = limits(4, null);
        private static final ReadyQueue.Suspensions SUSPENSIONS = new ReadyQueue.Suspensions(
                Duration.ofSeconds(10).toNanos(),
                Duration.ofMinutes(2).toNanos());

        private final long seed;
        private final SplittableRandom random;
        private final Shaper shaper;
        private final SessionLimiter total;
        private final SessionLimiter local = new SessionLimiter("max-sessions of local stores", 3, 0);
        private final OpeningLimiter opening;
        private final Admission admission;
        private final Set<Limiter> limiters = new LinkedHashSet<>();
        /** Where a permit is free though somebody waits: those who were under way then, of whom one must pass it on. */
        private final Map<Limiter, Set<Call>> debts = new HashMap<>();
        private final List<ReadyQueue> queues = new ArrayList<>();
        private final List<DomainQueue> domains = new ArrayList<>();
        private final Map<Site, Mood> moods = new HashMap<>();
        private final List<DeliverySession> deliverySessions = Collections.synchronizedList(new ArrayList<>());
        private final List<Call> calls = Collections.synchronizedList(new ArrayList<>());
        private final Map<ReadyQueue, Long> timers = new LinkedHashMap<>();
        private long now = 1;
        private long submitted;
        private long delivered;
        private boolean handsOut = true;
        /** Queues whose source is gone. */
        private final Set<ReadyQueue> barred = new LinkedHashSet<>();
        private int gone;
        private boolean settling;
        private int quiet;
        private int mostOpening;
        private int mostPlacesKept;
        private final FakeLimitBook book = new FakeLimitBook();
        private List<SharedLimit> shared = List.of();
        /** How many were open when the limits were drawn anew, or fewer by now. */
        private final Map<SharedLimit.Id, Integer> over = new HashMap<>();
        private long fullest;
        private long atShared;
        private long sharedKept;
        private int named;
        private int mostWithheld;
        private int refused;
        private int strayed;
        private Shares shares = Shares.EQUAL;
        private List<Withheld.Curfew> inForce = List.of();
        private int curfews;
        private final List<Suspended> suspended = new ArrayList<>();
        private int suspensions;
        private int resumed;
        private int mostSuspended;
        /** Messages that operators have in hand. */
        private final List<QueueItem> inHand = new ArrayList<>();
        private int claimed;
        private int step;

        Model(long seed) {
            this(seed, 0, 0);
        }

        /** @param sessions and places that there are, 0 for what is drawn */
        Model(long seed, int sessions, int places) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
            this.shaper = new Shaper(ShapingConfig.DEFAULT, book, InstantSource.fixed(Instant.EPOCH), this::nanos);
            drawLimits();
            int maxSessions = random.nextInt(6, 24);
            this.total = new SessionLimiter("max-sessions", sessions == 0 ? maxSessions : sessions, random.nextInt(4));
            int mostComingUp = random.nextInt(2, 9);
            int mostOpening = places == 0 ? mostComingUp : places;
            this.opening = new OpeningLimiter("max-sessions that come up", mostOpening,
                    random.nextInt(Math.min(3, mostOpening)));
            this.admission = new Admission(total, local, opening, (_, hosts, _) -> hosts, this::nanosOfACall,
                    this::opened);
            limiters.addAll(List.of(total, local, opening));
            for (int q = 0; q < QUEUES; q++) {
                Site site = new Site("site" + q % SITES + ".example");
                boolean configured = q % 5 == 0;
                QueueKey key = new QueueKey("default", site, q % 10 == 0 ? Protocol.LMTP : Protocol.SMTP, configured,
                        q < SITES ? null : POLICIES.get(q / SITES % POLICIES.size()));
                ReadyQueue queue = new ReadyQueue(this, key, q, shaper.use("default", site, ""),
                        new Route.Hosts(site, List.of(NETWORKS.get(q % NETWORKS.size())), key.lmtp(), configured,
                                null));
                limiters.add(queue.throttle().sessions());
                limiters.add(queue.throttle().shared());
                queues.add(queue);
                domains.add(new DomainQueue("d" + q + ".example", new Lane(QueueKey.DEFAULT_SOURCE, queue)));
                domains.getLast().provider = "provider" + q % PROVIDERS;
                queue.lock();
                queue.admit(domains.getLast());
                queue.unlock();
                moods.put(site, Mood.GOOD);
            }
        }

        private static MailHost host(int network) {
            return new MailHost("mx", InetAddress.ofLiteral("192.0." + network + ".1"), 25, 0);
        }

        private static TrafficLimits limits(int connections, @Nullable Rate rate) {
            return TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, connections)
                    .with(TrafficLimits.MAX_CONNECTION_RATE, rate)
                    .with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, 100)
                    .with(TrafficLimits.CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY, 3);
        }

        /**
         * Limits that a few queues of a site share, some with a rate of connections; and such that sites share: one of three
         * providers', that of the first letter of some, and a rate of sessions opened.
         */
        private void drawLimits() {
            shared = List.of(FakeLimitBook.connections("provider0", random.nextInt(1, 6)),
                    FakeLimitBook.connections("provider1", random.nextInt(2, 9)),
                    FakeLimitBook.connections("provider2", random.nextInt(2, 12)),
                    FakeLimitBook.connections("some", random.nextInt(1, 9)),
                    FakeLimitBook.connections("all", random.nextInt(4, 20)),
                    FakeLimitBook.rate(Measure.CONNECTION_RATE, "provider_max_connection_rate", "some",
                            random.nextInt(5, 100) + "/s"));
            for (int s = 0; s < SITES; s++) {
                TrafficLimits own = random.nextInt(3) == 0
                        ? LIMITS
                        : limits(1 + random.nextInt(6),
                                random.nextInt(4) == 0 ? new Rate(10, Duration.ofSeconds(1), 1) : null);
                List<SharedLimit> all = new ArrayList<>();
                if (s % 4 < 3 && random.nextInt(8) > 0) { // now and then it is nobody's
                    all.add(shared.get(s % 4));
                }
                for (SharedLimit some : shared.subList(3, shared.size())) {
                    if (random.nextInt(3) == 0) {
                        all.add(some);
                    }
                }
                Collections.shuffle(all, new Random(random.nextLong()));
                book.put(new EgressPath("default", new Site("site" + s + ".example")), new PathLimits(own, all));
            }
        }

        /** What is over a limit that is new or lower ends by itself; nothing comes to it. */
        private void checkShared() {
            for (SharedLimit limit : shared) {
                if (limit.bound() instanceof SharedLimit.Bound.Count(int most)) {
                    int open = shaper.open(limit.id());
                    assertThat(open).as(limit.id().toString())
                            .isLessThanOrEqualTo(Math.max(most, over.getOrDefault(limit.id(), 0)));
                    over.computeIfPresent(limit.id(), (_, before) -> Math.min(before, open));
                    fullest += open == most ? 1 : 0;
                }
            }
        }

        void run(int steps) {
            for (step = 0; step < steps; step++) {
                try {
                    act();
                    check();
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("seed " + seed + ", step " + step, e);
                }
            }
            settle();
        }

        /**
         * All is well from now on, and no mail comes any more: everything is delivered in a time that can be told but what
         * operators have suspended until somebody resumes it, and that when somebody does.
         */
        private void settle() {
            settling = true;
            moods.replaceAll((_, _) -> Mood.GOOD);
            if (!handsOut) {
                handsOut = true;
                queues.forEach(queue -> call(queue, queue::handsOutAgain));
            }
            assertThat(gone).as("sources that went").isPositive();
            assertThat(curfews).as("times that curfews changed").isPositive();
            while (!barred.isEmpty()) {
                sourceComesOrGoes(barred.iterator().next());
            }
            while (!inHand.isEmpty()) {
                giveBack(inHand.removeLast());
            }
            assertThat(suspensions).as("suspensions of operators").isPositive();
            suspended.add(suspension(true));
            stands();
            int until = step + STEPS_TO_SETTLE;
            while (step < until && (step % LOOK_STEPS > 0 || delivered + suspended() < submitted)) {
                settlingStep();
            }
            assertThat(delivered + suspended())
                    .as("seed %d: delivered or suspended of what was submitted; left: %s", seed,
                            left())
                    .isEqualTo(submitted);
            suspended.clear();
            stands();
            until = step + STEPS_TO_SETTLE;
            while (delivered < submitted && step < until) {
                settlingStep();
            }
            assertThat(delivered).as("seed %d: delivered of what was submitted; left: %s", seed, left())
                    .isEqualTo(submitted);
            assertThat(mostOpening).as("sessions that came up at one time").isGreaterThanOrEqualTo(opening.limit() / 2)
                    .isLessThanOrEqualTo(opening.limit());
            assertThat(quiet).as("moments at which nobody was under way").isGreaterThan(step / 100);
        }

        private void settlingStep() {
            step++;
            try {
                act();
                check();
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + ", settling at step " + step, e);
            }
        }

        private List<String> left() {
            return queues.stream().filter(queue -> queue.ready() + queue.withheld() > 0).map(ReadyQueue::describe)
                    .toList();
        }

        private void act() {
            int choice = random.nextInt(100);
            if (!calls.isEmpty() && (choice < 55 || calls.size() > 6)) {
                Call call = calls.get(random.nextInt(calls.size()));
                if (call.step()) {
                    calls.remove(call);
                }
                return;
            }
            switch (choice % 20) {
                case 0, 1, 2, 3, 4 -> mailComes();
                case 5 -> timePasses(random.nextInt(1, 200) * MILLI);
                case 6 -> timePasses(nextTimer());
                case 7 -> operatorActs();
                default -> sessionActs();
            }
        }

        private void mailComes() {
            if (settling || submitted - delivered > MOST_QUEUED) {
                timePasses(MILLI);
                return;
            }
            DomainQueue domain = domains.get(random.nextInt(random.nextInt(10) == 0 ? 3 : domains.size()));
            for (int i = random.nextInt(1, 12); i > 0; i--) {
                SubQueue home = domain
                        .subQueue(new TenantCampaign("t" + random.nextInt(TENANTS), "c" + random.nextInt(CAMPAIGNS),
                                random.nextInt(6) == 0, "",
                                random.nextInt(3) == 0 ? MailClass.TRANSACTIONAL : MailClass.BULK));
                QueueItem item = new QueueItem(TestEntries.entry(submitted++, 0), home, 0, 1_000);
                ReadyQueue queue = domain.readyQueue;
                queue.lock();
                boolean wants = queue.append(item);
                queue.unlock();
                if (wants) {
                    wantsSession(queue);
                }
            }
        }

        private void operatorActs() {
            if (settling) {
                timePasses(nextTimer());
                return;
            }
            switch (random.nextInt(16)) {
                case 12, 13 -> suspendOrResume();
                case 14, 15 -> claimOrGiveBack();
                case 10 -> curfews();
                case 11 -> shares = new Shares(QueueHarness.weights(Map.of("t0", 1 + random.nextInt(5))),
                        1 + random.nextInt(50));
                case 8, 9 -> sourceComesOrGoes(queues.get(random.nextInt(QUEUES)));
                case 0 -> {
                    drawLimits();
                    shaper.changed();
                    shared.forEach(limit -> over.put(limit.id(), shaper.open(limit.id())));
                    queues.forEach(queue -> call(queue, () -> admission.reconfigured(queue)));
                }
                case 1 -> {
                    ReadyQueue queue = queues.get(random.nextInt(QUEUES));
                    call(queue, queue::resume);
                }
                case 2 -> {
                    handsOut = !handsOut;
                    if (handsOut) {
                        queues.forEach(queue -> call(queue, queue::handsOutAgain));
                    }
                }
                case 3 -> moveDomain();
                default -> moods.put(queues.get(random.nextInt(SITES)).key().site(),
                        random.nextBoolean() ? Mood.GOOD : MOODS.get(random.nextInt(MOODS.size())));
            }
        }

        /** The queue gives out nothing then; now and then its mail goes to the queue of another source. */
        private void sourceComesOrGoes(ReadyQueue queue) {
            if (!barred.remove(queue)) {
                barred.add(queue);
                gone++;
            }
            call(queue, () -> {
                nanosOfACall(); // whoever comes last has the last word
                queue.bar(() -> barred.contains(queue) ? new ReadyQueue.Bar("its source is gone", 0) : null);
                if (queue.isBarred() && random.nextInt(3) == 0) {
                    place(queue);
                }
            });
        }

        /** Others are in force, or none. */
        private void curfews() {
            List<Withheld.Curfew> next = new ArrayList<>();
            for (int i = random.nextInt(3); i > 0; i--) {
                CurfewConfig config = CurfewConfig.DEFAULT
                        .with(CurfewConfig.TENANTS, random.nextBoolean() ? List.of() : List.of("t" + random.nextInt(3)))
                        .with(CurfewConfig.POOLS, random.nextBoolean() ? List.of() : List.of("p" + random.nextInt(2)))
                        .with(CurfewConfig.CLASSES, random.nextInt(4) == 0
                                ? Set.of(MailClass.TRANSACTIONAL)
                                : Set.of(MailClass.BULK));
                next.add(new Withheld.Curfew(new Curfews.Curfew("c" + i, config),
                        Withheld.Until.endOfCurfew(now + random.nextInt(1, 60_000) * MILLI, "c" + i),
                        Model::poolOf));
            }
            inForce = next;
            curfews++;
            stands();
        }

        /** Every queue hears what is in force now, in whatever order. */
        private void stands() {
            queues.forEach(queue -> call(queue, () -> {
                nanosOfACall(); // whoever comes last has the last word
                queue.standing(this::standing);
                mostWithheld = Math.max(mostWithheld, queue.withheld());
            }));
        }

        private List<Withheld.Standing> standing() {
            List<Withheld.Standing> all = new ArrayList<>(inForce);
            suspended.forEach(each -> all.add(each.rule));
            return all;
        }

        /** One more is suspended, or one of those is resumed, or all are. */
        private void suspendOrResume() {
            if (!suspended.isEmpty() && random.nextInt(10) == 0) {
                resumed += suspended.size();
                suspended.clear();
            } else if (suspended.size() == MOST_SUSPENSIONS || !suspended.isEmpty() && random.nextInt(3) == 0) {
                suspended.remove(random.nextInt(suspended.size()));
                resumed++;
            } else {
                suspended.add(suspension(random.nextInt(3) == 0));
                suspensions++;
            }
            stands();
        }

        /**
         * By one or two attributes, or more.
         *
         * @param open whether until somebody resumes it; else for a while
         */
        private Suspended suspension(boolean open) {
            Map<String, List<String>> mail = new HashMap<>();
            Predicate<SubQueue> meant = _ -> true;
            do {
                Attribute attribute = ATTRIBUTES.get(random.nextInt(ATTRIBUTES.size()));
                Set<String> names = new HashSet<>();
                for (int i = random.nextInt(1, 3); i > 0; i--) {
                    names.add(attribute.names.get(random.nextInt(attribute.names.size())));
                }
                if (mail.putIfAbsent(attribute.word, List.copyOf(names)) == null) {
                    meant = meant.and(subQueue -> names.contains(attribute.of.apply(subQueue)));
                }
            } while (random.nextBoolean());
            long end = open ? FAR : now + random.nextInt(1, 60_000) * MILLI;
            String id = "s" + suspensions;
            OperatorSuspension rule = new OperatorSuspension(id, Selection.parse(mail), wallAt(now),
                    open ? 0 : wallAt(end),
                    "op", "asked to");
            return new Suspended(new Withheld.Ordered(rule, new Withheld.Until(end, id, rule::words, open),
                    Model::placeOf), meant);
        }

        private static Selection.Place placeOf(SubQueue subQueue) {
            TenantCampaign owner = subQueue.owner;
            return new Selection.Place(subQueue.domain.name, subQueue.domain.readyQueue.key().site().name(),
                    subQueue.domain.provider, QueueKey.DEFAULT_SOURCE, poolOf(owner), owner.tenant(), owner.campaign(),
                    owner.mailClass());
        }

        private static String poolOf(TenantCampaign owner) {
            return owner.campaign().equals("c0") ? "p0" : "p1";
        }

        private static List<String> names(String prefix, int count, String suffix) {
            return IntStream.range(0, count).mapToObj(i -> prefix + i + suffix).toList();
        }

        /** Messages that operators have suspended until somebody resumes them. */
        private int suspended() {
            return suspended(Suspended::isOpen);
        }

        private int suspended(Predicate<Suspended> which) {
            int messages = 0;
            for (DomainQueue domain : domains) {
                for (SubQueue subQueue : domain.subQueues.values()) {
                    if (suspended.stream().anyMatch(each -> which.test(each) && each.binds(subQueue, now))) {
                        messages += subQueue.ready.size();
                    }
                }
            }
            return messages;
        }

        /** An operator's job takes a message out of wherever it waits, or is done with one: it goes on, or is deleted. */
        private void claimOrGiveBack() {
            if (inHand.size() > QUEUES || !inHand.isEmpty() && random.nextBoolean()) {
                QueueItem item = inHand.remove(random.nextInt(inHand.size()));
                if (random.nextBoolean()) {
                    giveBack(item);
                } else {
                    ReadyQueue its = item.home.domain.lockReadyQueue();
                    its.endActive(item);
                    its.unlock();
                    delivered++;
                }
                return;
            }
            for (SubQueue subQueue : domains.get(random.nextInt(QUEUES)).subQueues.values()) {
                ReadyQueue its = subQueue.domain.lockReadyQueue();
                QueueItem item = random.nextBoolean() ? subQueue.ready.first() : subQueue.ready.last();
                if (item != null) {
                    its.takeAlone(item);
                    inHand.add(item);
                    claimed++;
                }
                its.unlock();
            }
        }

        private void place(ReadyQueue queue) {
            for (DomainQueue domain : domains) {
                if (domain.readyQueue != queue) {
                    continue;
                }
                ItemList items = new ItemList();
                queue.lock();
                queue.withdraw(domain, Integer.MAX_VALUE, items);
                queue.unlock();
                for (QueueItem item = items.pollFirst(); item != null; item = items.pollFirst()) {
                    DomainQueue other = domains.get(random.nextInt(QUEUES));
                    ReadyQueue its = other.lockReadyQueue();
                    item.home = other.subQueue(item.home.owner);
                    boolean wants = its.append(item);
                    its.unlock();
                    if (wants) {
                        wantsSession(its);
                    }
                }
            }
        }

        /** Its route has changed. */
        private void moveDomain() {
            DomainQueue domain = domains.get(random.nextInt(QUEUES));
            ReadyQueue to = queues.get(random.nextInt(QUEUES));
            ReadyQueue from = domain.readyQueue;
            if (from == to) {
                return;
            }
            from.lock();
            to.lock();
            from.dismiss(domain);
            domain.readyQueue = to;
            boolean wants = to.admit(domain);
            to.unlock();
            from.unlock();
            if (wants) {
                wantsSession(to);
            }
        }

        private void timePasses(long nanos) {
            now += nanos;
            shaper.runDue();
            for (ReadyQueue queue : List.copyOf(timers.keySet())) {
                Long at = timers.get(queue);
                if (at != null && at - now <= 0) {
                    timers.remove(queue);
                    call(queue, queue::timeCame);
                }
            }
        }

        private long nextTimer() {
            shaper.runDue();
            return Math.max(MILLI, timers.values().stream().filter(at -> at < FAR).mapToLong(at -> at - now).min()
                    .orElse(MILLI));
        }

        private void sessionActs() {
            List<DeliverySession> free = deliverySessions.stream().toList();
            if (free.isEmpty()) {
                timePasses(settling ? nextTimer() : MILLI);
                return;
            }
            DeliverySession deliverySession = free.get(random.nextInt(free.size()));
            if (deliverySession.known) {
                return; // a call of it is under way
            }
            if (!deliverySession.up) {
                comesUp(deliverySession);
            } else if (deliverySession.idle) {
                idles(deliverySession);
            } else {
                delivers(deliverySession);
            }
        }

        private void comesUp(DeliverySession deliverySession) {
            ReadyQueue queue = deliverySession.session.queue();
            Site site = queue.key().site();
            Permit permit = deliverySession.session.permit();
            Trouble trouble = switch (moods.get(site)) {
                case GOOD -> null;
                case NARROW -> permit.throttle().sessions().sessions() > 3 ? Trouble.CROWDED : null;
                case NAMING -> random.nextInt(10) == 0 ? Trouble.REFUSED : null;
                case DEAD -> Trouble.UNREACHABLE;
                case REFUSING -> Trouble.REFUSED;
                case INSECURE -> queue.key().tls() == TlsPolicy.REQUIRED ? Trouble.INSECURE : null;
                case null -> null;
            };
            if (trouble == null) {
                deliverySession.up = true;
                deliverySession.known = true;
                call(queue, () -> {
                    if (connects(deliverySession)) {
                        deliverySession.item = admission.up(deliverySession.session);
                        deliverySession.known = false;
                    }
                });
            } else {
                fails(deliverySession, trouble);
            }
        }

        private void fails(DeliverySession deliverySession, Trouble trouble) {
            deliverySession.known = true;
            call(deliverySession.session.queue(), () -> {
                QueueItem had = deliverySession.item;
                Failed failed = admission.failed(deliverySession.session, trouble, had == null, trouble.name(),
                        trouble == Trouble.REFUSED && random.nextBoolean() ? TOLD : Duration.ZERO);
                giveBack(had);
                giveBack(failed.charged());
                ends(deliverySession);
            });
        }

        /** The receiver has named the tenant of that mail, or its campaign. */
        private void name(ReadyQueue queue, QueueItem item) {
            Duration time = Duration.ofMillis(random.nextInt(1, 60_000));
            Suspension suspension = random.nextBoolean()
                    ? queue.suspendTenant(item.tenant(), time, "named")
                    : queue.suspendCampaign(item.tenant(), item.campaign(), time, "named");
            named += suspension == null ? 0 : 1;
            mostWithheld = Math.max(mostWithheld, queue.withheld());
        }

        private void ends(DeliverySession deliverySession) {
            deliverySessions.remove(deliverySession);
            deliverySession.comesUp = false;
            admission.ended(deliverySession.session);
        }

        /** To the host that is likely, or another. @return whether it found a place, else it has ended */
        private boolean connects(DeliverySession deliverySession) {
            String network = random.nextInt(4) == 0
                    ? NETWORKS.get(random.nextInt(NETWORKS.size())).network()
                    : deliverySession.session.queue().networks((_, hosts, _) -> hosts).getFirst();
            deliverySession.unproved = true;
            if (random.nextInt(8) > 0) {
                if (admission.comesUp(deliverySession.session, network)) {
                    deliverySession.comesUp = deliverySession.session.permit().place() != null;
                    return true;
                }
            } else {
                admission.lacksMemory(deliverySession.session);
            }
            QueueItem item = deliverySession.item;
            deliverySession.item = null;
            giveBack(item);
            ends(deliverySession);
            return false;
        }

        private void giveBack(@Nullable QueueItem item) {
            if (item == null) {
                return;
            }
            ReadyQueue queue = item.home.domain.lockReadyQueue();
            boolean wants = queue.putBack(item);
            queue.unlock();
            if (wants) {
                wantsSession(queue);
            }
        }

        private void delivers(DeliverySession deliverySession) {
            ReadyQueue queue = deliverySession.session.queue();
            QueueItem item = deliverySession.item;
            Mood mood = moods.getOrDefault(queue.key().site(), Mood.GOOD);
            if (item != null && mood == Mood.REFUSING && random.nextInt(3) == 0) {
                fails(deliverySession, Trouble.REFUSED);
                return;
            }
            if (item != null && mood == Mood.NAMING && random.nextInt(4) == 0) {
                name(queue, item);
                if (random.nextInt(3) == 0) {
                    fails(deliverySession, Trouble.REFUSED);
                    return;
                }
            }
            deliverySession.known = true;
            if (item != null && random.nextInt(20) == 0) { // the session is lost, and it tries the next host
                call(queue, () -> deliverySession.known = !connects(deliverySession));
                return;
            }
            call(queue, () -> {
                if (item != null) {
                    ReadyQueue its = item.home.domain.lockReadyQueue();
                    its.endActive(item);
                    its.unlock();
                    delivered++;
                    if (deliverySession.unproved) {
                        deliverySession.unproved = false;
                        deliverySession.comesUp = false;
                        admission.proved(deliverySession.session);
                    }
                }
                boolean worn = random.nextInt(20) == 0
                        || random.nextInt(5) == 0 && deliverySession.session.permit().isWanted(queue.waitingAt());
                deliverySession.item = worn ? null : queue.next(deliverySession.session);
                if (deliverySession.item == null) {
                    if (worn || deliverySession.session.permit().isWanted(queue.waitingAt())) {
                        ends(deliverySession);
                        return;
                    }
                    deliverySession.item = queue.idles(deliverySession.session);
                    deliverySession.idle = deliverySession.item == null;
                    if (deliverySession.idle) {
                        if (deliverySession.unproved) {
                            deliverySession.comesUp = false;
                            admission.cameUp(deliverySession.session);
                        }
                        nanosOfACall(); // others come in between
                        deliverySession.session.permit().idle(deliverySession.session);
                        nanosOfACall();
                        if (deliverySession.session.permit().isWanted(queue.waitingAt())) {
                            queue.dismiss(deliverySession.session);
                        }
                    }
                }
                deliverySession.known = false;
            });
        }

        /** Looks whether it was handed something or dismissed; gives up now and then. */
        private void idles(DeliverySession deliverySession) {
            ReadyQueue queue = deliverySession.session.queue();
            if (queue.isIdle(deliverySession.session)) {
                if (random.nextInt(30) > 0 && !settling) {
                    return;
                }
                queue.dismiss(deliverySession.session);
            }
            deliverySession.known = true;
            call(queue, () -> {
                deliverySession.item = queue.handed(deliverySession.session);
                deliverySession.session.permit().busy(deliverySession.session);
                deliverySession.idle = false;
                if (deliverySession.item == null) {
                    ends(deliverySession);
                } else if (!deliverySession.unproved || connects(deliverySession)) {
                    deliverySession.known = false;
                }
            });
        }

        // What must hold

        private void check() {
            Set<ReadyQueue> concerned = new HashSet<>(); // their events are on their way
            calls.forEach(call -> concerned.add(call.queue));
            int placesKept = 0;
            for (ReadyQueue queue : queues) {
                Kept kept = queue.kept();
                placesKept += kept == null || kept.place() == null ? 0 : 1;
                sharedKept += kept == null || kept.shared() == null ? 0 : 1;
                atShared += queue.waitingAt() instanceof SharedSessions ? 1 : 0;
                if (!concerned.contains(queue)) {
                    assertThat(queue.openings().violation(now)).isNull();
                }
                if (!concerned.contains(queue)) {
                    assertThat(queue.violation()).isNull();
                }
            }
            mostPlacesKept = Math.max(mostPlacesKept, placesKept);
            shaper.runDue();
            checkShared();
            limiters.forEach(this::checkDebts);
            if (calls.isEmpty()) {
                quiet++;
                checkQuiet();
            }
        }

        /** A permit that is free though somebody waits is passed on by one of those who are under way before they end. */
        private void checkDebts(Limiter limiter) {
            String violation = limiter.violation(now);
            if (violation == null) {
                debts.remove(limiter);
                return;
            }
            Set<Call> underWay = debts.computeIfAbsent(limiter, _ -> new HashSet<>(calls));
            underWay.retainAll(calls);
            assertThat(underWay).as("someone under way passes it on: %s", violation).isNotEmpty();
        }

        /** Nobody is under way: what is promised must be there. */
        private void checkQuiet() {
            Map<ReadyQueue, Integer> sessions = new HashMap<>();
            List.copyOf(deliverySessions)
                    .forEach(deliverySession -> sessions.merge(deliverySession.session.queue(), 1, Integer::sum));
            checkCounts();
            checkSuspended();
            for (ReadyQueue queue : queues) {
                assertThat(queue.isAcquiring()).as("nobody acquires for %s", queue.describe()).isFalse();
                if (queue.kept() != null && queue.ready() == 0) {
                    assertThat(timers.get(queue)).as("it gives back what it keeps: %s", queue.describe()).isNotNull()
                            .isLessThanOrEqualTo(now);
                }
                if (queue.withheld() > 0) {
                    assertThat(timers.get(queue)).as("a timer for the mail withheld: %s", queue.describe()).isNotNull();
                }
                assertThat(queue.isBarred()).as("it knows of its source: %s", queue.describe())
                        .isEqualTo(barred.contains(queue));
                if (queue.ready() == 0 || !handsOut || queue.isBarred() || sessions.containsKey(queue)) {
                    continue;
                }
                Limiter at = queue.waitingAt();
                if (at != null) {
                    assertThat(at.isRegistered(queue)).as("is registered: %s", queue.describe()).isTrue();
                    if (at != queue.throttle().sessions()) {
                        assertThat(at.isFirst(queue)).as("it has no session: %s", queue.describe()).isTrue();
                    }
                    if (at == opening && !queue.claimed().containsAll(queue.parties())) {
                        assertThat(timers.get(queue)).as("it is told whose mail came: %s", queue.describe()).isNotNull()
                                .isLessThanOrEqualTo(now);
                    }
                    continue;
                }
                if (queue.waitsForASlot()) {
                    continue;
                }
                assertThat(queue.knownTime()).as("a known time: %s", queue.describe()).isNotEqualTo(Long.MAX_VALUE);
                assertThat(timers.get(queue)).as("a timer for %s", queue.describe()).isNotNull()
                        .isLessThanOrEqualTo(Math.max(now, queue.knownTime()));
            }
            for (Limiter each : limiters) {
                if (!(each instanceof SessionLimiter limiter)) {
                    continue;
                }
                long triesAgain = limiter.triesAgainAt();
                if (triesAgain != Long.MIN_VALUE) {
                    assertThat(queues.stream().filter(limiter::isRegistered).map(timers::get)
                            .anyMatch(at -> at != null && at <= Math.max(now, triesAgain)))
                            .as("somebody comes to try the window of %s", limiter).isTrue();
                }
            }
        }

        /**
         * Everybody has heard of what operators have suspended: none of it has its turn, and nothing else waits for its end.
         */
        private void checkSuspended() {
            if (suspended.isEmpty()) {
                return;
            }
            mostSuspended = Math.max(mostSuspended, suspended(_ -> true));
            for (DomainQueue domain : domains) {
                for (SubQueue subQueue : domain.subQueues.values()) {
                    if (subQueue.turn != null) {
                        assertThat(suspended).as("what operators have suspended of %s, %s", domain.name, subQueue.owner)
                                .noneMatch(each -> each.binds(subQueue, now));
                    }
                    Withheld.Until until = domain.readyQueue.withheldUntil(subQueue);
                    if (until != null && !subQueue.ready.isEmpty()) {
                        assertThat(suspended).as("what keeps back mail of %s, %s", domain.name, subQueue.owner)
                                .filteredOn(each -> each.rule.until().equals(until))
                                .allMatch(each -> each.meant.test(subQueue));
                    }
                }
            }
        }

        /** Every permit is some session's, and each session has those that it needs. */
        private void checkCounts() {
            List<DeliverySession> open = List.copyOf(deliverySessions);
            int places = 0;
            Map<SessionLimiter, Integer> kept = new HashMap<>();
            for (ReadyQueue queue : queues) {
                Kept keeps = queue.kept();
                if (keeps != null) {
                    assertThat(queue.waitingAt()).as("waits: %s", queue.describe()).isNotNull();
                    kept.merge(queue.throttle().sessions(), 1, Integer::sum);
                    places += keeps.place() == null ? 0 : 1;
                }
            }
            assertThat(opening.open()).as("sessions that come up, and places that are kept").isEqualTo(places
                    + (int) open.stream().filter(deliverySession -> deliverySession.comesUp).count());
            queues.stream().map(queue -> queue.throttle().sessions()).distinct().forEach(own -> {
                assertThat(own.sessions()).as("sessions of a site: %s", own).isEqualTo((int) open.stream()
                        .filter(deliverySession -> deliverySession.session.permit().throttle().sessions() == own)
                        .count());
                assertThat(own.open() - own.sessions()).as("permits that are kept: %s", own)
                        .isEqualTo(kept.getOrDefault(own, 0));
            });
            for (SharedLimit limit : shared) {
                if (limit.bound() instanceof SharedLimit.Bound.Count) {
                    int theirs = 0;
                    for (ReadyQueue queue : queues) {
                        Kept keeps = queue.kept();
                        theirs += keeps != null && keeps.shared() != null && binds(limit, queue) ? 1 : 0;
                    }
                    theirs += (int) open.stream().filter(each -> binds(limit, each.session.queue())).count();
                    assertThat(shaper.open(limit.id())).as("sessions of %s", limit.id()).isEqualTo(theirs);
                }
            }
            assertThat(local.open()).as("sessions to stores").isEqualTo((int) open.stream()
                    .filter(deliverySession -> deliverySession.session.queue().key().lmtp()).count());
            assertThat(total.open() + local.open()).as("all sessions").isEqualTo(open.size());
        }

        private static boolean binds(SharedLimit limit, ReadyQueue queue) {
            return queue.throttle().sharedLimits().stream().anyMatch(each -> each.id().equals(limit.id()));
        }

        // The surroundings

        private void call(ReadyQueue queue, Runnable body) {
            Call[] self = new Call[1];
            self[0] = new Call(queue, () -> {
                CURRENT.set(self[0]);
                body.run();
            });
            calls.add(self[0]);
        }

        private long nanosOfACall() {
            Call call = CURRENT.get();
            if (call != null) {
                call.pause();
            }
            return now;
        }

        private void opened(Session session) {
            mostOpening = Math.max(mostOpening, opening.open());
            deliverySessions.add(new DeliverySession(session));
        }

        @Override
        public long nanos() {
            return now;
        }

        @Override
        public Shares shares() {
            return shares;
        }

        @Override
        public long wallAt(long atNanos) {
            return atNanos / MILLI;
        }

        @Override
        public boolean handsOut() {
            return handsOut;
        }

        @Override
        public ReadyQueue.Suspensions suspensions() {
            return SUSPENSIONS;
        }

        @Override
        public void wakeAt(ReadyQueue queue, long atNanos) {
            timers.merge(queue, atNanos, Math::min);
        }

        @Override
        public void wantsSession(ReadyQueue queue) {
            call(queue, () -> admission.seek(queue));
        }

        @Override
        public void mayGrant(ReadyQueue queue, Limiter limiter) {
            call(queue, () -> admission.mayGrant(queue, limiter));
        }

        @Override
        public boolean askNow(DomainQueue domain) {
            return false;
        }

        /** Now and then the source may not send more just now, or not for long. */
        @Override
        public long counts(QueueItem item) {
            if (settling || random.nextInt(10) > 0) {
                return 0;
            }
            refused++;
            return random.nextBoolean() ? 20 * MILLI : 60_000 * MILLI;
        }

        /** It isn't placed anew here: it comes back by itself. */
        @Override
        public void strays(SubQueue subQueue) {
            strayed++;
        }

        @Override
        public void requeue(QueueItem item) {
            throw new AssertionError("no session of the model waits on a thread of its own");
        }
    }
}
