package dev.penstock.queue;

/**
 * What a receiver said to a recipient that it didn't take, or our own words for what went wrong. Immutable.
 *
 * @param atMillis  since 1970
 * @param code      three digits
 * @param enhanced  class.subject.detail (RFC 3463), empty when there was none
 * @param text      the reply's, cut at 200 characters
 * @param className what it was taken to mean
 * @param remote    whether the receiver said it
 */
public record RecentReply(long atMillis, int code, String enhanced, String text, String className, boolean remote) {
    RecentReply saying(String other) {
        return new RecentReply(atMillis, code, enhanced, other, className, remote);
    }
}
