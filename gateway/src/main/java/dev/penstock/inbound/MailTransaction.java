package dev.penstock.inbound;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.BodyType;
import dev.penstock.message.Options;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Decision;
import dev.penstock.units.HeapSize;
import dev.penstock.units.MailClass;

/** What a session knows of a message between MAIL and its end. Confined to the session's event loop. */
final class MailTransaction {
    /** Octets of an envelope that aren't counted: usual ones, which sessions alone bound. */
    private static final int FREE = 2048;

    final String sender; // empty for <>
    final String senderDomain; // empty for <>
    final long declaredSize; // -1 when not told
    final BodyType body;
    final boolean smtpUtf8;
    Options options;
    final List<Recipient> recipients = new ArrayList<>(1);
    /** Of each recipient, as {@link dev.penstock.policy.Policy#mailbox}; one alone needs no map. */
    private @Nullable String first;
    private @Nullable Map<String, Integer> mailboxes;
    /** What policies said to MAIL and RCPT, taken together. */
    Decision.Accept answer = Decision.ACCEPT;
    String tenant;
    String campaign;
    /** Of sources; empty when none was named. */
    String pool = "";
    MailClass mailClass = MailClass.BULK;
    /** The policies have had their say about the message itself. */
    boolean judged;
    boolean recipientsRefused;
    /** Recipients beyond the limit, and such as were taken before. */
    int overshoot;
    /** BDAT has begun: no more recipients, and DATA can't follow (RFC 3030 2). */
    boolean chunked;
    /** A chunk was refused: nothing but RSET helps. */
    boolean failed;
    private long octets; // what the envelope takes
    private long counted; // of these, in the account of all sessions

    MailTransaction(String sender, String senderDomain, long declaredSize, BodyType body, boolean smtpUtf8,
            Options options, String tenant, String campaign) {
        this.sender = sender;
        this.senderDomain = senderDomain;
        this.declaredSize = declaredSize;
        this.body = body;
        this.smtpUtf8 = smtpUtf8;
        this.options = options;
        this.tenant = tenant;
        this.campaign = campaign;
        this.octets = HeapSize.of(sender) + HeapSize.of(senderDomain) + HeapSize.of(options.envid());
    }

    /**
     * Adds a recipient of a mailbox that isn't there yet, if there is room for it.
     *
     * @return whether it was added
     */
    boolean add(Recipient recipient, String mailbox, ReceptionMemory memory) {
        if (!account(recipient.heapOctets() + HeapSize.OBJECT + HeapSize.of(mailbox), memory)) {
            return false;
        }
        remember(mailbox);
        recipients.add(recipient);
        return true;
    }

    /**
     * Takes over what a repeat of a recipient asks for, if there is room for it.
     *
     * @param place of the recipient
     * @return whether there was room
     */
    boolean repeat(int place, Recipient repeat, ReceptionMemory memory) {
        Recipient before = recipients.get(place);
        Recipient both = before.with(repeat);
        if (!account(both.heapOctets() - before.heapOctets(), memory)) {
            return false;
        }
        recipients.set(place, both);
        return true;
    }

    private boolean account(long more, ReceptionMemory memory) {
        long beyond = Math.max(0, octets + more - FREE) - counted;
        if (beyond > 0) {
            if (!memory.addEnvelope(beyond)) {
                return false;
            }
            counted += beyond;
        }
        octets += more;
        return true;
    }

    boolean isCounted() {
        return counted > 0;
    }

    /** @return what was counted; whoever asks releases it */
    long handOver() {
        long handed = counted;
        counted = 0;
        return handed;
    }

    /** Of the recipient of this mailbox that was taken before; -1 when none was. */
    int place(String mailbox) {
        if (mailboxes == null) {
            return mailbox.equals(first) ? 0 : -1;
        }
        return mailboxes.getOrDefault(mailbox, -1);
    }

    private void remember(String mailbox) {
        if (first == null) {
            first = mailbox;
        } else {
            if (mailboxes == null) {
                mailboxes = new HashMap<>();
                mailboxes.put(first, 0);
            }
            mailboxes.put(mailbox, recipients.size());
        }
    }

    /** A yes to MAIL or RCPT: what it names holds for the message. */
    void add(Decision.Accept accept) {
        if (accept.hasNames()) {
            answer = answer.named(accept);
        }
    }

    /** The yes to the message. */
    void judge(Decision.Accept accept) {
        judged = true;
        options = options.with(accept.judged());
        tenant = accept.tenant() == null ? tenant : accept.tenant();
        campaign = accept.campaign() == null ? campaign : accept.campaign();
        pool = accept.pool() == null ? pool : accept.pool();
        mailClass = accept.mailClass() == null ? mailClass : accept.mailClass();
    }
}
