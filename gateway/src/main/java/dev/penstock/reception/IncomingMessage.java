package dev.penstock.reception;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.dkim.MessageSigning;
import dev.penstock.dkim.PlannedSignature;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.TenantAccounts;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;
import dev.penstock.units.MailClass;

/**
 * One message on its way in, from its first octet to the hand-over to the queue. Used by one thread at a time; nothing
 * blocks.
 *
 * <p>Its content is {@link #write written} in its final form, the header section after its {@link HeaderEdits} first, and
 * goes to the spool at once. What goes before it is put together at the {@link #commit}, by when all of the content has
 * come by here: so a signature over header and body can stand before octets that are on the disk already. Where one is to be
 * made, the commit is given to the spool by the thread that made it.
 */
public final class IncomingMessage {
    private final Reception reception;
    private final MessageId id;
    private final @Nullable ContentSigning signing; // null when no message is signed
    private byte[] traceField;
    private @Nullable CompletableFuture<MessageSigning.Signed> signatures; // once they were asked for
    private List<PlannedSignature> made = List.of();
    private TenantAccounts.@Nullable Taken places; // in its tenant's account
    private Spool.@Nullable Intake intake; // null when it was committed or forgotten
    private @Nullable Envelope envelope;
    private long size;

    IncomingMessage(Reception reception, MessageId id, byte[] traceField, Spool.Intake intake, boolean ours) {
        this.reception = reception;
        this.id = id;
        this.traceField = traceField;
        this.intake = intake;
        this.signing = !ours || reception.signing().isOff() ? null : new ContentSigning(reception.signing());
    }

    public MessageId id() {
        return id;
    }

    /**
     * Adds content octets (dot-stuffing removed, header edits made). They are copied or written before the call returns.
     *
     * @throws SpoolException when the message can't be kept; it is forgotten then
     */
    public void write(byte[] bytes, int offset, int length) {
        intake().write(bytes, offset, length);
        if (signing != null) {
            signing.write(bytes, offset, length);
        }
    }

    /** Octets of its content that are kept beside the spool's, for its signatures, till it is committed or forgotten. */
    public long keptToSign() {
        return signing == null ? 0 : signing.kept();
    }

    /** Completes at once while the spool keeps up; else when it has caught up and more may be written. */
    public CompletableFuture<Void> writable() {
        return intake().writable();
    }

    private Spool.Intake intake() {
        if (intake == null) {
            throw new IllegalStateException("the message was committed or forgotten");
        }
        return intake;
    }

    /** That is bulk, and for which no pool was named. */
    public void address(String sender, List<Recipient> recipients, BodyType body, boolean smtpUtf8, String tenant,
            String campaign, Origin origin, Options options) {
        address(sender, recipients, body, smtpUtf8, tenant, campaign, origin, options, "", MailClass.BULK);
    }

    /**
     * Makes the envelope of a message that is accepted now. Else as {@link Envelope} has it.
     *
     * @throws IllegalArgumentException without recipients
     */
    public void address(String sender, List<Recipient> recipients, BodyType body, boolean smtpUtf8, String tenant,
            String campaign, Origin origin, Options options, String pool, MailClass mailClass) {
        envelope = new Envelope(id, sender, recipients, body, smtpUtf8, tenant, campaign, reception.millis(), origin,
                options, pool, mailClass);
    }

    /**
     * Takes places in its tenant's account, all of its content written and its envelope known. They are given back when it
     * is forgotten, or can't be made durable.
     *
     * @return why it can't be taken; null when it can
     */
    public @Nullable Reply admit() {
        return switch (reception.acceptance().take(envelope(), intake().size())) {
            case TenantAccounts.Refused(Reply reply) -> reply;
            case TenantAccounts.Taken taken -> {
                places = taken;
                yield null;
            }
        };
    }

    private void giveBackPlaces() {
        TenantAccounts.Taken taken = places;
        places = null;
        if (taken != null) {
            reception.acceptance().giveBack(taken);
        }
    }

    /** What its sender should hear about what becomes of it; empty for nothing. */
    public String notice() {
        return reception.acceptance().notice(envelope());
    }

    /** @throws IllegalStateException before {@link #address} */
    public Envelope envelope() {
        if (envelope == null) {
            throw new IllegalStateException("the message has no envelope yet");
        }
        return envelope;
    }

    /**
     * Has the signatures made that the message is to have, all of its content written and its envelope known; for who must
     * {@link #commit} on its own thread. To be waited for there; when it fails, so does the commit.
     */
    public CompletableFuture<MessageSigning.Signed> sign() {
        CompletableFuture<MessageSigning.Signed> asked = signatures;
        if (asked == null) {
            // a report of ours that nobody signs is better than none
            asked = signing == null
                    ? CompletableFuture.completedFuture(MessageSigning.Signed.NOT)
                    : signing.sign(envelope().tenant(),
                            !envelope().origin().protocol().equals(Origin.LOCAL.protocol()));
            signatures = asked;
        }
        return asked;
    }

    /**
     * Makes the message durable, its envelope known, with its signatures. The future completes as that of
     * {@link Spool.Intake#commit}, or fails because there is no signature and must be; what it completes with is for
     * {@link #handOver}, and what it fails with for {@link #refusal}.
     *
     * @param hasDotLines whether a line of what was written begins with a dot
     * @param hasEightBit whether an octet of what was written is above 127
     * @throws SpoolException when the spool takes nothing
     */
    public CompletableFuture<List<SpoolEntry>> commit(boolean hasDotLines, boolean hasEightBit) {
        CompletableFuture<List<SpoolEntry>> commit = committed(hasDotLines, hasEightBit);
        TenantAccounts.Taken taken = places;
        if (taken != null && taken.destinations() > 0) {
            var _ = commit.whenComplete((_, failure) -> {
                if (failure != null) {
                    reception.acceptance().giveBack(taken);
                }
            });
        }
        return commit;
    }

    private CompletableFuture<List<SpoolEntry>> committed(boolean hasDotLines, boolean hasEightBit) {
        Spool.Intake open = intake();
        if (signing == null) {
            CompletableFuture<List<SpoolEntry>> commit = commit(open, MessageSigning.Signed.NOT, hasDotLines,
                    hasEightBit);
            intake = null; // and with it the content
            return commit;
        }
        CompletableFuture<MessageSigning.Signed> signed = sign();
        intake = null;
        return signed.whenComplete((_, failure) -> {
            if (failure != null) {
                open.abort();
            }
        }).thenCompose(mine -> {
            try {
                return commit(open, mine, hasDotLines, hasEightBit);
            } catch (RuntimeException | Error e) {
                open.abort();
                throw e;
            }
        });
    }

    private CompletableFuture<List<SpoolEntry>> commit(Spool.Intake open, MessageSigning.Signed signed,
            boolean hasDotLines, boolean hasEightBit) {
        byte[] before = beforeContent(signed.fields());
        size = before.length + open.size();
        made = signed.signatures();
        CompletableFuture<List<SpoolEntry>> commit = open.commit(envelope(), before, hasDotLines, hasEightBit);
        traceField = TraceField.NONE;
        return commit;
    }

    /** The fields that go before the content: 7-bit, no line of theirs begins with a dot. Signatures are the first. */
    private byte[] beforeContent(byte[] signatureFields) {
        if (signatureFields.length == 0) {
            return traceField;
        }
        byte[] before = Arrays.copyOf(signatureFields, signatureFields.length + traceField.length);
        System.arraycopy(traceField, 0, before, signatureFields.length, traceField.length);
        return before;
    }

    /** The signatures that the committed message has. */
    public List<PlannedSignature> signatures() {
        return made;
    }

    /** Octets of the committed message, what goes before its content included. */
    public long size() {
        return size;
    }

    /**
     * The message is durable, and ours: tells of its reception, and hands its destinations to the queue. What goes wrong
     * there is logged, and must not take the answer from the client.
     *
     * @param entries   what the commit completed with
     * @param session   that it came by
     * @param messageId the content's Message-ID field, empty when it has none
     * @param text      of the answer to the client, or of what is said in its place
     */
    public void handOver(List<SpoolEntry> entries, ClientSession session, String messageId, String text) {
        reception.handOver(envelope(), size, entries, session, messageId, text, places);
    }

    /**
     * What a failed commit means for the client. What the spool didn't foresee is logged.
     *
     * @param failure what the future failed with, null when it was cancelled
     */
    public Reply refusal(@Nullable Throwable failure, ClientSession session) {
        return Reception.refusal(id, failure, session);
    }

    /** Nothing comes of the message although it was made durable. May be called any number of times. */
    public void forsake() {
        giveBackPlaces();
    }

    /** Forgets the message. May be called after anything, any number of times; does nothing after commit. */
    public void abort() {
        Spool.Intake open = intake;
        intake = null;
        if (open != null) {
            giveBackPlaces();
            open.abort();
        }
    }
}
