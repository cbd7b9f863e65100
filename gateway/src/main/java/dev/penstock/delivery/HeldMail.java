package dev.penstock.delivery;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Set;
import java.util.function.BooleanSupplier;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.PreflightConfig.Mode;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Recipient;
import dev.penstock.preflight.Facts;
import dev.penstock.preflight.Preflight;
import dev.penstock.preflight.Provider;
import dev.penstock.preflight.Verdict;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.reception.EndOfHeader;
import dev.penstock.reception.HeaderSection;
import dev.penstock.reception.MessageFacts;
import dev.penstock.reception.PreflightEvent;
import dev.penstock.spool.Spool;

/**
 * Decides about mail that the preflight holds, when its time to be looked at has come. Thread-safe; blocks for the spool
 * and for DNS, until the preflight's deadline. An item is let go on when its tenant's mode doesn't hold any more, or when
 * nothing is found that its receivers would mind; else it is held on.
 */
public final class HeldMail {
    private static final Logger log = LoggerFactory.getLogger(HeldMail.class);
    /** Octets of a header section that are read; the largest that can be configured to be taken is less. */
    private static final int MAX_SECTION = 4 << 20;

    private final Preflight preflight;
    private final MailQueue queue;
    private final Spool spool;
    private final MessageEvent.Listener events;

    public HeldMail(Preflight preflight, MailQueue queue, Spool spool, MessageEvent.Listener events) {
        this.preflight = preflight;
        this.queue = queue;
        this.spool = spool;
        this.events = events;
    }

    /**
     * @param attempt  what was read of it, to be closed here
     * @param expires  when it is given up, milliseconds since 1970
     * @param stopping asked after the judgement took its time: nothing is let go then
     */
    void decide(QueueItem item, DeliveryAttempt attempt, long now, long expires, BooleanSupplier stopping) {
        Envelope envelope = attempt.envelope;
        String why = "";
        boolean holds = preflight.config().mode(item.tenant()) == Mode.HOLD;
        try {
            if (holds) {
                Verdict verdict = judge(item, attempt);
                // What isn't known mends nothing.
                holds = verdict.fails() || verdict.isUncertain();
                why = verdict.fails() ? verdict.line() : String.valueOf(queue.heldFor(item));
            }
        } catch (IOException e) {
            log.warn("event=held-message-not-read id={} why={} effect=\"it is held on\"", envelope.id(),
                    e.getMessage());
            why = String.valueOf(queue.heldFor(item));
        } finally {
            attempt.memory.close();
        }
        if (holds || stopping.getAsBoolean()) {
            queue.hold(item, why.isEmpty() ? String.valueOf(queue.heldFor(item)) : why, expires);
            return;
        }
        preflight.countRelease();
        events.on(PreflightEvent.of(envelope, attempt.content.size(), PreflightEvent.RELEASED, "", now,
                item.attempts()));
        queue.release(item, envelope.options().holdUntilMillis());
    }

    private Verdict judge(QueueItem item, DeliveryAttempt attempt) throws IOException {
        Envelope whole = spool.envelope(item.entry());
        Envelope envelope = whole == null ? attempt.envelope : whole;
        String sender = envelope.sender();
        Facts facts = MessageFacts.of(section(attempt.content).fields(MessageFacts.WANTED),
                sender.substring(sender.lastIndexOf('@') + 1), Facts.Lines.FINE);
        Set<Provider> providers = preflight
                .providers(envelope.recipients().stream().map(Recipient::domain).toList());
        return preflight.judge(facts, item.tenant(), providers).join();
    }

    /** Signatures that were made at the reception are in it. */
    private static HeaderSection section(Content content) throws IOException {
        ByteArrayOutputStream kept = new ByteArrayOutputStream();
        EndOfHeader end = new EndOfHeader();
        boolean[] over = new boolean[1];
        content.forEachChunk((bytes, offset, length) -> {
            if (!over[0]) {
                int at = end.find(bytes, offset, offset + length);
                over[0] = at >= 0 || kept.size() + length > MAX_SECTION;
                kept.write(bytes, offset, at >= 0 ? at - offset : length);
            }
        });
        return HeaderSection.of(kept.toByteArray());
    }
}
