package dev.penstock.delivery;

import java.util.Arrays;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.Recipient;
import dev.penstock.smtp.Reply;

/**
 * One message to some of its recipients over one session, with the replies as they come in. Confined to the delivery session.
 */
final class Transaction {
    final Envelope envelope;
    final List<Recipient> recipients;
    /** Where each recipient stands in the {@link DeliveryAttempt}. */
    final int[] places;
    final Content content;
    /** Of the time the sender has set (RFC 2852), what is left in seconds; no meaning when it has set none. */
    final long secondsLeft;
    /** Where its replies are counted. */
    final DeliveryMemory.Share memory;

    /** RSET goes before MAIL, because the session has a transaction open that came to nothing. */
    boolean resetFirst;
    /** Its content goes by BDAT, and DATA isn't said. */
    boolean chunked;
    /** The session had nothing to do before it. */
    boolean afterPause;
    @Nullable
    Reply mail;
    /** By recipient; null while unanswered. */
    final @Nullable Reply[] rcpt;
    /** Recipients that got 2xx. */
    int accepted;
    @Nullable
    Reply data;
    /** By recipient, null for those not accepted. SMTP has one reply for all, LMTP one for each (RFC 2033 4.2). */
    final @Nullable Reply[] end;

    Transaction(Envelope envelope, List<Recipient> recipients, int[] places, Content content, long secondsLeft,
            DeliveryMemory.Share memory) {
        this.envelope = envelope;
        this.recipients = recipients;
        this.places = places;
        this.content = content;
        this.secondsLeft = secondsLeft;
        this.memory = memory;
        this.rcpt = new @Nullable Reply[recipients.size()];
        this.end = new @Nullable Reply[recipients.size()];
    }

    boolean isAccepted(int recipient) {
        Reply reply = rcpt[recipient];
        return reply != null && reply.code() < 300;
    }

    /** Refused after a pause, and no more said: the refusal may have been of the pause. */
    boolean isDoubtful() {
        return afterPause && data == null && mail != null && mail.code() >= 300;
    }

    /** What was answered to the last command whose answer counts for the recipient, and where; null when nothing was. */
    @Nullable
    Answer answer(int recipient) {
        if (mail != null && mail.code() >= 300) {
            return new Answer(Phase.MAIL, mail);
        }
        Reply reply = rcpt[recipient];
        if (reply != null && reply.code() >= 300) {
            return new Answer(Phase.RCPT, reply);
        }
        Reply last = end[recipient];
        if (last != null) {
            return new Answer(Phase.END_OF_DATA, last);
        }
        if (data != null && !data.isIntermediate()) {
            return new Answer(Phase.DATA, data);
        }
        return null;
    }

    record Answer(Phase phase, Reply reply) {}

    @Override
    public String toString() {
        return "<" + envelope.sender() + "> to " + recipients + " mail=" + mail + " rcpt=" + Arrays.toString(rcpt)
                + " data="
                + data;
    }
}
