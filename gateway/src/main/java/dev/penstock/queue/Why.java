package dev.penstock.queue;

import org.jspecify.annotations.Nullable;

import dev.penstock.shaping.LimitReached;

/**
 * Why a queued destination hasn't gone yet and when it will: the one view for whoever shows it. Pure and immutable, of one
 * moment.
 *
 * @param state             where it is
 * @param waitingFor        what for, for people: the limiter's name and value, why its ready queue, or its sender's mail in
 *                          it, is suspended, …
 * @param limiter           the rate, with its value and who says so, that it waits for the slot of; null when it waits for
 *                          something else
 * @param next              the rate that would hold it back if what it waits for didn't; null for none
 * @param nextAttemptMillis the earliest time of the next attempt, milliseconds since 1970; 0 for as soon as what it waits
 *                          for allows
 * @param expectedMillis    when it will probably go, milliseconds since 1970; 0 when that can't be told: it isn't ready, too
 *                          little has gone from its ready queue lately, or nobody knows when some may
 * @param error             of its ready queue nine of ten waits were told with an error of at most this part of them;
 *                          negative when none was yet
 * @param probes            waits that tell this, the older ones less
 * @param pausedUntilMillis until when its receiver will probably take nothing but probes, milliseconds since 1970; 0 when
 *                          it takes mail, as far as is known, or nobody knows
 * @param pauses            the share of the time to come in which that will be so again, as its receiver has paused before
 */
public record Why(QueueItem.State state, String waitingFor, @Nullable LimitReached limiter, @Nullable LimitReached next,
        long nextAttemptMillis, long expectedMillis, double error, double probes, long pausedUntilMillis,
        double pauses) {}
