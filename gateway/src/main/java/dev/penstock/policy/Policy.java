package dev.penstock.policy;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.penstock.message.Recipient;

/**
 * What the SMTP server and HTTP injection ask before they take something: relay rules, local recipients, sender domain
 * ownership, tenants, and the policies that were plugged in. Thread-safe; calls never block. The futures complete within
 * a deadline and never exceptionally: what can't be decided in time is answered as configured. A future that is complete
 * already costs nothing.
 */
public interface Policy {
    /** A connection, before the greeting. */
    CompletableFuture<Decision> connect(Client client);

    /**
     * A transaction's sender.
     *
     * @param sender empty for the null reverse path
     */
    CompletableFuture<Decision> mail(Client client, String sender, String senderDomain, long declaredSize);

    /** One recipient. */
    CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain, Recipient recipient);

    /**
     * A message whose header section is there. What follows is read on when the answer is there.
     *
     * @param header the header section's fields that {@link #wantedHeaders()} names
     * @param size   octets as declared at MAIL, -1 when not told
     */
    CompletableFuture<Decision> message(Client client, String sender, List<Recipient> recipients,
            List<HeaderField> header, long size);

    /**
     * Whether {@link #message} is to be asked at all; while not, content goes straight to the spool.
     */
    default boolean judgesMessages() {
        return !wantedHeaders().isEmpty() || !removedHeaders().isEmpty();
    }

    /** Lower case names of header fields that {@link #message} wants to see; empty when it needs none. */
    List<String> wantedHeaders();

    /** Lower case names of header fields that are left out of every message. */
    List<String> removedHeaders();

    /**
     * @param name as written
     * @param value unfolded, without the space around it
     */
    record HeaderField(String name, String value) {}
}
