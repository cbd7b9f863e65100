package dev.penstock.queue;

import dev.penstock.message.MessageId;
import dev.penstock.spool.SpoolEntry;

/**
 * One queued destination of a message as a list shows it. Immutable, of one moment.
 *
 * @param id             the message
 * @param entry          by which the spool knows the destination
 * @param place          where it goes and whose it is
 * @param state          where it is
 * @param attempts       made so far
 * @param receivedMillis when it was accepted, or its hold ended, milliseconds since 1970
 * @param octets         of content, in whole kilobytes
 * @param nextMillis     the earliest time of its next attempt, milliseconds since 1970; 0 for as soon as what it waits for
 *                       allows
 * @param waitingFor     what it waits for, for people
 */
public record MessageRow(MessageId id, SpoolEntry entry, Selection.Place place, QueueItem.State state, int attempts,
        long receivedMillis, long octets, long nextMillis, String waitingFor) {}
