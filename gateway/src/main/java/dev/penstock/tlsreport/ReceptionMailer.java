package dev.penstock.tlsreport;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.message.BodyType;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.reception.ClientSession;
import dev.penstock.reception.IncomingMessage;
import dev.penstock.reception.Reception;
import dev.penstock.reception.TraceField;
import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;
import dev.penstock.smtp.Notify;
import dev.penstock.spool.SpoolException;

/**
 * Sends reports the way all mail goes in, signed where {@code dkim} has a signature for the domain they come from, as RFC 8460
 * 3 demands. Thread-safe; blocks until the report is on the disk.
 */
public final class ReceptionMailer implements TlsReports.Mailer {
    private static final Logger log = LoggerFactory.getLogger(ReceptionMailer.class);

    private final Reception reception;
    private final AtomicBoolean warned = new AtomicBoolean();

    public ReceptionMailer(Reception reception) {
        this.reception = reception;
    }

    @Override
    public void send(String from, String to, TlsReports.MailText text) throws IOException {
        try {
            Mailbox recipient = MailboxParser.parse(to, false);
            MessageId id = reception.nextId();
            byte[] octets = text.of(id.toString());
            MemoryContent content = MemoryContent.of(octets);
            IncomingMessage message = reception.begin(id, TraceField.NONE);
            try {
                message.write(octets, 0, octets.length);
                message.address(from,
                        List.of(new Recipient(recipient.address(), recipient.domain(), Notify.NEVER, null)),
                        BodyType.SEVEN_BIT, false, "", "", Origin.LOCAL, Options.NONE);
                message.handOver(message.commit(content.hasDotLines(), content.hasEightBit()).join(),
                        ClientSession.NONE, "", "report about TLS");
            } finally {
                message.abort(); // does nothing after the commit
            }
            if (message.signatures().isEmpty() && warned.compareAndSet(false, true)) {
                log.warn("event=tls-reports-unsigned from={} effect=\"receivers may leave them aside (RFC 8460 3); "
                        + "[[dkim.signatures]] with a key for that domain signs them\"", from);
            }
        } catch (AddressSyntaxException | SpoolException | CompletionException e) {
            throw new IOException("can't be sent: " + e.getMessage(), e);
        }
    }
}
