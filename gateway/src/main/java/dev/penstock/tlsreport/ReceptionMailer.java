package dev.penstock.tlsreport;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletionException;

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

/** Sends reports the way all mail goes in. Thread-safe; blocks until the report is on the disk. */
public final class ReceptionMailer implements TlsReports.Mailer {
    private final Reception reception;

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
            message.write(octets, 0, octets.length);
            message.address(from, List.of(new Recipient(recipient.address(), recipient.domain(), Notify.NEVER, null)),
                    BodyType.SEVEN_BIT, false, "", "", Origin.LOCAL, Options.NONE);
            message.handOver(message.commit(content.hasDotLines(), content.hasEightBit()).join(), ClientSession.NONE,
                    "", "report about TLS");
        } catch (AddressSyntaxException | SpoolException | CompletionException e) {
            throw new IOException("can't be sent: " + e.getMessage(), e);
        }
    }
}
