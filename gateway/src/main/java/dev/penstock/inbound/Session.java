package dev.penstock.inbound;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.InboundConfig;
import dev.penstock.message.MessageEvent;
import dev.penstock.reception.SpoolReplies;
import dev.penstock.smtp.ByteScan;
import dev.penstock.smtp.Reply;
import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;
import dev.penstock.trace.Direction;
import dev.penstock.trace.SessionFacts;
import dev.penstock.trace.SessionTrace;

/**
 * One SMTP session of a client (RFC 5321) as a state machine: its phases, its input and replies, errors, deadlines and
 * end. Confined to the connection's event loop, but for {@link #shutDown}, {@link #abort}, {@link #proceed}, {@link #closeNow}
 * and {@link #view}, which any thread may call.
 *
 * <p>What lines and content mean is told by {@link CommandStage} and {@link ContentStage} and those behind them. They see
 * a {@link StageView}, and answer with a {@link Verdict}: nobody but this class changes the {@link SessionState}.
 *
 * <p>Input is asked for one read at a time, and only when all of the last one is used up. Whatever must be waited for
 * (the spool, memory, a slow reader of replies, the penalty of an error) therefore stops the reading, and commands that
 * were sent ahead (RFC 2920) stay in {@link PendingInput} until their turn. The replies of one read leave in one write.
 */
final class Session implements ReceptionMemory.Waiter {
    private static final Logger log = LoggerFactory.getLogger(Session.class);

    private static final int FREE_INPUT = CommandStage.MAX_LINE + 2; // octets that aren't counted: one line

    private final SmtpServer server;
    private final ClientConnection connection;
    private final ClientAccount account;
    private final int listener; // its place among the server's
    private final String id;
    private final ClientFacts facts;
    private final LoopTasks tasks;
    private final EntryStage entry;
    private final CommandStage commands;
    private final ContentStage content;
    private final Rejections rejections;

    private final SessionState state;
    private final PendingInput input;
    private boolean moreInput; // follows the command being executed, in the same read

    private final SessionTimer timer;
    private final SessionTrace trace;
    private final long begunNanos;
    private boolean ended; // by an operator: nothing is read any more, what is being committed has its answer yet

    Session(SmtpServer server, ClientConnection connection, LoopScratch scratch, ClientAccount account,
            InetSocketAddress remote, @Nullable InetSocketAddress local, boolean early, int listener, Settings settings,
            long number) {
        this.server = server;
        this.connection = connection;
        this.account = account;
        this.listener = listener;
        this.id = Long.toHexString(number);
        this.facts = new ClientFacts(id, remote, local, settings.relayNetworks());
        this.input = new PendingInput(server.memory(), FREE_INPUT);
        this.state = new SessionState(id, settings, connection::nanoTime);
        this.tasks = new LoopTasks(connection, id, this::failed);
        this.timer = new SessionTimer(connection, () -> state.nanosToLook(isPressed()),
                () -> tasks.now(this::checkTime));
        this.entry = new EntryStage(state, server, facts, account, early);
        this.content = new ContentStage(state, server, facts, scratch, this);
        this.rejections = new Rejections(state, server, facts, content);
        this.commands = new CommandStage(state, server, facts, account, content, rejections);
        this.trace = new SessionTrace(server.trace(), id, Direction.IN, this::traced, connection::nanoTime);
        this.begunNanos = connection.nanoTime();
    }

    // ---- faults ------------------------------------------------------------------------------------------------

    /** A fault in one of its tasks ends this session with a 421, instead of leaving the client without a reply. */
    private void failed(Throwable fault) {
        log.error("event=session-failed session={} client={} phase={}", id, facts.remote, state.phase(), fault);
        if (state.is(SessionPhase.HANDSHAKE) && !entry.isSecured() || state.is(SessionPhase.CLOSING)) {
            state.enter(SessionPhase.CLOSING); // nothing can be said in the midst of a handshake, whose failure is ours
            closeNow();
            return;
        }
        moreInput = true; // as if more had come: then the reply's lingering close lets the client read it
        try {
            goodbye(server.replies().failed);
        } catch (Throwable e) {
            log.error("event=session-closed-without-reply session={} client={}", id, facts.remote, e);
            closeNow();
        }
    }

    // ---- called by the connection ------------------------------------------------------------------------------

    /** The connection is ready. */
    void begin() {
        tasks.now(() -> {
            timer.start();
            if (trace.isOn()) {
                trace.note("connected");
            }
            apply(entry.begin());
        });
    }

    /** One read; nothing of {@code in} is kept. */
    void received(byte[] in, int length) {
        try {
            if (state.isOver()) {
                connection.read();
            } else if (state.is(SessionPhase.GREETING) || state.is(SessionPhase.HANDSHAKE)) {
                apply(entry.talkedEarly(state.is(SessionPhase.HANDSHAKE)));
            } else {
                Settings current = server.settings(listener);
                if (current != state.settings()) {
                    facts.reconfigured(current.relayNetworks());
                }
                state.read(length, current);
                consume(in, length);
                advance();
            }
        } catch (Throwable e) { // as in a turn, which would cost an object for each read
            failed(e);
        }
    }

    /** The client reads its replies again. */
    void writable() {
        if (state.waitsFor(Wait.CLIENT)) {
            tasks.now(this::resume);
        }
    }

    /** The handshake has succeeded. */
    void secured() {
        tasks.now(() -> {
            ServerTls tls = state.settings().tls();
            TlsSession session = !state.is(SessionPhase.HANDSHAKE) || tls == null ? null : connection.tlsSession(tls);
            if (session != null) {
                endTransaction();
                trace.note("TLS " + session.protocol() + " " + session.cipher());
                apply(entry.secured(session));
            }
        });
    }

    /** The handshake has not; the connection is of no use any more. */
    void handshakeFailed(Throwable cause) {
        server.counters().tlsFailures.increment();
        countFailedHandshake(cause);
        trace.note("TLS handshake failed: " + cause);
        log.debug("event=tls-failed session={} client={} why={}", id, facts.remote, cause.toString());
        closeNow();
    }

    /** The connection has failed. */
    void lost(Throwable failure) {
        trace.note("connection lost: " + failure);
        log.debug("event=session-lost session={} client={} why={}", id, facts.remote, failure.toString());
        closeNow();
    }

    /** The connection is closed; called once. */
    void closed() {
        trace.note("closed");
        countAbort();
        countFailedHandshake(null); // TLS itself is told of the end only after the account is left
        account.leave();
        state.enter(SessionPhase.CLOSED);
        endTransaction();
        input.forget();
        timer.cancel();
        connection.release();
        tasks.now(content::abort); // the last: a fault of the spool's is nobody else's
    }

    // ---- called by the server ----------------------------------------------------------------------------------

    String id() {
        return id;
    }

    /** At the next command boundary the session ends. */
    void shutDown() {
        tasks.hop(() -> {
            if (state.is(SessionPhase.COMMANDS) && !state.isWaiting()) {
                advance();
            }
        });
    }

    /**
     * An operator ends the session: with 421, whatever it is doing, and without a word within a handshake. A message that
     * is being made durable has its answer before, or the client would send it again.
     *
     * @param why for the log
     */
    void abort(String why) {
        tasks.hop(() -> {
            if (state.isOver() || ended) {
                return;
            }
            ended = true;
            log.info("event=session-aborted session={} client={} phase={} why={}", id, facts.remote, state.phase(),
                    why);
            trace.note("aborted by an operator");
            if (state.is(SessionPhase.HANDSHAKE)) {
                closeNow();
            } else if (!state.waitsFor(Wait.COMMIT)) {
                goodbye(server.replies().ended);
            }
        });
    }

    /** Memory has room again. */
    @Override
    public void proceed() {
        tasks.hop(() -> {
            resumeFrom(Wait.MEMORY);
            apply(content.hurried()); // perhaps nothing has come, and nothing will
        });
    }

    /** Whatever state the session is in. */
    void closeNow() {
        connection.close();
    }

    /** As others see it. */
    ClientSessionView view() {
        ClientFacts.Seen seen = facts.seen();
        SessionState.Doing doing = state.doing();
        TlsSession tls = seen.tls();
        return new ClientSessionView(id, seen.remote(), seen.helo(), seen.login(),
                server.settings(listener).listener().name(),
                seen.protocol(), tls == null ? null : new MessageEvent.Tls(tls.protocol(), tls.cipher()),
                ClientSessionView.state(doing.phase(), doing.reason()), Duration.ofNanos(doing.nanos()),
                Duration.ofNanos(Math.max(0, connection.nanoTime() - begunNanos)), doing.messages(), doing.octets());
    }

    /** As watchers look for it. */
    private SessionFacts traced() {
        ClientFacts.Seen seen = facts.seen();
        MailTransaction open = state.transaction();
        return new SessionFacts(id, Direction.IN, seen.remote().getAddress(), seen.helo(),
                state.settings().listener().name(), "", "", "", open == null ? "" : open.tenant);
    }

    // ---- input -------------------------------------------------------------------------------------------------

    private void consume(byte[] in, int end) {
        if (input.isHeld()) {
            input.hold(in, 0, end);
            return;
        }
        int position = 0;
        while (position < end && !state.isWaiting()) {
            switch (state.phase()) {
                case COMMANDS, AUTH -> position = line(in, position, end);
                case DATA -> {
                    int from = position;
                    position = content.data(in, position, end);
                    trace.content(in, from, position - from);
                    moreInput = position < end;
                    apply(content.taken());
                }
                case CHUNK -> {
                    int from = position;
                    position = content.chunk(in, position, end);
                    trace.content(in, from, position - from);
                    if (content.isChunkWhole()) {
                        trace.endOfContent(content.isLastChunk());
                    }
                    moreInput = position < end;
                    apply(content.taken());
                }
                case GREETING, HANDSHAKE, CLOSING, CLOSED -> {
                    return;
                }
            }
        }
        if (position < end) {
            input.hold(in, position, end);
        }
    }

    /** @return where the next line begins */
    private int line(byte[] in, int position, int end) {
        int lineFeed = ByteScan.indexOf((byte) '\n', in, position, end);
        moreInput = lineFeed + 1 < end;
        if (lineFeed == end || input.hasLine()) {
            int most = state.is(SessionPhase.AUTH) ? Authentication.MAX_LINE : commands.maxLine();
            input.addToLine(in, position, lineFeed, most + 2);
        }
        if (lineFeed == end) {
            state.lineUnfinished();
            return end;
        }
        if (input.hasLine()) {
            int length = input.lineLength();
            byte[] whole = input.takeLine();
            state.lineEnded();
            execute(whole, 0, length);
        } else {
            execute(in, position, lineFeed - position);
        }
        return lineFeed + 1;
    }

    private void execute(byte[] in, int offset, int lengthWithCr) {
        int length = lengthWithCr > 0 && in[offset + lengthWithCr - 1] == '\r' ? lengthWithCr - 1 : lengthWithCr;
        if (state.is(SessionPhase.AUTH)) {
            trace.response(in, offset, length);
        } else if (trace.isOn()) {
            trace.command(in, offset, length);
        }
        apply(state.is(SessionPhase.AUTH)
                ? commands.response(in, offset, length)
                : commands.line(in, offset, length, moreInput));
    }

    /** What was waited for has come. */
    private void resume() {
        if (state.is(SessionPhase.CLOSED)) {
            return;
        }
        state.waitNoMore();
        byte[] held = input.take();
        if (held != null) {
            consume(held, held.length);
        }
        advance();
    }

    private void resumeFrom(Wait reason) {
        if (state.waitsFor(reason)) {
            resume();
        }
    }

    /** At the end of each turn: lets replies go and asks for more input, as far as nothing must be waited for. */
    private void advance() {
        if (!input.fits(state.owesAnswer())) {
            goodbye(server.replies().noMemory);
            return;
        }
        if (state.is(SessionPhase.CLOSED) || state.is(SessionPhase.GREETING) || state.waitsFor(Wait.PENALTY)) {
            return;
        }
        connection.flush();
        if (state.isWaiting()) {
            return;
        }
        if (state.is(SessionPhase.COMMANDS) && server.isShuttingDown()) {
            goodbye(server.replies().shuttingDown);
            return;
        }
        if (!connection.isWritable()) {
            state.waitForClient();
            return;
        }
        connection.read();
    }

    // ---- verdicts ----------------------------------------------------------------------------------------------

    private void apply(Verdict verdict) {
        switch (verdict) {
            case Verdict.Step step -> apply(step);
            case Verdict.Say said -> say(said.reply);
            case Verdict.Junk junk -> junk(junk.reply);
            case Verdict.Fail fault -> fail(fault.reply);
            case Verdict.Begin(MailTransaction begun) -> {
                state.begin(begun);
                say(Replies.SENDER_OK);
            }
            case Verdict.Accepted accepted -> {
                state.accepted();
                say(accepted.reply);
            }
            case Verdict.AwaitCommit<?> commit -> await(commit);
            case Verdict.Await<?> answer -> await(answer);
            case Verdict.AwaitSpool(CompletableFuture<?> writable) -> {
                state.waitFor(Wait.SPOOL);
                tasks.when(writable, (_, _) -> resumeFrom(Wait.SPOOL));
            }
            case Verdict.Reset(Verdict then) -> {
                reset();
                apply(then);
            }
            case Verdict.Enter(SessionPhase next, Verdict then) -> {
                state.enter(next);
                apply(then);
            }
            case Verdict.Leave(boolean messageOver, boolean withTransaction, Verdict then) -> {
                state.enter(SessionPhase.COMMANDS);
                if (messageOver) {
                    state.messageEnded();
                    trace.nextMessage();
                }
                if (withTransaction) {
                    endTransaction();
                }
                apply(then);
            }
            case Verdict.Both(Verdict first, Verdict second) -> {
                apply(first);
                apply(second);
            }
            case Verdict.Defer(Reply reply) -> defer(reply);
            case Verdict.Refuse(Reply reply) -> refuse(reply);
            case Verdict.Goodbye last -> {
                moreInput |= last.inputFollows;
                goodbye(last.reply);
            }
            case Verdict.LookLater(long delay, var look) -> tasks.later(delay, () -> {
                if (!state.isOver()) {
                    apply(look.get());
                }
            });
        }
    }

    private void apply(Verdict.Step step) {
        switch (step) {
            case GO_ON -> {
            }
            case WELCOME -> {
                state.enter(SessionPhase.GREETING);
                trace.anew(); // whom the client speaks for may be another
                state.pauseClock();
                apply(entry.welcome());
            }
            case LISTEN -> connection.read();
            case GREET -> {
                state.enter(SessionPhase.COMMANDS);
                state.resumeClock();
                say(state.settings().greeting);
                advance();
            }
            case START_TLS -> {
                reset();
                say(Replies.START_TLS);
                connection.flush();
                handshake();
            }
            case HANDSHAKE -> handshake();
            case CUT_OFF -> {
                state.enter(SessionPhase.CLOSING); // one error, not that of a failed handshake too
                closeNow();
            }
            case BEGIN_DATA -> {
                state.enter(SessionPhase.DATA);
                state.messageBegun();
                say(Replies.START_DATA);
            }
            case BEGIN_CHUNK -> {
                state.messageBegun();
                chunk();
            }
            case NEXT_CHUNK -> chunk();
            case CONTENT_ENDS -> {
                MailTransaction whole = state.handOver();
                if (state.is(SessionPhase.DATA)) {
                    trace.endOfContent(true);
                }
                if (whole != null && trace.tells()) {
                    trace.note(decided(whole));
                }
                state.enter(SessionPhase.COMMANDS);
                state.messageEnded();
                apply(content.finish(whole));
            }
            case AWAIT_MEMORY -> state.waitFor(Wait.MEMORY);
        }
    }

    private void handshake() {
        ServerTls tls = state.settings().tls();
        if (tls != null) {
            state.enter(SessionPhase.HANDSHAKE);
            connection.startTls(tls);
            connection.read(); // what comes out of this before the handshake's end was sent in the clear
        }
    }

    private void chunk() {
        state.enter(SessionPhase.CHUNK);
        if (content.isChunkWhole()) {
            trace.endOfContent(content.isLastChunk());
            apply(content.taken());
        }
    }

    /** What is made of a message whose content is there. */
    private static String decided(MailTransaction whole) {
        return "message of " + whole.recipients.size() + " recipients"
                + (whole.tenant.isEmpty() ? "" : " tenant=" + whole.tenant)
                + (whole.campaign.isEmpty() ? "" : " campaign=" + whole.campaign)
                + (whole.pool.isEmpty() ? "" : " pool=" + whole.pool)
                + " class=" + whole.mailClass.name().toLowerCase(Locale.ROOT);
    }

    private <T> void await(Verdict.Await<T> question) {
        state.waitFor(Wait.ANSWER);
        tasks.when(question.answer(), (value, failure) -> {
            if (!state.waitsFor(Wait.ANSWER) || state.isOver()) {
                return;
            }
            state.waitNoMore();
            if (failure != null) { // against the contract of all who are asked
                log.error("event=answer-failed session={}", id, failure);
                goodbye(server.replies().failed);
                return;
            }
            goOn(question.then().apply(value));
        });
    }

    private <T> void await(Verdict.AwaitCommit<T> commit) {
        state.waitFor(Wait.COMMIT);
        tasks.always(commit.commit(), (entries, failure) -> {
            Verdict verdict = commit.settled().apply(entries, failure);
            if (!state.isOver()) { // nothing is said after 421
                state.waitNoMore();
                goOn(verdict);
            }
        });
    }

    /** As {@link #apply}, in a turn that no input began. */
    private void goOn(Verdict verdict) {
        apply(verdict);
        if (ended) {
            goodbye(server.replies().ended);
        } else if (!state.isWaiting()) {
            resume();
        }
    }

    // ---- transactions ------------------------------------------------------------------------------------------

    /** The transaction is over, and its envelope is counted no more. */
    private void endTransaction() {
        MailTransaction open = state.handOver();
        if (open != null) {
            server.memory().releaseEnvelope(open.handOver());
        }
    }

    /** Forgets the transaction, and what has come of its message. */
    private void reset() {
        MailTransaction open = state.transaction();
        endTransaction();
        state.messageEnded();
        trace.nextMessage();
        if (open != null && open.chunked) {
            server.counters().messagesAborted.increment();
            content.abort();
        }
    }

    /** @param cause null when the connection has ended */
    private void countFailedHandshake(@Nullable Throwable cause) {
        if (state.is(SessionPhase.HANDSHAKE) && !entry.isSecured()) {
            state.enter(SessionPhase.CLOSING); // counted once
            entry.handshakeFailed(cause, connection.hasBegunTls());
        }
    }

    private void countAbort() {
        if (state.hasContent()) {
            server.counters().messagesAborted.increment();
        }
    }

    // ---- replies and ends --------------------------------------------------------------------------------------

    private void say(byte[] reply) {
        if (!state.is(SessionPhase.CLOSED)) {
            rejections.said(reply);
            if (trace.tells()) {
                trace.learned();
                trace.reply(reply);
            }
            connection.write(reply);
        }
    }

    private void junk(byte[] reply) {
        if (state.junk() > server.stress().junkCommandLimit(state.settings().config())) {
            fail(reply);
        } else {
            say(reply);
        }
    }

    private void fail(byte[] reply) {
        InboundConfig config = state.settings().config();
        say(reply);
        int errors = state.error();
        account.error();
        server.counters().errors.increment();
        if (errors >= server.stress().hardErrorLimit(config)) {
            goodbye(server.replies().tooManyErrors);
            return;
        }
        long delay = Stress.errorDelayNanos(errors, config);
        if (delay > 0 && !state.is(SessionPhase.CLOSED)) {
            state.waitFor(Wait.PENALTY);
            tasks.later(delay, () -> resumeFrom(Wait.PENALTY));
        }
    }

    private void defer(Reply reply) {
        server.counters().messagesDeferred.increment();
        state.settings().counters().messagesDeferred.increment();
        if (reply.code() == 421) {
            goodbye(SpoolReplies.isClosed(reply) ? server.replies().shuttingDown : reply.encode());
        } else {
            say(reply.encode());
        }
    }

    private void refuse(Reply reply) {
        if (reply.isPermanent()) {
            server.counters().messagesRefused.increment();
            state.settings().counters().messagesRefused.increment();
            fail(reply.encode());
        } else {
            defer(reply);
        }
    }

    /** Sends a last reply and closes. */
    private void goodbye(byte[] reply) {
        if (state.isOver()) {
            return;
        }
        say(reply);
        boolean inputLeft = moreInput || input.isHeld() || state.is(SessionPhase.DATA) || state.is(SessionPhase.CHUNK);
        countAbort();
        endTransaction();
        state.close();
        input.forget();
        try {
            content.abort();
        } finally {
            connection.closeAfterReplies(inputLeft); // whatever the spool made of it
        }
    }

    // ---- time --------------------------------------------------------------------------------------------------

    /** Under stress, or while memory is short and this session has more of it than usual. */
    private boolean isPressed() {
        MailTransaction open = state.transaction();
        return server.stress().isOn()
                || (input.isCounted() || open != null && open.isCounted()) && server.memory().isShort();
    }

    private void checkTime() {
        if (state.isOver()) {
            return;
        }
        Slowness slowness = state.slowness(isPressed());
        if (slowness == null) {
            timer.start();
            return;
        }
        if (state.waitsFor(Wait.COMMIT) || state.waitsFor(Wait.ANSWER)) { // over just before: it is told once the client has its reply
            timer.again();
            return;
        }
        server.counters().slow(slowness);
        trace.note("timed out: " + slowness);
        log.debug("event=session-timed-out session={} client={} phase={} slowness={}", id, facts.remote, state.phase(),
                slowness);
        if (state.waitsFor(Wait.CLIENT) || state.is(SessionPhase.HANDSHAKE)) {
            closeNow(); // it doesn't read replies either, or could not
        } else {
            goodbye(server.replies().timeout);
        }
    }
}
