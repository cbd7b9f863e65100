package dev.penstock.simulation;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.config.ReplyScope;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.ReadyQueue;

/**
 * What a reply leads to beyond the message that it answers, as the delivery sessions and their dispatcher have it: sources
 * are blocked, ready queues suspended, tenants and campaigns held back. Confined to the run's thread.
 */
final class Consequences {
    private final MailQueue queue;
    private final VirtualTime time;
    private final BiConsumer<ReadyQueue, ReadyQueue.Suspension> suspended;

    /** @param suspended told of each suspension that begins */
    Consequences(MailQueue queue, VirtualTime time, BiConsumer<ReadyQueue, ReadyQueue.Suspension> suspended) {
        this.queue = queue;
        this.time = time;
        this.suspended = suspended;
    }

    /** @param item null when it answers no message */
    void act(ReadyQueue ready, @Nullable QueueItem item, Classification meaning, String why) {
        if (meaning.reduce() && meaning.scope() != ReplyScope.CONNECTIONS) {
            ready.throttle().sessions().halve(time.nanos());
        }
        if (meaning.suspend().isZero()) {
            return;
        }
        long until = time.millis() + meaning.suspend().toMillis();
        switch (meaning.scope()) {
            case SOURCE -> queue.blocked(ready, MailQueue.Reach.EVERYWHERE, why, until);
            case SOURCE_PROVIDER -> {
                if (!queue.blocked(ready, MailQueue.Reach.PROVIDER, why, until)) {
                    String source = ready.key().source();
                    each(ready, other -> other != ready && other.key().source().equals(source),
                            other -> other.suspend(meaning.suspend(), why));
                }
            }
            case PROVIDER -> each(ready, other -> other != ready, other -> other.suspend(meaning.suspend(), why));
            case TENANT -> {
                if (item != null && !item.tenant().isEmpty()) {
                    String tenant = item.tenant();
                    each(ready, _ -> true, other -> other.suspendTenant(tenant, meaning.suspend(), why));
                }
            }
            case CAMPAIGN -> {
                if (item != null && !item.campaign().isEmpty()) {
                    String tenant = item.tenant();
                    String campaign = item.campaign();
                    each(ready, _ -> true, other -> other.suspendCampaign(tenant, campaign, meaning.suspend(), why));
                }
            }
            case RECIPIENT, MESSAGE, SESSION, CONNECTIONS -> {
            }
        }
    }

    /** Of those that go to the same receiver, in an order that no run changes. */
    private void each(ReadyQueue ready, Predicate<ReadyQueue> which,
            Function<ReadyQueue, ReadyQueue.@Nullable Suspension> action) {
        String provider = queue.provider(ready);
        List<ReadyQueue> all = new ArrayList<>();
        queue.forEachReadyQueue(other -> {
            boolean same = provider.isEmpty()
                    ? other.key().site().equals(ready.key().site())
                    : queue.provider(other).equals(provider);
            if (same && which.test(other)) {
                all.add(other);
            }
        });
        all.sort(Comparator.comparing(other -> other.key().toString()));
        for (ReadyQueue other : all) {
            ReadyQueue.Suspension begun = action.apply(other);
            if (begun != null) {
                suspended.accept(other, begun);
            }
        }
    }
}
