package dev.penstock.inbound;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.netty.NettyPipeline;

import dev.penstock.auth.Identity;
import dev.penstock.config.InboundConfig;
import dev.penstock.policy.Decision;
import dev.penstock.smtp.ByteScan;
import dev.penstock.smtp.Command;
import dev.penstock.smtp.CommandParser;
import dev.penstock.smtp.Reply;
import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;

/**
 * One SMTP session of a client (RFC 5321): its phases, its input and replies, errors, deadlines and end. Confined to the
 * connection's event loop, but for {@link #shutDown}, which hops there.
 *
 * <p>What the commands mean is told elsewhere: {@link EnvelopeStage} takes MAIL and RCPT, {@link ContentStage} DATA and
 * BDAT, {@link Authentication} AUTH; {@link ClientFacts} is what is known of the client. They share this session's event
 * loop and its state, and end each turn as this class does.
 *
 * <p>Input is asked for one read at a time, and only when all of the last one is used up. Whatever must be waited for
 * (the spool, memory, a slow reader of replies, the penalty of an error) therefore stops the reading, and commands that
 * were sent ahead (RFC 2920) stay in {@link #held} until their turn. The replies of one read leave in one write.
 */
final class Session extends ChannelInboundHandlerAdapter
        implements
            CoreSubscriber<Object> {
    private static final Logger log = LoggerFactory.getLogger(Session.class);

    /** line_length_limit of Postfix; RFC 5321 4.5.3.1.4 wants 512 and what extensions add. */
    private static final int MAX_COMMAND_LINE = 2048;
    private static final int FREE_INPUT = MAX_COMMAND_LINE + 2; // octets that aren't counted: one line
    private static final int FIRST_REPLY_SIZE = 256;
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long RECHECK_NANOS = TimeUnit.SECONDS.toNanos(1);

    enum Phase {
        /** Nothing may come before the greeting. */
        GREETING,
        /** For TLS; nothing but its handshake may come. */
        HANDSHAKE,
        COMMANDS,
        /** Lines are responses of a SASL exchange. */
        AUTH,
        DATA,
        /** Octets of a chunk (BDAT). */
        CHUNK,
        /** The last reply is on its way; input is thrown away. */
        CLOSING,
        CLOSED
    }

    enum Wait {
        NONE,
        /** For a policy, or for who checks credentials. */
        ANSWER,
        /** For the message to be durable. */
        COMMIT,
        /** For the spool to catch up. */
        SPOOL,
        /** For other messages to leave memory. */
        MEMORY,
        /** Because of an error. */
        PENALTY,
        /** For the client to read replies. */
        CLIENT
    }

    final SmtpServer server;
    private final Channel channel;
    final EventLoop loop;
    final LoopScratch scratch;
    final ClientAccount account;
    private final int listener; // its place among the server's
    final long number;
    final ClientFacts facts;
    private final EnvelopeStage envelope;
    private final ContentStage content;
    private final Rejections rejections;
    private @Nullable Authentication authentication;

    Settings settings;
    Phase phase = Phase.GREETING;
    Wait wait = Wait.NONE;
    private boolean greeted;
    private boolean handshakeDone;
    private final boolean early; // the client has spoken behind the PROXY header, before it could be greeted
    private @Nullable Subscription subscription;
    private boolean asked; // a read is under way
    private boolean inputEnded;
    private byte @Nullable [] held; // input that waits
    private byte @Nullable [] line; // the beginning of a command line that was cut by the end of a read
    private int lineLength;
    private long inputCounted; // of these two, in the account of all sessions
    private @Nullable ByteBuf out; // replies that wait for the end of the group
    boolean moreInput; // follows the command being executed, in the same read

    final ProgressGuard progress = new ProgressGuard(System.nanoTime());
    private @Nullable Future<?> timer;

    @Nullable
    MailTransaction transaction;
    int messages;
    int errors;
    int junkCommands;

    Session(SmtpServer server, Channel channel, LoopScratch scratch, ClientAccount account, InetSocketAddress remote,
            @Nullable InetSocketAddress local, boolean early, int listener, Settings settings, long number) {
        this.server = server;
        this.channel = channel;
        this.loop = channel.eventLoop();
        this.scratch = scratch;
        this.account = account;
        this.listener = listener;
        this.settings = settings;
        this.number = number;
        this.early = early;
        this.facts = new ClientFacts(Long.toHexString(number), remote, local, settings.relayNetworks());
        this.envelope = new EnvelopeStage(this);
        this.content = new ContentStage(this);
        this.rejections = new Rejections(this, content);
    }

    // ---- input and output --------------------------------------------------------------------------------------

    @Override
    public void onSubscribe(Subscription newSubscription) {
        subscription = newSubscription;
        turn(() -> {
            startTimer();
            ServerTls entry = settings.tls();
            if (entry != null && settings.isImplicitTls()) {
                startHandshake(entry);
            } else {
                welcome();
            }
        });
    }

    /**
     * A fault in one of its turns, ours or a plugin's, ends this session, and nothing else. Everything that calls the session
     * comes through here, so that a Throwable is answered with 421 instead of leaving the client without a reply.
     */
    void turn(Runnable task) {
        try {
            task.run();
        } catch (Throwable e) {
            failed(e);
        }
    }

    private void failed(Throwable fault) {
        log.error("event=session-failed session={} client={} phase={}", sessionId(), facts.remote, phase, fault);
        if (phase == Phase.HANDSHAKE && !handshakeDone || phase == Phase.CLOSING) {
            phase = Phase.CLOSING; // nothing can be said in the midst of a handshake, whose failure is ours
            closeNow();
            return;
        }
        moreInput = true; // as if more had come: then the reply's lingering close lets the client read it
        try {
            goodbye(server.replies().failed);
        } catch (Throwable e) {
            log.error("event=session-closed-without-reply session={} client={}", sessionId(), facts.remote, e);
            closeNow();
        }
    }

    /** Greets, unless a policy minds, after the pause in which only bad clients talk (RFC 5321 4.3.1). */
    private void welcome() {
        phase = Phase.GREETING;
        progress.pause(System.nanoTime());
        await(server.policy().connect(facts.client(settings)), decision -> {
            switch (decision) {
                case Decision.Accept _ -> pause();
                case Decision.Refuse(Reply reply) -> {
                    server.counters().sessionsRefused.increment();
                    goodbye(reply.encode());
                }
            }
        });
    }

    private void pause() {
        long delay = settings.config().hostility().greetDelay().toNanos();
        if (early && !greeted) {
            talkedEarly();
        } else if (delay == 0 || facts.relayNetwork || settings.listener().authRequired()) {
            greet();
        } else {
            ask();
            var _ = loop.schedule(() -> {
                if (phase == Phase.GREETING) {
                    turn(this::greet);
                }
            }, delay, NANOSECONDS);
        }
    }

    private void greet() {
        phase = Phase.COMMANDS;
        greeted = true;
        progress.resume(System.nanoTime());
        say(settings.greeting);
        advance();
    }

    private void startHandshake(ServerTls entry) {
        phase = Phase.HANDSHAKE;
        ProxyHeader.addBehind(channel.pipeline(), NettyPipeline.SslHandler, entry.newHandler());
        ask(); // what comes out of this before the handshake's end was sent in the clear
    }

    /** RFC 3207 4.2: the session begins anew, with nothing that was said in the clear. */
    private void secured() {
        ServerTls entry = settings.tls();
        SslHandler handler = channel.pipeline().get(SslHandler.class);
        if (phase != Phase.HANDSHAKE || entry == null || handler == null) {
            return;
        }
        TlsSession session = entry.session(handler);
        handshakeDone = true;
        endTransaction();
        X509Certificate shown = session.client();
        facts.secured(session, shown == null ? null : server.authenticator().certificate(shown));
        server.counters().tlsSessions.increment();
        if (greeted) {
            phase = Phase.COMMANDS;
        } else {
            welcome();
        }
    }

    /** Goes on with {@code then} when the answer is there, at once when it is there already. */
    <T> void await(CompletableFuture<T> answer, Consumer<T> then) {
        if (isGiven(answer)) {
            then.accept(answer.resultNow());
            return;
        }
        waitFor(Wait.ANSWER);
        var _ = answer.whenComplete((value, failure) -> hop(() -> {
            if (wait != Wait.ANSWER || phase == Phase.CLOSING || phase == Phase.CLOSED) {
                return;
            }
            waitNoMore();
            if (failure != null) { // against the contract of all who are asked
                log.error("event=answer-failed session={}", sessionId(), failure);
                goodbye(server.replies().failed);
                return;
            }
            then.accept(value);
            if (wait == Wait.NONE) {
                resume();
            }
        }));
    }

    /** Whether the answer is there, and is one: a failure is told like one that comes late. */
    static boolean isGiven(CompletableFuture<?> answer) {
        return answer.state() == Future.State.SUCCESS;
    }

    /** One read; reactor-netty releases the buffer. */
    @Override
    public void onNext(Object message) {
        asked = false;
        if (phase == Phase.CLOSING || phase == Phase.CLOSED) {
            ask();
            return;
        }
        if (phase == Phase.GREETING || phase == Phase.HANDSHAKE) {
            talkedEarly();
            return;
        }
        Settings current = server.settings(listener);
        if (current != settings) {
            settings = current;
            facts.reconfigured(current.relayNetworks());
        }
        ByteBuf buffer = (ByteBuf) message;
        progress.input(System.nanoTime(), buffer.readableBytes());
        try {
            while (buffer.isReadable()) {
                int length = Math.min(buffer.readableBytes(), scratch.input.length);
                buffer.readBytes(scratch.input, 0, length);
                consume(scratch.input, length);
            }
            advance();
        } catch (Throwable e) { // as in turn(), which would cost an object for each read
            failed(e);
        }
    }

    /** Octets in the clear where TLS should be (CVE-2011-0411), or before the greeting: never executed. */
    private void talkedEarly() {
        server.counters().earlyTalkers.increment();
        account.error();
        log.debug("event=early-talker session={} client={} phase={}", sessionId(), facts.remote, phase);
        if (phase == Phase.GREETING) {
            moreInput = true;
            goodbye(server.replies().earlyTalk);
        } else {
            phase = Phase.CLOSING; // one error, not that of a failed handshake too
            closeNow();
        }
    }

    @Override
    public void onError(Throwable failure) {
        log.debug("event=session-lost session={} client={} why={}", sessionId(), facts.remote, failure.toString());
        closeNow();
    }

    @Override
    public void onComplete() {
        closeNow();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        context.fireChannelWritabilityChanged();
        if (wait == Wait.CLIENT && channel.isWritable()) {
            turn(this::resume);
        }
    }

    /** Whatever fails in the pipeline, TLS above all, ends the session; nobody behind it needs to hear of it. */
    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable failure) {
        log.debug("event=session-lost session={} client={} why={}", sessionId(), facts.remote, failure.toString());
        closeNow();
    }

    /** The client has shut its side down: what it sent is still answered. */
    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        context.fireUserEventTriggered(event);
        if (event instanceof SslHandshakeCompletionEvent handshake) {
            if (handshake.isSuccess()) {
                turn(this::secured);
            } else {
                server.counters().tlsFailures.increment();
                handshakeFailed(handshake.cause());
                log.debug("event=tls-failed session={} client={} why={}", sessionId(), facts.remote,
                        handshake.cause().toString());
                closeNow();
            }
        } else if (event instanceof ChannelInputShutdownReadComplete) {
            if (subscription != null) {
                subscription.request(Long.MAX_VALUE); // reads that wait in a queue: no more will be added to them
            }
            inputEnded = true;
            if (asked) { // nothing is left to answer
                closeNow();
            }
        }
    }

    /**
     * An error of the client's, unless it has said nothing, as checks of health do, or our threads for handshakes have
     * too much to do.
     *
     * @param cause null when the connection has ended
     */
    private void handshakeFailed(@Nullable Throwable cause) {
        if (phase != Phase.HANDSHAKE || handshakeDone) {
            return;
        }
        phase = Phase.CLOSING; // counted once
        SslHandler handler = channel.pipeline().get(SslHandler.class);
        if (handler != null && ServerTls.hasHeard(handler) && !isOurs(cause)) {
            account.error();
        }
    }

    private static boolean isOurs(@Nullable Throwable cause) {
        for (Throwable at = cause; at != null; at = at.getCause()) {
            if (at instanceof RejectedExecutionException) {
                return true;
            }
        }
        return false;
    }

    private void consume(byte[] in, int end) {
        byte[] before = held;
        if (before != null) {
            held = Arrays.copyOf(before, before.length + end);
            System.arraycopy(in, 0, held, before.length, end);
            return;
        }
        int position = 0;
        while (position < end && wait == Wait.NONE) {
            switch (phase) {
                case COMMANDS, AUTH -> position = command(in, position, end);
                case DATA -> position = content.data(in, position, end);
                case CHUNK -> position = content.chunk(in, position, end);
                case GREETING, HANDSHAKE, CLOSING, CLOSED -> {
                    return;
                }
            }
        }
        if (position < end) {
            held = Arrays.copyOfRange(in, position, end);
        }
    }

    /** What was waited for has come. */
    void resume() {
        if (phase == Phase.CLOSED) {
            return;
        }
        waitNoMore();
        byte[] input = held;
        if (input != null) {
            held = null;
            consume(input, input.length);
        }
        advance();
    }

    /** At the end of each turn: lets replies go and asks for more input, as far as nothing must be waited for. */
    private void advance() {
        if (!inputFits()) {
            goodbye(server.replies().noMemory);
            return;
        }
        if (phase == Phase.CLOSED || phase == Phase.GREETING || wait == Wait.PENALTY) {
            return;
        }
        flush();
        if (wait != Wait.NONE) {
            return;
        }
        if (phase == Phase.COMMANDS && server.isShuttingDown()) {
            goodbye(server.replies().shuttingDown);
            return;
        }
        if (!channel.isWritable()) {
            wait = Wait.CLIENT; // its clock goes on
            return;
        }
        ask();
    }

    private void ask() {
        if (inputEnded) { // nothing is left to answer
            closeNow();
        } else if (!asked && subscription != null) {
            asked = true;
            subscription.request(1); // may come back into onNext with a read that was queued, now or after this turn
        }
    }

    void say(byte[] reply) {
        if (phase == Phase.CLOSED) {
            return;
        }
        rejections.said(reply);
        if (out == null) {
            out = channel.alloc().directBuffer(Math.max(FIRST_REPLY_SIZE, reply.length));
        }
        out.writeBytes(reply);
    }

    private void flush() {
        ByteBuf replies = out;
        if (replies != null) {
            out = null;
            var _ = channel.writeAndFlush(replies, channel.voidPromise());
        }
    }

    // ---- commands ----------------------------------------------------------------------------------------------

    /** @return where the next command begins */
    private int command(byte[] in, int position, int end) {
        int lineFeed = ByteScan.indexOf((byte) '\n', in, position, end);
        moreInput = lineFeed + 1 < end;
        if (lineFeed == end) {
            keepPart(in, position, end);
            progress.lineUnfinished(System.nanoTime());
            return end;
        }
        if (line != null) {
            keepPart(in, position, lineFeed);
            byte[] whole = line;
            line = null;
            progress.lineEnded();
            execute(whole, 0, lineLength);
            lineLength = 0;
        } else {
            execute(in, position, lineFeed - position);
        }
        return lineFeed + 1;
    }

    private void keepPart(byte[] in, int from, int to) {
        int part = to - from;
        int most = maxLine() + 2; // more tells no more
        byte[] kept = line == null ? new byte[Math.min(Math.max(part, 128), most)] : line;
        int wanted = Math.min(lineLength + part, most);
        if (wanted > kept.length) {
            kept = Arrays.copyOf(kept, Math.min(Math.max(wanted, kept.length * 2), most));
        }
        int copied = Math.max(0, Math.min(wanted, kept.length) - lineLength); // the limit may have become smaller
        System.arraycopy(in, from, kept, lineLength, copied);
        lineLength += copied;
        line = kept;
    }

    /**
     * Counts the input that is kept for later, whatever is more than one line; fifteen thousand sessions may each keep a
     * read of 64 KB.
     *
     * @return false when there is no room for it
     */
    private boolean inputFits() {
        long now = Math.max(0, (held == null ? 0 : held.length) + (line == null ? 0 : line.length) - FREE_INPUT);
        if (now > inputCounted) {
            long more = now - inputCounted;
            if (wait == Wait.COMMIT || wait == Wait.SPOOL || wait == Wait.MEMORY) { // its client must hear of that message
                server.memory().forceEnvelope(more);
            } else if (!server.memory().addEnvelope(more)) {
                return false;
            }
        }
        if (now < inputCounted) {
            server.memory().releaseEnvelope(inputCounted - now);
        }
        inputCounted = now;
        return true;
    }

    private void forgetInput() {
        held = null;
        line = null;
        server.memory().releaseEnvelope(inputCounted);
        inputCounted = 0;
    }

    private int maxLine() {
        return phase == Phase.AUTH || mayLogIn() ? Authentication.MAX_LINE : MAX_COMMAND_LINE;
    }

    private Authentication authentication() {
        Authentication known = authentication;
        if (known == null) {
            known = new Authentication(this);
            authentication = known;
        }
        return known;
    }

    private boolean mayLogIn() {
        return facts.esmtp && !facts.loggedIn && !settings.mechanisms(facts.tls).isEmpty();
    }

    private void execute(byte[] in, int offset, int lengthWithCr) {
        int length = lengthWithCr > 0 && in[offset + lengthWithCr - 1] == '\r' ? lengthWithCr - 1 : lengthWithCr;
        if (phase == Phase.AUTH) {
            authentication().response(in, offset, length);
            return;
        }
        if (length > MAX_COMMAND_LINE && !(length <= Authentication.MAX_LINE && mayLogIn() && isAuth(in, offset))) {
            fail(Replies.COMMAND_TOO_LONG);
            return;
        }
        Command command = CommandParser.parse(in, offset, length);
        rejections.asked(command, transaction);
        if (facts.tls == null && settings.requiresTls() && needsTls(command)) {
            if (command instanceof Command.Bdat(long size, boolean last)) {
                content.beginChunk(size, last, Replies.TLS_FIRST); // what follows it is no command
            } else {
                fail(Replies.TLS_FIRST); // RFC 3207 4
            }
            return;
        }
        switch (command) {
            case Command.Ehlo(String name) -> hello(name, true);
            case Command.Helo(String name) -> hello(name, false);
            case Command.StartTls() -> startTls();
            case Command.Auth auth -> authentication().begin(auth);
            case Command.Xclient(Map<String, String> attributes) -> xclient(attributes);
            case Command.Mail mail -> envelope.mail(mail);
            case Command.Rcpt rcpt -> envelope.rcpt(rcpt);
            case Command.Data() -> content.beginData();
            case Command.Bdat(long size, boolean last) -> content.beginChunk(size, last, null);
            case Command.Rset() -> {
                reset();
                junk(Replies.OK);
            }
            case Command.Noop() -> junk(Replies.OK);
            case Command.Vrfy _ -> junk(Replies.CANNOT_VERIFY); // RFC 5321 3.5.3
            case Command.Help _ -> junk(Replies.HELP);
            case Command.Quit() -> goodbye(Replies.BYE);
            case Command.NotImplemented _ -> fail(Replies.NOT_IMPLEMENTED);
            case Command.Foreign(String verb) -> {
                server.counters().foreignCommands.increment();
                account.error();
                log.info("event=foreign-protocol session={} client={} verb={}", sessionId(), facts.remote, verb);
                moreInput = true; // there is always more
                goodbye(server.replies().foreign);
            }
            case Command.Unrecognized() -> fail(Replies.NOT_RECOGNIZED);
            case Command.Malformed(Reply reply) -> {
                if (reply.code() == 521) { // after a wrong BDAT nobody knows what is a command
                    moreInput = true;
                    goodbye(reply.encode());
                } else {
                    fail(reply.encode());
                }
            }
        }
    }

    private static boolean isAuth(byte[] in, int offset) {
        return (in[offset] | 0x20) == 'a' && (in[offset + 1] | 0x20) == 'u' && (in[offset + 2] | 0x20) == 't'
                && (in[offset + 3] | 0x20) == 'h' && in[offset + 4] == ' ';
    }

    /** RFC 3207 4: what is taken before TLS where TLS is required; wrong commands are told so. */
    private static boolean needsTls(Command command) {
        return command instanceof Command.Mail || command instanceof Command.Rcpt || command instanceof Command.Data
                || command instanceof Command.Bdat || command instanceof Command.Auth
                || command instanceof Command.Xclient || command instanceof Command.Rset
                || command instanceof Command.Vrfy || command instanceof Command.Help;
    }

    private void hello(String name, boolean extended) {
        if (isOutOfStep()) {
            return;
        }
        reset(); // RFC 5321 4.1.4: as RSET
        facts.hello(name, extended);
        junk(extended
                ? settings.ehlo(facts.tls, facts.loggedIn, settings.xclientNetworks().contains(facts.peer),
                        server.clock().instant())
                : server.replies().helo);
    }

    private void startTls() {
        if (isOutOfStep()) { // what follows it in the clear is never executed
            return;
        }
        ServerTls entry = settings.tls();
        if (entry == null) {
            fail(Replies.NO_TLS);
        } else if (facts.tls != null) {
            fail(Replies.TLS_ACTIVE);
        } else {
            reset();
            say(Replies.START_TLS);
            flush();
            startHandshake(entry);
        }
    }

    // ---- who the client is -------------------------------------------------------------------------------------

    /** Who has logged in was offered it before. */
    boolean isAuthOffered() {
        return facts.loggedIn || !settings.mechanisms(facts.tls).isEmpty();
    }

    /** XCLIENT_README of Postfix: a trusted client tells whom it speaks for; the session begins anew. */
    private void xclient(Map<String, String> attributes) {
        if (isOutOfStep()) {
            return;
        }
        if (!settings.xclientNetworks().contains(facts.peer)) {
            fail(Replies.XCLIENT_FORBIDDEN);
            return;
        }
        if (transaction != null) {
            fail(Replies.IN_TRANSACTION);
            return;
        }
        InetSocketAddress newRemote = Xclient.address(attributes, "ADDR", "PORT", facts.remote);
        InetSocketAddress newLocal = Xclient.address(attributes, "DESTADDR", "DESTPORT", facts.local);
        if (newRemote == null) {
            fail(Replies.XCLIENT_BAD_ADDRESS);
            return;
        }
        SessionRefusal refusal = account.move(newRemote.getAddress());
        if (refusal != null) {
            goodbye(refusal.reply(server.hostname()));
            return;
        }
        String name = Xclient.name(attributes, "LOGIN", "");
        Identity login = name.isEmpty() ? null : server.authenticator().vouched(name);
        if (login == null && !name.isEmpty()) {
            // Not a refusal: a proxy that goes on regardless would send the client's mail as its own.
            log.info("event=login-not-taken session={} client={} name={}", sessionId(), newRemote,
                    Trace.printable(name));
        }
        facts.speaksFor(attributes, newRemote, newLocal, settings.relayNetworks(), login);
        welcome();
    }

    // ---- transactions ------------------------------------------------------------------------------------------

    /**
     * Nothing may follow these commands before their reply (RFC 2920 3.1). What does would be taken for something it
     * perhaps isn't, so the session ends (smtpd_forbid_unauth_pipelining of Postfix).
     */
    boolean isOutOfStep() {
        if (moreInput) {
            server.counters().outOfStep.increment();
            account.error();
            goodbye(server.replies().outOfStep);
        }
        return moreInput;
    }

    /** The transaction is over, and its envelope is counted no more. */
    void endTransaction() {
        MailTransaction open = transaction;
        transaction = null;
        if (open != null) {
            server.memory().releaseEnvelope(open.handOver());
        }
    }

    /** Forgets the transaction, and what has come of its message. */
    private void reset() {
        MailTransaction open = transaction;
        endTransaction();
        progress.messageEnded();
        if (open != null && open.chunked) {
            server.counters().messagesAborted.increment();
            content.abort();
        }
    }

    void resumeFrom(Wait reason) {
        if (wait == reason) {
            resume();
        }
    }

    void hop(Runnable task) {
        try {
            loop.execute(() -> turn(task));
        } catch (RejectedExecutionException e) {
            log.debug("event=session-gone session={} client={}", sessionId(), facts.remote);
        }
    }

    String sessionId() {
        return Long.toHexString(number);
    }

    // ---- errors and ends ---------------------------------------------------------------------------------------

    /** We can't now; that is no error of the client's. */
    void defer(Reply reply) {
        server.counters().messagesDeferred.increment();
        if (reply.code() == 421) {
            goodbye(Replies.isClosed(reply) ? server.replies().shuttingDown : reply.encode()); // RFC 5321 3.8
        } else {
            say(reply.encode());
        }
    }

    /** A command that brings no message nearer; too many of them are errors. */
    void junk(byte[] reply) {
        if (++junkCommands > server.stress().junkCommandLimit(settings.config())) {
            fail(reply);
        } else {
            say(reply);
        }
    }

    void fail(byte[] reply) {
        InboundConfig config = settings.config();
        say(reply);
        errors++;
        account.error();
        server.counters().errors.increment();
        if (errors >= server.stress().hardErrorLimit(config)) {
            goodbye(server.replies().tooManyErrors);
            return;
        }
        long delay = Stress.errorDelayNanos(errors, config);
        if (delay > 0 && phase != Phase.CLOSED) {
            waitFor(Wait.PENALTY);
            var _ = loop.schedule(() -> turn(() -> resumeFrom(Wait.PENALTY)), delay, NANOSECONDS);
        }
    }

    /** From now on the client waits for us. */
    void waitFor(Wait reason) {
        wait = reason;
        progress.pause(System.nanoTime());
    }

    void waitNoMore() {
        wait = Wait.NONE;
        progress.resume(System.nanoTime());
    }

    /**
     * Sends a last reply and closes. When the client has sent more than was read, the socket is first closed on our
     * side only: closing it whole would reset the connection, and the client might never see the reply.
     */
    void goodbye(byte[] reply) {
        if (phase == Phase.CLOSING || phase == Phase.CLOSED) {
            return;
        }
        say(reply);
        boolean inputLeft = moreInput || held != null || phase == Phase.DATA || phase == Phase.CHUNK;
        countAbort();
        endTransaction();
        phase = Phase.CLOSING;
        wait = Wait.NONE;
        forgetInput();
        try {
            content.abort();
        } finally {
            sendLast(inputLeft); // whatever the spool made of it
        }
    }

    private void sendLast(boolean inputLeft) {
        ByteBuf last = out;
        out = null;
        if (last == null) {
            closeNow();
            return;
        }
        channel.writeAndFlush(last).addListener((ChannelFutureListener) written -> {
            if (written.isSuccess() && inputLeft && channel instanceof DuplexChannel duplex) {
                SslHandler ssl = channel.pipeline().get(SslHandler.class);
                if (ssl != null) {
                    var _ = ssl.closeOutbound().addListener(_ -> {
                        var _ = duplex.shutdownOutput();
                    });
                } else {
                    var _ = duplex.shutdownOutput();
                }
                ask();
            } else {
                closeNow();
            }
        });
        var _ = loop.schedule(this::closeNow, LINGER_NANOS, NANOSECONDS);
    }

    // ---- time ----------------------------------------------------------------------------------------------

    /** One timer per session, which looks at the clock and starts itself again: input doesn't touch it. */
    private void startTimer() {
        InboundConfig config = settings.config();
        long left = Math.min(progress.nanosLeft(System.nanoTime(), config, isPressed()),
                ProgressGuard.periodNanos(config));
        timer = loop.schedule(() -> turn(this::checkTime), Math.max(left, 1), NANOSECONDS);
    }

    /** Under stress, or while memory is short and this session has more of it than usual. */
    private boolean isPressed() {
        MailTransaction open = transaction;
        return server.stress().isOn()
                || (inputCounted > 0 || open != null && open.isCounted()) && server.memory().isShort();
    }

    private void checkTime() {
        if (phase == Phase.CLOSING || phase == Phase.CLOSED) {
            return;
        }
        Slowness slowness = progress.slowness(System.nanoTime(), settings.config(), isPressed());
        if (slowness == null) {
            startTimer();
            return;
        }
        if (wait == Wait.COMMIT || wait == Wait.ANSWER) { // over just before: it is told once the client has its reply
            timer = loop.schedule(() -> turn(this::checkTime), RECHECK_NANOS, NANOSECONDS);
            return;
        }
        server.counters().slow(slowness);
        log.debug("event=session-timed-out session={} client={} phase={} slowness={}", sessionId(), facts.remote, phase,
                slowness);
        if (wait == Wait.CLIENT || phase == Phase.HANDSHAKE) {
            closeNow(); // it doesn't read replies either, or could not
        } else {
            goodbye(server.replies().timeout);
        }
    }

    // ---- called by the server ----------------------------------------------------------------------------------

    /** At the next command boundary the session ends. */
    void shutDown() {
        hop(() -> {
            if (phase == Phase.COMMANDS && wait == Wait.NONE) {
                advance();
            }
        });
    }

    /** Whatever state the session is in. */
    void closeNow() {
        var _ = channel.close();
    }

    /** The channel is closed; called once. */
    void closed() {
        countAbort();
        handshakeFailed(null); // TLS itself is told of the end only after the account is left
        account.leave();
        phase = Phase.CLOSED;
        endTransaction();
        forgetInput();
        ByteBuf unsent = out;
        out = null;
        if (unsent != null) {
            unsent.release();
        }
        if (timer != null) {
            timer.cancel(false);
        }
        if (subscription != null) {
            subscription.cancel(); // releases reads that nobody asked for any more
        }
        turn(content::abort); // the last: a fault of the spool's is nobody else's
    }

    private void countAbort() {
        MailTransaction open = transaction;
        if (phase == Phase.DATA || open != null && open.chunked) {
            server.counters().messagesAborted.increment();
        }
    }
}
