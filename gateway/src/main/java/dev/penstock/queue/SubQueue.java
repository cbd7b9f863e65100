package dev.penstock.queue;

import org.jspecify.annotations.Nullable;

import dev.penstock.shaping.SenderLimits;
import dev.penstock.shaping.Throttle;

/**
 * The mail of one campaign of one tenant for one domain, first in first out. Guarded by the lock of the ready queue its domain
 * is in. It moves between ready queues as a whole, in constant time however much it holds.
 */
final class SubQueue extends Ring.Member<SubQueue> {
    final DomainQueue domain;
    final TenantCampaign owner;
    final ItemList ready = new ItemList();
    final ItemList active = new ItemList();
    /** Its place in the ready queue while it has something ready. */
    Turns.@Nullable CampaignTurn turn;
    /** Of what is ready, about so many at its head are to be placed anew. */
    int astray;
    /** Items anywhere: ready, active and scheduled. */
    int items;
    int idleSweeps;
    /** What binds its sender, as of that many changes of limits, towards whom. */
    @Nullable
    SenderLimits limits;
    int limitsChanges;
    @Nullable
    Throttle limitsOf;
    /** Itself, at what binds its sender. */
    SenderLimits.@Nullable Waiter waiter;

    SubQueue(DomainQueue domain, TenantCampaign owner) {
        this.domain = domain;
        this.owner = owner;
    }

    int scheduled() {
        return items - ready.size() - active.size();
    }
}
