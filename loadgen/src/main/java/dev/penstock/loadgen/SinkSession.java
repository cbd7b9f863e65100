package dev.penstock.loadgen;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.zip.CRC32C;

import org.jspecify.annotations.Nullable;

import dev.penstock.loadgen.twin.Twin.Answer;

/**
 * One session of the sink. Confined to its worker's loop.
 *
 * <p>All input at hand is worked through before the replies leave in one write (RFC 2920 3.2). A reply that a behaviour
 * delays stops the session's input until it has been sent.
 */
final class SinkSession implements NioLoop.Handler, DataScanner.Content {
    private static final int LONGEST_LINE = 2048; // above RFC 5321 4.5.3.1.4's 512 with extension parameters
    private static final int LONGEST_HEADER = 64 << 10;
    private static final int MOST_RECIPIENTS = 1000;
    private static final byte[] NOTHING = {};

    /** One accepted recipient of the transaction. */
    private record Accepted(DomainTable.Domain domain, long address) {}

    private final SinkWorker worker;
    private final Sink sink;
    private final SinkReplies replies;
    private final SocketChannel channel;
    private @Nullable SelectionKey key;
    private @Nullable Behaviour addressBehaviour;

    private final Ascii out = new Ascii(256);
    private byte[] input = NOTHING; // octets kept for later: part of a line, or what waits behind a delayed reply
    private byte[] unsent = NOTHING;
    private byte @Nullable [] delayed;
    /** Whether the connection is closed behind the reply that is delayed. */
    private boolean closesBehind;
    private SinkTwins.@Nullable Session twin;
    private boolean stalled;
    private boolean closing;
    private boolean closed;

    private boolean mailGiven;
    private boolean receiving;
    /** Chunks of the transaction's content have come (RFC 3030). */
    private boolean chunked;
    private boolean inChunk;
    private boolean lastChunk;
    private long chunkLeft;
    private final List<Accepted> recipients = new ArrayList<>();
    private boolean drop;
    private boolean loseReply;
    private Duration delay = Duration.ZERO;
    private Duration dotDelay = Duration.ZERO;

    private final DataScanner scanner = new DataScanner();
    private final Ascii headers = new Ascii(1024);
    private final CRC32C sum = new CRC32C();
    private boolean inHeader;
    private long size;
    private long bodySize;

    SinkSession(SinkWorker worker, SocketChannel channel) {
        this.worker = worker;
        this.channel = channel;
        sink = worker.sink;
        replies = worker.replies;
    }

    void begin(SelectionKey selection) throws IOException {
        key = selection;
        sink.open.increment();
        InetSocketAddress local = (InetSocketAddress) channel.getLocalAddress();
        String host = local.getAddress().getHostAddress();
        Behaviour own = sink.behaviours.find(host + ":" + local.getPort());
        addressBehaviour = own != null ? own : sink.behaviours.find(host);
        Behaviour first = addressBehaviour != null ? addressBehaviour : sink.behaviours.any();
        stalled = first.stall();
        delay = first.delay();
        twin = sink.twins.connect(local, ((InetSocketAddress) channel.getRemoteAddress()).getAddress());
        if (!stalled) {
            SinkTwins.Session met = twin;
            answer(met == null ? null : met.greeting(), replies.greeting);
            flush();
        }
    }

    @Override
    public void ready(SelectionKey selection) throws IOException {
        if (selection.isWritable()) {
            flush();
        }
        if (selection.isValid() && selection.isReadable()) {
            read();
        }
    }

    @Override
    public void failed(IOException cause) {
        close();
    }

    private void read() throws IOException {
        ByteBuffer buffer = worker.input;
        buffer.clear();
        if (input.length > 0) {
            buffer.put(input);
            input = NOTHING;
        }
        int count = channel.read(buffer);
        if (count < 0) {
            close();
            return;
        }
        if (stalled) {
            return;
        }
        process(worker.bytes, buffer.position());
        flush();
    }

    private void process(byte[] bytes, int limit) throws IOException {
        int at = 0;
        while (at < limit && delayed == null && !stalled && !closing) {
            if (inChunk) {
                if (drop) {
                    countDropped();
                    closing = true;
                    return;
                }
                int length = (int) Math.min(limit - at, chunkLeft);
                if (!recipients.isEmpty()) {
                    content(bytes, at, length);
                }
                chunkLeft -= length;
                at += length;
                if (chunkLeft == 0) {
                    chunkEnded();
                }
            } else if (receiving) {
                if (drop) {
                    countDropped();
                    closing = true;
                    return;
                }
                int end = scanner.scan(bytes, at, limit, this);
                if (end < 0) {
                    return;
                }
                at = end;
                received();
            } else {
                int newline = indexOfNewline(bytes, at, limit);
                if (newline < 0) {
                    break;
                }
                int end = newline > at && bytes[newline - 1] == '\r' ? newline - 1 : newline;
                command(bytes, at, end);
                at = newline + 1;
            }
        }
        if (at < limit && !stalled && !closing) {
            keep(bytes, at, limit);
        }
    }

    private void keep(byte[] bytes, int from, int limit) {
        if (delayed == null && limit - from > LONGEST_LINE) {
            out.add(replies.tooLong);
            closing = true;
        } else {
            input = Arrays.copyOfRange(bytes, from, limit);
        }
    }

    private static int indexOfNewline(byte[] bytes, int from, int limit) {
        for (int i = from; i < limit; i++) {
            if (bytes[i] == '\n') {
                return i;
            }
        }
        return -1;
    }

    private void command(byte[] bytes, int from, int to) throws IOException {
        switch (verb(bytes, from, to)) {
            case "EHLO" -> {
                reset();
                answer(twin == null ? null : twin.hello(), replies.ehlo);
            }
            case "HELO" -> {
                reset();
                answer(twin == null ? null : twin.hello(), replies.helo);
            }
            case "MAIL" -> mail(bytes, from, to);
            case "RCPT" -> rcpt(bytes, from, to);
            case "DATA" -> data();
            case "BDAT" -> bdat(new String(bytes, from, to - from, StandardCharsets.US_ASCII));
            case "RSET" -> {
                reset();
                answer(replies.ok);
            }
            case "NOOP" -> answer(replies.ok);
            case "VRFY" -> answer(replies.cannotVerify);
            case "QUIT" -> {
                out.add(replies.bye);
                closing = true;
            }
            default -> answer(replies.unknown);
        }
    }

    /** The verbs of a busy session are told by two letters each, without making a string. */
    private static String verb(byte[] bytes, int from, int to) {
        if (to - from < 4) {
            return "";
        }
        return switch ((bytes[from] & 0xdf) << 8 | bytes[from + 1] & 0xdf) {
            case 'M' << 8 | 'A' -> "MAIL";
            case 'R' << 8 | 'C' -> "RCPT";
            case 'D' << 8 | 'A' -> "DATA";
            default -> new String(bytes, from, 4, StandardCharsets.US_ASCII).toUpperCase(Locale.ROOT);
        };
    }

    private void mail(byte[] bytes, int from, int to) throws IOException {
        if (mailGiven) {
            answer(replies.outOfSequence);
            return;
        }
        if (sink.options.size() > 0 && declaredSize(bytes, from, to) > sink.options.size()) {
            answer(replies.tooLarge);
            return;
        }
        Answer said = twin == null ? null : twin.mail(path(bytes, from, to));
        mailGiven = said == null || !said.isRefusal();
        answer(said, replies.sender);
    }

    /** What stands between the first and the last angle bracket, empty for none. */
    private static String path(byte[] bytes, int from, int to) {
        String command = new String(bytes, from, to - from, StandardCharsets.UTF_8);
        int open = command.indexOf('<');
        int close = command.indexOf('>', open + 1);
        return open < 0 || close < 0 ? "" : command.substring(open + 1, close);
    }

    /** RFC 1870 3: the SIZE parameter of MAIL, 0 when there is none. */
    private static long declaredSize(byte[] bytes, int from, int to) {
        for (int i = from; i + 6 < to; i++) {
            if (bytes[i] == ' ' && bytes[i + 5] == '=' && (bytes[i + 1] & 0xdf) == 'S' && (bytes[i + 2] & 0xdf) == 'I'
                    && (bytes[i + 3] & 0xdf) == 'Z' && (bytes[i + 4] & 0xdf) == 'E') {
                long size = 0;
                for (int digit = i + 6; digit < to && bytes[digit] >= '0' && bytes[digit] <= '9'; digit++) {
                    size = size * 10 + bytes[digit] - '0';
                }
                return size;
            }
        }
        return 0;
    }

    private void rcpt(byte[] bytes, int from, int to) throws IOException {
        int open = from;
        int close = to - 1;
        while (open < to && bytes[open] != '<') {
            open++;
        }
        while (close > open && bytes[close] != '>') {
            close--;
        }
        int at = close;
        while (at > open && bytes[at] != '@') {
            at--;
        }
        if (!mailGiven || at <= open) {
            answer(mailGiven ? replies.unknown : replies.outOfSequence);
            return;
        }
        if (recipients.size() >= MOST_RECIPIENTS) {
            answer(replies.tooManyRecipients);
            return;
        }
        DomainTable.Domain domain = worker.domains.find(bytes, at + 1, close);
        Behaviour behaviour = behaviour(domain);
        if (behaviour.stall()) {
            stalled = true;
            return;
        }
        delay = behaviour.delay();
        dotDelay = longer(dotDelay, behaviour.dotDelay());
        Answer said = twin == null ? null : twin.recipient(path(bytes, from, to));
        if (said != null && said.isRefusal()) {
            (said.reply().isPermanent() ? domain.counters.bounced : domain.counters.deferred).increment();
            answer(said, replies.recipient);
            return;
        }
        answer(said, outcome(domain, behaviour, Address.parse(bytes, open + 1, at)));
    }

    private Behaviour behaviour(DomainTable.Domain domain) {
        Behaviour own = domain.behaviour != null ? domain.behaviour : addressBehaviour;
        return own != null ? own : sink.behaviours.any();
    }

    private byte[] outcome(DomainTable.Domain domain, Behaviour behaviour, long address) {
        double refused = behaviour.defer() + behaviour.bounce();
        double choice = refused > 0 ? worker.choose() : 1;
        if (choice < behaviour.defer()) {
            domain.counters.deferred.increment();
            return replies.deferred;
        }
        if (choice < refused) {
            domain.counters.bounced.increment();
            return replies.bounced;
        }
        recipients.add(new Accepted(domain, address));
        drop |= behaviour.drop() > 0 && worker.choose() < behaviour.drop();
        loseReply |= behaviour.loseReply() > 0 && worker.choose() < behaviour.loseReply();
        return replies.recipient;
    }

    private void data() throws IOException {
        if (!mailGiven) {
            answer(replies.outOfSequence);
        } else if (recipients.isEmpty()) {
            answer(replies.noRecipients);
        } else {
            receiving = true;
            beginContent();
            answer(replies.data);
        }
    }

    private void beginContent() {
        inHeader = true;
        headers.clear();
        sum.reset();
        size = 0;
        bodySize = 0;
    }

    /** RFC 3030 2; octets of a transaction without recipients are thrown away. */
    private void bdat(String command) throws IOException {
        String[] words = command.split(" +", -1);
        if (!sink.options.chunking() || words.length < 2 || !words[1].matches("[0-9]{1,18}")) {
            out.add(replies.unknown);
            closing = true; // what follows can't be told from commands
            return;
        }
        if (!chunked) {
            chunked = true;
            beginContent();
        }
        chunkLeft = Long.parseLong(words[1]);
        lastChunk = words.length > 2 && words[2].equalsIgnoreCase("LAST");
        inChunk = chunkLeft > 0;
        if (!inChunk) {
            chunkEnded();
        }
    }

    private void chunkEnded() throws IOException {
        inChunk = false;
        if (recipients.isEmpty()) {
            answer(mailGiven ? replies.noRecipients : replies.outOfSequence);
        } else if (lastChunk) {
            received();
        } else {
            answer(replies.ok);
        }
    }

    @Override
    public void content(byte[] bytes, int offset, int length) {
        size += length;
        if (!inHeader) {
            sum.update(bytes, offset, length);
            bodySize += length;
            return;
        }
        int before = headers.length();
        headers.add(bytes, offset, length);
        int end = endOfHeader(headers.array(), Math.max(0, before - 3), headers.length());
        if (end >= 0 || headers.length() > LONGEST_HEADER) {
            inHeader = false;
            int body = end < 0 ? headers.length() : end;
            sum.update(headers.array(), body, headers.length() - body);
            bodySize = (long) headers.length() - body;
            headers.truncate(body); // a report's body quotes the header of what it reports
        }
    }

    /** Where the body starts: behind the first empty line. */
    private static int endOfHeader(byte[] bytes, int from, int length) {
        for (int i = from; i + 3 < length; i++) {
            if (bytes[i] == '\r' && bytes[i + 1] == '\n' && bytes[i + 2] == '\r' && bytes[i + 3] == '\n') {
                return i + 4;
            }
        }
        return -1;
    }

    private void received() throws IOException {
        Answer said = twin == null ? null : twin.content();
        if (said != null && said.isRefusal()) {
            for (Accepted recipient : recipients) {
                (said.reply().isPermanent() ? recipient.domain.counters.bounced : recipient.domain.counters.deferred)
                        .increment();
            }
            reset();
            answer(said, replies.accepted);
            return;
        }
        sink.messages.increment();
        sink.octets.add(size);
        LoadHeader header = worker.header;
        if (header.parse(headers.array(), headers.length())) {
            boolean sound = header.size == bodySize && header.sum == (int) sum.getValue();
            long now = Generator.epochMicros();
            for (Accepted recipient : recipients) {
                recipient.domain.counters.received.increment();
                delivered(header, recipient.address, sound, now);
            }
        } else {
            sink.foreign.increment();
        }
        Duration wait = delay.plus(dotDelay);
        boolean lose = loseReply;
        reset();
        if (lose) {
            closing = true;
        } else if (said != null) {
            answer(said, replies.accepted);
        } else {
            answer(replies.accepted, wait);
        }
    }

    private void delivered(LoadHeader header, long address, boolean sound, long now) {
        sink.deliveries.increment();
        boolean addressed = address != Address.NONE && Address.sequence(address) == header.sequence
                && Address.recipient(address) < header.recipients;
        long delivery = header.sequence * header.recipients + Address.recipient(address);
        boolean good = sound && addressed && delivery >= 0 && delivery < DeliverySet.LIMIT;
        if (good) {
            sink.received.add(header.run, delivery);
        } else {
            sink.received.addCorrupt();
        }
        if (sink.log != null) {
            sink.log.append(header.run, good ? delivery : delivery | DeliveryLog.CORRUPT);
        }
        if (!header.warmUp) {
            sink.countFrom(now);
            sink.lastMicros = now;
            sink.counted.increment();
            worker.transit().recordMicros(now - header.sentMicros);
        }
    }

    private void countDropped() {
        for (Accepted recipient : recipients) {
            recipient.domain.counters.dropped.increment();
        }
    }

    private void reset() {
        if (twin != null) {
            twin.reset();
        }
        mailGiven = false;
        receiving = false;
        chunked = false;
        recipients.clear();
        drop = false;
        loseReply = false;
        delay = addressBehaviour != null ? addressBehaviour.delay() : sink.behaviours.any().delay();
        dotDelay = Duration.ZERO;
    }

    private static Duration longer(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? b : a;
    }

    private void answer(byte[] reply) throws IOException {
        answer(reply, delay);
    }

    /** As the twin says, after its time; where there is none, or it refuses nothing, what the sink says. */
    private void answer(@Nullable Answer said, byte[] otherwise) throws IOException {
        if (said == null) {
            answer(otherwise);
            return;
        }
        closesBehind = said.isRefusal() && said.reply().closes();
        byte[] reply = said.isRefusal() ? Ascii.of(said.reply().line() + "\r\n") : otherwise;
        answer(reply, delay.plusNanos(said.delayNanos()));
        if (delayed == null) {
            closing |= closesBehind;
        }
    }

    /** The one way replies take, but for those before a close. */
    private void answer(byte[] reply, Duration wait) throws IOException {
        if (wait.isZero()) {
            out.add(reply);
            return;
        }
        flush();
        delayed = reply;
        interest();
        worker.loop.schedule(System.nanoTime() + wait.toNanos(), this::resume);
    }

    private void resume() {
        byte[] reply = delayed;
        if (closed || reply == null) {
            return;
        }
        delayed = null;
        try {
            out.add(reply);
            closing |= closesBehind;
            byte[] waiting = input;
            input = NOTHING;
            process(waiting, waiting.length);
            flush();
            interest();
        } catch (IOException e) {
            failed(e);
        }
    }

    private void flush() throws IOException {
        if (closed) {
            return;
        }
        if (unsent.length > 0) {
            ByteBuffer rest = ByteBuffer.wrap(unsent);
            channel.write(rest);
            unsent = Arrays.copyOfRange(unsent, rest.position(), unsent.length);
            if (unsent.length > 0) {
                return;
            }
            interest();
        }
        if (out.length() > 0) {
            write();
        }
        if (closing && unsent.length == 0) {
            close();
        }
    }

    private void write() throws IOException {
        ByteBuffer buffer = worker.output.clear();
        int length = Math.min(buffer.remaining(), out.length());
        buffer.put(out.array(), 0, length).flip();
        int written = channel.write(buffer);
        if (written < out.length()) {
            unsent = Arrays.copyOfRange(out.array(), written, out.length());
            interest();
        }
        out.clear();
    }

    /** A peer that doesn't read its replies isn't read from either, so nothing grows. */
    private void interest() {
        SelectionKey selection = key;
        if (selection != null && selection.isValid()) {
            int waiting = delayed == null ? SelectionKey.OP_READ : 0;
            selection.interestOps(unsent.length > 0 ? SelectionKey.OP_WRITE : waiting);
        }
    }

    private void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (twin != null) {
            twin.close();
        }
        if (key != null) {
            sink.open.decrement();
        }
        try {
            channel.close();
        } catch (IOException _) {
            // nothing more to be done with it
        }
    }
}
