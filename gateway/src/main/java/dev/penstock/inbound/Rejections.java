package dev.penstock.inbound;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.List;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Recipient;
import dev.penstock.smtp.Command;
import dev.penstock.smtp.EnhancedStatus;
import dev.penstock.smtp.Reply;
import dev.penstock.smtp.ReplyParser;
import dev.penstock.smtp.ReplySyntaxException;
import dev.penstock.units.MailClass;

/**
 * Makes an event of each 4xx and 5xx to a command that brings a message: MAIL, RCPT within a transaction, DATA and BDAT
 * with recipients. Confined to the session's event loop; nothing is made for commands that are taken.
 */
final class Rejections {
    private static final int FIRST_REFUSAL = '4';
    private static final int GO_ON = '3';

    private final StageView session;
    private final SmtpServer server;
    private final ClientFacts facts;
    private final ContentStage content;
    private @Nullable Command asked;
    private @Nullable MailTransaction open; // in which it was asked

    Rejections(StageView session, SmtpServer server, ClientFacts facts, ContentStage content) {
        this.session = session;
        this.server = server;
        this.facts = facts;
        this.content = content;
    }

    /** A command was read; the next reply is the answer to it. */
    void asked(Command command, @Nullable MailTransaction transaction) {
        boolean envelope = command instanceof Command.Mail || command instanceof Command.Rcpt && transaction != null;
        boolean message = (command instanceof Command.Data || command instanceof Command.Bdat) && transaction != null
                && !transaction.recipients.isEmpty();
        asked = envelope || message ? command : null;
        open = transaction;
    }

    /** A reply is said. */
    void said(byte[] reply) {
        Command command = asked;
        if (command == null || reply[0] == GO_ON) {
            return;
        }
        asked = null;
        if (reply[0] >= FIRST_REFUSAL) {
            server.rejected(event(command, reply));
        }
    }

    private MessageEvent event(Command command, byte[] reply) {
        MailTransaction transaction = open;
        String sender = transaction == null ? "" : transaction.sender;
        List<String> recipients = List.of();
        String domain = "";
        String verb = "";
        ContentReceiver message = null;
        if (command instanceof Command.Mail mail) {
            verb = "MAIL FROM";
            sender = mail.path().address();
        } else if (command instanceof Command.Rcpt rcpt) {
            verb = "RCPT TO";
            recipients = List.of(rcpt.path().address());
            domain = rcpt.path().mailbox().domain();
        } else if (transaction != null) {
            verb = command instanceof Command.Data ? "DATA" : "BDAT";
            recipients = transaction.recipients.stream().map(Recipient::address).toList();
            domain = transaction.recipients.getFirst().domain();
            message = content.refused();
        }
        MessageId id = message == null ? null : message.id();
        long now = server.clock().millis();
        boolean utf8 = transaction != null && transaction.smtpUtf8;
        var client = facts.client(session.settings());
        InetSocketAddress local = facts.local;
        return new MessageEvent(MessageEvent.Type.REJECTION, id == null ? MessageEvent.NO_ID : id, sender, recipients,
                domain, transaction == null ? client.tenant() : transaction.tenant,
                transaction == null ? client.campaign() : transaction.campaign, "",
                message == null ? 0 : message.size(), response(reply, verb),
                new MessageEvent.Peer(facts.helo, NetUtil.toSocketAddressString(facts.remote)),
                local == null ? "" : NetUtil.toSocketAddressString(local), now, now, 0, facts.protocol(utf8),
                session.id(),
                facts.tls == null ? null : new MessageEvent.Tls(facts.tls.protocol(), facts.tls.cipher()),
                new MessageEvent.Client(facts.identity == null ? "" : facts.identity.name(), facts.helo,
                        client.listener(), message == null ? "" : message.messageId()))
                .of(transaction == null ? MailClass.BULK : transaction.mailClass);
    }

    private static MessageEvent.Response response(byte[] encoded, String verb) {
        try {
            Reply reply = new ReplyParser(encoded.length, encoded.length).parse(ByteBuffer.wrap(encoded));
            if (reply != null) {
                EnhancedStatus status = reply.status();
                return new MessageEvent.Response(reply.code(), status == null ? "" : status.toString(), reply.text(),
                        verb);
            }
        } catch (ReplySyntaxException e) {
            throw new IllegalStateException("a reply of our own isn't one", e);
        }
        throw new IllegalStateException("a reply of our own has no end");
    }
}
