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
    private static final Verdict TOO_MANY_RECIPIENTS = new Verdict.Say(Replies.TOO_MANY_RECIPIENTS);

    private final StageView session;
    private final SmtpServer server;
    private final ClientFacts facts;
    private final ClientAccount account;

    EnvelopeStage(StageView session, SmtpServer server, ClientFacts facts, ClientAccount account) {
        this.session = session;
        this.server = server;
        this.facts = facts;
        this.account = account;
    }

    Verdict mail(Command.Mail mail) {
        Settings settings = session.settings();
        InboundConfig config = settings.config();
        Command.MailParameters parameters = mail.parameters();
        Mailbox mailbox = mail.path().mailbox();
        String unsupported = parameters.auth() != null && !isAuthOffered()
                ? Capabilities.AUTH
                : parameters.unsupported(settings.offered(facts.tls != null));
        if (facts.helo.isEmpty()) {
            return new Verdict.Fail(Replies.HELLO_FIRST);
        }
        if (session.transaction() != null) {
            return new Verdict.Fail(Replies.NESTED_MAIL); // RFC 5321 4.1.4
        }
        if (settings.listener().authRequired() && facts.identity == null) {
            return new Verdict.Fail(Replies.AUTH_FIRST); // RFC 4954 6
        }
        if (session.messages() >= config.maxMessagesPerSession()) {
            return new Verdict.Goodbye(server.replies().tooManyMessages, false);
        }
        if (unsupported != null) {
            return new Verdict.Fail(Reply.of(555, "5.5.4", "Unsupported option: " + unsupported).encode()); // RFC 5321 4.1.1.11
        }
        if (mailbox != null && mailbox.utf8() && !parameters.smtpUtf8()) {
            return new Verdict.Fail(Replies.NEEDS_SMTPUTF8); // RFC 6531 3.5
        }
        if (parameters.size() > config.maxMessageSize().bytes()) {
            return new Verdict.Fail(Replies.SIZE_TOO_BIG); // RFC 1870 6.1
        }
        if (!account.mayMail()) {
            return new Verdict.Say(ClientAccount.TOO_MANY_MESSAGES);
        }
        Verdict without = withoutRoom();
        if (without != null) {
            return without;
        }
        long now = parameters.isPlain() ? 0 : server.clock().millis();
        byte[] impossible = impossible(parameters, now);
        if (impossible != null) {
            return new Verdict.Fail(impossible);
        }
        Client asking = facts.client(settings);
        MailTransaction begun = new MailTransaction(mail.path().address(), mailbox == null ? "" : mailbox.domain(),
                parameters.size(),
                parameters.body() == Command.Body.EIGHT_BIT_MIME ? BodyType.EIGHT_BIT_MIME : BodyType.SEVEN_BIT,
                parameters.smtpUtf8(), options(parameters, now), asking.tenant(), asking.campaign());
        CompletableFuture<Decision> answer = server.policy().mail(asking, begun.sender, begun.senderDomain,
                begun.declaredSize);
        return LoopTasks.isGiven(answer)
                ? mailDecided(begun, answer.resultNow())
                : new Verdict.Await<>(answer, decision -> mailDecided(begun, decision));
    }

    /** Who has logged in was offered it before. */
    private boolean isAuthOffered() {
        return facts.loggedIn || !session.settings().mechanisms(facts.tls).isEmpty();
    }

    private Verdict mailDecided(MailTransaction begun, Decision decision) {
        return switch (decision) {
            case Decision.Accept accept -> {
                begun.add(accept);
                Reply beyond = beyondQuota(begun);
                yield beyond == null ? new Verdict.Begin(begun) : new Verdict.Defer(beyond);
            }
            case Decision.Refuse(Reply reply) -> refused(reply);
        };
    }

    /** @return why no more is taken from its tenant; null when more may be, or it isn't known yet whose it is */
    private @Nullable Reply beyondQuota(MailTransaction open) {
        String tenant = server.policy().tenantAtMail(facts.client(session.settings()), open.answer);
        return tenant == null || tenant.isEmpty() ? null : server.reception().refusal(tenant);
    }

    /** @return the reply when a parameter asks for the impossible, else null */
    private static byte @Nullable [] impossible(Command.MailParameters parameters, long now) {
        long holdUntil = holdUntil(parameters, now);
        if (holdUntil > now + Settings.MAX_HOLD_SECONDS * 1000 || holdUntil != 0 && holdUntil < now) {
            return Replies.BAD_HOLD; // RFC 4865 4.2
        }
        DeliverBy by = parameters.deliverBy();
        return by != null && by.seconds() <= 0 && by.mode() == DeliverBy.Mode.RETURN
                ? Replies.BAD_DELIVER_BY // RFC 2852 4
                : null;
    }

    /** Milliseconds since the epoch, 0 for at once. */
    private static long holdUntil(Command.MailParameters parameters, long now) {
        return switch (parameters.hold()) {
            case null -> 0;
            case FutureRelease.For(long seconds) -> now + Math.min(seconds, Settings.MAX_HOLD_SECONDS + 1) * 1000;
            case FutureRelease.Until(Instant time) -> Math.max(1, time.toEpochMilli());
        };
    }

    private static Options options(Command.MailParameters parameters, long now) {
        if (parameters.isPlain()) {
            return Options.NONE;
        }
        DeliverBy by = parameters.deliverBy();
        return new Options(parameters.ret(), parameters.envid(), parameters.requireTls(), holdUntil(parameters, now),
                by == null ? 0 : now + by.seconds() * 1000, by == null ? null : by.mode(), by != null && by.trace());
    }

    /** @return what the client hears when no new message would be kept, null when one would */
    private @Nullable Verdict withoutRoom() {
        if (server.reception().isDraining()) {
            return new Verdict.Defer(server.replies().draining);
        }
        SpoolHealth.State state = server.reception().spoolHealth().state();
        if (state != SpoolHealth.State.READY) {
            return new Verdict.Defer(SpoolReplies.of(state));
        }
        if (!server.reception().queueHasRoom()) {
            return new Verdict.Defer(Replies.QUEUE_FULL);
        }
        if (!server.memory().hasRoom()) {
            server.counters().messagesDeferred.increment();
            session.settings().counters().messagesDeferred.increment();
            return new Verdict.Say(Replies.NO_MEMORY);
        }
        return null;
    }

    Verdict rcpt(Command.Rcpt rcpt) {
        Mailbox mailbox = rcpt.path().mailbox();
        MailTransaction open = session.transaction();
        if (open == null) {
            return new Verdict.Fail(Replies.NEED_MAIL);
        }
        if (open.chunked || open.failed) {
            return new Verdict.Fail(open.failed ? Replies.FAILED_CHUNK : Replies.CHUNKING_BEGUN);
        }
        Settings settings = session.settings();
        String unsupported = rcpt.parameters().unsupported(settings.offered(facts.tls != null));
        if (unsupported != null) {
            return refusedRecipient(open, Reply.of(555, "5.5.4", "Unsupported option: " + unsupported));
        }
        if (mailbox.utf8() && !open.smtpUtf8) {
            return refusedRecipient(open, Replies.RECIPIENT_NEEDS_SMTPUTF8);
        }
        Recipient recipient = recipient(rcpt);
        String key = server.policy().mailbox(recipient);
        int place = open.place(key);
        if (place >= 0) { // once is enough, with all that was asked for
            return open.repeat(place, recipient, server.memory())
                    ? overshoot(open, Verdict.RECIPIENT_OK, Replies.RECIPIENT_OK)
                    : noMemory(open);
        }
        if (open.recipients.size() >= settings.config().maxRecipients()) {
            open.recipientsRefused = true;
            server.counters().recipientsRefused.increment();
            return overshoot(open, TOO_MANY_RECIPIENTS, Replies.TOO_MANY_RECIPIENTS);
        }
        if (!server.reception().queueHasRoom()) {
            open.recipientsRefused = true;
            return new Verdict.Defer(Replies.QUEUE_FULL);
        }
        Reply beyond = beyondQuota(open);
        if (beyond != null) {
            open.recipientsRefused = true;
            return new Verdict.Defer(beyond);
        }
        if (!account.mayRcpt()) {
            open.recipientsRefused = true;
            return new Verdict.Say(ClientAccount.TOO_MANY_RECIPIENTS);
        }
        CompletableFuture<Decision> answer = server.policy().recipient(facts.client(settings), open.sender,
                open.senderDomain, recipient);
        return LoopTasks.isGiven(answer)
                ? recipientDecided(open, recipient, key, answer.resultNow())
                : new Verdict.Await<>(answer, decision -> recipientDecided(open, recipient, key, decision));
    }

    private Verdict noMemory(MailTransaction open) {
        open.recipientsRefused = true;
        server.counters().messagesDeferred.increment();
        session.settings().counters().messagesDeferred.increment();
        return new Verdict.Say(Replies.NO_MEMORY);
    }

    /** No error for a while: RFC 5321 4.5.3.1.10 has the client send the rest later. */
    private static Verdict overshoot(MailTransaction open, Verdict tolerant, byte[] reply) {
        return ++open.overshoot > RECIPIENT_OVERSHOOT ? new Verdict.Fail(reply) : tolerant;
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

    private Verdict recipientDecided(MailTransaction open, Recipient recipient, String mailbox, Decision decision) {
        return switch (decision) {
            case Decision.Accept accept -> {
                if (!open.add(recipient, mailbox, server.memory())) {
                    yield noMemory(open);
                }
                open.add(accept);
                yield Verdict.RECIPIENT_OK;
            }
            case Decision.Refuse(Reply reply) -> refusedRecipient(open, reasoned(recipient, reply));
        };
    }

    /** Whoever writes to this server's postmaster in vain is told why, and so is who runs it. */
    private Reply reasoned(Recipient recipient, Reply reply) {
        return recipient.domain().equalsIgnoreCase(server.hostname()) && reply.equals(Policy.relayDenied(recipient))
                && recipient.address().regionMatches(true, 0, POSTMASTER_AT, 0, POSTMASTER_AT.length())
                        ? server.replies().noPostmaster
                        : reply;
    }

    private Verdict refusedRecipient(MailTransaction open, Reply reply) {
        open.recipientsRefused = true;
        server.counters().recipientsRefused.increment();
        return refused(reply);
    }

    /** What a policy said no to. */
    private static Verdict refused(Reply reply) {
        if (reply.code() == 421) {
            return new Verdict.Goodbye(reply.encode(), false); // RFC 5321 3.8
        }
        return reply.isPermanent() ? new Verdict.Fail(reply.encode()) : new Verdict.Say(reply.encode());
    }
}
