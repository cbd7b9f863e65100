package dev.penstock.inbound;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.BodyType;
import dev.penstock.message.Options;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Decision;

/** What a session knows of a message between MAIL and its end. Confined to the session's event loop. */
final class MailTransaction {
    final String sender; // empty for <>
    final String senderDomain; // empty for <>
    final long declaredSize; // -1 when not told
    final BodyType body;
    final boolean smtpUtf8;
    final Options options;
    final List<Recipient> recipients = new ArrayList<>(1);
    String tenant;
    String campaign;
    boolean recipientsRefused;
    /** BDAT has begun: no more recipients, and DATA can't follow (RFC 3030 2). */
    boolean chunked;
    /** A chunk was refused: nothing but RSET helps. */
    boolean failed;

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
    }

    void apply(Decision.Accept accept) {
        tenant = named(accept.tenant(), tenant);
        campaign = named(accept.campaign(), campaign);
    }

    private static String named(@Nullable String decided, String before) {
        return decided == null ? before : decided;
    }
}
