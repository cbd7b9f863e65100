package dev.penstock.queue;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;

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
    /** Items anywhere: ready, active, held, scheduled, and in the hands of who places them. */
    final Roster all = new Roster();
    /** Of these, such as are held; that were attempted before; what they weigh; how old they are. */
    int held;
    int attempted;
    long kilobytes;
    final AgeCounts ages = new AgeCounts();
    private static final AtomicLongFieldUpdater<SubQueue> OUTCOMES = AtomicLongFieldUpdater.newUpdater(SubQueue.class,
            "outcomes");
    /** What has become of recipients, and {@link Traffic} hasn't fetched yet. Guarded by nothing. */
    private volatile long outcomes;
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

    /** From one of its messages to the next by what binds its sender; 0 where that holds back none. */
    double senderIntervalNanos() {
        return waiter == null || limits == null || limits.isNone() ? 0 : waiter.intervalNanos();
    }

    int scheduled() {
        return all.size() - ready.size() - active.size();
    }

    /** The item is one of its own from now on, in the state and with the attempts that it has. */
    void enter(QueueItem item) {
        all.add(item);
        kilobytes += item.kilobytes();
        attempted += item.attempts() > 0 ? 1 : 0;
        held += item.state() == QueueItem.HELD ? 1 : 0;
        ages.add(minute(item));
    }

    /** The item, which isn't held, isn't its own any more. */
    void leave(QueueItem item) {
        all.remove(item);
        kilobytes -= item.kilobytes();
        attempted -= item.attempts() > 0 ? 1 : 0;
        ages.remove(minute(item));
    }

    /** The item, which is in nobody's hands but the caller's, is to wait so long and was attempted so often. */
    void schedule(QueueItem item, int state, long dueMillis, int attempts) {
        attempted += (attempts > 0 ? 1 : 0) - (item.attempts() > 0 ? 1 : 0);
        held += state == QueueItem.HELD ? 1 : 0;
        item.schedule(dueMillis, attempts); // before its state, for who looks without the lock
        item.state(state);
    }

    private static int minute(QueueItem item) {
        return (int) TimeUnit.MILLISECONDS.toMinutes(item.receivedMillis());
    }

    /** On any thread. @return what there was to fetch before */
    long count(long packedOutcomes) {
        return OUTCOMES.getAndAdd(this, packedOutcomes);
    }

    /** On any thread. */
    long fetchOutcomes() {
        return OUTCOMES.getAndSet(this, 0);
    }
}
