package dev.penstock.queue;

import dev.penstock.message.MessageId;

/**
 * One queued destination as it stands: what an operator asks for. Immutable.
 *
 * @param id             the message
 * @param destination    which of its destinations
 * @param domain         the recipients' domain
 * @param tenant         empty when unknown
 * @param campaign       empty when unknown
 * @param why            what it waits for, and when it will go
 * @param readyQueue     empty when it isn't in one
 * @param attempts       made so far
 * @param receivedMillis when it was accepted, milliseconds since 1970
 */
public record ItemView(MessageId id, int destination, String domain, String tenant, String campaign, Why why,
        String readyQueue, int attempts, long receivedMillis) {
    /** See {@link Why#state()}. */
    public QueueItem.State state() {
        return why.state();
    }

    /** See {@link Why#waitingFor()}. */
    public String waitingFor() {
        return why.waitingFor();
    }

    /** See {@link Why#nextAttemptMillis()}. */
    public long nextAttemptMillis() {
        return why.nextAttemptMillis();
    }

    /** See {@link Why#expectedMillis()}. */
    public long expectedMillis() {
        return why.expectedMillis();
    }
}
