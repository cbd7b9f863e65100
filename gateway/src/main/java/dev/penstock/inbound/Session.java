package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
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
import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.netty.NettyPipeline;

import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.config.InboundConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.smtp.ByteScan;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.Command;
import dev.penstock.smtp.CommandParser;
import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.Hold;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;

/**
 * One SMTP session of a client (RFC 5321). Confined to the connection's event loop, but for {@link #proceed} and
 * {@link #shutDown}, which hop there.
 *
 * <p>Input is asked for one read at a time, and only when all of the last one is used up. Whatever must be waited for
 * (the spool, memory, a slow reader of replies, the penalty of an error) therefore stops the reading, and commands that
 * were sent ahead (RFC 2920) stay in {@link #held} until their turn. The replies of one read leave in one write.
 */
final class Session extends ChannelInboundHandlerAdapter
        implements
            CoreSubscriber<Object>,
            ReceptionMemory.Waiter {
    private static final Logger log = LoggerFactory.getLogger(Session.class);

    /** line_length_limit of Postfix; RFC 5321 4.5.3.1.4 wants 512 and what extensions add. */
    private static final int MAX_COMMAND_LINE = 2048;
    /** RFC 4954 4: octets of AUTH with its initial response, and of a response, without CRLF. */
    private static final int MAX_AUTH_LINE = 12_288;
    private static final String POSTMASTER = "postmaster"; // in any case: RFC 5321 4.5.1
    private static final String POSTMASTER_AT = POSTMASTER + "@";
    private static final int RECIPIENT_OVERSHOOT = 1000; // smtpd_recipient_overshoot_limit of Postfix
    private static final int FIRST_REPLY_SIZE = 256;
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long RECHECK_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** In which a message that others wait for must bring something, and what min-data-rate asks for. */
    private static final int FAVOUR_SECONDS = 5;

    private enum Phase {
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

    private enum Wait {
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

    private final SmtpServer server;
    private final Channel channel;
    private final EventLoop loop;
    private final LoopScratch scratch;
    private final ClientAccount account;
    private final int listener; // its place among the server's
    private final InetAddress peer; // who may use XCLIENT or not, whomever it has spoken for
    private final long number;

    private Settings settings;
    private InetSocketAddress remote; // as PROXY or XCLIENT told it
    private @Nullable InetSocketAddress local;
    private @Nullable TlsSession tls;
    private @Nullable Identity identity;
    private @Nullable Client client; // what policies are told, made when it is first needed
    private String clientName = ""; // as XCLIENT told it
    private boolean relayNetwork;
    private Phase phase = Phase.GREETING;
    private Wait wait = Wait.NONE;
    private boolean greeted;
    private boolean loggedIn; // by AUTH
    private final boolean early; // the client has spoken behind the PROXY header, before it could be greeted
    private @Nullable Subscription subscription;
    private boolean asked; // a read is under way
    private boolean inputEnded;
    private byte @Nullable [] held; // input that waits
    private byte @Nullable [] line; // the beginning of a command line that was cut by the end of a read
    private int lineLength;
    private @Nullable ByteBuf out; // replies that wait for the end of the group
    private boolean moreInput; // follows the command being executed, in the same read

    private final ProgressGuard progress = new ProgressGuard(System.nanoTime());
    private @Nullable Future<?> timer;
    private boolean hurried; // a look at the message that others wait for is to come

    private String helo = ""; // empty until EHLO or HELO
    private boolean esmtp;
    private @Nullable Origin origin; // made for the first message after EHLO
    private @Nullable String traceStart; // likewise
    private @Nullable Exchange exchange; // only in phase AUTH
    private @Nullable MailTransaction transaction;
    private @Nullable Reception reception;
    private long chunkSize;
    private long chunkLeft;
    private boolean lastChunk;
    private byte @Nullable [] chunkRefusal; // the chunk is read and forgotten, then this is said
    private @Nullable Reply chunkDeferral; // likewise, but it is no error of the client's
    private int messages;
    private int errors;
    private int junkCommands;

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
        this.remote = remote;
        this.peer = remote.getAddress();
        this.local = local;
        this.early = early;
        this.relayNetwork = settings.relayNetworks().contains(remote.getAddress());
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
     * A fault in one of its turns, ours or a plugin's, ends this session, and nothing else. Errors too: whoever called
     * would only log them, and the client would wait for ever. So everything that calls the session comes through here.
     */
    private void turn(Runnable task) {
        try {
            task.run();
        } catch (Throwable e) {
            failed(e);
        }
    }

    private void failed(Throwable fault) {
        log.error("session={} client={} failed in {}", number, remote, phase, fault);
        if (phase == Phase.HANDSHAKE && tls == null || phase == Phase.CLOSING) {
            closeNow(); // nothing can be said in the midst of a handshake
            return;
        }
        moreInput = true; // who knows
        try {
            goodbye(server.replies().failed);
        } catch (Throwable e) {
            log.error("session={} client={} closed without a reply", number, remote, e);
            closeNow();
        }
    }

    /** Greets, unless a policy minds, after the pause in which only bad clients talk (RFC 5321 4.3.1). */
    private void welcome() {
        phase = Phase.GREETING;
        progress.pause(System.nanoTime());
        await(server.policy().connect(client()), decision -> {
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
        } else if (delay == 0 || relayNetwork || settings.listener().authRequired()) {
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
        say(server.replies().greeting);
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
        tls = session;
        helo = "";
        esmtp = false;
        loggedIn = false;
        transaction = null;
        identity = session.client() == null ? null : server.authenticator().certificate(session.client());
        who();
        server.counters().tlsSessions.increment();
        if (greeted) {
            phase = Phase.COMMANDS;
        } else {
            welcome();
        }
    }

    /** Something about the client has changed. */
    private void who() {
        client = null;
        origin = null;
        traceStart = null;
    }

    private Client client() {
        Client known = client;
        if (known == null) {
            TlsSession session = tls;
            known = new Client(sessionId(), settings.listener().name(), remote, helo, protocol(false),
                    session == null ? "" : session.protocol() + " " + session.cipher(), identity, relayNetwork,
                    settings.listener().tenant(), settings.listener().campaign());
            client = known;
        }
        return known;
    }

    /** RFC 3848; RFC 6531 3.7.3 for messages with SMTPUTF8. */
    private String protocol(boolean smtpUtf8) {
        if (!esmtp) {
            return "SMTP";
        }
        return (smtpUtf8 ? "UTF8SMTP" : "ESMTP") + (tls == null ? "" : "S") + (loggedIn ? "A" : "");
    }

    /** Goes on with {@code then} when the answer is there, at once when it is there already. */
    private <T> void await(CompletableFuture<T> answer, Consumer<T> then) {
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
                log.error("session={} an answer failed", number, failure);
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
    private static boolean isGiven(CompletableFuture<?> answer) {
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
            relayNetwork = current.relayNetworks().contains(remote.getAddress());
            client = null;
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
        log.debug("session={} client={} talked early in {}", number, remote, phase);
        if (phase == Phase.GREETING) {
            moreInput = true;
            goodbye(server.replies().earlyTalk);
        } else {
            closeNow();
        }
    }

    @Override
    public void onError(Throwable failure) {
        log.debug("session={} client={} lost: {}", number, remote, failure.toString());
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
        log.debug("session={} client={} lost: {}", number, remote, failure.toString());
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
                log.debug("session={} client={} TLS failed: {}", number, remote, handshake.cause().toString());
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
                case DATA -> position = data(in, position, end);
                case CHUNK -> position = chunk(in, position, end);
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
    private void resume() {
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

    private void say(byte[] reply) {
        if (phase == Phase.CLOSED) {
            return;
        }
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
        byte[] kept = line == null ? new byte[Math.max(part, 128)] : line;
        int most = maxLine() + 2; // more tells no more
        int wanted = Math.min(lineLength + part, most);
        if (wanted > kept.length) {
            kept = Arrays.copyOf(kept, Math.min(Math.max(wanted, kept.length * 2), most));
        }
        int copied = Math.max(0, Math.min(wanted, kept.length) - lineLength); // the limit may have become smaller
        System.arraycopy(in, from, kept, lineLength, copied);
        lineLength += copied;
        line = kept;
    }

    private int maxLine() {
        return phase == Phase.AUTH || mayLogIn() ? MAX_AUTH_LINE : MAX_COMMAND_LINE;
    }

    private boolean mayLogIn() {
        return esmtp && !loggedIn && !settings.mechanisms(tls).isEmpty();
    }

    private void execute(byte[] in, int offset, int lengthWithCr) {
        int length = lengthWithCr > 0 && in[offset + lengthWithCr - 1] == '\r' ? lengthWithCr - 1 : lengthWithCr;
        if (phase == Phase.AUTH) {
            authResponse(in, offset, length);
            return;
        }
        if (length > MAX_COMMAND_LINE && !(length <= MAX_AUTH_LINE && mayLogIn() && isAuth(in, offset))) {
            fail(Replies.COMMAND_TOO_LONG);
            return;
        }
        Command command = CommandParser.parse(in, offset, length);
        if (tls == null && settings.requiresTls() && needsTls(command)) {
            if (command instanceof Command.Bdat(long size, boolean last)) {
                startChunk(size, last, Replies.TLS_FIRST); // what follows it is no command
            } else {
                fail(Replies.TLS_FIRST); // RFC 3207 4
            }
            return;
        }
        switch (command) {
            case Command.Ehlo(String name) -> hello(name, true);
            case Command.Helo(String name) -> hello(name, false);
            case Command.StartTls() -> startTls();
            case Command.Auth auth -> auth(auth);
            case Command.Xclient(Map<String, String> attributes) -> xclient(attributes);
            case Command.Mail mail -> mail(mail);
            case Command.Rcpt rcpt -> rcpt(rcpt);
            case Command.Data() -> startData();
            case Command.Bdat(long size, boolean last) -> startChunk(size, last, null);
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
                log.info("event=foreign-protocol session={} client={} verb={}", sessionId(), remote, verb);
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
        helo = Trace.printable(name);
        esmtp = extended;
        who();
        junk(extended
                ? settings.ehlo(tls, loggedIn, settings.xclientNetworks().contains(peer),
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
        } else if (tls != null) {
            fail(Replies.TLS_ACTIVE);
        } else {
            reset();
            say(Replies.START_TLS);
            flush();
            startHandshake(entry);
        }
    }

    // ---- who the client is -------------------------------------------------------------------------------------

    private void auth(Command.Auth auth) {
        if (isOutOfStep()) { // RFC 4954 4: it is the last of its group
            return;
        }
        if (!esmtp) {
            fail(Replies.HELLO_FIRST);
        } else if (loggedIn) {
            fail(Replies.AUTH_ACTIVE);
        } else if (transaction != null) {
            fail(Replies.IN_TRANSACTION);
        } else {
            Exchange begun = settings.mechanisms(tls).contains(auth.mechanism())
                    ? server.authenticator().start(auth.mechanism(), tls,
                            NetUtil.toAddressString(remote.getAddress()))
                    : null;
            if (begun == null) {
                boolean later = tls == null && settings.tls() != null
                        && settings.listener().mechanisms().contains(auth.mechanism());
                fail(later ? Replies.TLS_FIRST : Replies.NO_SUCH_MECHANISM);
                return;
            }
            exchange = begun;
            phase = Phase.AUTH;
            String initial = auth.initialResponse();
            if (initial == null) {
                await(begun.respond(null), this::authStep);
            } else {
                authResponse(initial.equals("=") ? "" : initial);
            }
        }
    }

    /** Who has logged in was offered it before. */
    private boolean isAuthOffered() {
        return loggedIn || !settings.mechanisms(tls).isEmpty();
    }

    private void authResponse(byte[] in, int offset, int length) {
        if (length > MAX_AUTH_LINE) {
            leaveAuth(Replies.AUTH_TOO_LONG);
        } else if (length == 1 && in[offset] == '*') {
            leaveAuth(Replies.AUTH_CANCELLED);
        } else {
            authResponse(new String(in, offset, length, ISO_8859_1));
        }
    }

    private void authResponse(String base64) {
        byte[] response = base64.equals("=") ? null : Exchange.decode(base64); // "=" means something only initially
        if (response == null) {
            leaveAuth(Replies.AUTH_MALFORMED);
            return;
        }
        Exchange running = exchange;
        if (running != null) {
            await(running.respond(response), this::authStep);
        }
    }

    private void authStep(Exchange.Step step) {
        switch (step) {
            case Exchange.Step.Challenge(String base64) -> say(("334 " + base64 + "\r\n").getBytes(ISO_8859_1));
            case Exchange.Step.Success(Identity proved) -> {
                phase = Phase.COMMANDS;
                exchange = null;
                identity = proved;
                loggedIn = true;
                who();
                server.counters().logins.increment();
                say(Replies.AUTHENTICATED);
            }
            case Exchange.Step.Failure(Exchange.Reason reason, String detail) -> {
                log.info("event=auth-failed session={} client={} reason={} detail={}", sessionId(), remote, reason,
                        detail);
                server.counters().loginsFailed.increment();
                switch (reason) {
                    case CREDENTIALS -> leaveAuth(Replies.AUTH_FAILED);
                    case MALFORMED -> leaveAuth(Replies.AUTH_MALFORMED);
                    case TEMPORARY -> { // no error of the client's
                        phase = Phase.COMMANDS;
                        exchange = null;
                        junk(Replies.AUTH_UNAVAILABLE);
                    }
                }
            }
        }
    }

    private void leaveAuth(byte[] reply) {
        phase = Phase.COMMANDS;
        exchange = null;
        fail(reply);
    }

    /** XCLIENT_README of Postfix: a trusted client tells whom it speaks for; the session begins anew. */
    private void xclient(Map<String, String> attributes) {
        if (isOutOfStep()) {
            return;
        }
        if (!settings.xclientNetworks().contains(peer)) {
            fail(Replies.XCLIENT_FORBIDDEN);
            return;
        }
        if (transaction != null) {
            fail(Replies.IN_TRANSACTION);
            return;
        }
        InetSocketAddress newRemote = Xclient.address(attributes, "ADDR", "PORT", remote);
        InetSocketAddress newLocal = Xclient.address(attributes, "DESTADDR", "DESTPORT", local);
        if (newRemote == null) {
            fail(Replies.XCLIENT_BAD_ADDRESS);
            return;
        }
        Refusal refusal = account.move(newRemote.getAddress());
        if (refusal != null) {
            goodbye(refusal.reply(server.hostname()));
            return;
        }
        remote = newRemote;
        local = newLocal;
        relayNetwork = settings.relayNetworks().contains(newRemote.getAddress());
        boolean another = attributes.containsKey("ADDR"); // client, of whom nothing else is known yet
        clientName = Xclient.name(attributes, "NAME", another ? "" : clientName);
        if (another || attributes.containsKey("LOGIN")) {
            String login = Xclient.name(attributes, "LOGIN", "");
            identity = login.isEmpty() ? null : new Identity(login, "", List.of());
            loggedIn = identity != null;
        }
        helo = Trace.printable(Xclient.name(attributes, "HELO", "")); // until the proxy says EHLO itself
        esmtp = Xclient.name(attributes, "PROTO", "").equalsIgnoreCase("ESMTP");
        who();
        welcome();
    }

    // ---- transactions ------------------------------------------------------------------------------------------

    private void mail(Command.Mail mail) {
        InboundConfig config = settings.config();
        Command.MailParameters parameters = mail.parameters();
        Mailbox mailbox = mail.path().mailbox();
        String unsupported = parameters.auth() != null && !isAuthOffered()
                ? Capabilities.AUTH
                : parameters.unsupported(settings.offered(tls != null));
        if (helo.isEmpty()) {
            fail(Replies.HELLO_FIRST);
        } else if (transaction != null) {
            fail(Replies.NESTED_MAIL); // RFC 5321 4.1.4
        } else if (settings.listener().authRequired() && identity == null) {
            fail(Replies.AUTH_FIRST); // RFC 4954 6
        } else if (messages >= config.maxMessagesPerSession()) {
            goodbye(server.replies().tooManyMessages);
        } else if (unsupported != null) {
            fail(Reply.of(555, "5.5.4", "Unsupported option: " + unsupported).encode()); // RFC 5321 4.1.1.11
        } else if (mailbox != null && mailbox.utf8() && !parameters.smtpUtf8()) {
            fail(Replies.NEEDS_SMTPUTF8); // RFC 6531 3.5
        } else if (parameters.size() > config.maxMessageSize().bytes()) {
            fail(Replies.SIZE_TOO_BIG); // RFC 1870 6.1
        } else if (!account.mayMail()) {
            say(ClientAccount.TOO_MANY_MESSAGES);
        } else if (hasRoom()) {
            Options options = options(parameters);
            if (options == null) {
                return;
            }
            Client asking = client();
            MailTransaction begun = new MailTransaction(mail.path().address(),
                    mailbox == null ? "" : mailbox.domain(), parameters.size(),
                    parameters.body() == Command.Body.EIGHT_BIT_MIME ? BodyType.EIGHT_BIT_MIME : BodyType.SEVEN_BIT,
                    parameters.smtpUtf8(), options, asking.tenant(), asking.campaign());
            CompletableFuture<Decision> answer = server.policy().mail(asking, begun.sender, begun.senderDomain,
                    begun.declaredSize);
            if (isGiven(answer)) {
                mailDecided(begun, answer.resultNow());
            } else {
                await(answer, decision -> mailDecided(begun, decision));
            }
        }
    }

    private void mailDecided(MailTransaction begun, Decision decision) {
        switch (decision) {
            case Decision.Accept accept -> {
                begun.add(accept);
                transaction = begun;
                say(Replies.SENDER_OK);
            }
            case Decision.Refuse(Reply reply) -> refuse(reply);
        }
    }

    /** What a policy said no to. */
    private void refuse(Reply reply) {
        if (reply.code() == 421) {
            goodbye(reply.encode()); // RFC 5321 3.8
        } else if (reply.isPermanent()) {
            fail(reply.encode());
        } else {
            say(reply.encode());
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
            case Hold.For(long seconds) -> now + Math.min(seconds, Settings.MAX_HOLD_SECONDS + 1) * 1000;
            case Hold.Until(Instant time) -> Math.max(1, time.toEpochMilli());
        };
        if (holdUntil > now + Settings.MAX_HOLD_SECONDS * 1000 || holdUntil != 0 && holdUntil < now) {
            fail(Replies.BAD_HOLD); // RFC 4865 4.2
            return null;
        }
        DeliverBy by = parameters.deliverBy();
        if (by != null && by.seconds() <= 0 && by.mode() == DeliverBy.Mode.RETURN) {
            fail(Replies.BAD_DELIVER_BY); // RFC 2852 4
            return null;
        }
        return new Options(parameters.ret(), parameters.envid(), parameters.requireTls(), holdUntil,
                by == null ? 0 : now + by.seconds() * 1000, by == null ? null : by.mode(), by != null && by.trace());
    }

    /** Whether a new message would be kept; when not, the client is told. */
    private boolean hasRoom() {
        SpoolHealth.State state = server.spool().health().state();
        if (state != SpoolHealth.State.READY) {
            defer(Replies.of(state));
            return false;
        }
        if (!server.memory().hasRoom()) {
            server.counters().messagesDeferred.increment();
            say(Replies.NO_MEMORY);
            return false;
        }
        return true;
    }

    private void rcpt(Command.Rcpt rcpt) {
        Mailbox mailbox = rcpt.path().mailbox();
        MailTransaction open = transaction;
        if (open == null) {
            fail(Replies.NEED_MAIL);
            return;
        }
        if (open.chunked || open.failed) {
            fail(open.failed ? Replies.FAILED_CHUNK : Replies.CHUNKING_BEGUN);
            return;
        }
        Command.RcptParameters parameters = rcpt.parameters();
        String unsupported = parameters.unsupported(settings.offered(tls != null));
        if (open.recipients.size() >= settings.config().maxRecipients()) {
            open.recipientsRefused = true;
            server.counters().recipientsRefused.increment();
            if (++open.overshoot > RECIPIENT_OVERSHOOT) {
                fail(Replies.TOO_MANY_RECIPIENTS);
            } else {
                say(Replies.TOO_MANY_RECIPIENTS); // no error: RFC 5321 4.5.3.1.10 has the client send the rest later
            }
        } else if (unsupported != null) {
            refuseRecipient(open, Reply.of(555, "5.5.4", "Unsupported option: " + unsupported));
        } else if (!account.mayRcpt()) {
            open.recipientsRefused = true;
            say(ClientAccount.TOO_MANY_RECIPIENTS);
        } else if (mailbox.utf8() && !open.smtpUtf8) {
            refuseRecipient(open, Replies.RECIPIENT_NEEDS_SMTPUTF8);
        } else {
            Recipient recipient = recipient(rcpt);
            CompletableFuture<Decision> answer = server.policy().recipient(client(), open.sender, open.senderDomain,
                    recipient);
            if (isGiven(answer)) {
                recipientDecided(open, recipient, answer.resultNow());
            } else {
                await(answer, decision -> recipientDecided(open, recipient, decision));
            }
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

    private void recipientDecided(MailTransaction open, Recipient recipient, Decision decision) {
        switch (decision) {
            case Decision.Accept accept -> {
                open.add(accept);
                open.recipients.add(recipient);
                say(Replies.RECIPIENT_OK);
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

    private void startData() {
        if (isOutOfStep()) {
            return;
        }
        MailTransaction open = transaction;
        if (open == null) {
            fail(Replies.NEED_MAIL);
        } else if (open.failed) {
            fail(Replies.FAILED_CHUNK);
        } else if (open.chunked) {
            fail(Replies.DATA_AFTER_BDAT);
        } else if (open.recipients.isEmpty()) {
            fail(open.recipientsRefused ? Replies.NO_VALID_RECIPIENTS : Replies.NEED_RCPT);
        } else {
            Reply refusal = beginReception(open, false);
            if (refusal != null) {
                transaction = null;
                defer(refusal);
                return;
            }
            phase = Phase.DATA;
            progress.messageBegun(System.nanoTime());
            say(Replies.START_DATA);
        }
    }

    /**
     * The chunk's octets follow in any case, and are read in any case (RFC 3030 2).
     *
     * @param refusal what is said then, null when the transaction decides
     */
    private void startChunk(long size, boolean last, byte @Nullable [] refusal) {
        MailTransaction open = transaction;
        if (!settings.offers(Capabilities.CHUNKING)) {
            moreInput = true;
            goodbye(Replies.NOT_IMPLEMENTED); // nothing can be told from what follows
            return;
        }
        if (size > settings.config().maxMessageSize().bytes()) {
            moreInput = true;
            goodbye(server.replies().chunkTooBig); // reading it all only to refuse it would be a gift to bad clients
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
            chunkDeferral = beginReception(open, true);
            open.chunked = chunkDeferral == null;
            open.failed = chunkDeferral != null;
            progress.messageBegun(System.nanoTime());
        }
        if (chunkRefusal != null) {
            progress.messageBegun(System.nanoTime()); // it has to come in time too
        }
        phase = Phase.CHUNK;
        if (size == 0) {
            chunkTaken();
        }
    }

    /** @return why the spool takes nothing; null when it does */
    private @Nullable Reply beginReception(MailTransaction open, boolean chunked) {
        MessageId id = server.spool().nextId();
        String start = traceStart;
        if (start == null) {
            start = Trace.start(helo, clientName, remote.getAddress(), tls, server.hostname());
            traceStart = start;
        }
        byte[] trace = Trace.field(start, protocol(open.smtpUtf8), id, scratch.date(server.clock()));
        Reception message = reception;
        if (message == null) {
            message = new Reception(server.memory());
            reception = message;
        }
        try {
            message.begin(server.spool(), id, trace, settings.config(), chunked, server.policy().judgesMessages());
            return null;
        } catch (SpoolException e) {
            return Replies.of(e.reason());
        }
    }

    /**
     * Nothing may follow these commands before their reply (RFC 2920 3.1). What does would be taken for something it
     * perhaps isn't, so the session ends (smtpd_forbid_unauth_pipelining of Postfix).
     */
    private boolean isOutOfStep() {
        if (moreInput) {
            server.counters().outOfStep.increment();
            account.error();
            goodbye(server.replies().outOfStep);
        }
        return moreInput;
    }

    /** Forgets the transaction, and what has come of its message. */
    private void reset() {
        MailTransaction open = transaction;
        transaction = null;
        progress.messageEnded();
        if (open != null && open.chunked) {
            server.counters().messagesAborted.increment();
            abortReception();
        }
    }

    // ---- message data ------------------------------------------------------------------------------------------

    /** @return where the input after the data begins, or {@code end} */
    private int data(byte[] in, int position, int end) {
        int taken = requireReception().take(in, position, end - position);
        moreInput = position + taken < end;
        contentTaken();
        return position + taken;
    }

    /** @return where the input after the chunk begins, or {@code end} */
    private int chunk(byte[] in, int position, int end) {
        int taken = (int) Math.min(end - position, chunkLeft);
        if (chunkRefusal == null && chunkDeferral == null) {
            requireReception().takeChunk(in, position, taken);
        }
        chunkLeft -= taken;
        moreInput = position + taken < end;
        chunkTaken();
        return position + taken;
    }

    private void chunkTaken() {
        byte[] refusal = chunkRefusal;
        Reply deferral = chunkDeferral;
        if (refusal == null && deferral == null) {
            if (chunkLeft == 0 && lastChunk) {
                requireReception().endOfChunks();
            }
            contentTaken();
        } else if (chunkLeft == 0) {
            phase = Phase.COMMANDS;
            progress.messageEnded();
            if (lastChunk) {
                transaction = null;
            }
            if (deferral != null) {
                defer(deferral);
            } else if (refusal != null) {
                fail(refusal);
            }
        }
    }

    /** Some content is in: asks what the header section means, or waits for room, or ends the message. */
    private void contentTaken() {
        Reception message = requireReception();
        HeaderGate header = message.waitingHeader();
        MailTransaction open = transaction;
        if (header != null && open != null) {
            await(server.policy().message(client(), open.answer, open.sender, open.recipients,
                    header.fields(server.policy().wantedHeaders()), open.declaredSize), decision -> {
                        headerDecided(message, open, decision);
                        contentTaken();
                    });
            return;
        }
        boolean over = phase == Phase.CHUNK ? chunkLeft == 0 : message.finished();
        if (over && phase == Phase.CHUNK && !lastChunk) {
            endOfChunk(message);
        } else if (over && open != null && !open.judged && message.refusal() == null) {
            CompletableFuture<Decision> answer = server.policy().message(client(), open.answer, open.sender,
                    open.recipients, List.of(), message.size());
            await(answer, decision -> {
                switch (decision) {
                    case Decision.Accept accept -> open.judge(accept);
                    case Decision.Refuse(Reply reply) -> message.refuse(reply);
                }
                contentTaken();
            });
        } else if (over) {
            phase = Phase.COMMANDS;
            endOfData(message);
        } else {
            awaitRoom(message);
        }
    }

    /** More of a message is read only when there is room for it. */
    private void awaitRoom(Reception message) {
        Spool.Intake intake = message.intake();
        if (intake == null) {
            return;
        }
        CompletableFuture<Void> writable = intake.writable();
        if (!writable.isDone()) {
            waitFor(Wait.SPOOL);
            var _ = writable.whenComplete((_, _) -> hop(() -> resumeFrom(Wait.SPOOL)));
        } else if (!server.memory().mayProceed(this)) {
            waitFor(Wait.MEMORY);
        } else {
            hurry();
        }
    }

    /** While memory is short, the one message that may go on beyond the limit is looked at every few seconds. */
    private void hurry() {
        if (!hurried && server.memory().isFavoured(this)) {
            hurried = true;
            long before = progress.messageOctets();
            var _ = loop.schedule(() -> turn(() -> lookAtFavour(before)), FAVOUR_SECONDS, TimeUnit.SECONDS);
        }
    }

    /** What it was allowed to send in the past doesn't count here, as it does for the client's own deadline. */
    private void lookAtFavour(long before) {
        hurried = false;
        if (phase == Phase.CLOSING || phase == Phase.CLOSED) {
            return;
        }
        boolean clientsTurn = wait == Wait.NONE || wait == Wait.CLIENT;
        long least = Math.max(1, settings.config().hostility().minDataRate().bytes() * FAVOUR_SECONDS);
        long brought = progress.messageOctets() - before;
        if (clientsTurn && brought >= 0 && brought < least && server.memory().holdsUp(this)) {
            server.counters().slow(Slowness.DATA_RATE);
            log.debug("session={} client={} held others up in {}", number, remote, phase);
            goodbye(server.replies().tooSlow);
        } else {
            hurry();
        }
    }

    private void headerDecided(Reception message, MailTransaction open, Decision decision) {
        switch (decision) {
            case Decision.Accept accept -> {
                open.judge(accept);
                List<String> removed = server.policy().removedHeaders();
                if (!accept.removeHeaders().isEmpty()) {
                    List<String> more = new ArrayList<>(removed);
                    more.addAll(accept.removeHeaders());
                    removed = more;
                }
                message.release(Trace.fields(accept.addHeaders()), removed);
            }
            case Decision.Refuse(Reply reply) -> message.refuse(reply);
        }
    }

    private void endOfChunk(Reception message) {
        phase = Phase.COMMANDS;
        Reply refusal = message.refusal();
        if (refusal == null) {
            say(("250 2.0.0 " + chunkSize + " octets received\r\n").getBytes(ISO_8859_1));
            awaitRoom(message); // chunks may be as small as the client likes
            return;
        }
        message.abort(this);
        progress.messageEnded();
        if (transaction != null) {
            transaction.failed = true;
            transaction.chunked = false;
        }
        refuseMessage(refusal);
    }

    private Reception requireReception() {
        if (reception == null) {
            throw new IllegalStateException("no message is being received");
        }
        return reception;
    }

    /** Memory has room again. */
    @Override
    public void proceed() {
        hop(() -> {
            resumeFrom(Wait.MEMORY);
            hurry(); // perhaps nothing has come, and nothing will
        });
    }

    private void resumeFrom(Wait reason) {
        if (wait == reason) {
            resume();
        }
    }

    private void hop(Runnable task) {
        try {
            loop.execute(() -> turn(task));
        } catch (RejectedExecutionException e) {
            log.debug("session={} client={} is gone with its event loop", number, remote);
        }
    }

    private void endOfData(Reception message) {
        Reply refusal = message.refusal();
        Spool.Intake intake = message.intake();
        MessageId id = message.id();
        MailTransaction open = transaction;
        transaction = null;
        progress.messageEnded();
        if (refusal != null || intake == null || id == null || open == null) {
            message.abort(this);
            refuseMessage(refusal == null ? Replies.of(SpoolException.Reason.FAILED) : refusal);
            return;
        }
        List<Recipient> to = open.recipients.size() == 1
                ? open.recipients
                : new ArrayList<>(new LinkedHashSet<>(open.recipients));
        Envelope envelope = new Envelope(id, open.sender, to, open.body, open.smtpUtf8, open.tenant, open.campaign,
                server.clock().millis(), origin(open.smtpUtf8), open.options);
        long size = intake.size();
        CompletableFuture<List<SpoolEntry>> commit;
        try {
            commit = intake.commit(envelope, message.hasDotLines(), message.hasEightBit());
        } catch (SpoolException e) {
            message.abort(this);
            refuseMessage(Replies.of(e.reason()));
            return;
        }
        long octets = message.handOver();
        if (commit.isDone()) {
            boolean durable = isGiven(commit);
            answer(settle(envelope, size, octets, durable ? commit.resultNow() : null, failure(commit)), envelope);
            return;
        }
        waitFor(Wait.COMMIT);
        var _ = commit.whenComplete((entries, failure) -> {
            try {
                loop.execute(() -> turn(() -> {
                    Reply refused = settle(envelope, size, octets, entries, failure);
                    if (phase == Phase.CLOSING || phase == Phase.CLOSED) { // nothing is said after 421
                        return;
                    }
                    waitNoMore();
                    answer(refused, envelope);
                    if (wait == Wait.NONE) {
                        resume();
                    }
                }));
            } catch (RejectedExecutionException e) { // the server is closed: nobody hears the answer
                var _ = settle(envelope, size, octets, entries, failure);
            }
        });
    }

    private static @Nullable Throwable failure(CompletableFuture<?> done) {
        return switch (done.state()) {
            case FAILED -> done.exceptionNow();
            case CANCELLED -> new CancellationException();
            case RUNNING, SUCCESS -> null;
        };
    }

    private Origin origin(boolean smtpUtf8) {
        Origin known = origin;
        if (known == null || smtpUtf8) {
            known = new Origin(protocol(smtpUtf8), NetUtil.toSocketAddressString(remote), helo,
                    identity == null ? "" : identity.name());
            if (!smtpUtf8) {
                origin = known;
            }
        }
        return known;
    }

    /**
     * What a finished commit means for the rest of the gateway, whether or not the session lives.
     *
     * @return null when the message is ours now, else why not
     */
    private @Nullable Reply settle(Envelope envelope, long size, long octets, @Nullable List<SpoolEntry> entries,
            @Nullable Throwable failure) {
        server.memory().release(this, octets);
        if (entries == null) {
            Throwable cause = failure instanceof CompletionException && failure.getCause() != null
                    ? failure.getCause()
                    : failure;
            if (cause instanceof SpoolException spoolFailure) {
                return Replies.of(spoolFailure.reason());
            }
            log.error("message={} session={} commit failed", envelope.id(), number, cause);
            return Replies.of(SpoolException.Reason.FAILED);
        }
        server.accepted(envelope, size, entries, sessionId(), local, tls);
        return null;
    }

    private void answer(@Nullable Reply refusal, Envelope envelope) {
        if (refusal != null) {
            refuseMessage(refusal);
        } else {
            messages++;
            progress.accepted();
            errors = 0; // as Postfix does after a message
            junkCommands = 0;
            say(("250 2.0.0 " + envelope.id() + " queued\r\n").getBytes(ISO_8859_1));
        }
    }

    private void refuseMessage(Reply reply) {
        if (reply.isPermanent()) {
            server.counters().messagesRefused.increment();
            fail(reply.encode());
        } else {
            defer(reply);
        }
    }

    private String sessionId() {
        return Long.toHexString(number);
    }

    // ---- errors and ends ---------------------------------------------------------------------------------------

    /** We can't now; that is no error of the client's. */
    private void defer(Reply reply) {
        server.counters().messagesDeferred.increment();
        if (reply.code() == 421) {
            goodbye(Replies.isClosed(reply) ? server.replies().shuttingDown : reply.encode()); // RFC 5321 3.8
        } else {
            say(reply.encode());
        }
    }

    /** A command that brings no message nearer; too many of them are errors. */
    private void junk(byte[] reply) {
        if (++junkCommands > server.stress().junkCommandLimit(settings.config())) {
            fail(reply);
        } else {
            say(reply);
        }
    }

    private void fail(byte[] reply) {
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
    private void waitFor(Wait reason) {
        wait = reason;
        progress.pause(System.nanoTime());
    }

    private void waitNoMore() {
        wait = Wait.NONE;
        progress.resume(System.nanoTime());
    }

    /**
     * Sends a last reply and closes. When the client has sent more than was read, the socket is first closed on our
     * side only: closing it whole would reset the connection, and the client might never see the reply.
     */
    private void goodbye(byte[] reply) {
        if (phase == Phase.CLOSING || phase == Phase.CLOSED) {
            return;
        }
        say(reply);
        boolean inputLeft = moreInput || held != null || phase == Phase.DATA || phase == Phase.CHUNK;
        countAbort();
        transaction = null;
        phase = Phase.CLOSING;
        wait = Wait.NONE;
        held = null;
        line = null;
        abortReception();
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

    private void abortReception() {
        Reception message = reception;
        if (message != null) {
            message.abort(this);
        }
    }

    // ---- time ----------------------------------------------------------------------------------------------

    /** One timer per session, which looks at the clock and starts itself again: input doesn't touch it. */
    private void startTimer() {
        InboundConfig config = settings.config();
        long left = Math.min(progress.nanosLeft(System.nanoTime(), config, server.stress().isOn()),
                ProgressGuard.periodNanos(config));
        timer = loop.schedule(() -> turn(this::checkTime), Math.max(left, 1), NANOSECONDS);
    }

    private void checkTime() {
        if (phase == Phase.CLOSING || phase == Phase.CLOSED) {
            return;
        }
        Slowness slowness = progress.slowness(System.nanoTime(), settings.config(), server.stress().isOn());
        if (slowness == null) {
            startTimer();
            return;
        }
        if (wait == Wait.COMMIT || wait == Wait.ANSWER) { // over just before: it is told once the client has its reply
            timer = loop.schedule(() -> turn(this::checkTime), RECHECK_NANOS, NANOSECONDS);
            return;
        }
        server.counters().slow(slowness);
        log.debug("session={} client={} timed out in {}: {}", number, remote, phase, slowness);
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
        account.leave();
        phase = Phase.CLOSED;
        held = null;
        line = null;
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
        turn(this::abortReception); // the last: a fault of the spool's is nobody else's
    }

    private void countAbort() {
        MailTransaction open = transaction;
        if (phase == Phase.DATA || open != null && open.chunked) {
            server.counters().messagesAborted.increment();
        }
    }
}
