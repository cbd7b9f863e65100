package dev.penstock.queue;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.egress.Pool;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.SourceHealth.Suspension;

/**
 * By which source mail goes: what is known of sources and pools, asked for one message or one ready queue at a time.
 * Thread-safe; nothing blocks. The pools are replaced as a whole.
 */
public final class Placement {
    private final SourceHealth health;
    private final Quota quota;
    private volatile Pools pools;

    /** @param quota asked when a message is about to wait at a source, and when it is about to be sent */
    public Placement(Pools pools, SourceHealth health, Quota quota) {
        this.pools = pools;
        this.health = health;
        this.quota = quota;
    }

    /** One source, with which nothing is ever wrong. */
    public static Placement plain() {
        return new Placement(Pools.NONE, new SourceHealth(), Quota.NONE);
    }

    /** Those there are now. */
    public Pools pools() {
        return pools;
    }

    /** @return whether that differs from what there was */
    boolean pools(Pools next) {
        boolean differs = !next.equals(pools);
        pools = next;
        return differs;
    }

    SourceHealth health() {
        return health;
    }

    Quota quota() {
        return quota;
    }

    boolean hasQuota() {
        return quota.limits();
    }

    /** Whether mail that no pool was named for goes by the default source, whatever it is. */
    boolean isPlain() {
        return health.isSound() && !quota.limits() && pools.isPlain();
    }

    /** Whether no pool has another source beside this one. */
    boolean isAlone(String source) {
        return pools.with(source).stream().allMatch(pool -> pool.members().size() == 1);
    }

    /** Whether the owner's mail may go by the source, as far as pools say. */
    boolean goesBy(TenantCampaign owner, String source) {
        Pool pool = pools.pool(poolOf(owner));
        return pool != null && pool.has(source);
    }

    String poolOf(TenantCampaign owner) {
        return pools.nameFor(owner.pool(), owner.tenant(), owner.campaign());
    }

    /**
     * Why mail of a ready queue with this key can't be sent; null when it can.
     *
     * @param provider whose hosts it goes to; empty for nobody known
     */
    ReadyQueue.@Nullable Bar bar(QueueKey key, String provider) {
        if (health.isSound()) {
            return null;
        }
        Suspension suspension = health.of(key.source(), key.site().name(), provider);
        return suspension == null
                ? null
                : new ReadyQueue.Bar("source " + key.source() + " isn't used (" + suspension.scope() + "): "
                        + suspension.why(), until(suspension));
    }

    private static long until(Suspension suspension) {
        return suspension.untilMillis() == SourceHealth.UNTIL_RESUMED ? 0 : suspension.untilMillis();
    }

    /** What mail of a pool waits for, of which no source can be used now. */
    ReadyQueue.Bar whyNone(String poolName) {
        Pool pool = pools.pool(poolName);
        if (pool == null) {
            return new ReadyQueue.Bar("pool " + poolName + " isn't configured any more", 0);
        }
        List<String> reasons = new ArrayList<>();
        long first = Long.MAX_VALUE;
        for (Pool.Member member : pool.members()) {
            for (Suspension suspension : health.all()) {
                if (suspension.source().equals(member.source())) {
                    reasons.add(member.source() + " (" + suspension.scope() + "): " + suspension.why());
                    first = Math.min(first, suspension.untilMillis());
                }
            }
        }
        if (reasons.isEmpty()) {
            long next = pool.members().stream().mapToLong(member -> quota.nextMillis(member.source()))
                    .filter(millis -> millis > 0).min().orElse(0);
            return new ReadyQueue.Bar("pool " + poolName + ", whose sources have sent what they may by this time",
                    next);
        }
        return new ReadyQueue.Bar("pool " + poolName + ", of which no source can be used: "
                + String.join("; ", reasons), first == SourceHealth.UNTIL_RESUMED ? 0 : first);
    }
}
