package dev.penstock.loadgen;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

/**
 * One SMTP client session that is opened again when its message bound is reached or, on request, when it breaks.
 * Confined to its worker's loop.
 *
 * <p>With PIPELINING the final dot is followed, in the same write, by the next message's whole envelope (RFC 2920 3.1),
 * so two transactions may be under way: {@code content} waits for the reply to its dot, {@code envelope} for those to
 * its commands. A message is never sent again under the same sequence number.
 */
final class LoadSession implements NioLoop.Handler {
    private static final ByteBuffer NOTHING = ByteBuffer.allocateDirect(0);
    private static final byte[] EHLO = Ascii.of("EHLO load.penstock.test\r\n");
    private static final byte[] HELO = Ascii.of("HELO load.penstock.test\r\n");
    private static final byte[] MAIL_FROM = Ascii.of("MAIL FROM:<");
    private static final byte[] BODY_8BITMIME = Ascii.of(" BODY=8BITMIME"); // RFC 6152
    private static final byte[] RCPT_TO = Ascii.of("RCPT TO:<");
    private static final byte[] DATA = Ascii.of("DATA\r\n");
    private static final byte[] FROM = Ascii.of("From: <");
    private static final byte[] TO = Ascii.of(">\r\nTo: <");
    private static final byte[] SUBJECT = Ascii.of(">\r\nSubject: Penstock load, message ");
    private static final byte[] DATE = Ascii.of("\r\nDate: ");
    private static final byte[] MESSAGE_ID = Ascii.of("\r\nMessage-ID: <");
    private static final byte[] ID_HOST = Ascii.of("@load.penstock.test>\r\n");
    private static final byte[] MIME_8BIT = Ascii.of("""
            MIME-Version: 1.0\r
            Content-Type: text/plain; charset=iso-8859-1\r
            Content-Transfer-Encoding: 8bit\r
            """);
    private static final byte[] RSET = Ascii.of("RSET\r\n");
    private static final byte[] QUIT = Ascii.of("QUIT\r\n");
    private static final byte[] DOT = Ascii.of(".\r\n");
    private static final int FIXED_HEADERS = 512;
    private static final int PER_RECIPIENT = 320; // a path is at most 256 octets, RFC 5321 4.5.3.1.3
    private static final long FIRST_BACK_OFF_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long LONGEST_BACK_OFF_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int LONGEST_LINE = 4096;

    /** The command a reply belongs to. */
    private enum Step {
        GREETING, EHLO, HELO, MAIL, RCPT, DATA, DOT, RSET, QUIT
    }

    private final LoadWorker worker;
    private final LoadOptions options;
    private final InetSocketAddress target;
    private final byte[] sender;
    private final ByteBuffer[] out = {NOTHING, NOTHING, NOTHING};
    private final ByteBuffer head;
    private final ByteBuffer tail;
    private final Step[] awaited; // a ring
    private int awaitedFirst;
    private int awaitedCount;
    private final Ascii line = new Ascii(128);

    private @Nullable SocketChannel channel;
    private @Nullable SelectionKey key;
    private Transaction content = new Transaction();
    private Transaction envelope = new Transaction();
    private boolean contentOpen;
    private boolean envelopeOpen;
    private boolean writing;
    private boolean pipelining;
    private boolean offersEightBit;
    private int sent;
    private long backOffNanos;

    LoadSession(LoadWorker worker, InetSocketAddress target) {
        this.worker = worker;
        this.target = target;
        options = worker.options;
        sender = Ascii.of(options.sender());
        int envelopeSize = FIXED_HEADERS + options.recipients() * PER_RECIPIENT;
        head = ByteBuffer.allocateDirect(envelopeSize + FIXED_HEADERS);
        tail = ByteBuffer.allocateDirect(envelopeSize + FIXED_HEADERS);
        awaited = new Step[Integer.highestOneBit(options.recipients() + 8) << 1];
    }

    void connect() {
        worker.generator.connections.increment();
        try {
            SocketChannel opened = SocketChannel.open();
            channel = opened;
            opened.configureBlocking(false);
            opened.setOption(StandardSocketOptions.TCP_NODELAY, true);
            boolean connected = opened.connect(target);
            key = worker.loop.register(opened, connected ? SelectionKey.OP_READ : SelectionKey.OP_CONNECT, this);
            await(Step.GREETING);
        } catch (IOException e) {
            failed(e);
        }
    }

    /** Sends the next message if one is due, else becomes idle. */
    boolean proceed() {
        try {
            return tryProceed();
        } catch (IOException e) {
            failed(e);
            return false;
        }
    }

    @Override
    public void ready(SelectionKey ready) throws IOException {
        SocketChannel open = channel;
        if (open == null || !ready.equals(key)) {
            return;
        }
        if (ready.isConnectable()) {
            open.finishConnect();
            ready.interestOps(SelectionKey.OP_READ);
            return;
        }
        if (ready.isWritable()) {
            write();
        }
        if (ready.isValid() && ready.isReadable()) {
            read(open);
        }
    }

    /** Counts what was under way, and opens the session again if that is wanted. */
    @Override
    public void failed(IOException cause) {
        worker.generator.failures.increment();
        close();
        if (options.reconnect() && !worker.generator.finished()) {
            backOffNanos = Math.clamp(backOffNanos * 2, FIRST_BACK_OFF_NANOS, LONGEST_BACK_OFF_NANOS);
            worker.loop.schedule(System.nanoTime() + backOffNanos, this::connect);
        } else {
            worker.generator.openSessions.decrementAndGet();
        }
    }

    private boolean tryProceed() throws IOException {
        if (sentAll()) {
            command(QUIT, Step.QUIT);
            return true;
        }
        if (worker.take(envelope)) {
            begin(worker.head.clear());
            send(worker.head);
            return true;
        }
        if (worker.generator.finished()) {
            command(QUIT, Step.QUIT);
            return true;
        }
        worker.idle.addLast(this);
        return false;
    }

    private void begin(Ascii commands) {
        envelopeOpen = true;
        sent++;
        mail(commands);
        if (pipelining) {
            for (int i = 0; i < options.recipients(); i++) {
                rcpt(commands, i);
            }
            data(commands);
        }
    }

    private void mail(Ascii commands) {
        commands.add(MAIL_FROM).add(sender).add('>');
        if (offersEightBit && options.eightBit() > 0) {
            commands.add(BODY_8BITMIME);
        }
        commands.crlf();
        await(Step.MAIL);
    }

    private void rcpt(Ascii commands, int recipient) {
        commands.add(RCPT_TO);
        address(commands, recipient);
        commands.add('>').crlf();
        await(Step.RCPT);
    }

    private void address(Ascii text, int recipient) {
        Address.append(text, envelope.sequence, recipient,
                options.domains().pick(Mix.bits(options.seed(), envelope.sequence, recipient)));
    }

    private void data(Ascii commands) {
        commands.add(DATA);
        await(Step.DATA);
    }

    private void read(SocketChannel open) throws IOException {
        ByteBuffer input = worker.input;
        input.clear();
        int count = open.read(input);
        if (count < 0) {
            throw new IOException("closed by the server");
        }
        byte[] bytes = worker.bytes;
        int from = 0;
        for (int i = 0; i < count; i++) {
            if (bytes[i] != '\n') {
                continue;
            }
            if (line.length() == 0) {
                reply(bytes, from, i - from);
            } else {
                line.add(bytes, from, i - from);
                reply(line.array(), 0, line.length());
                line.clear();
            }
            from = i + 1;
            if (!open.equals(channel)) {
                return;
            }
        }
        line.add(bytes, from, count - from);
        if (line.length() > LONGEST_LINE) {
            throw new IOException("an endless reply line");
        }
    }

    /** One line of a reply, with its CR; only the last line of a reply moves the session on. */
    private void reply(byte[] bytes, int offset, int length) throws IOException {
        int code = code(bytes, offset, length);
        boolean last = length == 4 || bytes[offset + 3] != '-';
        if (awaitedCount == 0) {
            throw new IOException("unexpected reply: " + text(bytes, offset, length));
        }
        Step step = awaited[awaitedFirst];
        if (step == Step.EHLO && code == 250) {
            keyword(text(bytes, offset, length));
        }
        if (!last) {
            return;
        }
        awaitedFirst = awaitedFirst + 1 & awaited.length - 1;
        awaitedCount--;
        if (code == 421) { // RFC 5321 3.8: the server is about to close
            if (step == Step.DOT) {
                dotReply(code, bytes, offset, length);
            }
            refuseEnvelope(text(bytes, offset, length));
            throw new IOException("421");
        }
        switch (step) {
            case GREETING -> {
                expect(code == 220, bytes, offset, length);
                command(EHLO, Step.EHLO);
            }
            case EHLO -> {
                if (code == 250) {
                    opened();
                } else {
                    command(HELO, Step.HELO);
                }
            }
            case HELO -> {
                expect(code == 250, bytes, offset, length);
                opened();
            }
            case MAIL -> mailReply(code, bytes, offset, length);
            case RCPT -> rcptReply(code, bytes, offset, length);
            case DATA -> dataReply(code, bytes, offset, length);
            case DOT -> dotReply(code, bytes, offset, length);
            case RSET -> tryProceed();
            case QUIT -> quit();
        }
    }

    private void opened() throws IOException {
        backOffNanos = 0;
        tryProceed();
    }

    private void keyword(String text) {
        String keyword = text.substring(4).toUpperCase(Locale.ROOT);
        if (keyword.equals("PIPELINING")) {
            pipelining = options.pipelining();
        } else if (keyword.equals("8BITMIME")) {
            offersEightBit = true;
        }
    }

    private void mailReply(int code, byte[] bytes, int offset, int length) throws IOException {
        if (code != 250) {
            envelope.code = code;
            worker.generator.refuse(code, text(bytes, offset, length), options.recipients());
        }
        if (pipelining) {
            return;
        }
        if (code == 250) {
            rcpt(worker.head.clear(), 0);
            send(worker.head);
        } else {
            envelopeRefused();
        }
    }

    private void rcptReply(int code, byte[] bytes, int offset, int length) throws IOException {
        int recipient = envelope.answered++;
        if (code / 10 == 25) { // 250, 251: RFC 5321 4.3.2
            envelope.recipients.set(recipient);
            envelope.accepted++;
        } else if (envelope.code == 0) {
            worker.generator.refuse(code, text(bytes, offset, length), 1);
        }
        if (pipelining) {
            return;
        }
        if (envelope.answered < options.recipients()) {
            rcpt(worker.head.clear(), envelope.answered);
        } else if (envelope.accepted > 0) {
            data(worker.head.clear());
        } else {
            envelopeRefused();
            return;
        }
        send(worker.head);
    }

    private void dataReply(int code, byte[] bytes, int offset, int length) throws IOException {
        if (code != 354) {
            if (envelope.accepted > 0 && envelope.code == 0) {
                worker.generator.refuse(code, text(bytes, offset, length), envelope.accepted);
            }
            envelopeRefused();
            return;
        }
        Transaction answered = envelope;
        envelope = content;
        content = answered;
        envelopeOpen = false;
        contentOpen = true;
        if (content.accepted == 0) {
            command(DOT, Step.DOT); // RFC 2920 3.1: nobody is left to receive it, but the server waits for data
        } else {
            message();
        }
    }

    private void envelopeRefused() throws IOException {
        envelopeOpen = false;
        worker.generator.inFlight.decrementAndGet();
        command(RSET, Step.RSET); // MAIL may have been accepted: the next one would be out of sequence
    }

    private void dotReply(int code, byte[] bytes, int offset, int length) throws IOException {
        if (writing) {
            throw new IOException("the server replied before the end of the message");
        }
        contentOpen = false;
        if (content.accepted == 0) {
            worker.generator.inFlight.decrementAndGet();
        } else if (code == 250) {
            worker.accepted(content);
        } else {
            worker.generator.refuse(code, text(bytes, offset, length), content.accepted);
            worker.generator.inFlight.decrementAndGet();
        }
        if (!envelopeOpen && code != 421) {
            tryProceed();
        }
    }

    /** Writes header, shared body, last line and dot; and behind them the next envelope when one is due. */
    private void message() throws IOException {
        long bits = Mix.bits(options.seed(), content.sequence, -1);
        BodyPool.Part part = worker.generator.bodies.pick(options.sizes().pick(bits), Mix.bits(bits, 0, 0));
        LoadHeader header = worker.header;
        Ascii end = worker.tail.clear();
        header.sum = BodyPool.appendLastLine(end, part, worker.generator.run, content.sequence);
        end.add(DOT);
        header.run = worker.generator.run;
        header.sequence = content.sequence;
        header.recipients = options.recipients();
        header.size = part.bodySize();
        header.sentMicros = Generator.epochMicros();
        header.warmUp = !content.counted;
        headers(worker.head.clear(), header);
        await(Step.DOT);
        if (pipelining && !sentAll() && worker.take(envelope)) {
            begin(end);
        }
        out[1] = part.wire().duplicate();
        fill(tail, end, 2);
        send(worker.head);
    }

    private void headers(Ascii text, LoadHeader header) {
        text.add(FROM).add(sender).add(TO);
        Address.append(text, content.sequence, 0,
                options.domains().pick(Mix.bits(options.seed(), content.sequence, 0)));
        text.add(SUBJECT).decimal(content.sequence).add(DATE).add(worker.date(header.sentMicros)).add(MESSAGE_ID)
                .decimal(content.sequence).add('.').hex32(header.run).add(ID_HOST);
        if (options.eightBit() > 0) {
            text.add(MIME_8BIT);
        }
        header.append(text);
        text.crlf();
    }

    private void command(byte[] text, Step step) throws IOException {
        await(step);
        send(worker.head.clear().add(text));
    }

    private void send(Ascii text) throws IOException {
        fill(head, text, 0);
        write();
    }

    private void fill(ByteBuffer buffer, Ascii text, int slot) {
        out[slot] = buffer.clear().put(text.array(), 0, text.length()).flip();
    }

    private void write() throws IOException {
        SocketChannel open = channel;
        SelectionKey selection = key;
        if (open == null || selection == null) {
            return;
        }
        if (out[1].hasRemaining() || out[2].hasRemaining()) {
            open.write(out);
        } else {
            open.write(out[0]);
        }
        boolean rest = out[0].hasRemaining() || out[1].hasRemaining() || out[2].hasRemaining();
        if (rest != writing) {
            writing = rest;
            selection.interestOps(rest ? SelectionKey.OP_READ | SelectionKey.OP_WRITE : SelectionKey.OP_READ);
        }
        if (!rest && contentOpen && content.dotNanos == 0) {
            content.dotNanos = System.nanoTime();
        }
    }

    private void await(Step step) {
        awaited[awaitedFirst + awaitedCount++ & awaited.length - 1] = step;
    }

    private boolean sentAll() {
        return options.messagesPerSession() > 0 && sent >= options.messagesPerSession();
    }

    private void quit() {
        close();
        if (worker.generator.finished()) {
            worker.generator.openSessions.decrementAndGet();
        } else {
            connect();
        }
    }

    private void refuseEnvelope(String text) {
        if (envelopeOpen && envelope.code == 0) {
            int open = options.recipients() - envelope.answered + envelope.accepted;
            worker.generator.refuse(421, text, open);
            envelope.code = 421;
        }
    }

    private void close() {
        Generator generator = worker.generator;
        if (contentOpen) {
            generator.unknown.add(content.accepted);
            generator.inFlight.decrementAndGet();
        }
        if (envelopeOpen) {
            if (envelope.code == 0) {
                generator.aborted.add(options.recipients() - envelope.answered + envelope.accepted);
            }
            generator.inFlight.decrementAndGet();
        }
        contentOpen = false;
        envelopeOpen = false;
        writing = false;
        pipelining = false;
        offersEightBit = false;
        sent = 0;
        awaitedCount = 0;
        line.clear();
        out[0] = NOTHING;
        out[1] = NOTHING;
        out[2] = NOTHING;
        worker.idle.remove(this);
        SocketChannel open = channel;
        channel = null;
        key = null;
        if (open != null) {
            try {
                open.close();
            } catch (IOException _) {
                // nothing more to be done with it
            }
        }
    }

    private static void expect(boolean condition, byte[] bytes, int offset, int length) throws IOException {
        if (!condition) {
            throw new IOException(text(bytes, offset, length));
        }
    }

    private static int code(byte[] bytes, int offset, int length) throws IOException {
        if (length < 4) {
            throw new IOException("not a reply: " + text(bytes, offset, length));
        }
        int code = (bytes[offset] - '0') * 100 + (bytes[offset + 1] - '0') * 10 + bytes[offset + 2] - '0';
        if (code < 200 || code > 599) {
            throw new IOException("not a reply: " + text(bytes, offset, length));
        }
        return code;
    }

    private static String text(byte[] bytes, int offset, int length) {
        return new String(bytes, offset, length, StandardCharsets.ISO_8859_1).strip();
    }
}
