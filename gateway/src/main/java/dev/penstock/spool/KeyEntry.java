package dev.penstock.spool;

import org.jspecify.annotations.Nullable;

/**
 * Where a KEY record lies in the log, and what needs it: its key, as long as that is remembered, and the messages that
 * count by it, until they are done. Guarded by itself; where it lies changes on the committer only. Some 40 octets.
 */
final class KeyEntry {
    final long request;
    final long expiresMillis;
    private @Nullable LogSegment segment;
    private long position;
    private int length;
    private int messages;
    private boolean listed;

    KeyEntry(long request, long expiresMillis) {
        this.request = request;
        this.expiresMillis = expiresMillis;
    }

    /** It counts as live from now on. */
    synchronized void written(LogSegment to, long at, int octets) {
        segment = to;
        position = at;
        length = octets;
        to.live.addAndGet(octets);
    }

    /** Null when nothing needs it any more. */
    synchronized SpooledMessage.@Nullable Place place() {
        return segment == null ? null : new SpooledMessage.Place(segment, position, length);
    }

    synchronized boolean liesAt(LogSegment in, long at) {
        return segment == in && position == at;
    }

    /** A copy of it counts now, unless it is needed no more. */
    synchronized void moved(LogSegment from, long at, LogSegment to, long toPosition) {
        if (liesAt(from, at)) {
            from.live.addAndGet(-length);
            written(to, toPosition, length);
        }
    }

    synchronized void list() {
        listed = true;
    }

    /** @return whether messages still need it */
    synchronized boolean unlist() {
        listed = false;
        release();
        return messages > 0;
    }

    synchronized void needed() {
        messages++;
    }

    /** A message is done. @return whether this was the last that needed it, its key included */
    synchronized boolean ended() {
        messages--;
        release();
        return messages == 0 && !listed;
    }

    private void release() {
        if (messages == 0 && !listed && segment != null) {
            segment.live.addAndGet(-length);
            segment = null;
        }
    }
}
