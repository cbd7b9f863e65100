package dev.penstock.inbound;

import java.time.Instant;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.InboundConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Options;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.reception.SpoolReplies;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.Command;
import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.FutureRelease;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.SpoolHealth;

/** MAIL and RCPT: whether a message is taken, from whom and for whom. Confined to the session's event loop. */
final class EnvelopeStage {
    private static final String POSTMASTER = "postmaster"; // in any case: RFC 5321 4.5.1
    private static final String POSTMASTER_AT = POSTMASTER + "@";
    private static final int RECIPIENT_OVERSHOOT = 1000; // smtpd_recipient_overshoot_limit of Postfix

    private final Session session;
    private final SmtpServer server;
    private final ClientFacts facts;

    EnvelopeStage(Session session) {
        this.session = session;
        this.server = session.server;
        this.facts = session.facts;
    }

    void mail(Command.Mail mail) {
        InboundConfig config = session.settings.config();
        Command.MailParameters parameters = mail.parameters();
        Mailbox mailbox = mail.path().mailbox();
        String unsupported = parameters.auth() != null && !session.isAuthOffered()
                ? Capabilities.AUTH
                : parameters.unsupported(session.settings.offered(facts.tls != null));
        if (facts.helo.isEmpty()) {
            session.fail(Replies.HELLO_FIRST);
        } else if (session.transaction != null) {
            session.fail(Replies.NESTED_MAIL); // RFC 5321 4.1.4
        } else if (session.settings.listener().authRequired() && facts.identity == null) {
            session.fail(Replies.AUTH_FIRST); // RFC 4954 6
        } else if (session.messages >= config.maxMessagesPerSession()) {
            session.goodbye(server.replies().tooManyMessages);
        } else if (unsupported != null) {
            session.fail(Reply.of(555, "5.5.4", "Unsupported option: " + unsupported).encode()); // RFC 5321 4.1.1.11
        } else if (mailbox != null && mailbox.utf8() && !parameters.smtpUtf8()) {
            session.fail(Replies.NEEDS_SMTPUTF8); // RFC 6531 3.5
        } else if (parameters.size() > config.maxMessageSize().bytes()) {
            session.fail(Replies.SIZE_TOO_BIG); // RFC 1870 6.1
        } else if (!session.account.mayMail()) {
            session.say(ClientAccount.TOO_MANY_MESSAGES);
        } else if (hasRoom()) {
            Options options = options(parameters);
            if (options == null) {
                return;
            }
            Client asking = facts.client(session.settings);
            MailTransaction begun = new MailTransaction(mail.path().address(),
                    mailbox == null ? "" : mailbox.domain(), parameters.size(),
                    parameters.body() == Command.Body.EIGHT_BIT_MIME ? BodyType.EIGHT_BIT_MIME : BodyType.SEVEN_BIT,
                    parameters.smtpUtf8(), options, asking.tenant(), asking.campaign());
            CompletableFuture<Decision> answer = server.policy().mail(asking, begun.sender, begun.senderDomain,
                    begun.declaredSize);
            if (Session.isGiven(answer)) {
                mailDecided(begun, answer.resultNow());
            } else {
                session.await(answer, decision -> mailDecided(begun, decision));
            }
        }
    }

    private void mailDecided(MailTransaction begun, Decision decision) {
        switch (decision) {
            case Decision.Accept accept -> {
                begun.add(accept);
                session.transaction = begun;
                session.say(Replies.SENDER_OK);
            }
            case Decision.Refuse(Reply reply) -> refuse(reply);
        }
    }

    /** @return null when a parameter asks for the impossible; the client has been told then */
    private @Nullable Options options(Command.MailParameters parameters) {
        if (parameters.isPlain()) {
            return Options.NONE;
        }
        long now = server.clock().millis();
        long holdUntil = switch (parameters.hold()) {
            case null -> 0;
            case FutureRelease.For(long seconds) -> now + Math.min(seconds, Settings.MAX_HOLD_SECONDS + 1) * 1000;
            case FutureRelease.Until(Instant time) -> Math.max(1, time.toEpochMilli());
        };
        if (holdUntil > now + Settings.MAX_HOLD_SECONDS * 1000 || holdUntil != 0 && holdUntil < now) {
            session.fail(Replies.BAD_HOLD); // RFC 4865 4.2
            return null;
        }
        DeliverBy by = parameters.deliverBy();
        if (by != null && by.seconds() <= 0 && by.mode() == DeliverBy.Mode.RETURN) {
            session.fail(Replies.BAD_DELIVER_BY); // RFC 2852 4
            return null;
        }
        return new Options(parameters.ret(), parameters.envid(), parameters.requireTls(), holdUntil,
                by == null ? 0 : now + by.seconds() * 1000, by == null ? null : by.mode(), by != null && by.trace());
    }

    /** Whether a new message would be kept; when not, the client is told. */
    private boolean hasRoom() {
        SpoolHealth.State state = server.reception().spoolHealth().state();
        if (state != SpoolHealth.State.READY) {
            session.defer(SpoolReplies.of(state));
            return false;
        }
        if (!server.reception().queueHasRoom()) {
            session.defer(Replies.QUEUE_FULL);
            return false;
        }
        if (!server.memory().hasRoom()) {
            server.counters().messagesDeferred.increment();
            session.say(Replies.NO_MEMORY);
            return false;
        }
        return true;
    }

    void rcpt(Command.Rcpt rcpt) {
        Mailbox mailbox = rcpt.path().mailbox();
        MailTransaction open = session.transaction;
        if (open == null) {
            session.fail(Replies.NEED_MAIL);
            return;
        }
        if (open.chunked || open.failed) {
            session.fail(open.failed ? Replies.FAILED_CHUNK : Replies.CHUNKING_BEGUN);
            return;
        }
        Command.RcptParameters parameters = rcpt.parameters();
        String unsupported = parameters.unsupported(session.settings.offered(facts.tls != null));
        if (unsupported != null) {
            refuseRecipient(open, Reply.of(555, "5.5.4", "Unsupported option: " + unsupported));
            return;
        }
        if (mailbox.utf8() && !open.smtpUtf8) {
            refuseRecipient(open, Replies.RECIPIENT_NEEDS_SMTPUTF8);
            return;
        }
        Recipient recipient = recipient(rcpt);
        String key = server.policy().mailbox(recipient);
        int place = open.place(key);
        if (place >= 0) { // once is enough, with all that was asked for
            if (open.repeat(place, recipient, server.memory())) {
                overshoot(open, Replies.RECIPIENT_OK);
            } else {
                noMemory(open);
            }
        } else if (open.recipients.size() >= session.settings.config().maxRecipients()) {
            open.recipientsRefused = true;
            server.counters().recipientsRefused.increment();
            overshoot(open, Replies.TOO_MANY_RECIPIENTS);
        } else if (!server.reception().queueHasRoom()) {
            open.recipientsRefused = true;
            session.defer(Replies.QUEUE_FULL);
        } else if (!session.account.mayRcpt()) {
            open.recipientsRefused = true;
            session.say(ClientAccount.TOO_MANY_RECIPIENTS);
        } else {
            CompletableFuture<Decision> answer = server.policy().recipient(facts.client(session.settings), open.sender,
                    open.senderDomain,
                    recipient);
            if (Session.isGiven(answer)) {
                recipientDecided(open, recipient, key, answer.resultNow());
            } else {
                session.await(answer, decision -> recipientDecided(open, recipient, key, decision));
            }
        }
    }

    private void noMemory(MailTransaction open) {
        open.recipientsRefused = true;
        server.counters().messagesDeferred.increment();
        session.say(Replies.NO_MEMORY);
    }

    /** No error for a while: RFC 5321 4.5.3.1.10 has the client send the rest later. */
    private void overshoot(MailTransaction open, byte[] reply) {
        if (++open.overshoot > RECIPIENT_OVERSHOOT) {
            session.fail(reply);
        } else {
            session.say(reply);
        }
    }

    /** Mail for this server's own postmaster goes where it is configured to go (RFC 5321 4.5.1). */
    private Recipient recipient(Command.Rcpt rcpt) {
        Mailbox mailbox = rcpt.path().mailbox();
        Command.RcptParameters parameters = rcpt.parameters();
        boolean bare = rcpt.path().isLocalPostmaster();
        Recipient target = bare || isOwnPostmaster(mailbox.localPart(), mailbox.domain())
                ? server.policy().postmaster()
                : null;
        if (target == null && !bare) {
            return new Recipient(mailbox.address(), mailbox.domain(), parameters.notifyOn(), parameters.orcpt());
        }
        String own = mailbox.localPart() + "@" + server.hostname();
        return target == null
                ? new Recipient(own, server.hostname(), parameters.notifyOn(), parameters.orcpt())
                : new Recipient(target.address(), target.domain(), parameters.notifyOn(),
                        parameters.orcpt() == null ? OriginalRecipient.of(own) : parameters.orcpt());
    }

    private boolean isOwnPostmaster(String localPart, String domain) {
        return localPart.equalsIgnoreCase(POSTMASTER) && domain.equalsIgnoreCase(server.hostname());
    }

    private void recipientDecided(MailTransaction open, Recipient recipient, String mailbox, Decision decision) {
        switch (decision) {
            case Decision.Accept accept -> {
                if (!open.add(recipient, mailbox, server.memory())) {
                    noMemory(open);
                    return;
                }
                open.add(accept);
                session.say(Replies.RECIPIENT_OK);
            }
            case Decision.Refuse(Reply reply) -> refuseRecipient(open, reasoned(recipient, reply));
        }
    }

    /** Whoever writes to this server's postmaster in vain is told why, and so is who runs it. */
    private Reply reasoned(Recipient recipient, Reply reply) {
        return recipient.domain().equalsIgnoreCase(server.hostname()) && reply.equals(Policy.relayDenied(recipient))
                && recipient.address().regionMatches(true, 0, POSTMASTER_AT, 0, POSTMASTER_AT.length())
                        ? server.replies().noPostmaster
                        : reply;
    }

    private void refuseRecipient(MailTransaction open, Reply reply) {
        open.recipientsRefused = true;
        server.counters().recipientsRefused.increment();
        refuse(reply);
    }

    /** What a policy said no to. */
    private void refuse(Reply reply) {
        if (reply.code() == 421) {
            session.goodbye(reply.encode()); // RFC 5321 3.8
        } else if (reply.isPermanent()) {
            session.fail(reply.encode());
        } else {
            session.say(reply.encode());
        }
    }
}
