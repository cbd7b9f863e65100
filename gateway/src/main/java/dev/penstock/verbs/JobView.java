package dev.penstock.verbs;

import java.util.Locale;

/**
 * A job as it stands. Immutable.
 *
 * @param id            names it
 * @param createdMillis milliseconds since 1970; what came later isn't touched
 * @param endedMillis   0 while it isn't over
 * @param counted       destinations that were selected when it began; negative while they are counted
 * @param done          destinations that the verb was done to; after a restart at least so many
 * @param skipped       to which it means nothing: what is owed a report alone, what isn't held and is to be released, …
 * @param failed        to which it couldn't be done, or not so that a restart knows
 * @param inHand        that sessions have in hand: the verb is done to them when they come back, if they do
 * @param error         the last one, for people; empty for none
 */
public record JobView(String id, JobRequest request, State state, long createdMillis, long endedMillis, long counted,
        long done, long skipped, long failed, long inHand, String error) {
    /** How far a job is. */
    public enum State {
        /** Others are at it; its turn comes. */
        WAITING,
        RUNNING,
        DONE,
        CANCELED,
        EXPIRED,
        /** It broke off; what it had done stays so. */
        FAILED;

        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        public boolean isOver() {
            return this != WAITING && this != RUNNING;
        }
    }
}
