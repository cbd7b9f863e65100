package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.egress.Pool;
import dev.penstock.egress.Pool.Member;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.message.MessageId;
import dev.penstock.queue.MessagePage.Cursor;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.routing.Route;
import dev.penstock.shaping.Limiter;
import dev.penstock.spool.Orders;
import dev.penstock.spool.Orders.Binding;
import dev.penstock.units.MailClass;

/**
 * Random schedules of all that can become of mail, operators' verbs included: after each step, what the views tell from counts
 * that are kept is what a count of all that is queued tells, and each message is whose and where the model says.
 */
class QueueViewsModelTest {
    private static final int SEEDS = 20;
    private static final int STEPS = 120;
    private static final int DOMAINS = 4;
    private static final int TENANTS = 3;
    private static final Pools POOLS = new Pools(
            Map.of("two", new Pool("two", List.of(new Member("ip-0", 1), new Member("ip-1", 1)), true)), Map.of(),
            Map.of("t0", "two"), Pools.DEFAULT);

    /** What the model knows of a message. */
    private record Known(String recipients, String domain, String tenant, String campaign, int attempts) {
        Known attempted(int now) {
            return new Known(recipients, domain, tenant, campaign, now);
        }

        Known boundTo(Binding to) {
            return new Known(recipients, to.routingDomain().isEmpty() ? recipients : to.routingDomain(), to.tenant(),
                    to.campaign(), attempts);
        }
    }

    /** A message that a job has in hand. */
    private record InHand(QueueItem item, boolean reportAlone) {}

    private record Counted(Map<QueueItem.State, Long> states, long attempted, long octets, long oldestMillis) {}

    @Test
    void whatIsKeptIsWhatAFullCountTells() throws Exception {
        int held = 0;
        int reboundHeld = 0;
        int waited = 0;
        int suspended = 0;
        for (long seed = 1; seed <= SEEDS; seed++) {
            Run run = new Run(seed);
            run.run();
            held += run.held;
            reboundHeld += run.rebound;
            waited += run.waited;
            suspended += run.suspended;
        }
        assertThat(held).as("messages that operators held").isPositive();
        assertThat(reboundHeld).as("held messages that became another sender's").isPositive();
        assertThat(waited).as("messages that jobs waited for").isPositive();
        assertThat(suspended).as("messages that operators had suspended").isPositive();
    }

    private static final class Run implements Claimant {
        private final long seed;
        private final SplittableRandom random;
        private final QueueHarness harness = QueueHarness.open(POOLS, Quota.NONE);
        private final Map<ReadyQueue, Session> standing = new HashMap<>();
        private final List<QueueItem> inHand = new ArrayList<>();
        private final Map<Long, Long> octets = new HashMap<>();
        private final Map<Long, Known> known = new HashMap<>();
        private final List<InHand> claimed = new ArrayList<>();
        private final List<Long> walked = new ArrayList<>();
        private final Set<Long> throughout = new HashSet<>();
        private @Nullable Cursor walkedTo;
        private int step;
        private int held;
        private int rebound;
        private int waited;
        private int suspended;

        Run(long seed) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
            harness.queue.open(new RouteFailureHandler() {
                @Override
                public void failed(QueueItem item, Route.Failure failure) {
                    inHand.add(item);
                }

                @Override
                public void reportDue(QueueItem item) {
                    inHand.add(item);
                }

                @Override
                public void holdDue(QueueItem item) {
                    inHand.add(item);
                }
            }, new ReadyQueueListener() {
                @Override
                public void wantsSession(ReadyQueue readyQueue) {
                    harness.ready.add(readyQueue);
                    harness.admission.seek(readyQueue);
                }

                @Override
                public void mayGrant(ReadyQueue readyQueue, Limiter limiter) {
                    harness.admission.mayGrant(readyQueue, limiter);
                }
            }, Runnable::run);
        }

        void run() throws Exception {
            for (step = 0; step < STEPS; step++) {
                act();
                harness.queue.runDue();
                check();
                walkOn();
            }
        }

        private void act() {
            switch (random.nextInt(18)) {
                case 12, 13 -> claim();
                case 14, 15, 16 -> order();
                case 17 -> operatorSuspends();
                case 0, 1, 2, 3 -> submit();
                case 4, 5 -> take();
                case 6, 7 -> end();
                case 8 -> harness.advance(Duration.ofSeconds(random.nextInt(1, 20_000)));
                case 9 -> suspend();
                case 10 -> source();
                default -> route();
            }
        }

        private void submit() {
            long now = harness.clock.millis();
            boolean tried = random.nextInt(3) == 0;
            long size = random.nextInt(1, 100_000);
            String domain = domain();
            Known its = new Known(domain, domain, tenant(), campaign(), tried ? random.nextInt(1, 4) : 0);
            long id = harness.submit(domain, its.tenant, its.campaign, size, its.attempts,
                    tried ? now + random.nextInt(10_000_000) : 0);
            octets.put(id, (size + 1023) / 1024 * 1024);
            known.put(id, its);
        }

        private String domain() {
            return "d" + random.nextInt(DOMAINS) + ".example";
        }

        private String tenant() {
            return "t" + random.nextInt(TENANTS);
        }

        private String campaign() {
            return random.nextInt(2) == 0 ? "" : "c";
        }

        /** A job wants a message, wherever that is. */
        private void claim() {
            List<QueueItem> all = new ArrayList<>();
            QueueWalk walk = harness.queue.walk(_ -> true);
            for (List<QueueItem> batch = walk.next((_, _) -> true); batch != null; batch = walk.next((_, _) -> true)) {
                all.addAll(batch);
            }
            if (all.isEmpty()) {
                return;
            }
            QueueItem item = all.get(random.nextInt(all.size()));
            boolean inHands = inHand.contains(item) || claimed.stream().anyMatch(each -> each.item == item);
            switch (harness.queue.claim(item, this)) {
                case TAKEN -> claimed.add(new InHand(item, false));
                case TAKEN_FOR_REPORT -> claimed.add(new InHand(item, true));
                case LATER -> {
                    assertThat(inHands).as("somebody has %s", item).isTrue();
                    if (random.nextInt(5) == 0) {
                        assertThat(harness.queue.unclaim(item, this)).isTrue();
                    }
                }
                case AGAIN -> assertThat(inHands).as("another job waits for %s", item).isTrue();
                case GONE -> throw new AssertionError(item + " was shown, and is gone");
            }
        }

        @Override
        public void has(QueueItem item, boolean reportAlone) {
            waited++;
            claimed.add(new InHand(item, reportAlone));
        }

        @Override
        public void gone(QueueItem item) {
            assertThat(known).doesNotContainKey(item.entry().messageId());
        }

        /** A job is done with a message, or makes it another sender's and goes on. */
        private void order() {
            if (claimed.isEmpty()) {
                return;
            }
            InHand its = claimed.remove(random.nextInt(claimed.size()));
            QueueItem item = its.item;
            Orders orders = harness.queue.orders(item);
            long now = harness.clock.millis();
            long later = now + random.nextInt(5_000_000);
            long due = harness.queue.dueAt(item);
            switch (random.nextInt(8)) {
                case 0, 1 -> {
                    harness.queue.order(item, orders.hold("asked to", random.nextBoolean() ? 0 : later), due,
                            its.reportAlone);
                    held++;
                }
                case 2 -> harness.queue.order(item, orders.release(), now, its.reportAlone);
                case 3 -> harness.queue.order(item, orders.notBefore(later), later, its.reportAlone);
                case 4 -> {
                    known.remove(item.entry().messageId());
                    harness.queue.finished(item);
                }
                case 5 -> harness.queue.order(item, orders, due, its.reportAlone);
                default -> {
                    Binding to = new Binding(tenant(), campaign(), random.nextBoolean() ? "" : "two",
                            random.nextBoolean() ? "" : domain());
                    Known had = requireNonNull(known.get(item.entry().messageId()));
                    harness.queue.rebind(item, to, had.recipients);
                    known.put(item.entry().messageId(), had.boundTo(to));
                    rebound += orders.isHeld() ? 1 : 0;
                    if (random.nextBoolean()) {
                        claimed.add(its);
                    } else {
                        harness.queue.order(item, orders.bind(to), due, its.reportAlone);
                    }
                }
            }
        }

        /** What an operator has suspended is something else from now on, or nothing. */
        private void operatorSuspends() {
            List<OperatorSuspension> all = new ArrayList<>();
            for (int i = random.nextInt(3); i > 0; i--) {
                Map<String, List<String>> mail = switch (random.nextInt(4)) {
                    case 0 -> Map.of("domain", List.of(domain()));
                    case 1 -> Map.of("tenant", List.of(tenant()));
                    case 2 -> Map.of("source", List.of("ip-0"), "tenant", List.of(tenant()));
                    default -> Map.of("site", List.of("mx0.mail.example"));
                };
                long now = harness.clock.millis();
                all.add(new OperatorSuspension("s" + i, Selection.parse(mail), now,
                        random.nextBoolean() ? 0 : now + random.nextInt(10_000_000), "op", "asked to"));
            }
            harness.queue.suspend(all);
        }

        private void take() {
            List<ReadyQueue> queues = new ArrayList<>(harness.ready);
            if (!queues.isEmpty()) {
                QueueItem item = poll(queues.get(random.nextInt(queues.size())));
                if (item != null) {
                    inHand.add(item);
                }
            }
        }

        /** A session that gets nothing ends; another may come up for what is ready then. */
        private @Nullable QueueItem poll(ReadyQueue readyQueue) {
            Session session = standing.get(readyQueue);
            QueueItem item = null;
            if (session != null) {
                item = readyQueue.next(session);
            } else if (harness.hasBegun(readyQueue)) {
                session = harness.begun(readyQueue);
                standing.put(readyQueue, session);
                item = readyQueue.up(session);
            }
            if (item == null && session != null) {
                standing.remove(readyQueue);
                harness.admission.ended(session);
            }
            return item;
        }

        private void end() {
            if (inHand.isEmpty()) {
                return;
            }
            QueueItem item = inHand.remove(random.nextInt(inHand.size()));
            long later = harness.clock.millis() + random.nextInt(5_000_000);
            boolean isHeld = harness.queue.heldFor(item) != null;
            long id = item.entry().messageId();
            Known its = requireNonNull(known.get(id));
            switch (random.nextInt(6)) {
                case 0 -> {
                    known.remove(id);
                    harness.queue.finished(item);
                }
                case 1 -> harness.queue.hold(item, "no rDNS", later);
                case 2 -> {
                    known.put(id, its.attempted(its.attempts + 1));
                    harness.queue.retryReport(item, later, its.attempts + 1);
                }
                case 3 -> {
                    if (isHeld) {
                        harness.queue.release(item, 0);
                    } else {
                        harness.queue.requeue(item);
                    }
                }
                default -> {
                    known.put(id, its.attempted(its.attempts + 1));
                    harness.queue.retry(item, later, its.attempts + 1);
                }
            }
        }

        private void suspend() {
            List<ReadyQueue> queues = new ArrayList<>(harness.ready);
            if (!queues.isEmpty()) {
                ReadyQueue readyQueue = queues.get(random.nextInt(queues.size()));
                Duration time = Duration.ofMinutes(random.nextInt(1, 100));
                var _ = random.nextBoolean()
                        ? readyQueue.suspendTenant(tenant(), time, "blocked")
                        : readyQueue.suspend(time, "go away");
            }
        }

        private void source() {
            String source = "ip-" + random.nextInt(2);
            long now = harness.clock.millis();
            var _ = random.nextBoolean()
                    ? harness.health.suspend(source, Scope.EVERYWHERE, Cause.BLOCKED, "listed", now + 10_000_000, now)
                    : harness.health.resume(source, Scope.EVERYWHERE, Cause.BLOCKED, "delisted");
        }

        private void route() {
            String domain = "d" + random.nextInt(DOMAINS) + ".example";
            if (random.nextInt(3) == 0) {
                harness.router.set(domain, new Route.Failure(false, 451, "4.4.3", "no DNS"));
            } else {
                harness.router.setSite(domain, "mx" + random.nextInt(2) + ".mail.example");
            }
            harness.queue.reroute();
        }

        private List<ItemView> all() {
            List<ItemView> all = new ArrayList<>();
            for (int d = 0; d < DOMAINS; d++) {
                all.addAll(harness.queue.items("d" + d + ".example", Integer.MAX_VALUE));
            }
            return all;
        }

        private void check() throws Exception {
            List<ItemView> all = all();
            Map<Long, Known> seen = new HashMap<>();
            all.forEach(item -> seen.put(item.id().value(),
                    new Known(requireNonNull(known.get(item.id().value())).recipients, item.domain(),
                            item.tenant(), item.campaign(), item.attempts())));
            assertThat(seen).as("seed %d step %d", seed, step).isEqualTo(known);
            suspended += (int) all.stream().filter(item -> item.state() == QueueItem.State.SUSPENDED
                    && item.waitingFor().contains("asked to")).count();
            assertCounted(all);
            for (Grouping by : List.of(Grouping.DOMAIN, Grouping.TENANT, Grouping.CAMPAIGN)) {
                Map<String, List<ItemView>> groups = new TreeMap<>();
                all.forEach(item -> groups.computeIfAbsent(name(by, item), _ -> new ArrayList<>()).add(item));
                Map<String, QueueCounts> told = new TreeMap<>();
                for (QueueTable.Row row : table(by).rows()) {
                    if (row.counts().destinations() > 0) {
                        told.put(row.name(), row.counts());
                    }
                }
                assertThat(told.keySet()).as(where(by)).isEqualTo(groups.keySet());
                groups.forEach((name, items) -> assertSame(told.get(name), items, where(by) + " " + name));
            }
            assertSame(table(Grouping.SITE).total(), all, where(Grouping.SITE));
            assertListed(all);
        }

        /** Each count of each sub-queue, by a look at each item. */
        private void assertCounted(List<ItemView> all) {
            Set<SubQueue> homes = new LinkedHashSet<>();
            QueueWalk walk = harness.queue.walk(_ -> true);
            for (List<QueueItem> batch = walk.next((_, _) -> true); batch != null; batch = walk.next((_, _) -> true)) {
                batch.forEach(item -> homes.add(item.home));
            }
            Set<Long> ids = new HashSet<>();
            for (SubQueue home : homes) {
                String where = "seed " + seed + " step " + step + " " + home.owner + " of " + home.domain.name;
                List<QueueItem> items = new ArrayList<>();
                for (QueueItem item = home.all.oldest(); item != null; item = item.newer) {
                    assertThat(item.home).as(where).isSameAs(home);
                    assertThat(ids.add(item.entry().messageId())).as(where + " has it alone").isTrue();
                    items.add(item);
                }
                assertThat(home.all.size()).as(where).isEqualTo(items.size());
                Map<Integer, Integer> states = new HashMap<>();
                items.forEach(item -> states.merge(item.state(), 1, Integer::sum));
                assertThat(home.held).as(where).isEqualTo(states.getOrDefault(QueueItem.HELD, 0));
                assertThat(home.ready.size()).as(where).isEqualTo(states.getOrDefault(QueueItem.QUEUED, 0));
                assertThat(home.active.size()).as(where).isEqualTo(states.getOrDefault(QueueItem.ACTIVE, 0));
                assertThat(home.attempted).as(where)
                        .isEqualTo((int) items.stream().filter(item -> item.attempts() > 0).count());
                assertThat(home.kilobytes).as(where)
                        .isEqualTo(items.stream().mapToLong(QueueItem::kilobytes).sum());
                long[] ages = new long[QueueCounts.AGE_BOUNDS.size() + 1];
                home.ages.addTo(ages, 0);
                assertThat(Arrays.stream(ages).sum()).as(where).isEqualTo(items.size());
                assertThat(home.ages.oldestMinute()).as(where).isLessThanOrEqualTo(items.stream()
                        .mapToInt(item -> (int) TimeUnit.MILLISECONDS.toMinutes(item.receivedMillis())).min()
                        .orElseThrow());
                assertThat(home.domain.readyQueue.violation()).as(where).isNull();
            }
            assertThat(ids).as("seed %d step %d", seed, step).isEqualTo(known.keySet());
            @Nullable
            QueueItem[] indexed = new QueueItem[known.size() + 1];
            assertThat(harness.queue.byId().behind(Cursor.START, indexed)).as("seed %d step %d", seed, step)
                    .isEqualTo(known.size());
            assertThat(harness.queue.stats().queued()).as("seed %d step %d", seed, step).isEqualTo(known.size());
            assertAccounts();
            assertAges(all);
        }

        /** How old all is, and what of it was never attempted; it is of one class. */
        private void assertAges(List<ItemView> all) {
            String where = "seed " + seed + " step " + step;
            List<String> bulk = List.of(MailClass.BULK.word());
            assertThat(requireNonNull(harness.queue.ages().get(bulk)).count()).as(where).isEqualTo(all.size());
            assertThat(harness.queue.oldest().get(bulk)).as(where).isEqualTo(oldestSeconds(all, _ -> true));
            assertThat(harness.queue.oldestUntried().get(bulk)).as(where)
                    .isEqualTo(oldestSeconds(all, item -> item.attempts() == 0));
        }

        /** To the minute. */
        private long oldestSeconds(List<ItemView> all, Predicate<ItemView> which) {
            long now = TimeUnit.MILLISECONDS.toMinutes(harness.clock.millis());
            return TimeUnit.MINUTES.toSeconds(all.stream().filter(which)
                    .mapToLong(item -> now - TimeUnit.MILLISECONDS.toMinutes(item.receivedMillis())).max().orElse(0));
        }

        /** What tenants have queued, by which what they bring is limited. */
        private void assertAccounts() {
            for (int t = 0; t < TENANTS; t++) {
                String tenant = "t" + t;
                List<Long> theirs = known.entrySet().stream().filter(each -> each.getValue().tenant.equals(tenant))
                        .map(Map.Entry::getKey).toList();
                String where = "seed " + seed + " step " + step + " of " + tenant;
                assertThat(harness.queue.accounts().destinations(tenant)).as(where).isEqualTo(theirs.size());
                assertThat(harness.queue.accounts().kilobytes(tenant)).as(where)
                        .isEqualTo(theirs.stream().mapToLong(id -> requireNonNull(octets.get(id)) / 1024).sum());
            }
        }

        /** Counted anew: the tables that are kept are of this moment of the clock. */
        private QueueTable table(Grouping by) {
            return new QueueViews(harness.queue, harness.shaper).table(by, Selection.EVERYTHING);
        }

        private void assertSame(@Nullable QueueCounts row, List<ItemView> items, String where) {
            QueueCounts told = requireNonNull(row, where);
            Map<QueueItem.State, Long> states = new EnumMap<>(QueueItem.State.class);
            for (QueueItem.State state : QueueItem.State.values()) {
                states.put(state, items.stream().filter(item -> item.state() == state).count());
            }
            Counted counted = new Counted(states, items.stream().filter(item -> item.attempts() > 0).count(),
                    items.stream().mapToLong(item -> octets.get(item.id().value())).sum(),
                    items.stream().mapToLong(ItemView::receivedMillis).min().orElse(0));
            Map<QueueItem.State, Long> toldStates = new EnumMap<>(Map.of(QueueItem.State.SCHEDULED, told.scheduled(),
                    QueueItem.State.HELD, told.held(), QueueItem.State.ROUTING, told.routing(), QueueItem.State.READY,
                    told.ready(), QueueItem.State.SUSPENDED, told.suspended(), QueueItem.State.ACTIVE, told.active()));
            assertThat(toldStates).as(where).isEqualTo(counted.states);
            assertThat(told.attempted()).as(where).isEqualTo(counted.attempted);
            assertThat(told.octets()).as(where).isEqualTo(counted.octets);
            assertThat(told.ages().stream().mapToLong(Long::longValue).sum()).as(where).isEqualTo(items.size());
            long age = harness.clock.millis() - counted.oldestMillis;
            assertThat(harness.clock.millis() - told.oldestMillis()).as(where).isBetween(age,
                    age + age / 8 + 2 * 60_000);
        }

        /** All pages together are all messages that are selected, each once, the oldest first. */
        private void assertListed(List<ItemView> all) throws Exception {
            assertListed(Map.of(), all);
            String domain = domain();
            assertListed(Map.of("domain", List.of(domain)),
                    all.stream().filter(item -> item.domain().equals(domain)).toList());
            String tenant = tenant();
            assertListed(Map.of("tenant", List.of(tenant)),
                    all.stream().filter(item -> item.tenant().equals(tenant)).toList());
            List<QueueItem.State> states = List.of(QueueItem.State.values());
            QueueItem.State state = states.get(random.nextInt(states.size()));
            assertListed(Map.of("state", List.of(Selection.word(state))),
                    all.stream().filter(item -> item.state() == state).toList());
            List<ItemView> named = all.stream().filter(_ -> random.nextInt(4) == 0).toList();
            List<String> ids = new ArrayList<>(named.stream().map(item -> item.id().toString()).toList());
            ids.add(new MessageId(Long.MAX_VALUE).toString());
            assertListed(Map.of("id", ids), named);
            assertListed(Map.of("id", ids, "tenant", List.of(tenant), "max-attempts", List.of("0")), named.stream()
                    .filter(item -> item.tenant().equals(tenant) && item.attempts() == 0).toList());
            for (ItemView item : named) {
                assertThat(harness.queue.views().message(item.id())).as(where(Grouping.DOMAIN)).singleElement()
                        .satisfies(row -> assertThat(row.id()).isEqualTo(item.id()))
                        .satisfies(row -> assertThat(row.state()).isEqualTo(item.state()))
                        .satisfies(row -> assertThat(row.attempts()).isEqualTo(item.attempts()));
            }
            assertThat(harness.queue.views().message(new MessageId(Long.MAX_VALUE))).isEmpty();
        }

        private void assertListed(Map<String, List<String>> mail, List<ItemView> all) throws Exception {
            Selection selection = Selection.parse(mail);
            String where = where(Grouping.DOMAIN) + " " + selection;
            Map<Long, QueueItem.State> states = new HashMap<>();
            all.forEach(item -> states.put(item.id().value(), item.state()));
            List<Long> expected = all.stream().map(item -> item.id().value()).sorted().toList();
            List<Long> listed = new ArrayList<>();
            Cursor after = Cursor.START;
            while (after != null) {
                MessagePage page = harness.queue.views().messages(selection, after, 7, _ -> null);
                assertThat(page.selected()).as(where).isEqualTo(all.size());
                assertThat(page.messages().size()).as(where).isLessThanOrEqualTo(7);
                page.messages().forEach(row -> listed.add(row.id().value()));
                page.messages().forEach(row -> assertThat(row.state()).as(where + " " + row.id())
                        .isEqualTo(states.get(row.id().value())));
                after = page.next();
            }
            assertThat(listed).as(where).isEqualTo(expected);
        }

        /** One page each step, while all goes on: what was queued for the whole walk was on one page. */
        private void walkOn() throws Exception {
            if (walkedTo == null) {
                assertThat(walked).as(where(Grouping.DOMAIN)).doesNotHaveDuplicates().containsAll(throughout);
                walked.clear();
                throughout.clear();
                throughout.addAll(known.keySet());
                walkedTo = Cursor.START;
            }
            throughout.retainAll(known.keySet());
            MessagePage page = harness.queue.views().messages(Selection.EVERYTHING, walkedTo, 5, _ -> null);
            page.messages().forEach(row -> walked.add(row.id().value()));
            walkedTo = page.next();
        }

        private String where(Grouping by) {
            return "seed " + seed + " step " + step + " by " + by.word();
        }

        private static String name(Grouping by, ItemView item) {
            return switch (by) {
                case DOMAIN -> item.domain();
                case TENANT -> item.tenant();
                case CAMPAIGN -> item.campaign().isEmpty() ? "" : item.tenant() + "/" + item.campaign();
                case SITE, PROVIDER, SOURCE, POOL -> throw new IllegalArgumentException(by.word());
            };
        }
    }
}
