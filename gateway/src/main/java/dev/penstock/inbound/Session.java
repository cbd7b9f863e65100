package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;

import dev.penstock.config.InboundConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.smtp.ByteScan;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.Command;
import dev.penstock.smtp.CommandParser;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.Reply;
import dev.penstock.smtp.ReversePath;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;

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
    private static final Set<String> OFFERED = Set.of(Capabilities.EIGHT_BIT_MIME); // among those with parameters
    private static final int FIRST_REPLY_SIZE = 256;
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(2);

    private enum Phase {
        COMMANDS,
        DATA,
        /** The last reply is on its way; input is thrown away. */
        CLOSING,
        CLOSED
    }

    private enum Wait {
        NONE,
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
    private final InetAddress clientAddress;
    private final String client; // address and port
    private final long number;

    private Settings settings;
    private boolean mayRelay;
    private Phase phase = Phase.COMMANDS;
    private Wait wait = Wait.NONE;
    private @Nullable Subscription subscription;
    private boolean asked; // a read is under way
    private boolean inputEnded;
    private byte @Nullable [] held; // input that waits
    private byte @Nullable [] line; // the beginning of a command line that was cut by the end of a read
    private int lineLength;
    private @Nullable ByteBuf out; // replies that wait for the end of the group
    private boolean moreInput; // follows the command being executed, in the same read

    private long activityNanos = System.nanoTime();
    private long dataStartNanos;
    private @Nullable Future<?> timer;

    private @Nullable Origin origin; // null until EHLO or HELO
    private String traceStart = "";
    private @Nullable ReversePath sender; // null outside a transaction
    private BodyType body = BodyType.SEVEN_BIT;
    private List<Recipient> recipients = List.of();
    private boolean recipientsRefused;
    private @Nullable Reception reception;
    private int messages;
    private int errors;
    private int junkCommands;

    Session(SmtpServer server, Channel channel, LoopScratch scratch, InetSocketAddress remote,
            Settings settings, long number) {
        this.server = server;
        this.channel = channel;
        this.loop = channel.eventLoop();
        this.scratch = scratch;
        this.settings = settings;
        this.number = number;
        this.clientAddress = remote.getAddress();
        this.client = NetUtil.toSocketAddressString(remote);
        this.mayRelay = settings.relayNetworks().contains(clientAddress);
    }

    // ---- input and output --------------------------------------------------------------------------------------

    @Override
    public void onSubscribe(Subscription newSubscription) {
        subscription = newSubscription;
        startTimer();
        say(server.replies().greeting);
        advance();
    }

    /** One read; reactor-netty releases the buffer. */
    @Override
    public void onNext(Object message) {
        asked = false;
        if (phase == Phase.CLOSING || phase == Phase.CLOSED) {
            ask();
            return;
        }
        activityNanos = System.nanoTime();
        Settings current = server.settings();
        if (current != settings) {
            settings = current;
            mayRelay = current.relayNetworks().contains(clientAddress);
        }
        ByteBuf buffer = (ByteBuf) message;
        while (buffer.isReadable()) {
            int length = Math.min(buffer.readableBytes(), scratch.input.length);
            buffer.readBytes(scratch.input, 0, length);
            consume(scratch.input, length);
        }
        advance();
    }

    @Override
    public void onError(Throwable failure) {
        log.debug("session={} client={} lost: {}", number, client, failure.toString());
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
            resume();
        }
    }

    /** The client has shut its side down: what it sent is still answered. */
    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        context.fireUserEventTriggered(event);
        if (event instanceof ChannelInputShutdownReadComplete) {
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
            if (phase == Phase.COMMANDS) {
                position = command(in, position, end);
            } else if (phase == Phase.DATA) {
                position = data(in, position, end);
            } else {
                return;
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
        wait = Wait.NONE;
        activityNanos = System.nanoTime();
        byte[] input = held;
        if (input != null) {
            held = null;
            consume(input, input.length);
        }
        advance();
    }

    /** At the end of each turn: lets replies go and asks for more input, as far as nothing must be waited for. */
    private void advance() {
        if (phase == Phase.CLOSED || wait == Wait.PENALTY) {
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
            wait = Wait.CLIENT;
            return;
        }
        ask();
    }

    private void ask() {
        if (!asked && subscription != null) {
            asked = true;
            subscription.request(1); // may come back into onNext with a read that was queued
            if (asked && inputEnded) {
                closeNow();
            }
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
            return end;
        }
        if (line != null) {
            keepPart(in, position, lineFeed);
            byte[] whole = line;
            line = null;
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
        int wanted = Math.min(lineLength + part, MAX_COMMAND_LINE + 2); // more tells no more
        if (wanted > kept.length) {
            kept = Arrays.copyOf(kept, Math.min(Math.max(wanted, kept.length * 2), MAX_COMMAND_LINE + 2));
        }
        int copied = Math.min(wanted - lineLength, kept.length - lineLength);
        System.arraycopy(in, from, kept, lineLength, copied);
        lineLength += copied;
        line = kept;
    }

    private void execute(byte[] in, int offset, int lengthWithCr) {
        int length = lengthWithCr > 0 && in[offset + lengthWithCr - 1] == '\r' ? lengthWithCr - 1 : lengthWithCr;
        if (length > MAX_COMMAND_LINE) {
            fail(Replies.COMMAND_TOO_LONG);
            return;
        }
        switch (CommandParser.parse(in, offset, length)) {
            case Command.Ehlo(String name) -> hello(name, "ESMTP", settings.ehlo());
            case Command.Helo(String name) -> hello(name, "SMTP", server.replies().helo);
            case Command.Mail mail -> mail(mail);
            case Command.Rcpt rcpt -> rcpt(rcpt);
            case Command.Data() -> startData();
            case Command.Rset() -> {
                endTransaction();
                junk(Replies.OK);
            }
            case Command.Noop() -> junk(Replies.OK);
            case Command.Vrfy _ -> junk(Replies.CANNOT_VERIFY); // RFC 5321 3.5.3
            case Command.Help _ -> junk(Replies.HELP);
            case Command.Quit() -> goodbye(Replies.BYE);
            case Command.Bdat _,Command.StartTls _,Command.Auth _,Command.Xclient _ -> fail(Replies.NOT_IMPLEMENTED);
            case Command.NotImplemented _ -> fail(Replies.NOT_IMPLEMENTED);
            case Command.Foreign _ -> fail(Replies.NOT_RECOGNIZED);
            case Command.Unrecognized() -> fail(Replies.NOT_RECOGNIZED);
            case Command.Malformed(Reply reply) -> fail(reply.encode());
        }
    }

    private void hello(String name, String protocol, byte[] reply) {
        if (isOutOfStep()) {
            return;
        }
        endTransaction(); // RFC 5321 4.1.4: as RSET
        String helo = printable(name);
        origin = new Origin(protocol, client, helo);
        String literal = (clientAddress.getAddress().length == 4 ? "[" : "[IPv6:")
                + NetUtil.toAddressString(clientAddress) + "]";
        // RFC 5321 4.4
        traceStart = "Received: from " + helo + " (" + literal + ")\r\n\tby " + server.hostname() + " with "
                + protocol + " id ";
        junk(reply);
    }

    private static String printable(String name) {
        StringBuilder clean = new StringBuilder(name);
        for (int i = 0; i < clean.length(); i++) {
            char c = clean.charAt(i);
            if (c <= ' ' || c > '~' || "()<>\\\",;@".indexOf(c) >= 0) {
                clean.setCharAt(i, '?');
            }
        }
        return clean.toString();
    }

    private void mail(Command.Mail mail) {
        InboundConfig config = settings.config();
        Command.MailParameters parameters = mail.parameters();
        String unsupported = parameters.unsupported(OFFERED);
        if (origin == null) {
            fail(Replies.HELLO_FIRST);
        } else if (sender != null) {
            fail(Replies.NESTED_MAIL); // RFC 5321 4.1.4
        } else if (messages >= config.maxMessagesPerSession()) {
            goodbye(server.replies().tooManyMessages);
        } else if (unsupported != null) {
            fail(Reply.of(555, "5.5.4", "Unsupported option: " + unsupported).encode()); // RFC 5321 4.1.1.11
        } else if (mail.path().mailbox() instanceof Mailbox(_, _, _, boolean utf8) && utf8) {
            fail(Replies.NEEDS_SMTPUTF8); // RFC 6531 3.5
        } else if (parameters.size() > config.maxMessageSize().bytes()) {
            fail(Replies.SIZE_TOO_BIG); // RFC 1870 6.1
        } else if (hasRoom()) {
            sender = mail.path();
            recipients = new ArrayList<>(1);
            recipientsRefused = false;
            body = parameters.body() == Command.Body.EIGHT_BIT_MIME ? BodyType.EIGHT_BIT_MIME : BodyType.SEVEN_BIT;
            say(Replies.SENDER_OK);
        }
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
        String unsupported = rcpt.parameters().unsupported(OFFERED);
        if (sender == null) {
            fail(Replies.NEED_MAIL);
            return;
        }
        if (recipients.size() >= settings.config().maxRecipients()) {
            recipientsRefused = true;
            server.counters().recipientsRefused.increment();
            say(Replies.TOO_MANY_RECIPIENTS); // no error: RFC 5321 4.5.3.1.10 has the client send the rest later
        } else if (unsupported != null) {
            refuseRecipient(Reply.of(555, "5.5.4", "Unsupported option: " + unsupported).encode());
        } else if (mailbox.utf8()) {
            refuseRecipient(Replies.NEEDS_SMTPUTF8);
        } else if (!mayRelay) {
            refuseRecipient(
                    Reply.of(554, "5.7.1", "<" + rcpt.path().address() + ">: Relay access denied").encode());
        } else {
            recipients.add(rcpt.path().isLocalPostmaster()
                    ? new Recipient(mailbox.localPart() + "@" + server.hostname(), server.hostname())
                    : new Recipient(mailbox.address(), mailbox.domain()));
            say(Replies.RECIPIENT_OK);
        }
    }

    private void refuseRecipient(byte[] reply) {
        recipientsRefused = true;
        server.counters().recipientsRefused.increment();
        fail(reply);
    }

    private void startData() {
        if (isOutOfStep()) {
            return;
        }
        if (sender == null) {
            fail(Replies.NEED_MAIL);
        } else if (recipients.isEmpty()) {
            fail(recipientsRefused ? Replies.NO_VALID_RECIPIENTS : Replies.NEED_RCPT);
        } else {
            MessageId id = server.spool().nextId();
            byte[] trace = (traceStart + id + ";\r\n\t" + scratch.date(server.clock()) + "\r\n").getBytes(ISO_8859_1);
            if (reception == null) {
                reception = new Reception(server.memory());
            }
            try {
                reception.begin(server.spool(), id, trace, settings.config());
            } catch (SpoolException e) {
                endTransaction();
                defer(Replies.of(e.reason()));
                return;
            }
            phase = Phase.DATA;
            dataStartNanos = activityNanos;
            say(Replies.START_DATA);
        }
    }

    /**
     * Nothing may follow these commands before their reply (RFC 2920 3.1). What does would be taken for something it
     * perhaps isn't, so the session ends (smtpd_forbid_unauth_pipelining of Postfix).
     */
    private boolean isOutOfStep() {
        if (moreInput) {
            server.counters().errors.increment();
            goodbye(server.replies().outOfStep);
        }
        return moreInput;
    }

    private void endTransaction() {
        sender = null;
        recipients = List.of();
        recipientsRefused = false;
    }

    // ---- message data ------------------------------------------------------------------------------------------

    /** @return where the input after the data begins, or {@code end} */
    private int data(byte[] in, int position, int end) {
        Reception message = requireReception();
        int taken = message.take(in, position, end - position);
        if (message.finished()) {
            phase = Phase.COMMANDS;
            endOfData(message);
        } else {
            Spool.Intake intake = message.intake();
            if (intake == null) {
                return position + taken;
            }
            CompletableFuture<Void> writable = intake.writable();
            if (!writable.isDone()) {
                wait = Wait.SPOOL;
                var _ = writable.whenComplete((_, _) -> hop(() -> resumeFrom(Wait.SPOOL)));
            } else if (!server.memory().mayProceed(this)) {
                wait = Wait.MEMORY;
            }
        }
        return position + taken;
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
        hop(() -> resumeFrom(Wait.MEMORY));
    }

    private void resumeFrom(Wait reason) {
        if (wait == reason) {
            resume();
        }
    }

    private void hop(Runnable task) {
        try {
            loop.execute(task);
        } catch (RejectedExecutionException e) {
            log.debug("session={} client={} is gone with its event loop", number, client);
        }
    }

    private void endOfData(Reception message) {
        Reply refusal = message.refusal();
        Spool.Intake intake = message.intake();
        MessageId id = message.id();
        if (refusal != null || intake == null || id == null || sender == null || origin == null) {
            message.abort(this);
            endTransaction();
            refuseMessage(refusal == null ? Replies.of(SpoolException.Reason.FAILED) : refusal);
            return;
        }
        List<Recipient> to = recipients.size() == 1 ? recipients : new ArrayList<>(new LinkedHashSet<>(recipients));
        Envelope envelope = new Envelope(id, sender.address(), to, body, false, "", "", server.clock().millis(),
                origin);
        long size = intake.size();
        endTransaction();
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
            var _ = commit.whenComplete(
                    (entries, failure) -> answer(settle(envelope, size, octets, entries, failure), envelope));
            return;
        }
        wait = Wait.COMMIT;
        var _ = commit.whenComplete((entries, failure) -> {
            try {
                loop.execute(() -> {
                    wait = Wait.NONE;
                    answer(settle(envelope, size, octets, entries, failure), envelope);
                    if (wait == Wait.NONE) {
                        resume();
                    }
                });
            } catch (RejectedExecutionException e) { // the server is closed: nobody hears the answer
                settle(envelope, size, octets, entries, failure);
            }
        });
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
        server.accepted(envelope, size, entries, sessionId(), channel.localAddress());
        return null;
    }

    private void answer(@Nullable Reply refusal, Envelope envelope) {
        if (refusal != null) {
            refuseMessage(refusal);
        } else {
            messages++;
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
            goodbye(server.replies().shuttingDown); // RFC 5321 3.8: after 421 the connection is closed
        } else {
            say(reply.encode());
        }
    }

    /** A command that brings no message nearer; too many of them are errors. */
    private void junk(byte[] reply) {
        if (++junkCommands > settings.config().junkCommandLimit()) {
            fail(reply);
        } else {
            say(reply);
        }
    }

    private void fail(byte[] reply) {
        InboundConfig config = settings.config();
        say(reply);
        errors++;
        server.counters().errors.increment();
        if (errors >= config.hardErrorLimit()) {
            goodbye(server.replies().tooManyErrors);
        } else if (errors > config.softErrorLimit() && !config.errorDelay().isZero() && phase != Phase.CLOSED) {
            wait = Wait.PENALTY;
            var _ = loop.schedule(() -> resumeFrom(Wait.PENALTY), config.errorDelay().toNanos(), NANOSECONDS);
        }
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
        boolean inputLeft = moreInput || held != null || phase == Phase.DATA;
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
                var _ = duplex.shutdownOutput();
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
        long period = Math.min(config.commandTimeout().toNanos(), config.dataTimeout().toNanos());
        long left = Math.min(nanosLeft(), period);
        timer = loop.schedule(this::checkTime, Math.max(left, 1), NANOSECONDS);
    }

    private void checkTime() {
        if (phase == Phase.CLOSING || phase == Phase.CLOSED) {
            return;
        }
        if (nanosLeft() > 0) {
            startTimer();
            return;
        }
        server.counters().timeouts.increment();
        log.debug("session={} client={} timed out in {}", number, client, phase);
        if (wait == Wait.CLIENT) {
            closeNow(); // it doesn't read replies either
        } else {
            countAbort();
            goodbye(server.replies().timeout);
        }
    }

    /** Until the client has been silent too long; while we are what is waited for its clock stands still. */
    private long nanosLeft() {
        long now = System.nanoTime();
        long command = settings.config().commandTimeout().toNanos();
        long left = wait == Wait.NONE || wait == Wait.CLIENT ? activityNanos + command - now : command;
        if (phase == Phase.DATA) {
            left = Math.min(left, dataStartNanos + settings.config().dataTimeout().toNanos() - now);
        }
        return left;
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

    InetAddress clientAddress() {
        return clientAddress;
    }

    /** The channel is closed; called once. */
    void closed() {
        countAbort();
        phase = Phase.CLOSED;
        held = null;
        line = null;
        abortReception();
        if (subscription != null) {
            subscription.cancel(); // releases reads that nobody asked for any more
        }
        if (timer != null) {
            timer.cancel(false);
        }
        ByteBuf unsent = out;
        out = null;
        if (unsent != null) {
            unsent.release();
        }
    }

    private void countAbort() {
        if (phase == Phase.DATA) {
            server.counters().messagesAborted.increment();
        }
    }
}
