package dev.penstock.message;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.penstock.units.HeapSize;
import dev.penstock.units.MailClass;

/**
 * Everything about a message that isn't its content.
 *
 * @param id         given by the spool
 * @param sender     the reverse path without angle brackets; empty for the null reverse path {@code <>}
 * @param recipients at least one
 * @param body       what MAIL declared
 * @param smtpUtf8   whether an address or header needs SMTPUTF8 (RFC 6531)
 * @param tenant     who sends, empty when unknown
 * @param campaign   what is sent, empty when unknown
 * @param receivedMillis when it was accepted, milliseconds since 1970
 * @param origin     where it came from
 * @param options    what was asked for besides
 * @param pool       of sources that was named for it, empty when none was
 * @param mailClass  how urgent it is
 */
public record Envelope(MessageId id, String sender, List<Recipient> recipients, BodyType body, boolean smtpUtf8,
        String tenant, String campaign, long receivedMillis, Origin origin, Options options, String pool,
        MailClass mailClass) {
    public Envelope {
        recipients = List.copyOf(recipients);
        if (recipients.isEmpty()) {
            throw new IllegalArgumentException("an envelope needs a recipient");
        }
    }

    /** That is bulk. */
    public Envelope(MessageId id, String sender, List<Recipient> recipients, BodyType body, boolean smtpUtf8,
            String tenant, String campaign, long receivedMillis, Origin origin, Options options, String pool) {
        this(id, sender, recipients, body, smtpUtf8, tenant, campaign, receivedMillis, origin, options, pool,
                MailClass.BULK);
    }

    /** For which no pool was named. */
    public Envelope(MessageId id, String sender, List<Recipient> recipients, BodyType body, boolean smtpUtf8,
            String tenant, String campaign, long receivedMillis, Origin origin, Options options) {
        this(id, sender, recipients, body, smtpUtf8, tenant, campaign, receivedMillis, origin, options, "");
    }

    /** With nothing asked for besides. */
    public Envelope(MessageId id, String sender, List<Recipient> recipients, BodyType body, boolean smtpUtf8,
            String tenant, String campaign, long receivedMillis, Origin origin) {
        this(id, sender, recipients, body, smtpUtf8, tenant, campaign, receivedMillis, origin, Options.NONE);
    }

    /** Whether it is a report made here. */
    public boolean isReport() {
        return sender.isEmpty() && origin.protocol().equals(Origin.LOCAL.protocol());
    }

    /** What it takes in memory, about. */
    public long heapOctets() {
        long octets = HeapSize.OBJECT + HeapSize.of(sender) + HeapSize.of(options.envid()) + HeapSize.of(origin.helo())
                + HeapSize.of(options.heldFor());
        for (Recipient recipient : recipients) {
            octets += recipient.heapOctets();
        }
        return octets;
    }

    /** The same for some of its recipients, by their indices. */
    public Envelope to(int[] indices) {
        return new Envelope(id, sender, Arrays.stream(indices).mapToObj(recipients::get).toList(), body, smtpUtf8,
                tenant, campaign, receivedMillis, origin, options, pool, mailClass);
    }

    /** The same, of another sender or to go by another pool: somebody has ordered so. */
    public Envelope bound(String toTenant, String toCampaign, String toPool) {
        return new Envelope(id, sender, recipients, body, smtpUtf8, toTenant, toCampaign, receivedMillis, origin,
                options, toPool, mailClass);
    }

    /** The recipients grouped by domain in order of first appearance. The same envelope always gives the same destinations. */
    public List<Destination> destinations() {
        if (recipients.size() == 1) {
            return List.of(new Destination(0, recipients.getFirst().domain(), List.of(0)));
        }
        Map<String, List<Integer>> byDomain = new LinkedHashMap<>();
        for (int i = 0; i < recipients.size(); i++) {
            byDomain.computeIfAbsent(recipients.get(i).domain(), _ -> new ArrayList<>()).add(i);
        }
        List<Destination> destinations = new ArrayList<>(byDomain.size());
        byDomain.forEach(
                (domain, indices) -> destinations
                        .add(new Destination(destinations.size(), domain, List.copyOf(indices))));
        return List.copyOf(destinations);
    }
}
