package dev.penstock.testing;

import java.util.List;

import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.units.MailClass;

/** Destinations as the queue takes them in, of messages with one recipient. Stateless. */
public final class Destinations {
    private Destinations() {}

    /** Of a message that isn't held. */
    public static QueuedDestination of(SpoolEntry entry, String domain, String tenant, String campaign,
            long receivedMillis, int attempts, long nextAttemptMillis, long size) {
        return of(entry, domain, tenant, campaign, receivedMillis, 0, attempts, nextAttemptMillis, size);
    }

    /** For which a pool was named. */
    public static QueuedDestination by(String pool, SpoolEntry entry, String domain, long receivedMillis) {
        Envelope envelope = new Envelope(new MessageId(entry.messageId()), "sender@source.example",
                List.of(new Recipient("r@" + domain, domain)), BodyType.SEVEN_BIT, false, "", "", receivedMillis,
                Origin.LOCAL, Options.NONE, pool);
        return new QueuedDestination(entry, envelope, domain, 0, 0, 4_096);
    }

    /** Of a class, by a pool where one is named. */
    public static QueuedDestination of(MailClass mailClass, String pool, SpoolEntry entry, String domain, String tenant,
            String campaign, long receivedMillis) {
        Envelope envelope = new Envelope(new MessageId(entry.messageId()), "sender@source.example",
                List.of(new Recipient("r@" + domain, domain)), BodyType.SEVEN_BIT, false, tenant, campaign,
                receivedMillis, Origin.LOCAL, Options.NONE, pool, mailClass);
        return new QueuedDestination(entry, envelope, domain, 0, 0, 4_096);
    }

    /** A report made here for a tenant. */
    public static QueuedDestination report(SpoolEntry entry, String domain, String tenant, long receivedMillis) {
        Envelope envelope = new Envelope(new MessageId(entry.messageId()), "",
                List.of(new Recipient("r@" + domain, domain)), BodyType.SEVEN_BIT, false, tenant, "",
                receivedMillis, Origin.LOCAL);
        return new QueuedDestination(entry, envelope, domain, 0, 0, 4_096);
    }

    /** @param holdMillis the hold's end, milliseconds since 1970; 0 for none */
    public static QueuedDestination of(SpoolEntry entry, String domain, String tenant, String campaign,
            long receivedMillis, long holdMillis, int attempts, long nextAttemptMillis, long size) {
        Options options = holdMillis == 0
                ? Options.NONE
                : new Options(null, null, false, holdMillis, 0, null, false);
        Envelope envelope = new Envelope(new MessageId(entry.messageId()), "sender@source.example",
                List.of(new Recipient("r@" + domain, domain)), BodyType.SEVEN_BIT, false, tenant, campaign,
                receivedMillis, Origin.LOCAL, options);
        return new QueuedDestination(entry, envelope, domain, attempts, nextAttemptMillis, size);
    }
}
