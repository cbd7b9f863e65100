package dev.penstock.queue;

/**
 * An item as it was when somebody looked at it under its lock. Immutable.
 *
 * @param dueMillis by the queue's own clock
 * @param attempts  made before
 */
record SeenItem(QueueItem item, QueueItem.State state, long dueMillis, int attempts) {}
