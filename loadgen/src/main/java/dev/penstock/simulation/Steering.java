package dev.penstock.simulation;

import java.time.InstantSource;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.config.GatewayConfig;
import dev.penstock.delivery.Outcome;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.shaping.Shaper;
import dev.penstock.smtp.Reply;

/** What sets and changes the limits of a simulated gateway. Confined to the run's thread. */
public interface Steering {
    /** The limits of the configuration, and no others. */
    Steering FIXED = (config, wall, nanoTime) -> new Shaper(config.shaping(), nanoTime);

    /** Before anything else. */
    Shaper shaper(GatewayConfig config, InstantSource wall, LongSupplier nanoTime);

    /** The queue is there, and empty. */
    default void begins(MailQueue queue, VirtualTime time) {}

    /**
     * A receiver has answered.
     *
     * @param tenant   empty for none, or where it was no answer to a message
     * @param reply    null when the message is delivered
     * @param outcome  what becomes of it
     */
    default void told(ReadyQueue queue, String provider, String tenant, String campaign, @Nullable Reply reply,
            Classification meaning, Outcome outcome) {}
}
