package dev.penstock.policy;

import java.util.concurrent.CompletableFuture;

import dev.penstock.message.Recipient;

/** Which domains are ours, and which recipients they have. Thread-safe; calls never block. */
public interface RecipientDirectory {
    /** No domain is ours. */
    RecipientDirectory NONE = new RecipientDirectory() {
        @Override
        public boolean isLocal(String domain) {
            return false;
        }

        @Override
        public CompletableFuture<Decision> verify(Client client, Recipient recipient) {
            return Decision.ACCEPTED;
        }
    };

    /** @param domain as {@link Recipient#domain()}: lower case, A-labels */
    boolean isLocal(String domain);

    /**
     * Whether recipients that differ in the letter case of their local parts are two: in domains of others they may be
     * (RFC 5321 2.4), in ours as configured.
     */
    default boolean isCaseSensitive(String domain) {
        return true;
    }

    /**
     * Asked only for recipients in a local domain that the relay rules permit.
     *
     * @return {@link Decision#ACCEPTED} itself where the answer is known and yes; completes within a deadline, never
     *         exceptionally: 550 5.1.1 for an unknown recipient, 4xx where it can't be told now
     */
    CompletableFuture<Decision> verify(Client client, Recipient recipient);
}
