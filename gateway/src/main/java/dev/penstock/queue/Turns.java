package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

import dev.penstock.shaping.OpeningLimiter.Party;

/**
 * Whose mail a ready queue sends next. Guarded by the ready queue's lock.
 *
 * <p>Tenants take turns by deficit round robin (Shreedhar and Varghese 1995): each turn earns a tenant one credit, and
 * a message costs one credit, plus one for each {@value #KILOBYTES_PER_CREDIT} KB, up to {@value #MAX_COST}. So small
 * mail goes message by message, which is what receivers count, and large mail pays for the time it takes. Within a
 * tenant its campaigns take turns message by message, within a campaign its domains, and within those it is first in,
 * first out.
 */
final class Turns {
    static final int KILOBYTES_PER_CREDIT = 64;
    /** Bounds how often a tenant is passed over before its largest message goes. */
    static final int MAX_COST = 16;

    static final class TenantTurn extends Ring.Member<TenantTurn> {
        final String tenant;
        final Ring<CampaignTurn> campaigns = new Ring<>();
        int credit;
        /** Whether this turn's credit is given. */
        boolean credited;

        TenantTurn(String tenant) {
            this.tenant = tenant;
        }
    }

    static final class CampaignTurn extends Ring.Member<CampaignTurn> {
        final TenantTurn tenant;
        final TenantCampaign owner;
        final Ring<SubQueue> subQueues = new Ring<>();

        CampaignTurn(TenantTurn tenant, TenantCampaign owner) {
            this.tenant = tenant;
            this.owner = owner;
        }
    }

    private final Ring<TenantTurn> tenants = new Ring<>();
    private final Map<String, TenantTurn> byTenant = new HashMap<>();
    private final Map<TenantCampaign, CampaignTurn> byOwner = new HashMap<>();
    private int size;

    static int cost(QueueItem item) {
        return Math.min(MAX_COST, 1 + item.kilobytes() / KILOBYTES_PER_CREDIT);
    }

    boolean isEmpty() {
        return tenants.isEmpty();
    }

    /** Sub-queues that have something ready. */
    int size() {
        return size;
    }

    /** Gives a sub-queue that has mail its place at the end of the turns. */
    void join(SubQueue queue) {
        CampaignTurn turn = byOwner.computeIfAbsent(queue.owner, owner -> {
            TenantTurn tenant = byTenant.computeIfAbsent(owner.tenant(), name -> {
                TenantTurn added = new TenantTurn(name);
                tenants.addLast(added);
                return added;
            });
            CampaignTurn added = new CampaignTurn(tenant, owner);
            tenant.campaigns.addLast(added);
            return added;
        });
        turn.subQueues.addLast(queue);
        queue.turn = turn;
        size++;
    }

    void leave(SubQueue queue) {
        CampaignTurn turn = requireNonNull(queue.turn);
        turn.subQueues.remove(queue);
        queue.turn = null;
        size--;
        if (turn.subQueues.isEmpty()) {
            TenantTurn tenant = turn.tenant;
            tenant.campaigns.remove(turn);
            byOwner.remove(turn.owner);
            if (tenant.campaigns.isEmpty()) {
                tenants.remove(tenant);
                byTenant.remove(tenant.tenant);
            }
        }
    }

    /** Undoes a {@link #take()}: the item is next again, and its tenant gets the credit back. */
    void putBack(QueueItem item) {
        SubQueue queue = item.home;
        queue.ready.addFirst(item);
        if (queue.turn == null) {
            join(queue);
        }
        CampaignTurn turn = requireNonNull(queue.turn);
        turn.subQueues.moveFirst(queue);
        TenantTurn tenant = turn.tenant;
        tenant.campaigns.moveFirst(turn);
        tenant.credit += cost(item);
        tenant.credited = true;
        tenants.moveFirst(tenant);
    }

    /** After a {@link #take()} that was in vain: the item is the first of its sub-queue again, whose turn is over. */
    void passOver(QueueItem item) {
        SubQueue queue = item.home;
        queue.ready.addFirst(item);
        if (queue.turn == null) {
            join(queue);
        }
        requireNonNull(queue.turn).tenant.credit += cost(item) - 1; // it has had its turn, and pays for that alone
    }

    /** The sub-queue whose turn it is, more or less: the tenant's credit isn't looked at. */
    @Nullable
    SubQueue peek() {
        return tenants.isEmpty() ? null : tenants.first().campaigns.first().subQueues.first();
    }

    @Nullable
    QueueItem take() {
        while (!tenants.isEmpty()) {
            TenantTurn tenant = tenants.first();
            if (!tenant.credited) {
                tenant.credit++;
                tenant.credited = true;
            }
            CampaignTurn turn = tenant.campaigns.first();
            SubQueue queue = turn.subQueues.first();
            int cost = cost(requireNonNull(queue.ready.first()));
            if (cost > tenant.credit) {
                endTurn(tenant);
                continue;
            }
            tenant.credit -= cost;
            QueueItem item = requireNonNull(queue.ready.pollFirst());
            turn.subQueues.rotate();
            tenant.campaigns.rotate();
            boolean more = tenant.credit > 0;
            if (!more) {
                endTurn(tenant);
            }
            if (queue.ready.isEmpty()) {
                leave(queue);
            }
            return item;
        }
        return null;
    }

    private void endTurn(TenantTurn tenant) {
        tenant.credited = false;
        tenants.rotate();
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
