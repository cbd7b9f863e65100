package dev.penstock.simulation;

/**
 * How many deliveries Postfix's queue manager has under way to one destination, as its SCHEDULER_README describes it with
 * the default feedback of 1/N each way. Pure. It learns from sessions alone: what is said to MAIL, RCPT or the content
 * doesn't count.
 *
 * <p>Invariant: 1 ≤ window ≤ limit, unless the destination is dead.
 */
final class PostfixWindow {
    /** initial_destination_concurrency. */
    static final int INITIAL = 5;
    /** default_destination_concurrency_limit. */
    static final int LIMIT = 20;
    /** default_destination_concurrency_failed_cohort_limit: so many windows that failed whole. */
    private static final double COHORT_LIMIT = 1;

    private int window = INITIAL;
    private double success;
    private double failure;
    private double failedCohorts;
    private boolean dead;

    int window() {
        return window;
    }

    /** Nothing is tried until {@link #revive}. */
    boolean isDead() {
        return dead;
    }

    /**
     * A session came up and was spoken over.
     *
     * @param busy deliveries under way with this one
     */
    void succeeded(int busy) {
        failedCohorts = 0;
        if (window < busy + INITIAL) {
            success += 1.0 / window;
            while (success >= 1 && window < LIMIT) {
                window++;
                failure = 0;
                success -= 1;
            }
            success = Math.min(success, 1);
        }
    }

    /** No session came up. @return whether the destination is dead now */
    boolean failed() {
        failedCohorts += 1.0 / window;
        if (failedCohorts > COHORT_LIMIT) {
            dead = true;
            return true;
        }
        failure -= 1.0 / window;
        while (failure < 0 && window > 1) {
            window--;
            failure += 1;
            success = 0;
        }
        failure = Math.max(failure, 0);
        return false;
    }

    /** minimal_backoff_time is over: as if it were new. */
    void revive() {
        dead = false;
        window = INITIAL;
        success = 0;
        failure = 0;
        failedCohorts = 0;
    }
}
