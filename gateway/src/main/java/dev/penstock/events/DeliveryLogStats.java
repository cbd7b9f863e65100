package dev.penstock.events;

/**
 * What the delivery log did since its start.
 *
 * @param written  events that reached a file
 * @param dropped  events given up: too many waited, or the log was closed
 * @param rejectionsDropped events about refused receptions given up, beyond their rate
 * @param bytes    octets written
 * @param failures writes, rotations, compressions and deletions that failed; each is tried again
 * @param files    files begun
 * @param pending  events that wait now
 * @param writable whether the last write succeeded
 */
public record DeliveryLogStats(long written, long dropped, long rejectionsDropped, long bytes, long failures,
        long files, long pending, boolean writable) {}
