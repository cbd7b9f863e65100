package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.message.MessageId;
import dev.penstock.policy.Decision;
import dev.penstock.reception.ClientSession;
import dev.penstock.reception.HeaderEdits;
import dev.penstock.reception.HeaderSection;
import dev.penstock.reception.IncomingMessage;
import dev.penstock.reception.SpoolReplies;
import dev.penstock.reception.TraceField;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;

/**
 * DATA and BDAT: a message's content from its first octet to the reply that says whether it is ours. Confined to the
 * session's event loop, but for {@link #proceed}, which hops there.
 */
final class ContentStage implements ReceptionMemory.Waiter {
    private static final Logger log = LoggerFactory.getLogger(ContentStage.class);

    /** In which a message that others wait for must bring something, and what min-data-rate asks for. */
    private static final int FAVOUR_SECONDS = 5;
    /** Shorter waits for us don't count: every chunk has some, and what a client must bring is little. */
    private static final long LEAST_STOP_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Octets of what policies are told of a header section that aren't counted: a From field and some more. */
    private static final int FREE_FIELDS = 4096;

    private final Session session;
    private final SmtpServer server;
    private final ClientFacts facts;
    private @Nullable ContentReceiver receiver;
    private long chunkSize;
    private long chunkLeft;
    private boolean lastChunk;
    private byte @Nullable [] chunkRefusal; // the chunk is read and forgotten, then this is said
    private @Nullable Reply chunkDeferral; // likewise, but it is no error of the client's
    private boolean hurried; // a look at the message that others wait for is to come

    ContentStage(Session session) {
        this.session = session;
        this.server = session.server;
        this.facts = session.facts;
    }

    void beginData() {
        if (session.isOutOfStep()) {
            return;
        }
        MailTransaction open = session.transaction;
        if (open == null) {
            session.fail(Replies.NEED_MAIL);
        } else if (open.failed) {
            session.fail(Replies.FAILED_CHUNK);
        } else if (open.chunked) {
            session.fail(Replies.DATA_AFTER_BDAT);
        } else if (open.recipients.isEmpty()) {
            session.fail(open.recipientsRefused ? Replies.NO_VALID_RECIPIENTS : Replies.NEED_RCPT);
        } else {
            Reply refusal = beginContent(open, false);
            if (refusal != null) {
                session.endTransaction();
                session.defer(refusal);
                return;
            }
            session.phase = Session.Phase.DATA;
            session.progress.messageBegun(System.nanoTime());
            session.say(Replies.START_DATA);
        }
    }

    /**
     * The chunk's octets follow in any case, and are read in any case (RFC 3030 2).
     *
     * @param refusal what is said then, null when the transaction decides
     */
    void beginChunk(long size, boolean last, byte @Nullable [] refusal) {
        MailTransaction open = session.transaction;
        if (!session.settings.offers(Capabilities.CHUNKING)) {
            session.moreInput = true;
            session.goodbye(Replies.NOT_IMPLEMENTED); // nothing can be told from what follows
            return;
        }
        if (size > session.settings.config().maxMessageSize().bytes()) {
            session.moreInput = true;
            session.goodbye(server.replies().chunkTooBig); // reading it all only to refuse it would be a gift to bad clients
            return;
        }
        chunkSize = size;
        chunkLeft = size;
        lastChunk = last;
        chunkRefusal = refusal;
        chunkDeferral = null;
        if (refusal != null) {
            // nothing to decide
        } else if (open == null) {
            chunkRefusal = Replies.NEED_MAIL;
        } else if (open.failed) {
            chunkRefusal = Replies.FAILED_CHUNK;
        } else if (open.recipients.isEmpty()) {
            chunkRefusal = open.recipientsRefused ? Replies.NO_VALID_RECIPIENTS : Replies.NEED_RCPT;
        } else if (!open.chunked) {
            chunkDeferral = beginContent(open, true);
            open.chunked = chunkDeferral == null;
            open.failed = chunkDeferral != null;
            session.progress.messageBegun(System.nanoTime());
        }
        if (chunkRefusal != null) {
            session.progress.messageBegun(System.nanoTime()); // it has to come in time too
        }
        session.phase = Session.Phase.CHUNK;
        if (size == 0) {
            chunkTaken();
        }
    }

    /** @return why the spool takes nothing; null when it does */
    private @Nullable Reply beginContent(MailTransaction open, boolean chunked) {
        MessageId id = server.reception().nextId();
        byte[] trace = TraceField.of(facts.traceStart(server.hostname()), facts.protocol(open.smtpUtf8), id,
                session.scratch.date(server.clock()));
        ContentReceiver message = receiver;
        if (message == null) {
            message = new ContentReceiver(server.memory());
            receiver = message;
        }
        try {
            message.begin(server.reception(), id, trace, session.settings.config(), chunked,
                    server.policy().judgesMessages());
            return null;
        } catch (SpoolException e) {
            return SpoolReplies.of(e.reason());
        }
    }

    /** @return where the input after the data begins, or {@code end} */
    int data(byte[] in, int position, int end) {
        int taken = requireReceiver().take(in, position, end - position);
        session.moreInput = position + taken < end;
        contentTaken();
        return position + taken;
    }

    /** @return where the input after the chunk begins, or {@code end} */
    int chunk(byte[] in, int position, int end) {
        int taken = (int) Math.min(end - position, chunkLeft);
        if (chunkRefusal == null && chunkDeferral == null) {
            requireReceiver().takeChunk(in, position, taken);
        }
        chunkLeft -= taken;
        session.moreInput = position + taken < end;
        chunkTaken();
        return position + taken;
    }

    private void chunkTaken() {
        byte[] refusal = chunkRefusal;
        Reply deferral = chunkDeferral;
        if (refusal == null && deferral == null) {
            if (chunkLeft == 0 && lastChunk) {
                requireReceiver().endOfChunks();
            }
            contentTaken();
        } else if (chunkLeft == 0) {
            session.phase = Session.Phase.COMMANDS;
            session.progress.messageEnded();
            if (lastChunk) {
                session.endTransaction();
            }
            if (deferral != null) {
                session.defer(deferral);
            } else if (refusal != null) {
                session.fail(refusal);
            }
        }
    }

    /** Some content is in: asks what the header section means, or waits for room, or ends the message. */
    private void contentTaken() {
        ContentReceiver message = requireReceiver();
        HeaderGate waiting = message.waitingHeader();
        HeaderSection header = waiting == null ? null : waiting.section();
        MailTransaction open = session.transaction;
        if (header != null && open != null
                && !message.count(header.weight(server.policy().wantedHeaders()) - FREE_FIELDS)) {
            message.refuse(Replies.NO_ROOM);
            header = null;
        }
        if (header != null && open != null) {
            session.await(
                    server.policy().message(facts.client(session.settings), open.answer, open.sender, open.recipients,
                            header.fields(server.policy().wantedHeaders()), open.declaredSize),
                    decision -> {
                        headerDecided(message, open, decision);
                        contentTaken();
                    });
            return;
        }
        boolean over = session.phase == Session.Phase.CHUNK ? chunkLeft == 0 : message.finished();
        if (over && session.phase == Session.Phase.CHUNK && !lastChunk) {
            endOfChunk(message);
        } else if (over && open != null && !open.judged && message.refusal() == null) {
            CompletableFuture<Decision> answer = server.policy().message(facts.client(session.settings), open.answer,
                    open.sender,
                    open.recipients, List.of(), message.size());
            session.await(answer, decision -> {
                switch (decision) {
                    case Decision.Accept accept -> open.judge(accept);
                    case Decision.Refuse(Reply reply) -> message.refuse(reply);
                }
                contentTaken();
            });
        } else if (over) {
            session.phase = Session.Phase.COMMANDS;
            endOfData(message);
        } else {
            awaitRoom(message);
        }
    }

    /** More of a message is read only when there is room for it. */
    private void awaitRoom(ContentReceiver message) {
        IncomingMessage incoming = message.message();
        if (incoming == null) {
            return;
        }
        CompletableFuture<Void> writable = incoming.writable();
        if (!writable.isDone()) {
            session.waitFor(Session.Wait.SPOOL);
            var _ = writable.whenComplete((_, _) -> session.hop(() -> session.resumeFrom(Session.Wait.SPOOL)));
        } else if (!server.memory().mayProceed(this)) {
            session.waitFor(Session.Wait.MEMORY);
        } else {
            hurry();
        }
    }

    /** While memory is short, the one message that may go on beyond the limit is looked at every few seconds. */
    private void hurry() {
        if (!hurried && server.memory().isFavoured(this)) {
            hurried = true;
            lookLater(requireReceiver().id(), session.progress.messageOctets(),
                    session.progress.stoppedNanos(System.nanoTime()), TimeUnit.SECONDS.toNanos(FAVOUR_SECONDS));
        }
    }

    private void lookLater(@Nullable MessageId which, long before, long stopped, long delayNanos) {
        var _ = session.loop.schedule(() -> session.turn(() -> lookAtFavour(which, before, stopped)), delayNanos,
                TimeUnit.NANOSECONDS);
    }

    /** What it was allowed to send in the past doesn't count here, as it does for the client's own deadline. */
    private void lookAtFavour(@Nullable MessageId which, long before, long stoppedBefore) {
        if (session.phase == Session.Phase.CLOSING || session.phase == Session.Phase.CLOSED) {
            return;
        }
        boolean same = Objects.equals(which, requireReceiver().id()); // and no later one
        long stopped = session.progress.stoppedNanos(System.nanoTime());
        if (same && stopped - stoppedBefore >= LEAST_STOP_NANOS) {
            lookLater(which, before, stopped, stopped - stoppedBefore); // it waited for us so long
            return;
        }
        hurried = false;
        boolean clientsTurn = session.wait == Session.Wait.NONE || session.wait == Session.Wait.CLIENT;
        long least = Math.max(1, session.settings.config().hostility().minDataRate().bytes() * FAVOUR_SECONDS);
        long brought = session.progress.messageOctets() - before;
        if (same && clientsTurn && brought < least && server.memory().holdsUp(this)) {
            server.counters().slow(Slowness.DATA_RATE);
            log.debug("event=held-others-up session={} client={} phase={}", session.sessionId(), facts.remote,
                    session.phase);
            session.goodbye(server.replies().tooSlow);
        } else {
            hurry();
        }
    }

    private void headerDecided(ContentReceiver message, MailTransaction open, Decision decision) {
        switch (decision) {
            case Decision.Accept accept -> {
                open.judge(accept);
                message.release(HeaderEdits.of(server.policy(), accept));
            }
            case Decision.Refuse(Reply reply) -> message.refuse(reply);
        }
    }

    private void endOfChunk(ContentReceiver message) {
        session.phase = Session.Phase.COMMANDS;
        Reply refusal = message.refusal();
        if (refusal == null) {
            session.say(("250 2.0.0 " + chunkSize + " octets received\r\n").getBytes(ISO_8859_1));
            awaitRoom(message); // chunks may be as small as the client likes
            return;
        }
        message.abort(this);
        session.progress.messageEnded();
        if (session.transaction != null) {
            session.transaction.failed = true;
            session.transaction.chunked = false;
        }
        refuseMessage(refusal);
    }

    private ContentReceiver requireReceiver() {
        if (receiver == null) {
            throw new IllegalStateException("no message is being received");
        }
        return receiver;
    }

    /** Memory has room again. */
    @Override
    public void proceed() {
        session.hop(() -> {
            session.resumeFrom(Session.Wait.MEMORY);
            hurry(); // perhaps nothing has come, and nothing will
        });
    }

    private void endOfData(ContentReceiver message) {
        Reply refusal = message.refusal();
        IncomingMessage incoming = message.message();
        MailTransaction open = session.transaction;
        session.transaction = null;
        long envelopeOctets = open == null ? 0 : open.handOver();
        session.progress.messageEnded();
        if (refusal != null || incoming == null || open == null) {
            server.memory().releaseEnvelope(envelopeOctets);
            message.abort(this);
            refuseMessage(refusal == null ? SpoolReplies.FAILED : refusal);
            return;
        }
        String messageId = message.messageId();
        CompletableFuture<List<SpoolEntry>> commit;
        try {
            incoming.address(open.sender, open.recipients, open.body, open.smtpUtf8, open.tenant, open.campaign,
                    facts.origin(open.smtpUtf8), open.options);
            commit = incoming.commit(message.hasDotLines(), message.hasEightBit());
        } catch (SpoolException e) {
            server.memory().releaseEnvelope(envelopeOctets);
            message.abort(this);
            refuseMessage(SpoolReplies.of(e.reason()));
            return;
        } catch (RuntimeException | Error e) {
            server.memory().releaseEnvelope(envelopeOctets); // the content is released with the session
            throw e;
        }
        Octets octets = new Octets(message.handOver(), envelopeOctets);
        if (commit.isDone()) {
            boolean durable = Session.isGiven(commit);
            answer(settle(incoming, octets, messageId, durable ? commit.resultNow() : null, failure(commit)),
                    incoming.id());
            return;
        }
        session.waitFor(Session.Wait.COMMIT);
        var _ = commit.whenComplete((entries, failure) -> {
            try {
                session.loop.execute(() -> session.turn(() -> {
                    Reply refused = settle(incoming, octets, messageId, entries, failure);
                    if (session.phase == Session.Phase.CLOSING || session.phase == Session.Phase.CLOSED) { // nothing is said after 421
                        return;
                    }
                    session.waitNoMore();
                    answer(refused, incoming.id());
                    if (session.wait == Session.Wait.NONE) {
                        session.resume();
                    }
                }));
            } catch (RejectedExecutionException e) { // the server is closed: nobody hears the answer
                var _ = settle(incoming, octets, messageId, entries, failure);
            }
        });
    }

    /** What a message counts for until its commit is over. */
    private record Octets(long content, long envelope) {}

    private static @Nullable Throwable failure(CompletableFuture<?> done) {
        return switch (done.state()) {
            case FAILED -> done.exceptionNow();
            case CANCELLED -> new CancellationException();
            case RUNNING, SUCCESS -> null;
        };
    }

    /**
     * What a finished commit means for the rest of the gateway, whether or not the session lives.
     *
     * @return null when the message is ours now, else why not
     */
    private @Nullable Reply settle(IncomingMessage message, Octets octets, String messageId,
            @Nullable List<SpoolEntry> entries, @Nullable Throwable failure) {
        server.memory().releaseEnvelope(octets.envelope);
        server.memory().release(this, octets.content);
        ClientSession from = facts.clientSession(session.settings);
        if (entries == null) {
            return message.refusal(failure, from);
        }
        server.counters().accepted(message);
        message.handOver(entries, from, messageId, message.id() + " queued");
        return null;
    }

    private void answer(@Nullable Reply refusal, MessageId id) {
        if (refusal != null) {
            refuseMessage(refusal);
        } else {
            session.messages++;
            session.progress.accepted();
            session.errors = 0; // as Postfix does after a message
            session.junkCommands = 0;
            session.say(("250 2.0.0 " + id + " queued\r\n").getBytes(ISO_8859_1));
        }
    }

    private void refuseMessage(Reply reply) {
        if (reply.isPermanent()) {
            server.counters().messagesRefused.increment();
            session.fail(reply.encode());
        } else {
            session.defer(reply);
        }
    }

    /** What is known of the content that is being refused; null when there is none. */
    @Nullable
    ContentReceiver refused() {
        return receiver;
    }

    void abort() {
        ContentReceiver message = receiver;
        if (message != null) {
            message.abort(this);
        }
    }
}
