package dev.penstock.queue;

import java.util.HashMap;
import java.util.Map;

/**
 * All that is queued for one domain. It is always in exactly one lane; before its route is known, in the limbo. All
 * fields are guarded by the lock of that lane: take it with {@link #lockLane()}.
 */
final class DomainQueue {
    private static final int USUAL_SENDERS = 2;

    final String name;
    final Map<Sender, SubQueue> subQueues = HashMap.newHashMap(USUAL_SENDERS);
    /** Written under the locks of both lanes concerned. */
    volatile Lane lane;
    /** Whether the router has been asked and its answer isn't applied yet. */
    boolean asking;
    long askedNanos;
    int askedEpoch;
    int idleSweeps;
    /** Forgotten by the queue: look it up anew. */
    boolean removed;

    DomainQueue(String name, Lane limbo) {
        this.name = name;
        this.lane = limbo;
    }

    /** @return the lane it is in, locked */
    Lane lockLane() {
        while (true) {
            Lane current = lane;
            current.lock();
            if (current == lane) {
                return current;
            }
            current.unlock();
        }
    }

    SubQueue subQueue(String tenant, String campaign) {
        Sender sender = new Sender(tenant, campaign);
        SubQueue known = subQueues.get(sender);
        if (known == null) {
            known = new SubQueue(this, sender);
            subQueues.put(sender, known);
        }
        known.idleSweeps = 0;
        idleSweeps = 0;
        return known;
    }
}
