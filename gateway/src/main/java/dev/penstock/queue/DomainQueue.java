package dev.penstock.queue;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;

import dev.penstock.routing.Providers;
import dev.penstock.routing.Site;

/**
 * All that is queued for one domain and goes out by one source. It is always in exactly one ready queue; before its route is
 * known, in the unrouted, and while no source can be used, in that of its pool's mail that waits for one. All fields are
 * guarded by the lock of that ready queue: take it with {@link #lockReadyQueue()}.
 */
final class DomainQueue {
    private static final int USUAL_OWNERS = 2;

    final String name;
    final Lane lane;
    /** Changed under the lock; who only reads which there are needs none. */
    final Map<TenantCampaign, SubQueue> subQueues = new ConcurrentHashMap<>(USUAL_OWNERS);
    /** Written under the locks of both ready queues concerned. */
    volatile ReadyQueue readyQueue;
    /** Whether the router has been asked and its answer isn't applied yet. */
    boolean asking;
    long askedNanos;
    int askedEpoch;
    int idleSweeps;
    /** Who runs the hosts of its route, empty for nobody known; and from what that was found. */
    volatile String provider = Providers.NONE;
    private @Nullable Providers providers;
    private @Nullable Site site;
    /** What is astray came before it was known whose hosts it goes to: no quota was asked about it. */
    boolean unasked;
    /** Whether its ready mail is about to be placed anew. */
    boolean astray;
    /** Forgotten by the queue: look it up anew. */
    boolean removed;

    DomainQueue(String name, Lane lane) {
        this.name = name;
        this.lane = lane;
        this.readyQueue = lane.entrance;
    }

    /** @return the ready queue it is in, locked */
    ReadyQueue lockReadyQueue() {
        while (true) {
            ReadyQueue current = readyQueue;
            current.lock();
            if (current == readyQueue) {
                return current;
            }
            current.unlock();
        }
    }

    /** Whether its mail goes to other hosts than those that are known of it, or it isn't known whose they are. */
    boolean isOfOther(Providers known, Site found) {
        return known != providers || site == null || !site.equals(found);
    }

    /** Its mail goes to {@code found}. Under the lock of its ready queue. */
    void provider(Providers known, Site found) {
        provider = known.name(name, found);
        providers = known;
        site = found;
    }

    SubQueue subQueue(TenantCampaign owner) {
        SubQueue known = subQueues.get(owner);
        if (known == null) {
            known = new SubQueue(this, owner);
            subQueues.put(owner, known);
        }
        known.idleSweeps = 0;
        idleSweeps = 0;
        return known;
    }
}
