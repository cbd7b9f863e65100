package dev.penstock.events;

/**
 * What the delivery log did since its start.
 *
 * @param written  events that reached a file
 * @param dropped  events given up: too many waited, or the log was closed
 * @param bytes    octets written
 * @param failures writes and rotations that failed; what they were to write is kept and tried again
 * @param files    files begun
 * @param pending  events that wait now
 */
public record DeliveryLogStats(long written, long dropped, long bytes, long failures, long files, long pending) {}
