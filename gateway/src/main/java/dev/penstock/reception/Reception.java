package dev.penstock.reception;

import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletionException;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.dkim.Signing;
import dev.penstock.dkim.SigningException;
import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.message.Judged;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.TenantAccounts;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;

/**
 * The one way in: begins messages, and has the durable ones told of and queued. Thread-safe.
 *
 * <p>A message belongs to the gateway once the spool says that it is durable; then, in this order, its reception is told to
 * the listener of events, {@link Acceptance} takes over its destinations, and the client hears that it is ours.
 */
public final class Reception {
    private static final Logger log = LoggerFactory.getLogger(Reception.class);
    private static final int OK = 250; // RFC 5321 4.2.3

    private final Spool spool;
    private final Acceptance acceptance;
    private final MessageEvent.Listener events;
    private final InstantSource clock;
    private final Signing signing;

    /** Signs nothing. */
    public Reception(Spool spool, Acceptance acceptance, MessageEvent.Listener events, InstantSource clock) {
        this(spool, acceptance, events, clock, Signing.off());
    }

    public Reception(Spool spool, Acceptance acceptance, MessageEvent.Listener events, InstantSource clock,
            Signing signing) {
        this.spool = spool;
        this.acceptance = acceptance;
        this.events = events;
        this.clock = clock;
        this.signing = signing;
    }

    /** For a message that is to begin. Never blocks. */
    public MessageId nextId() {
        return spool.nextId();
    }

    /** Whether the spool takes messages, and if not, why. Never blocks. */
    public SpoolHealth spoolHealth() {
        return spool.health();
    }

    /** Whether no new mail is taken any more, because the gateway is being emptied. Reports made here are. */
    public boolean isDraining() {
        return acceptance.isDraining();
    }

    /** Whether the queue takes another message, and another recipient of one. */
    public boolean queueHasRoom() {
        return acceptance.hasRoom();
    }

    /**
     * Begins a message.
     *
     * @param id         from {@link #nextId()}, and not used before
     * @param traceField goes before the content; never changed from now on
     * @throws SpoolException when the spool takes nothing now
     */
    public IncomingMessage begin(MessageId id, byte[] traceField) {
        return begin(id, traceField, true);
    }

    /**
     * As {@link #begin(MessageId, byte[])}.
     *
     * @param ours whether it is from somebody we vouch for, so that it is signed where that is configured: never a message
     *             that anybody may bring, whatever its From field says
     */
    public IncomingMessage begin(MessageId id, byte[] traceField, boolean ours) {
        return new IncomingMessage(this, id, traceField, spool.intake(), ours);
    }

    /** As {@link #begin(MessageId, byte[])}, for a message that counts with the key of its request. */
    public IncomingMessage begin(MessageId id, byte[] traceField, Spool.KeyedRequest request) {
        return new IncomingMessage(this, id, traceField, request.intake(), true);
    }

    /** Who makes signatures, and knows which a message would get. */
    public Signing signing() {
        return signing;
    }

    /** Why nothing more is taken from the tenant now, null when something may be. */
    public @Nullable Reply refusal(String tenant) {
        return acceptance.refusal(tenant);
    }

    Acceptance acceptance() {
        return acceptance;
    }

    long millis() {
        return clock.millis();
    }

    /** @param taken of its tenant's account; null when none was asked for */
    void handOver(Envelope envelope, long size, List<SpoolEntry> entries, ClientSession session, String messageId,
            String text, TenantAccounts.@Nullable Taken taken) {
        try {
            if (taken != null) {
                acceptance.settle(taken, size);
            }
            events.on(event(envelope, size, session, messageId, text)); // before its deliveries
            Judged judged = envelope.options().judged();
            if (judged != null) {
                events.on(PreflightEvent.of(envelope, size, judged.hold() ? PreflightEvent.HELD : PreflightEvent.TAGGED,
                        judged.text(), envelope.receivedMillis(), 0));
            }
            if (entries.size() == 1) {
                accepted(new QueuedDestination(entries.getFirst(), envelope,
                        envelope.recipients().getFirst().domain(), 0, 0, size), taken);
                return;
            }
            List<Destination> destinations = envelope.destinations();
            for (int i = 0; i < entries.size(); i++) {
                accepted(new QueuedDestination(entries.get(i), envelope, destinations.get(i).domain(), 0, 0, size),
                        taken);
            }
        } catch (Throwable e) {
            log.error("event=message-not-taken-over id={} effect=\"it is durable and will be at the next start\"",
                    envelope.id(), e);
        }
    }

    private void accepted(QueuedDestination destination, TenantAccounts.@Nullable Taken taken) {
        if (taken == null) {
            acceptance.accepted(destination);
        } else {
            acceptance.accepted(destination, taken);
        }
    }

    private static MessageEvent event(Envelope envelope, long size, ClientSession session, String messageId,
            String text) {
        List<String> recipients = envelope.recipients().size() == 1
                ? List.of(envelope.recipients().getFirst().address())
                : envelope.recipients().stream().map(Recipient::address).toList();
        Origin origin = envelope.origin();
        return new MessageEvent(MessageEvent.Type.RECEPTION, envelope.id(), envelope.sender(), recipients,
                envelope.recipients().getFirst().domain(), envelope.tenant(), envelope.campaign(), "", size,
                new MessageEvent.Response(OK, "2.0.0", text, ""),
                origin.address().isEmpty() ? null : new MessageEvent.Peer(origin.helo(), origin.address()),
                session.local(), envelope.receivedMillis(), envelope.receivedMillis(), 0, origin.protocol(),
                session.id(), session.tls(),
                new MessageEvent.Client(origin.identity(), origin.helo(), session.listener(), messageId))
                .of(envelope.mailClass());
    }

    static Reply refusal(MessageId id, @Nullable Throwable failure, ClientSession session) {
        Throwable cause = failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause()
                : failure;
        if (cause instanceof SpoolException spoolFailure) {
            return SpoolReplies.of(spoolFailure.reason());
        }
        if (cause instanceof SigningException unsigned) {
            return unsigned.reply();
        }
        log.error("event=commit-failed id={} session={}", id, session.id(), cause);
        return SpoolReplies.FAILED;
    }
}
