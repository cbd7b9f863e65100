package dev.penstock.queue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

/**
 * Whose mail a ready queue doesn't give out for a while, because the receiver has named them, they or the source have sent
 * what they may, a curfew binds it, or an operator has suspended it, while the others' goes on. Guarded by the ready queue's lock. Pure of time: the queue
 * says what has come.
 *
 * <p>Invariant: a sub-queue with something ready is here if and only if its tenant's, its campaign's, its provider's or
 * its sender's suspension isn't over or a curfew that is in force, or an operator's suspension, binds it, and in the {@link Turns} otherwise. Reports made
 * here for a tenant aren't its mail.
 */
final class Withheld {
    /**
     * When somebody's mail waits no longer.
     *
     * @param why  for people
     * @param what for people, what is waited for; made when it is shown
     * @param open whether that is when somebody says so, and the time is far away
     */
    record Until(long nanos, String why, Supplier<String> what, boolean open) {
        Until(long nanos, String why, Supplier<String> what) {
            this(nanos, why, what, false);
        }

        static Until endOfCurfew(long nanos, String name) {
            String what = "the end of curfew \"" + name + '"';
            return new Until(nanos, what, () -> what);
        }

        static Until endOfSuspension(long nanos, String why) {
            return new Until(nanos, why, () -> "the end of the suspension of " + why);
        }
    }

    private record SenderEnd(SubQueue subQueue, long nanos) {}

    /** What is in force towards whatever mail it binds, and not said by a receiver. */
    sealed interface Standing {
        Until until();
    }

    /**
     * An operator's suspension.
     *
     * @param placeOf what a suspension may name of a sub-queue
     */
    record Ordered(OperatorSuspension rule, Until until, Function<SubQueue, Selection.Place> placeOf)
            implements
                Standing {}

    /**
     * One that is in force.
     *
     * @param poolOf by which pool a sender's mail goes
     */
    record Curfew(Curfews.Curfew rule, Until until, Function<TenantCampaign, String> poolOf) implements Standing {
        boolean binds(SubQueue subQueue) {
            TenantCampaign owner = subQueue.owner;
            return rule.binds(owner, rule.config().pools().isEmpty() ? "" : poolOf.apply(owner),
                    subQueue.domain.provider);
        }
    }

    private final Map<String, Until> tenants = new HashMap<>(2);
    private final Map<TenantCampaign, Until> campaigns = new HashMap<>(2);
    /** To whom the source has sent what it may. */
    private final Map<String, Until> providers = new HashMap<>(2);
    /** Whose senders have sent what they may. */
    private final Map<SubQueue, Until> senders = new HashMap<>(2);
    /** Of these the next first, and some that are there no more. */
    private final PriorityQueue<SenderEnd> senderEnds = new PriorityQueue<>(2,
            (a, b) -> Long.signum(a.nanos - b.nanos)); // nanoTime may wrap
    /** Curfews that are in force, and what operators have suspended. */
    private List<Standing> standing = List.of();
    private final Set<SubQueue> subQueues = new LinkedHashSet<>(2);
    private int messages;
    /** Something that may have withheld them has ended since they were looked at. */
    private boolean looksAtAll;

    /** Whether nobody's mail is suspended, by whomever, and no curfew is in force: the usual case. */
    boolean isEmpty() {
        return standing.isEmpty() && !hasSuspensions();
    }

    boolean hasSuspensions() {
        return !(tenants.isEmpty() && campaigns.isEmpty() && providers.isEmpty() && senders.isEmpty());
    }

    /**
     * These are in force now. The queue has to look at everybody's mail in the turns then.
     *
     * @return whose sub-queues have to wait no longer, no more here
     */
    List<SubQueue> standing(List<Standing> inForce) {
        standing = inForce;
        return released(new ArrayList<>());
    }

    /** Whether somebody's mail waits here for what binds its sender. */
    boolean hasSenders() {
        return !senders.isEmpty();
    }

    /** Sub-queues that wait here. */
    int size() {
        return subQueues.size();
    }

    /** Messages that wait here. */
    int messages() {
        return messages;
    }

    /** @return whether it begins; nothing changes while one stands */
    boolean suspend(String tenant, Until until, long nowNanos) {
        return put(tenants, tenant, until, nowNanos);
    }

    /** @param campaign whichever pool its mail goes by @return whether it begins; nothing changes while one stands */
    boolean suspend(TenantCampaign campaign, Until until, long nowNanos) {
        return put(campaigns, campaign, until, nowNanos);
    }

    private static <K> boolean put(Map<K, Until> map, K key, Until until, long nowNanos) {
        Until known = map.get(key);
        if (known != null && nowNanos - known.nanos < 0) {
            return false;
        }
        map.put(key, until);
        return true;
    }

    /** The source may send no more to that provider for now. */
    void spent(String provider, Until until) {
        providers.put(provider, until);
    }

    /** Its sender may send no more there until then. */
    void spent(SubQueue subQueue, Until until) {
        senders.put(subQueue, until);
        senderEnds.add(new SenderEnd(subQueue, until.nanos));
    }

    /** Whose senders have sent what they may. */
    List<SubQueue> spentSenders() {
        return List.copyOf(senders.keySet());
    }

    /** Its sender may send again. @return whether its mail has to wait no longer, and is no more here */
    boolean isFree(SubQueue subQueue) {
        senders.remove(subQueue);
        if (!has(subQueue) || of(subQueue) != null) {
            return false;
        }
        remove(subQueue);
        return true;
    }

    /** What its mail waits for: of several suspensions the one that lasts longest; null for nothing. */
    @Nullable
    Until of(SubQueue subQueue) {
        if (isEmpty()) {
            return null;
        }
        TenantCampaign owner = subQueue.owner;
        Until longest = providers.isEmpty() ? null : providers.get(subQueue.domain.provider);
        longest = senders.isEmpty() ? longest : later(longest, senders.get(subQueue));
        if (!owner.reports()) {
            longest = later(longest, tenants.get(owner.tenant()));
            longest = campaigns.isEmpty()
                    ? longest
                    : later(longest, campaigns.get(new TenantCampaign(owner.tenant(), owner.campaign())));
        }
        Selection.Place place = null; // made once, however many suspensions stand
        for (Standing each : standing) {
            boolean binds = switch (each) {
                case Curfew curfew -> curfew.binds(subQueue);
                case Ordered ordered -> {
                    place = place == null ? ordered.placeOf.apply(subQueue) : place;
                    yield ordered.rule.mail().matches(place);
                }
            };
            longest = binds ? later(longest, each.until()) : longest;
        }
        return longest;
    }

    private static @Nullable Until later(@Nullable Until one, @Nullable Until other) {
        if (one == null || other == null) {
            return one == null ? other : one;
        }
        return one.nanos - other.nanos >= 0 ? one : other;
    }

    /** One more message came for a sub-queue that is, or is to be, here. */
    void add(SubQueue subQueue, int more) {
        subQueues.add(subQueue);
        messages += more;
    }

    boolean has(SubQueue subQueue) {
        return !subQueues.isEmpty() && subQueues.contains(subQueue);
    }

    /** A message was taken out of turn. */
    void took(SubQueue subQueue) {
        messages--;
        if (subQueue.ready.isEmpty()) {
            subQueues.remove(subQueue);
        }
    }

    /** A sub-queue goes with all its mail. */
    void remove(SubQueue subQueue) {
        senders.remove(subQueue);
        if (subQueues.remove(subQueue)) {
            messages -= subQueue.ready.size();
        }
    }

    /** In the order in which they came. */
    List<SubQueue> subQueues() {
        return List.copyOf(subQueues);
    }

    /** Forgets the suspensions and curfews that are over. @return whose sub-queues have to wait no longer, no more here */
    List<SubQueue> release(long nowNanos) {
        looksAtAll |= tenants.values().removeIf(until -> nowNanos - until.nanos >= 0);
        looksAtAll |= campaigns.values().removeIf(until -> nowNanos - until.nanos >= 0);
        looksAtAll |= providers.values().removeIf(until -> nowNanos - until.nanos >= 0);
        if (standing.stream().anyMatch(each -> nowNanos - each.until().nanos >= 0)) {
            looksAtAll = true;
            standing = standing.stream().filter(each -> nowNanos - each.until().nanos < 0).toList();
        }
        List<SubQueue> released = new ArrayList<>();
        for (SenderEnd end = senderEnds.peek(); end != null && nowNanos - end.nanos >= 0; end = senderEnds.peek()) {
            senderEnds.remove();
            Until until = senders.get(end.subQueue);
            if (until != null && until.nanos == end.nanos && isFree(end.subQueue)) {
                released.add(end.subQueue);
            }
        }
        return looksAtAll ? released(released) : released;
    }

    /** @param released some that are no more here, to which others are added */
    private List<SubQueue> released(List<SubQueue> released) {
        looksAtAll = false;
        for (SubQueue subQueue : subQueues()) {
            if (of(subQueue) == null) {
                released.add(subQueue);
                remove(subQueue);
            }
        }
        return released;
    }

    /** Forgets what receivers have suspended; curfews and what operators have stay. @return whose sub-queues have to wait no longer, no more here */
    List<SubQueue> releaseAll() {
        tenants.clear();
        campaigns.clear();
        providers.clear();
        senders.clear();
        senderEnds.clear();
        return released(new ArrayList<>());
    }

    /** Whether a curfew binds its mail, alone or besides. */
    boolean isUnderCurfew(SubQueue subQueue) {
        return standing.stream().anyMatch(each -> each instanceof Curfew curfew && curfew.binds(subQueue));
    }

    /** Messages that wait for the end of a curfew alone or besides. */
    int underCurfew() {
        int under = 0;
        if (!standing.isEmpty()) {
            for (SubQueue subQueue : subQueues) {
                under += isUnderCurfew(subQueue) ? subQueue.ready.size() : 0;
            }
        }
        return under;
    }

    /** When the first suspension or curfew is over; {@code none} when there is none. */
    long nextEnd(long none) {
        boolean any = false;
        long next = none;
        for (Map<?, Until> map : List.of(tenants, campaigns, providers)) {
            for (Until until : map.values()) {
                next = any && next - until.nanos < 0 ? next : until.nanos;
                any = true;
            }
        }
        for (Standing each : standing) {
            next = any && next - each.until().nanos < 0 ? next : each.until().nanos;
            any = true;
        }
        SenderEnd end = senderEnds.peek();
        return end == null || any && next - end.nanos < 0 ? next : end.nanos;
    }

    long oldestReceivedMillis() {
        long oldest = Long.MAX_VALUE;
        for (SubQueue subQueue : subQueues) {
            QueueItem first = subQueue.ready.first();
            oldest = first == null ? oldest : Math.min(oldest, first.receivedMillis());
        }
        return oldest;
    }

    /** What the invariant says of what is here, for tests. */
    @Nullable
    String violation() {
        int counted = 0;
        for (SubQueue subQueue : subQueues) {
            counted += subQueue.ready.size();
            if (subQueue.ready.isEmpty() || subQueue.turn != null || of(subQueue) == null) {
                return subQueue.owner + " of " + subQueue.domain.name + " is withheld with " + subQueue.ready.size()
                        + " messages, in turn " + (subQueue.turn != null) + ", until " + of(subQueue);
            }
        }
        return counted == messages ? null : messages + " messages are withheld, counted " + counted;
    }
}
