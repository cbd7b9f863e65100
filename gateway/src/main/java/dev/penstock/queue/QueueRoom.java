package dev.penstock.queue;

import java.util.function.LongSupplier;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether queued mail leaves room for more. Once at its limit the queue is full until a twentieth of it is free, so that an
 * operator hears of it once and not for each message. Thread-safe, without a lock on the way of a message.
 */
public final class QueueRoom {
    private static final Logger log = LoggerFactory.getLogger(QueueRoom.class);
    private static final int FREE_AGAIN = 20; // one part in
    private static final long MEGABYTE = 1 << 20;

    private final LongSupplier used;
    private volatile long limit;
    private volatile boolean full;

    /**
     * @param used  octets of heap that the queue takes
     * @param limit octets that it may take
     */
    public QueueRoom(LongSupplier used, long limit) {
        this.used = used;
        this.limit = limit;
    }

    /** Another limit, for what is asked from now on. */
    public void limit(long octets) {
        limit = octets;
    }

    public long limit() {
        return limit;
    }

    public boolean hasRoom() {
        boolean now = isFull(full, used.getAsLong(), limit);
        if (now != full) {
            change(now);
        }
        return !now;
    }

    private static boolean isFull(boolean before, long used, long limit) {
        return before ? used > limit - limit / FREE_AGAIN : used >= limit;
    }

    private synchronized void change(boolean now) {
        if (now == full) {
            return;
        }
        full = now;
        if (now) {
            log.warn("event=queue-full megabytes={} effect=\"no mail is taken until some has been delivered\"",
                    limit / MEGABYTE);
        } else {
            log.info("event=queue-full-over megabytes={}", used.getAsLong() / MEGABYTE);
        }
    }
}
