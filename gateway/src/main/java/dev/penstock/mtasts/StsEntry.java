package dev.penstock.mtasts;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.routing.StsPolicy;

/**
 * What is known of one domain's policy, and when to look again. Immutable; what follows is a new one, by pure functions.
 *
 * <p>Invariant: a policy that was fetched holds until its time is over or another was fetched. No look-up that failed, no
 * record that is gone takes it away (RFC 8461 3.3, 10.2): whoever could suppress those would undo it.
 *
 * @param known         null when there never was one, or its time was over
 * @param lookAgainFrom milliseconds since 1970
 */
record StsEntry(@Nullable Known known, long lookAgainFrom) {
    /** Between two looks at a domain's record. */
    static final Duration LOOK = Duration.ofHours(1);
    /** After a failure (RFC 8461 3.3: not more than once in five minutes). */
    static final Duration AFTER_FAILURE = Duration.ofMinutes(5);
    /** A policy is fetched anew this often, though its id be the same, and always before half of its time is over. */
    static final Duration REFRESH = Duration.ofDays(1);
    private static final long MILLIS = 1_000; // of a second

    static final StsEntry NOTHING = new StsEntry(null, 0);

    /**
     * A policy that was fetched.
     *
     * @param policy null for mode {@code none}
     */
    record Known(String id, @Nullable StsPolicy policy, long fetchedMillis, long maxAgeSeconds) {
        long untilMillis() {
            return fetchedMillis + maxAgeSeconds * MILLIS;
        }

        boolean isDueForRefresh(long now) {
            return now - fetchedMillis >= Math.min(REFRESH.toMillis(), maxAgeSeconds * MILLIS / 2);
        }
    }

    /** What holds now. */
    @Nullable
    StsPolicy policy(long now) {
        return known == null || now >= known.untilMillis() ? null : known.policy;
    }

    /** Whether nothing of it is of use any more. */
    boolean isOver(long now) {
        return known == null ? now >= lookAgainFrom : now >= known.untilMillis();
    }

    boolean isDue(long now) {
        return now >= lookAgainFrom;
    }

    /**
     * Whether the policy has to be fetched now.
     *
     * @param id that the domain's record has; null when it has none
     */
    boolean wants(@Nullable String id, long now) {
        return id != null
                && (known == null || now >= known.untilMillis() || !known.id.equals(id) || known.isDueForRefresh(now));
    }

    /** The record was seen and asks for nothing new. */
    StsEntry seen(long now) {
        return later(now, LOOK);
    }

    /** The record, or the policy, couldn't be had. */
    StsEntry failed(long now) {
        return later(now, AFTER_FAILURE);
    }

    StsEntry fetched(Known fresh, long now) {
        return new StsEntry(fresh, now + LOOK.toMillis());
    }

    private StsEntry later(long now, Duration pause) {
        return new StsEntry(known == null || now >= known.untilMillis() ? null : known, now + pause.toMillis());
    }
}
