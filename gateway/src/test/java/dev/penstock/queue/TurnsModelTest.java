package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.CampaignConfig;
import dev.penstock.config.TenantConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.spool.TestEntries;
import dev.penstock.units.MailClass;

/**
 * {@link Turns} beside a plain model made of lists that are searched, driven through random schedules: mail comes and goes, is
 * put back and passed over, senders leave and come back, weights and the share of bulk change. A seed is a schedule.
 */
class TurnsModelTest {
    private static final int STEPS = Integer.getInteger("penstock.model.steps", 40_000);
    private static final int TENANTS = 4;
    private static final int CAMPAIGNS = 3;
    private static final int DOMAINS = 2;
    private static final int KILOBYTE = 1_024;

    private final QueueHarness harness = QueueHarness.open();
    private final Lane lane = new Lane("default", harness.queue.unrouted);
    private long nextId;

    private QueueItem item(SubQueue home, int kilobytes) {
        return new QueueItem(TestEntries.entry(nextId++, 0), home, 0, (long) kilobytes * KILOBYTE);
    }

    private SubQueue subQueue(String tenant, String campaign, int domain, MailClass mailClass) {
        return new SubQueue(new DomainQueue("d" + domain, lane),
                new TenantCampaign(tenant, campaign, false, "", mailClass));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void takesWhatThePlainModelTakes(long seed) {
        new Run(seed).go();
    }

    /** With a weight and a share each, everybody gets his part of what is taken, however long that takes. */
    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14})
    void sharesAreExactOverALongTime(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Map<String, TenantConfig> tenants = new HashMap<>();
        int[] weights = random.ints(TENANTS, 1, 10).toArray();
        int sum = IntStream.of(weights).sum();
        for (int t = 0; t < TENANTS; t++) {
            int weight = weights[t];
            tenants.put("t" + t, TenantConfig.DEFAULT.with(TenantConfig.WEIGHT, weight));
        }
        int percent = random.nextInt(1, 51);
        Shares shares = new Shares(new TenantRules(tenants, Map.of()), percent);
        Turns turns = new Turns(() -> shares);
        for (MailClass mailClass : MailClass.values()) {
            for (int t = 0; t < TENANTS; t++) {
                SubQueue queue = subQueue("t" + t, "", 0, mailClass);
                queue.ready.addLast(item(queue, 1));
                queue.ready.addLast(item(queue, 1));
                turns.join(queue);
            }
        }
        Map<MailClass, Map<String, Integer>> taken = new HashMap<>();
        int rounds = 200_000;
        for (int i = 0; i < rounds; i++) {
            SubQueue home = requireNonNull(turns.take()).home;
            taken.computeIfAbsent(home.owner.mailClass(), _ -> new HashMap<>()).merge(home.owner.tenant(), 1,
                    Integer::sum);
            home.ready.addLast(item(home, 1)); // it never runs dry
        }
        int bulk = requireNonNull(taken.get(MailClass.BULK)).values().stream().mapToInt(Integer::intValue).sum();
        assertThat(bulk).as("seed %d: bulk at %d percent", seed, percent).isBetween(rounds / 100 * percent - 1,
                rounds / 100 * percent + 1);
        for (MailClass mailClass : MailClass.values()) {
            Map<String, Integer> byTenant = requireNonNull(taken.get(mailClass));
            int ofClass = byTenant.values().stream().mapToInt(Integer::intValue).sum();
            for (int t = 0; t < TENANTS; t++) {
                assertThat((double) byTenant.getOrDefault("t" + t, 0)).as("seed %d: %s of t%d, weight %d of %d", seed,
                        mailClass, t, weights[t], sum)
                        .isCloseTo((double) ofClass * weights[t] / sum, within((double) weights[t]));
            }
        }
    }

    /** Nobody waits for longer than the bound says, whoever else comes. */
    @Test
    void theLargestMessageOfTheLightestTenantGoesAfterABoundedNumberOfTurns() {
        Map<String, TenantConfig> tenants = new HashMap<>();
        for (int t = 0; t < 10; t++) {
            tenants.put("heavy" + t, TenantConfig.DEFAULT.with(TenantConfig.WEIGHT, 20));
        }
        Shares shares = new Shares(new TenantRules(tenants, Map.of()), 10);
        Turns turns = new Turns(() -> shares);
        for (int t = 0; t < 10; t++) {
            SubQueue queue = subQueue("heavy" + t, "", 0, MailClass.BULK);
            for (int i = 0; i < 10_000; i++) {
                queue.ready.addLast(item(queue, 1));
            }
            turns.join(queue);
        }
        SubQueue light = subQueue("light", "", 0, MailClass.BULK);
        QueueItem large = item(light, 100_000);
        light.ready.addLast(large);
        turns.join(light);
        int before = 0;
        while (turns.take() != large) {
            before++;
        }
        assertThat(before).isLessThanOrEqualTo(Turns.MAX_COST * 10 * 20);
        assertThat(before).isGreaterThan((Turns.MAX_COST - 2) * 10 * 20);
    }

    /** The plain model. */
    private static final class Plain {
        private final List<Tenant> transactional = new ArrayList<>();
        private final List<Tenant> bulk = new ArrayList<>();
        private int due;
        /** By class, whether the next who comes is the first. */
        private final Map<MailClass, Boolean> favours = new HashMap<>();

        private static final class Tenant {
            final String name;
            final List<Campaign> campaigns = new ArrayList<>();
            int credit;
            boolean had;
            boolean favoured;

            Tenant(String name) {
                this.name = name;
            }
        }

        private static final class Campaign {
            final TenantCampaign owner;
            final List<SubQueue> queues = new ArrayList<>();
            int credit;
            boolean had;

            Campaign(TenantCampaign owner) {
                this.owner = owner;
            }
        }

        /** Each sub-queue's mail, beside the one that {@link Turns} empties. */
        final Map<SubQueue, Deque<QueueItem>> mail = new HashMap<>();

        private List<Tenant> line(TenantCampaign owner) {
            return owner.mailClass() == MailClass.BULK ? bulk : transactional;
        }

        private @Nullable Tenant tenant(TenantCampaign owner) {
            return line(owner).stream().filter(tenant -> tenant.name.equals(owner.tenant())).findFirst().orElse(null);
        }

        private static @Nullable Campaign campaign(@Nullable Tenant tenant, TenantCampaign owner) {
            return tenant == null
                    ? null
                    : tenant.campaigns.stream().filter(each -> each.owner.equals(owner)).findFirst().orElse(null);
        }

        void join(SubQueue queue, boolean comes) {
            Tenant tenant = tenant(queue.owner);
            if (tenant == null) {
                tenant = new Tenant(queue.owner.tenant());
                List<Tenant> line = line(queue.owner);
                tenant.favoured = comes && !line.isEmpty() && favours.getOrDefault(queue.owner.mailClass(), true);
                line.add(tenant.favoured ? 0 : line.size(), tenant);
                if (tenant.favoured) {
                    favours.put(queue.owner.mailClass(), false);
                }
            }
            Campaign campaign = campaign(tenant, queue.owner);
            if (campaign == null) {
                campaign = new Campaign(queue.owner);
                tenant.campaigns.add(campaign);
            }
            campaign.queues.add(queue);
        }

        void leave(SubQueue queue) {
            Tenant tenant = requireNonNull(tenant(queue.owner));
            Campaign campaign = requireNonNull(campaign(tenant, queue.owner));
            campaign.queues.remove(queue);
            if (campaign.queues.isEmpty()) {
                tenant.campaigns.remove(campaign);
            }
            if (tenant.campaigns.isEmpty()) {
                line(queue.owner).remove(tenant);
            }
        }

        @Nullable
        QueueItem take(Shares shares) {
            boolean both = !transactional.isEmpty() && !bulk.isEmpty();
            int share = shares.bulkPercent();
            List<Tenant> line = transactional.isEmpty() || both && due + share >= 100 ? bulk : transactional;
            if (line.isEmpty()) {
                return null;
            }
            while (true) {
                Tenant tenant = line.getFirst();
                tenant.credit += tenant.had ? 0 : shares.weight(tenant.name);
                tenant.had = true;
                Campaign campaign = tenant.campaigns.getFirst();
                campaign.credit += campaign.had ? 0 : shares.weight(tenant.name, campaign.owner.campaign());
                campaign.had = true;
                SubQueue queue = campaign.queues.getFirst();
                int cost = Turns.cost(requireNonNull(mail.get(queue)).getFirst());
                if (cost > campaign.credit) {
                    campaign.had = false;
                    tenant.campaigns.add(tenant.campaigns.removeFirst());
                    continue;
                }
                if (cost > tenant.credit) {
                    tenant.had = false;
                    line.add(line.removeFirst());
                    continue;
                }
                campaign.credit -= cost;
                tenant.credit -= cost;
                if (!tenant.favoured) {
                    favours.put(campaign.owner.mailClass(), true);
                }
                tenant.favoured = false;
                campaign.queues.add(campaign.queues.removeFirst());
                if (campaign.credit == 0) {
                    campaign.had = false;
                    tenant.campaigns.add(tenant.campaigns.removeFirst());
                }
                if (tenant.credit == 0) {
                    tenant.had = false;
                    line.add(line.removeFirst());
                }
                if (both) {
                    due = Math.clamp(due + (line.equals(bulk) ? share - 100 : share), -100, 100);
                }
                QueueItem item = requireNonNull(mail.get(queue)).removeFirst();
                if (requireNonNull(mail.get(queue)).isEmpty()) {
                    leave(queue);
                }
                return item;
            }
        }

        void putBack(QueueItem item, boolean contested, Shares shares, boolean next) {
            SubQueue queue = item.home;
            requireNonNull(mail.get(queue)).addFirst(item);
            if (requireNonNull(mail.get(queue)).size() == 1) {
                join(queue, false);
            }
            Tenant tenant = requireNonNull(tenant(queue.owner));
            Campaign campaign = requireNonNull(campaign(tenant, queue.owner));
            int cost = Turns.cost(item);
            if (!next) {
                campaign.credit += cost - 1;
                tenant.credit += cost - 1;
                return;
            }
            campaign.queues.remove(queue);
            campaign.queues.addFirst(queue);
            tenant.campaigns.remove(campaign);
            tenant.campaigns.addFirst(campaign);
            line(queue.owner).remove(tenant);
            line(queue.owner).addFirst(tenant);
            campaign.credit += cost;
            campaign.had = true;
            tenant.credit += cost;
            tenant.had = true;
            if (contested) {
                int share = shares.bulkPercent();
                due = Math.clamp(due - (queue.owner.mailClass() == MailClass.BULK ? share - 100 : share), -100, 100);
            }
        }
    }

    private final class Run {
        private final long seed;
        private final SplittableRandom random;
        private final List<SubQueue> queues = new ArrayList<>();
        private final Plain plain = new Plain();
        private final List<QueueItem> inHand = new ArrayList<>();
        private Shares shares = Shares.EQUAL;
        private final Turns turns = new Turns(() -> shares);
        private int contested;

        Run(long seed) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
            for (int t = 0; t < TENANTS; t++) {
                for (int c = 0; c < CAMPAIGNS; c++) {
                    for (int d = 0; d < DOMAINS; d++) {
                        for (MailClass mailClass : MailClass.values()) {
                            SubQueue queue = subQueue("t" + t, "c" + c, d, mailClass);
                            queues.add(queue);
                            plain.mail.put(queue, new ArrayDeque<>());
                        }
                    }
                }
            }
        }

        void go() {
            for (int step = 0; step < STEPS; step++) {
                try {
                    act();
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("seed " + seed + ", step " + step, e);
                }
            }
            while (take()) {
                // to the end
            }
            assertThat(turns.isEmpty()).isTrue();
            assertThat(contested).as("takes while both classes waited").isGreaterThan(STEPS / 20);
        }

        private void act() {
            switch (random.nextInt(16)) {
                case 0, 1, 2, 3, 4 -> comes();
                case 5 -> leaves(queues.get(random.nextInt(queues.size())));
                case 6, 7 -> comesBack(true);
                case 8 -> comesBack(false);
                case 9 -> {
                    if (random.nextInt(20) == 0) {
                        reload();
                    }
                }
                default -> take();
            }
        }

        private void comes() {
            SubQueue queue = queues.get(random.nextInt(queues.size()));
            for (int i = random.nextInt(1, 5); i > 0; i--) {
                QueueItem item = item(queue, random.nextInt(10) == 0 ? random.nextInt(2_000) : random.nextInt(60));
                queue.ready.addLast(item);
                Deque<QueueItem> beside = requireNonNull(plain.mail.get(queue));
                beside.addLast(item);
                if (queue.turn == null) {
                    turns.join(queue);
                    plain.join(queue, true);
                } else {
                    turns.came(queue, 1);
                }
                assertThat(turns.violation()).isNull();
            }
        }

        /** Its mail is suspended, and is gone. */
        private void leaves(SubQueue queue) {
            if (queue.turn != null) {
                turns.leave(queue);
                plain.leave(queue);
                while (queue.ready.pollFirst() != null) {
                    requireNonNull(plain.mail.get(queue)).removeFirst();
                }
            }
        }

        private void comesBack(boolean next) {
            if (!inHand.isEmpty()) {
                QueueItem item = inHand.remove(random.nextInt(inHand.size()));
                plain.putBack(item, item.isContested(), shares, next);
                if (next) {
                    turns.putBack(item);
                } else {
                    turns.passOver(item);
                }
            }
        }

        private void reload() {
            Map<String, TenantConfig> tenants = new HashMap<>();
            Map<TenantRules.Campaign, CampaignConfig> campaigns = new HashMap<>();
            for (int t = 0; t < TENANTS; t++) {
                tenants.put("t" + t, TenantConfig.DEFAULT.with(TenantConfig.WEIGHT, random.nextInt(1, 8)));
            }
            campaigns.put(new TenantRules.Campaign("", "c0"),
                    CampaignConfig.DEFAULT.with(CampaignConfig.WEIGHT, random.nextInt(1, 30)));
            shares = new Shares(new TenantRules(tenants, campaigns), random.nextInt(1, 51));
        }

        private boolean take() {
            QueueItem expected = plain.take(shares);
            QueueItem taken = turns.take();
            assertThat(taken).isSameAs(expected);
            assertThat(turns.size())
                    .isEqualTo((int) plain.mail.values().stream().filter(mail -> !mail.isEmpty()).count());
            if (taken != null) {
                contested += taken.isContested() ? 1 : 0;
                inHand.add(taken);
                if (inHand.size() > 20) {
                    inHand.removeFirst();
                }
            }
            return taken != null;
        }
    }
}
