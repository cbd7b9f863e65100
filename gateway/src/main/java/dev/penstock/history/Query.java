package dev.penstock.history;

import java.time.Instant;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;

/**
 * Which events are looked for: those that fit all that isn't null. Addresses and domains fit in upper and lower case, as
 * {@code penstock spool list} has it; names of tenants and campaigns and Message-ID fields fit as they are written.
 *
 * @param recipient an address
 * @param domain    of a recipient
 * @param sender    an address, empty for {@code <>}
 * @param id        of the message
 * @param messageId the Message-ID field; only receptions and rejections have it
 * @param from      the first moment at which it happened
 * @param to        the first moment that is too late
 * @param types     what happened, one of these; empty for whatever
 */
public record Query(@Nullable String recipient, @Nullable String domain, @Nullable String sender,
        @Nullable MessageId id, @Nullable String tenant, @Nullable String campaign, @Nullable String messageId,
        @Nullable Instant from, @Nullable Instant to, Set<MessageEvent.Type> types) {
    /** Everything. */
    public static final Query ALL = new Query(null, null, null, null, null, null, null, null, null, Set.of());

    public Query {
        types = Set.copyOf(types);
    }

    /** The events of one message. */
    public static Query of(MessageId id) {
        return new Query(null, null, null, id, null, null, null, null, null, Set.of());
    }

    boolean fits(MessageEvent event) {
        return (types.isEmpty() || types.contains(event.type()))
                && (id == null || id.equals(event.id()))
                && (sender == null || sender.equalsIgnoreCase(event.sender()))
                && (tenant == null || tenant.equals(event.tenant()))
                && (campaign == null || campaign.equals(event.campaign()))
                && (messageId == null || messageId.equals(event.client().messageId()))
                && (from == null || event.eventMillis() >= from.toEpochMilli())
                && (to == null || event.eventMillis() < to.toEpochMilli())
                && (recipient == null || event.recipients().stream().anyMatch(recipient::equalsIgnoreCase))
                && (domain == null || domain.equalsIgnoreCase(event.domain())
                        || event.recipients().stream().anyMatch(address -> isIn(domain, address)));
    }

    private static boolean isIn(String domain, String address) {
        return domain.equalsIgnoreCase(address.substring(address.lastIndexOf('@') + 1));
    }
}
