package dev.penstock.delivery;

import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.config.ReplyScope;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.MailQueue.Reach;
import dev.penstock.queue.ReadyQueue;

/**
 * What a reply leads to beyond the message that it answers: sources are blocked, ready queues suspended, tenants and
 * campaigns held back, in all ready queues of the receiver. Thread-safe, without state of its own, without I/O.
 */
public final class Consequences {
    /** Which ready queues go to the same receiver. */
    @FunctionalInterface
    public interface Receivers {
        /** {@code ready} is among them. */
        void each(ReadyQueue ready, Consumer<ReadyQueue> action);
    }

    /** Told of each suspension that begins. */
    @FunctionalInterface
    public interface Listener {
        void suspended(ReadyQueue ready, ReadyQueue.Suspension suspension);
    }

    /** Whose mail was answered, empty for what isn't known. */
    public record Sender(String tenant, String campaign) {}

    private final MailQueue queue;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final Receivers receivers;
    private final Listener listener;

    public Consequences(MailQueue queue, InstantSource clock, LongSupplier nanoTime, Receivers receivers,
            Listener listener) {
        this.queue = queue;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.receivers = receivers;
        this.listener = listener;
    }

    /**
     * A receiver has answered mail of {@code ready}. What a reply says of the queue itself, the session tells it.
     *
     * @param sender null when it answers no message, or one of ours: a report made here is nobody's mail
     * @param why    for people
     * @return whether mail of {@code ready} is held back from now on
     */
    public boolean act(ReadyQueue ready, @Nullable Sender sender, Classification meaning, String why) {
        if (meaning.reduce() && meaning.scope() != ReplyScope.CONNECTIONS) {
            ready.throttle().sessions().halve(nanoTime.getAsLong());
        }
        Duration time = meaning.suspend();
        if (time.isZero()) {
            return false;
        }
        long until = clock.millis() + time.toMillis();
        return switch (meaning.scope()) {
            case SOURCE -> {
                queue.blocked(ready, Reach.EVERYWHERE, why, until);
                yield false;
            }
            case SOURCE_PROVIDER -> {
                String source = ready.key().source();
                yield !queue.blocked(ready, Reach.PROVIDER, why, until)
                        && withhold(ready, other -> other != ready && other.key().source().equals(source),
                                other -> other.suspend(time, why));
            }
            case PROVIDER -> withhold(ready, other -> other != ready, other -> other.suspend(time, why));
            case TENANT -> sender != null && !sender.tenant.isEmpty()
                    && withhold(ready, _ -> true, other -> other.suspendTenant(sender.tenant, time, why));
            case CAMPAIGN -> sender != null && !sender.campaign.isEmpty()
                    && withhold(ready, _ -> true,
                            other -> other.suspendCampaign(sender.tenant, sender.campaign, time, why));
            case RECIPIENT, MESSAGE, SESSION, CONNECTIONS -> false;
        };
    }

    /** @return whether it begins in {@code ready} */
    @SuppressWarnings("ReferenceEquality") // a ready queue is itself alone
    private boolean withhold(ReadyQueue ready, Predicate<ReadyQueue> which,
            Function<ReadyQueue, ReadyQueue.@Nullable Suspension> suspends) {
        AtomicBoolean begins = new AtomicBoolean();
        receivers.each(ready, each -> {
            ReadyQueue.Suspension suspension = which.test(each) ? suspends.apply(each) : null;
            if (suspension != null) {
                listener.suspended(each, suspension);
                if (each == ready) {
                    begins.set(true);
                }
            }
        });
        return begins.get();
    }
}
