package dev.penstock.queue;

import java.util.List;

/**
 * How much is queued, of some mail. Immutable.
 *
 * @param scheduled    destinations that wait for their next attempt
 * @param held         that are held
 * @param routing      whose domain's route is being looked up
 * @param ready        that wait for their turn
 * @param suspended    that wait for the end of a suspension, a curfew or their sender's limits, or for a source
 * @param active       in sessions' hands
 * @param attempted    of all of them, attempted before
 * @param octets       of content, each message in whole kilobytes, once for each destination
 * @param ages         of all of them, by age in minutes up to each of {@link #AGE_BOUNDS}, and older
 * @param oldestMillis when the oldest was accepted, or its hold ended, to a sixteenth of its age; milliseconds since 1970; 0
 *                     for none
 */
public record QueueCounts(long scheduled, long held, long routing, long ready, long suspended, long active,
        long attempted, long octets, List<Long> ages, long oldestMillis) {
    /** Upper ends in minutes, as Postfix's qshape has them. */
    public static final List<Integer> AGE_BOUNDS = List.of(5, 10, 20, 40, 80, 160, 320, 640, 1280);
    private static final int SHORTEST = AGE_BOUNDS.getFirst();

    public QueueCounts {
        ages = List.copyOf(ages);
    }

    /** All of them. */
    public long destinations() {
        return scheduled + held + routing + ready + suspended + active;
    }

    /** @param minutes what lies in the future counts as new */
    static int ageBucket(int minutes) {
        if (minutes < SHORTEST) {
            return 0;
        }
        int bucket = Integer.SIZE - Integer.numberOfLeadingZeros(minutes / SHORTEST);
        return Math.min(bucket, AGE_BOUNDS.size());
    }
}
