package dev.penstock.queue;

import dev.penstock.message.MessageId;

/**
 * One queued destination as it stands: what an operator asks for. Immutable.
 *
 * @param id                the message
 * @param destination       which of its destinations
 * @param domain            the recipients' domain
 * @param tenant            empty when unknown
 * @param campaign          empty when unknown
 * @param state             where it is
 * @param waitingFor        what for, for people: the limiter's name and value, why its ready queue, or its
 *                          sender's mail in it, is suspended, …
 * @param readyQueue        empty when it isn't in one
 * @param nextAttemptMillis the earliest time of the next attempt, milliseconds since 1970; 0 for as soon as what it
 *                          waits for allows
 * @param attempts          made so far
 * @param receivedMillis    when it was accepted, milliseconds since 1970
 */
public record ItemView(MessageId id, int destination, String domain, String tenant, String campaign,
        QueueItem.State state,
        String waitingFor, String readyQueue, long nextAttemptMillis, int attempts, long receivedMillis) {}
