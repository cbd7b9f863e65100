package dev.penstock.policy;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * A policy of one's own, found by {@link java.util.ServiceLoader} in the jars of {@code policy.plugins}. Has to be
 * thread-safe: many questions are asked at one time.
 *
 * <p>Each question is asked on a virtual thread of its own, so a method may block. It is interrupted at the deadline,
 * and what it answers later doesn't count. An exception, an answer of null and no answer in time are answered as
 * {@code policy.on-failure} says. A method that isn't overridden costs nothing, it is never called.
 */
public interface MessagePolicy extends Closeable {
    /** In logs and metrics. */
    default String name() {
        return getClass().getSimpleName();
    }

    /** A connection, before the greeting. Tenants and header fields of the answer don't count. */
    default CompletionStage<Decision> connect(Question.Connect question) {
        return Decision.ACCEPTED;
    }

    /** A transaction's sender. Header fields of the answer don't count; a tenant holds for the message. */
    default CompletionStage<Decision> mail(Question.Mail question) {
        return Decision.ACCEPTED;
    }

    /** One recipient. Header fields of the answer don't count; a tenant holds for the message. */
    default CompletionStage<Decision> recipient(Question.Rcpt question) {
        return Decision.ACCEPTED;
    }

    /** A message whose header section is there; nothing of it is durable yet. */
    default CompletionStage<Decision> message(Question.Message question) {
        return Decision.ACCEPTED;
    }

    /** Names of header fields that {@link #message} needs to see; asked for once. */
    default List<String> wantedHeaders() {
        return List.of();
    }

    /** The gateway stops; no more questions. */
    @Override
    default void close() throws IOException {}
}
