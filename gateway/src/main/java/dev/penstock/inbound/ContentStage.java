package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.message.MessageId;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
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
 * session's event loop.
 */
final class ContentStage {
    private static final Logger log = LoggerFactory.getLogger(ContentStage.class);

    /** In which a message that others wait for must bring something, and what min-data-rate asks for. */
    private static final int FAVOUR_SECONDS = 5;
    /** Shorter waits for us don't count: every chunk has some, and what a client must bring is little. */
    private static final long LEAST_STOP_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Octets of what policies are told of a header section that aren't counted: a From field and some more. */
    private static final int FREE_FIELDS = 4096;

    private final StageView session;
    private final SmtpServer server;
    private final ClientFacts facts;
    private final LoopScratch scratch;
    private final ReceptionMemory.Waiter waiter;
    private @Nullable ContentReceiver receiver;
    private boolean inChunk; // else in data
    private long chunkSize;
    private long chunkLeft;
    private boolean lastChunk;
    private byte @Nullable [] chunkRefusal; // the chunk is read and forgotten, then this is said
    private @Nullable Reply chunkDeferral; // likewise, but it is no error of the client's
    private long endedNanos; // of the content whose reply is to come; 0 before its end
    private boolean hurried; // a look at the message that others wait for is to come

    /** @param waiter is told when memory has room again for what this stage waits with */
    ContentStage(StageView session, SmtpServer server, ClientFacts facts, LoopScratch scratch,
            ReceptionMemory.Waiter waiter) {
        this.session = session;
        this.server = server;
        this.facts = facts;
        this.scratch = scratch;
        this.waiter = waiter;
    }

    Verdict beginData() {
        MailTransaction open = session.transaction();
        if (open == null) {
            return new Verdict.Fail(Replies.NEED_MAIL);
        }
        if (open.failed) {
            return new Verdict.Fail(Replies.FAILED_CHUNK);
        }
        if (open.chunked) {
            return new Verdict.Fail(Replies.DATA_AFTER_BDAT);
        }
        if (open.recipients.isEmpty()) {
            return new Verdict.Fail(open.recipientsRefused ? Replies.NO_VALID_RECIPIENTS : Replies.NEED_RCPT);
        }
        Reply deferral = beginContent(open, false);
        if (deferral != null) {
            return new Verdict.Leave(false, true, new Verdict.Defer(deferral));
        }
        inChunk = false;
        return Verdict.Step.BEGIN_DATA;
    }

    /**
     * The chunk's octets follow in any case, and are read in any case (RFC 3030 2).
     *
     * @param refusal what is said then, null when the transaction decides
     */
    Verdict beginChunk(long size, boolean last, byte @Nullable [] refusal) {
        if (!session.settings().offers(Capabilities.CHUNKING)) {
            return new Verdict.Goodbye(Replies.NOT_IMPLEMENTED, true); // nothing can be told from what follows
        }
        if (size > session.settings().config().maxMessageSize().bytes()) {
            return new Verdict.Goodbye(server.replies().chunkTooBig, true); // reading it all only to refuse it would be a gift to bad clients
        }
        MailTransaction open = session.transaction();
        inChunk = true;
        chunkSize = size;
        chunkLeft = size;
        lastChunk = last;
        chunkRefusal = refusal;
        chunkDeferral = null;
        boolean first = false;
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
            first = true;
        }
        return first || chunkRefusal != null // which has to come in time too
                ? Verdict.Step.BEGIN_CHUNK
                : Verdict.Step.NEXT_CHUNK;
    }

    /** @return why the spool takes nothing; null when it does */
    private @Nullable Reply beginContent(MailTransaction open, boolean chunked) {
        MessageId id = server.reception().nextId();
        byte[] trace = TraceField.of(facts.traceStart(server.hostname()), facts.protocol(open.smtpUtf8), id,
                scratch.date(server.clock()));
        ContentReceiver message = receiver;
        if (message == null) {
            message = new ContentReceiver(server.memory());
            receiver = message;
        }
        try {
            endedNanos = 0;
            message.begin(server.reception(), id, trace, session.settings().config(), chunked,
                    server.policy().judgesMessages(), facts.relayNetwork || facts.identity != null);
            return null;
        } catch (SpoolException e) {
            return SpoolReplies.of(e.reason());
        }
    }

    /**
     * Takes input that follows DATA, up to the end of data and no further; {@link #taken} tells what follows from it.
     *
     * @return where the input after it begins, or {@code end}
     */
    int data(byte[] in, int position, int end) {
        return position + requireReceiver().take(in, position, end - position);
    }

    /**
     * Takes input that follows BDAT, up to the end of the chunk; {@link #taken} tells what follows from it.
     *
     * @return where the input after it begins, or {@code end}
     */
    int chunk(byte[] in, int position, int end) {
        int length = (int) Math.min(end - position, chunkLeft);
        if (chunkRefusal == null && chunkDeferral == null) {
            requireReceiver().takeChunk(in, position, length);
        }
        chunkLeft -= length;
        return position + length;
    }

    /** Whether all octets of the chunk are there. */
    boolean isChunkWhole() {
        return chunkLeft == 0;
    }

    /** Whether the message ends with the chunk. */
    boolean isLastChunk() {
        return lastChunk;
    }

    /** Some content is in. */
    Verdict taken() {
        if (inChunk) {
            byte[] refusal = chunkRefusal;
            Reply deferral = chunkDeferral;
            if (refusal != null) {
                return forgotten(new Verdict.Fail(refusal));
            }
            if (deferral != null) {
                return forgotten(new Verdict.Defer(deferral));
            }
            if (chunkLeft == 0 && lastChunk) {
                requireReceiver().endOfChunks();
            }
        }
        return contentTaken();
    }

    private Verdict forgotten(Verdict whenWhole) {
        return chunkLeft > 0 ? Verdict.Step.GO_ON : new Verdict.Leave(true, lastChunk, whenWhole);
    }

    /** Asks what the header section means, or waits for room, or ends the message. */
    private Verdict contentTaken() {
        ContentReceiver message = requireReceiver();
        HeaderGate waiting = message.waitingHeader();
        HeaderSection header = waiting == null ? null : waiting.section();
        MailTransaction open = session.transaction();
        boolean over = inChunk ? chunkLeft == 0 : message.finished();
        if (over && endedNanos == 0 && (!inChunk || lastChunk)) {
            endedNanos = System.nanoTime();
        }
        if (header != null && open != null
                && !message.count(header.weight(server.policy().wantedHeaders()) - FREE_FIELDS)) {
            message.refuse(Replies.NO_ROOM);
            header = null;
        }
        if (header != null && open != null) {
            return awaited(
                    server.policy().message(facts.client(session.settings()), open.answer, open.sender, open.recipients,
                            header.fields(server.policy().wantedHeaders()), open.declaredSize),
                    decision -> headerDecided(message, open, decision));
        }
        if (over && inChunk && !lastChunk) {
            return endOfChunk(message);
        }
        if (over && open != null && !open.judged && message.refusal() == null) {
            return awaited(server.policy().message(facts.client(session.settings()), open.answer, open.sender,
                    open.recipients, Policy.NotKept.FIELDS, message.size()),
                    decision -> messageDecided(message, open, decision));
        }
        return over ? Verdict.Step.CONTENT_ENDS : room(message);
    }

    private static Verdict awaited(CompletableFuture<Decision> answer, Function<Decision, Verdict> then) {
        return LoopTasks.isGiven(answer) ? then.apply(answer.resultNow()) : new Verdict.Await<>(answer, then);
    }

    /** More of a message is read only when there is room for it. */
    private Verdict room(ContentReceiver message) {
        IncomingMessage incoming = message.message();
        if (incoming == null) {
            return Verdict.Step.GO_ON;
        }
        CompletableFuture<Void> writable = incoming.writable();
        if (!writable.isDone()) {
            return new Verdict.AwaitSpool(writable);
        }
        return server.memory().mayProceed(waiter) ? hurried() : Verdict.Step.AWAIT_MEMORY;
    }

    /** While memory is short, the one message that may go on beyond the limit is looked at every few seconds. */
    Verdict hurried() {
        if (hurried || !server.memory().isFavoured(waiter)) {
            return Verdict.Step.GO_ON;
        }
        hurried = true;
        return lookLater(requireReceiver().id(), session.messageOctets(), session.stoppedNanos(),
                TimeUnit.SECONDS.toNanos(FAVOUR_SECONDS));
    }

    private Verdict lookLater(@Nullable MessageId which, long before, long stopped, long delayNanos) {
        return new Verdict.LookLater(delayNanos, () -> lookAtFavour(which, before, stopped));
    }

    /** What it was allowed to send in the past doesn't count here, as it does for the client's own deadline. */
    private Verdict lookAtFavour(@Nullable MessageId which, long before, long stoppedBefore) {
        boolean same = Objects.equals(which, requireReceiver().id()); // and no later one
        long stopped = session.stoppedNanos();
        if (same && stopped - stoppedBefore >= LEAST_STOP_NANOS) {
            return lookLater(which, before, stopped, stopped - stoppedBefore); // it waited for us so long
        }
        hurried = false;
        long least = Math.max(1, session.settings().config().hostility().minDataRate().bytes() * FAVOUR_SECONDS);
        long brought = session.messageOctets() - before;
        if (same && session.isClientsTurn() && brought < least && server.memory().holdsUp(waiter)) {
            server.counters().slow(Slowness.DATA_RATE);
            log.debug("event=held-others-up session={} client={}", session.id(), facts.remote);
            return new Verdict.Goodbye(server.replies().tooSlow, false);
        }
        return hurried();
    }

    private Verdict headerDecided(ContentReceiver message, MailTransaction open, Decision decision) {
        switch (decision) {
            case Decision.Accept accept -> {
                open.judge(accept);
                message.release(HeaderEdits.of(server.policy(), accept));
            }
            case Decision.Refuse(Reply reply) -> message.refuse(reply);
        }
        return contentTaken();
    }

    private Verdict messageDecided(ContentReceiver message, MailTransaction open, Decision decision) {
        switch (decision) {
            case Decision.Accept accept -> open.judge(accept);
            case Decision.Refuse(Reply reply) -> message.refuse(reply);
        }
        return contentTaken();
    }

    private Verdict endOfChunk(ContentReceiver message) {
        Reply refusal = message.refusal();
        if (refusal == null) {
            Verdict said = new Verdict.Say(("250 2.0.0 " + chunkSize + " octets received\r\n").getBytes(ISO_8859_1));
            return new Verdict.Leave(false, false, new Verdict.Both(said, room(message))); // chunks may be as small as the client likes
        }
        message.abort(waiter);
        MailTransaction open = session.transaction();
        if (open != null) {
            open.failed = true;
            open.chunked = false;
        }
        return new Verdict.Leave(true, false, new Verdict.Refuse(refusal));
    }

    private ContentReceiver requireReceiver() {
        if (receiver == null) {
            throw new IllegalStateException("no message is being received");
        }
        return receiver;
    }

    /** The content is whole, and the transaction is this stage's: it becomes a message, or is forgotten. */
    Verdict finish(@Nullable MailTransaction open) {
        ContentReceiver message = requireReceiver();
        Reply refusal = message.refusal();
        IncomingMessage incoming = message.message();
        long envelopeOctets = open == null ? 0 : open.handOver();
        if (refusal != null || incoming == null || open == null) {
            server.memory().releaseEnvelope(envelopeOctets);
            message.abort(waiter);
            return new Verdict.Refuse(refusal == null ? SpoolReplies.FAILED : refusal);
        }
        String messageId = message.messageId();
        CompletableFuture<List<SpoolEntry>> commit;
        try {
            incoming.address(open.sender, open.recipients, open.body, open.smtpUtf8, open.tenant, open.campaign,
                    facts.origin(open.smtpUtf8), open.options, open.pool, open.mailClass);
            Reply beyond = incoming.admit();
            if (beyond != null) {
                server.memory().releaseEnvelope(envelopeOctets);
                message.abort(waiter);
                return new Verdict.Refuse(beyond);
            }
            commit = incoming.commit(message.hasDotLines(), message.hasEightBit());
        } catch (SpoolException e) {
            server.memory().releaseEnvelope(envelopeOctets);
            message.abort(waiter);
            return new Verdict.Refuse(SpoolReplies.of(e.reason()));
        } catch (RuntimeException | Error e) {
            server.memory().releaseEnvelope(envelopeOctets); // the content is released with the session
            throw e;
        }
        long contentOctets = message.handOver();
        if (commit.isDone()) {
            return settle(incoming, contentOctets, envelopeOctets, messageId,
                    LoopTasks.isGiven(commit) ? commit.resultNow() : null,
                    failure(commit));
        }
        return new Verdict.AwaitCommit<>(commit,
                (entries, failure) -> settle(incoming, contentOctets, envelopeOctets, messageId, entries, failure));
    }

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
     * @param contentOctets  what content counted for until now
     * @param envelopeOctets likewise
     */
    private Verdict settle(IncomingMessage message, long contentOctets, long envelopeOctets, String messageId,
            @Nullable List<SpoolEntry> entries, @Nullable Throwable failure) {
        server.memory().releaseEnvelope(envelopeOctets);
        server.memory().release(waiter, contentOctets);
        ClientSession from = facts.clientSession(session.settings());
        if (entries == null) {
            return new Verdict.Refuse(message.refusal(failure, from));
        }
        server.counters().accepted(message);
        session.settings().counters().accepted(message);
        String notice = message.notice();
        String text = message.id() + " queued" + (notice.isEmpty() ? "" : "; " + notice);
        message.handOver(entries, from, messageId, text);
        server.counters().acceptTimes.record(System.nanoTime() - endedNanos);
        return new Verdict.Accepted(("250 2.0.0 " + text + "\r\n").getBytes(ISO_8859_1));
    }

    /** What is known of the content that is being refused; null when there is none. */
    @Nullable
    ContentReceiver refused() {
        return receiver;
    }

    void abort() {
        ContentReceiver message = receiver;
        if (message != null) {
            message.abort(waiter);
        }
    }
}
