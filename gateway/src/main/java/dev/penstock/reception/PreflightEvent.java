package dev.penstock.reception;

import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;

/** What the delivery log is told of a preflight. Pure functions. */
public final class PreflightEvent {
    /** Found wanting, and let go on with a header field. */
    public static final MessageEvent.Response TAGGED = new MessageEvent.Response(250, "2.0.0", "tagged", "");
    /** Found wanting, and waiting. */
    public static final MessageEvent.Response HELD = new MessageEvent.Response(451, "4.7.1", "held", "");
    /** Held no more. */
    public static final MessageEvent.Response RELEASED = new MessageEvent.Response(250, "2.0.0", "released", "");

    private PreflightEvent() {}

    /** @param text what for; empty when there is nothing to say */
    public static MessageEvent of(Envelope envelope, long size, MessageEvent.Response what, String text, long millis,
            int attempts) {
        Origin origin = envelope.origin();
        return new MessageEvent(MessageEvent.Type.PREFLIGHT, envelope.id(), envelope.sender(),
                envelope.recipients().stream().map(Recipient::address).toList(),
                envelope.recipients().getFirst().domain(), envelope.tenant(), envelope.campaign(), "", size,
                new MessageEvent.Response(what.code(), what.enhanced(),
                        text.isEmpty() ? what.text() : what.text() + ": " + text, ""),
                null, "", millis, envelope.receivedMillis(), attempts, origin.protocol(), "", null,
                MessageEvent.Client.of(origin)).of(envelope.mailClass());
    }
}
