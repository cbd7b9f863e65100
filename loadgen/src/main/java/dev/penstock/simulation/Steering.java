package dev.penstock.simulation;

import java.time.Duration;
import java.time.InstantSource;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.config.GatewayConfig;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.rules.RuleBook;
import dev.penstock.shaping.rules.SiteFinder;
import dev.penstock.smtp.Reply;

/** What sets and changes the limits of a simulated gateway. Confined to the run's thread. */
public interface Steering {
    /** The limits of the configuration, and no others. */
    Steering FIXED = (config, sites, wall, nanoTime) -> {
        RuleBook rules = rules(config, sites, nanoTime);
        return new Shaper(rules, rules, wall, nanoTime);
    };

    /**
     * Before anything else.
     *
     * @param sites answers at once
     */
    Shaper shaper(GatewayConfig config, SiteFinder sites, InstantSource wall, LongSupplier nanoTime);

    /** For people, once {@link #shaper} has been asked for. */
    default String name() {
        return "fixed";
    }

    /** Whose sections are for whole sites already. */
    static RuleBook rules(GatewayConfig config, SiteFinder sites, LongSupplier nanoTime) {
        RuleBook rules = new RuleBook(config.shaping(), sites, nanoTime);
        rules.awaitSites(Duration.ofMinutes(1)); // of virtual time, in which they all answer
        return rules;
    }

    /** The queue is there, and empty. */
    default void begins(MailQueue queue, VirtualTime time) {}

    /** @param sentNanos when its transaction began, by the clock of the run */
    default void delivered(ReadyQueue queue, String provider, QueueItem item, long sentNanos) {}

    /**
     * A receiver has refused a message, or a session.
     *
     * @param item      null when it was a session
     * @param meaning   by the rules
     * @param sentNanos when the transaction or the session began
     * @param sessions  of the source with that receiver
     * @return by which it is decided about
     */
    default Classification refused(ReadyQueue queue, String provider, @Nullable QueueItem item, Reply reply,
            Classification meaning, long sentNanos, IntSupplier sessions) {
        return meaning;
    }
}
