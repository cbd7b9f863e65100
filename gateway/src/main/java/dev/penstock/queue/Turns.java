package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.Forecast.Other;
import dev.penstock.shaping.OpeningLimiter.Party;
import dev.penstock.units.MailClass;

/**
 * Whose mail a ready queue sends next. Guarded by the ready queue's lock; pure: what time it is makes no difference.
 *
 * <p>Transactional mail goes before bulk. While both wait, bulk gets its share of the messages ({@link Shares#bulkPercent}),
 * evenly spread: one is bulk at the latest after 100 / share messages have gone.
 *
 * <p>Of one class tenants take turns by weighted deficit round robin (Shreedhar and Varghese 1995): each turn earns a
 * tenant its weight in credits, and a message costs one credit, plus one for each {@value #KILOBYTES_PER_CREDIT} KB, up to
 * {@value #MAX_COST}. So small mail goes message by message, which is what receivers count, and large mail pays for the time
 * it takes. Within a tenant its campaigns share its turns likewise by their weights, within a campaign its domains take
 * turns message by message, and within those it is first in, first out. A tenant whose mail comes when it had none is first,
 * as FQ-CoDel favours sparse flows (RFC 8290 4.2), but no two of these follow each other: whoever has a backlog goes in
 * between. A message at the head of its queue goes after at most {@value #MAX_COST} turns of each other tenant of its class
 * and as many newcomers' messages, so nobody starves; what a take costs doesn't depend on how many there are.
 */
final class Turns {
    static final int KILOBYTES_PER_CREDIT = 64;
    /** Bounds how often a tenant is passed over before its largest message goes. */
    static final int MAX_COST = 16;
    private static final int HUNDRED = 100;
    /** Of those who take turns with a message so many are looked at to tell when it goes; the others count as alike. */
    private static final int MOST_LOOKED_AT = 64;

    /** A member of a deficit round robin. */
    static abstract class Turn<T extends Turn<T>> extends Ring.Member<T> {
        int credit;
        /** Whether this turn's credit is given. */
        boolean credited;
        /** As it was under {@link #weighedBy}. */
        private int weight = 1;
        private @Nullable Shares weighedBy;

        abstract int weight(Shares shares);

        @SuppressWarnings("ReferenceEquality") // so are shares compared
        void begin(Shares shares) {
            if (credited) {
                return;
            }
            if (weighedBy != shares) {
                weighedBy = shares;
                weight = weight(shares);
            }
            credit += weight;
            credited = true;
        }

        /** It has had its turn: the first of its ring is the last. */
        void end(Ring<T> ring) {
            credited = false;
            ring.rotate();
        }

        void giveBack(int cost) {
            credit += cost;
            credited = true;
        }
    }

    static final class TenantTurn extends Turn<TenantTurn> {
        final String tenant;
        final Line line;
        final Ring<CampaignTurn> campaigns = new Ring<>();
        /** It was put first because it came, and has sent nothing since. */
        boolean favoured;
        /** Messages. */
        int ready;

        TenantTurn(String tenant, Line line) {
            this.tenant = tenant;
            this.line = line;
        }

        @Override
        int weight(Shares shares) {
            return shares.weight(tenant);
        }
    }

    static final class CampaignTurn extends Turn<CampaignTurn> {
        final TenantTurn tenant;
        final TenantCampaign owner;
        final Ring<SubQueue> subQueues = new Ring<>();
        /** Messages. */
        int ready;

        CampaignTurn(TenantTurn tenant, TenantCampaign owner) {
            this.tenant = tenant;
            this.owner = owner;
        }

        @Override
        int weight(Shares shares) {
            return shares.weight(owner.tenant(), owner.campaign());
        }

        int nextCost() {
            return cost(requireNonNull(subQueues.first().ready.first()));
        }
    }

    /** Who waits with mail of one class. */
    static final class Line {
        final Ring<TenantTurn> tenants = new Ring<>();
        final Map<String, TenantTurn> byTenant = new HashMap<>();
        /** Somebody who wasn't has sent a message since the last was favoured. */
        boolean mayFavour = true;
        /** Messages. */
        int ready;

        boolean isEmpty() {
            return tenants.isEmpty();
        }

        /** The campaign whose turn it is, its next message's price paid. */
        CampaignTurn pay(Shares shares) {
            while (true) {
                TenantTurn tenant = tenants.first();
                tenant.begin(shares);
                CampaignTurn campaign = tenant.campaigns.first();
                campaign.begin(shares);
                int cost = campaign.nextCost();
                if (cost > campaign.credit) {
                    campaign.end(tenant.campaigns);
                } else if (cost > tenant.credit) {
                    tenant.end(tenants);
                } else {
                    campaign.credit -= cost;
                    tenant.credit -= cost;
                    return campaign;
                }
            }
        }
    }

    private final Supplier<Shares> shares;
    private final Line transactional = new Line();
    private final Line bulk = new Line();
    private final Map<TenantCampaign, CampaignTurn> byOwner = new HashMap<>();
    private int size;
    /** In hundredths of a message; at {@value #HUNDRED} the next is bulk. */
    private int bulkDue;

    /** @param shares those in force */
    Turns(Supplier<Shares> shares) {
        this.shares = shares;
    }

    static int cost(QueueItem item) {
        return Math.min(MAX_COST, 1 + item.kilobytes() / KILOBYTES_PER_CREDIT);
    }

    boolean isEmpty() {
        return byOwner.isEmpty();
    }

    /** Whether transactional mail is among it. */
    boolean hasTransactional() {
        return !transactional.isEmpty();
    }

    /** Sub-queues that have something ready. */
    int size() {
        return size;
    }

    /** Gives a sub-queue that has mail its place: that of a tenant who had none is the first, now and then. */
    void join(SubQueue queue) {
        join(queue, true);
    }

    private void join(SubQueue queue, boolean favour) {
        CampaignTurn turn = byOwner.computeIfAbsent(queue.owner, owner -> {
            Line line = owner.mailClass() == MailClass.TRANSACTIONAL ? transactional : bulk;
            TenantTurn tenant = line.byTenant.computeIfAbsent(owner.tenant(), name -> {
                TenantTurn added = new TenantTurn(name, line);
                if (favour && line.mayFavour && !line.isEmpty()) {
                    line.mayFavour = false;
                    added.favoured = true;
                    line.tenants.addFirst(added);
                } else {
                    line.tenants.addLast(added);
                }
                return added;
            });
            CampaignTurn added = new CampaignTurn(tenant, owner);
            tenant.campaigns.addLast(added);
            return added;
        });
        turn.subQueues.addLast(queue);
        queue.turn = turn;
        size++;
        came(queue, queue.ready.size());
    }

    /** Of a sub-queue that has its turn, so many messages more are ready; less, if negative. */
    void came(SubQueue queue, int messages) {
        CampaignTurn turn = requireNonNull(queue.turn);
        turn.ready += messages;
        turn.tenant.ready += messages;
        turn.tenant.line.ready += messages;
    }

    void leave(SubQueue queue) {
        CampaignTurn turn = requireNonNull(queue.turn);
        came(queue, -queue.ready.size());
        turn.subQueues.remove(queue);
        queue.turn = null;
        size--;
        if (turn.subQueues.isEmpty()) {
            TenantTurn tenant = turn.tenant;
            tenant.campaigns.remove(turn);
            byOwner.remove(turn.owner);
            if (tenant.campaigns.isEmpty()) {
                tenant.line.tenants.remove(tenant);
                tenant.line.byTenant.remove(tenant.tenant);
            }
        }
    }

    /** Undoes a {@link #take()}: the item is the next of its class again, and whoever paid for it gets that back. */
    void putBack(QueueItem item) {
        CampaignTurn turn = comesBack(item);
        turn.subQueues.moveFirst(item.home);
        TenantTurn tenant = turn.tenant;
        tenant.campaigns.moveFirst(turn);
        tenant.line.tenants.moveFirst(tenant);
        turn.giveBack(cost(item));
        tenant.giveBack(cost(item));
        if (item.isContested()) {
            owe(item.home.owner, -1);
            item.contested(false);
        }
    }

    /** After a {@link #take()} that was in vain: the item is the first of its sub-queue again, whose turn is over. */
    void passOver(QueueItem item) {
        CampaignTurn turn = comesBack(item);
        turn.credit += cost(item) - 1; // it has had its turn, and pays for that alone
        turn.tenant.credit += cost(item) - 1;
    }

    private CampaignTurn comesBack(QueueItem item) {
        SubQueue queue = item.home;
        queue.ready.addFirst(item);
        if (queue.turn == null) {
            join(queue, false);
        } else {
            came(queue, 1);
        }
        return requireNonNull(queue.turn);
    }

    /** The sub-queue whose turn it is, more or less: credits aren't looked at. */
    @Nullable
    SubQueue peek() {
        return isEmpty() ? null : next().tenants.first().campaigns.first().subQueues.first();
    }

    @Nullable
    QueueItem take() {
        if (isEmpty()) {
            return null;
        }
        CampaignTurn turn = next().pay(shares.get());
        SubQueue queue = turn.subQueues.first();
        QueueItem item = requireNonNull(queue.ready.pollFirst());
        came(queue, -1);
        item.contested(isContested());
        if (item.isContested()) {
            owe(turn.owner, 1);
        }
        if (turn.tenant.favoured) {
            turn.tenant.favoured = false;
        } else {
            turn.tenant.line.mayFavour = true;
        }
        turn.subQueues.rotate();
        if (turn.credit <= 0) {
            turn.end(turn.tenant.campaigns);
        }
        if (turn.tenant.credit <= 0) {
            turn.tenant.end(turn.tenant.line.tenants);
        }
        if (queue.ready.isEmpty()) {
            leave(queue);
        }
        return item;
    }

    private boolean isContested() {
        return !transactional.isEmpty() && !bulk.isEmpty();
    }

    private Line next() {
        if (isContested()) {
            return bulkDue + shares.get().bulkPercent() >= HUNDRED ? bulk : transactional;
        }
        return transactional.isEmpty() ? bulk : transactional;
    }

    /** @param sign 1 for a message that goes while both classes wait, -1 for one that comes back */
    private void owe(TenantCampaign owner, int sign) {
        int share = shares.get().bulkPercent();
        int more = owner.mailClass() == MailClass.BULK ? share - HUNDRED : share;
        bulkDue = Math.clamp((long) bulkDue + (long) sign * more, -HUNDRED, HUNDRED);
    }

    /**
     * About how many messages go before one that is ready, if none comes: what fluids that flow side by side by their
     * weights come to. Costs a bounded time.
     *
     * @param place of it in its sub-queue, whose turn it has; from 0
     */
    double before(SubQueue queue, long place) {
        CampaignTurn campaign = requireNonNull(queue.turn);
        TenantTurn tenant = campaign.tenant;
        Shares by = shares.get();
        double before = Forecast.before((double) place, 1,
                others(queue, campaign.subQueues, campaign.ready, each -> each.ready.size(), _ -> 1));
        before = Forecast.before(before, campaign.weight(by),
                others(campaign, tenant.campaigns, tenant.ready, each -> each.ready, each -> each.weight(by)));
        before = Forecast.before(before, tenant.weight(by),
                others(tenant, tenant.line.tenants, tenant.line.ready, each -> each.ready, each -> each.weight(by)));
        int bulkShare = by.bulkPercent();
        int rest = HUNDRED - bulkShare;
        return tenant.line == bulk
                ? before + (transactional.ready == 0
                        ? 0
                        : Math.min(transactional.ready, (before + 1) * rest / bulkShare))
                : before + (bulk.ready == 0 ? 0 : Math.min(bulk.ready, before * bulkShare / Math.max(1, rest)));
    }

    /** The last one stands for all that weren't looked at. */
    @SuppressWarnings("ReferenceEquality") // a member is itself alone
    private static <T extends Ring.Member<T>> List<Other> others(T self, Ring<T> ring, int messages,
            ToIntFunction<T> ready, ToIntFunction<T> weight) {
        int left = messages - ready.applyAsInt(self);
        if (left == 0) {
            return List.of();
        }
        List<Other> others = new ArrayList<>(Math.min(ring.size(), MOST_LOOKED_AT));
        for (T each = ring.first(); each != null && others.size() < MOST_LOOKED_AT; each = ring.after(each)) {
            if (each != self) {
                int of = ready.applyAsInt(each);
                others.add(new Other(of, weight.applyAsInt(each)));
                left -= of;
            }
        }
        if (left > 0) {
            others.add(new Other(left, ring.size() - 1 - others.size()));
        }
        return others;
    }

    /** What the counts should be, for tests. @return null when they are */
    @Nullable
    String violation() {
        int inAll = 0;
        for (CampaignTurn turn : byOwner.values()) {
            int counted = 0;
            for (SubQueue queue = turn.subQueues.first(); queue != null; queue = turn.subQueues.after(queue)) {
                counted += queue.ready.size();
            }
            if (counted != turn.ready) {
                return turn.owner + " has " + counted + " messages ready, not " + turn.ready;
            }
            inAll += counted;
        }
        return inAll == transactional.ready + bulk.ready
                ? null
                : inAll + " messages are ready, not " + transactional.ready + " and " + bulk.ready;
    }

    /** All that have something ready, in no order. */
    List<SubQueue> subQueues() {
        List<SubQueue> all = new ArrayList<>();
        for (CampaignTurn turn : byOwner.values()) {
            for (SubQueue queue = turn.subQueues.first(); queue != null; queue = turn.subQueues.after(queue)) {
                all.add(queue);
            }
        }
        return all;
    }

    /** Those who have something ready, whose turn it is first. */
    List<Party> parties() {
        Set<Party> parties = new LinkedHashSet<>();
        SubQueue next = peek();
        if (next != null) {
            parties.add(next.owner.party());
            byOwner.keySet().forEach(owner -> parties.add(owner.party()));
        }
        return List.copyOf(parties);
    }

    /** Whether that one has something ready. */
    boolean has(Party party) {
        for (TenantCampaign owner : byOwner.keySet()) {
            if (owner.party().equals(party)) {
                return true;
            }
        }
        return false;
    }

    /** How many messages each tenant has ready. */
    Map<String, Integer> readyByTenant() {
        Map<String, Integer> ready = new TreeMap<>();
        for (CampaignTurn turn : byOwner.values()) {
            for (SubQueue queue = turn.subQueues.first(); queue != null; queue = turn.subQueues.after(queue)) {
                ready.merge(turn.tenant.tenant, queue.ready.size(), Integer::sum);
            }
        }
        return ready;
    }

    /** When the message that waits longest was received, 0 when there is none. */
    long oldestReceivedMillis() {
        long oldest = Long.MAX_VALUE;
        for (CampaignTurn turn : byOwner.values()) {
            for (SubQueue queue = turn.subQueues.first(); queue != null; queue = turn.subQueues.after(queue)) {
                oldest = Math.min(oldest, requireNonNull(queue.ready.first()).receivedMillis());
            }
        }
        return oldest == Long.MAX_VALUE ? 0 : oldest;
    }
}
