package dev.penstock.routing;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;

import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/**
 * One question to one server: confined to the virtual thread that asks, which blocks until the deadline at the latest.
 *
 * <p>Each question has a socket of its own, connected, on a port the kernel draws: answers from elsewhere never arrive
 * (RFC 5452 9), a closed port is known at once, and no selector thread decides when a time-out is noticed.
 */
final class DnsExchange {
    /** What we say we take over UDP: passes every path without fragments (DNS flag day 2020). */
    static final int UDP_PAYLOAD = 1232;
    /** Larger than what we ask for, for servers that don't listen. */
    private static final int UDP_BUFFER = 4096;

    /**
     * After this much silence the same datagram goes out once more, then after twice as much: full socket buffers drop
     * about one query in a thousand when a resolver is asked 256 things at once, which must not cost a whole time-out.
     */
    private static final Duration RESEND = Duration.ofMillis(500);

    /** Octets of an answer that are read as objects of some megabyte; usual ones have a few hundred. */
    private static final int LARGE = 4096;
    /** Large ones read at one time. */
    private static final int MAX_LARGE = 4;

    private final DnsCounters counters;
    private final Semaphore largeAnswers = new Semaphore(MAX_LARGE);

    DnsExchange(DnsCounters counters) {
        this.counters = counters;
    }

    /** @throws SocketTimeoutException when no valid answer came by {@code deadline} ({@link System#nanoTime}) */
    Message ask(InetSocketAddress server, Message query, long deadline) throws IOException {
        Message answer = overUdp(server, query, deadline);
        if (answer.getHeader().getFlag(Flags.TC)) {
            counters.overTcp.increment();
            return overTcp(server, query, deadline);
        }
        return answer;
    }

    private Message overUdp(InetSocketAddress server, Message query, long deadline) throws IOException {
        byte[] question = query.toWire();
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(server);
            socket.send(new DatagramPacket(question, question.length));
            DatagramPacket packet = new DatagramPacket(new byte[UDP_BUFFER], UDP_BUFFER);
            Duration pause = RESEND;
            long resendAt = System.nanoTime() + pause.toNanos();
            while (true) {
                int left = millisUntil(deadline);
                int quiet = (int) Math.max(1, Duration.ofNanos(resendAt - System.nanoTime()).toMillis());
                socket.setSoTimeout(Math.min(left, quiet));
                packet.setLength(UDP_BUFFER);
                try {
                    socket.receive(packet);
                } catch (SocketTimeoutException _) {
                    if (quiet < left) {
                        counters.queries.increment();
                        socket.send(new DatagramPacket(question, question.length));
                        pause = pause.multipliedBy(2);
                        resendAt = System.nanoTime() + pause.toNanos();
                    }
                    continue; // the deadline ends this
                }
                byte[] bytes = new byte[packet.getLength()];
                System.arraycopy(packet.getData(), 0, bytes, 0, bytes.length);
                @Nullable
                Message answer = matching(query, bytes);
                if (answer != null) {
                    return answer;
                }
                // A forger's guess or a late answer to someone else: the true one may still come.
                counters.mismatched.increment();
            }
        }
    }

    private Message overTcp(InetSocketAddress server, Message query, long deadline) throws IOException {
        byte[] question = query.toWire();
        try (Socket socket = new Socket()) {
            socket.connect(server, millisUntil(deadline));
            // RFC 7766 8: length and message in one write
            byte[] framed = new byte[Short.BYTES + question.length];
            framed[0] = (byte) (question.length >>> Byte.SIZE);
            framed[1] = (byte) question.length;
            System.arraycopy(question, 0, framed, Short.BYTES, question.length);
            socket.getOutputStream().write(framed);
            DataInputStream in = new DataInputStream(socket.getInputStream());
            socket.setSoTimeout(millisUntil(deadline));
            byte[] bytes = new byte[in.readUnsignedShort()];
            int read = 0;
            while (read < bytes.length) {
                socket.setSoTimeout(millisUntil(deadline));
                int count = in.read(bytes, read, bytes.length - read);
                if (count < 0) {
                    throw new IOException("the answer over TCP ended early");
                }
                read += count;
            }
            @Nullable
            Message answer = matching(query, bytes);
            if (answer == null) {
                counters.mismatched.increment();
                throw new IOException("the answer over TCP doesn't match the question");
            }
            return answer;
        }
    }

    /** RFC 5452 9.1: id and question must be ours. Null when they aren't or the message can't be read. */
    private @Nullable Message matching(Message query, byte[] bytes) {
        boolean large = bytes.length > LARGE;
        if (large) {
            largeAnswers.acquireUninterruptibly();
        }
        Message answer;
        try {
            answer = new Message(bytes);
            if (large) {
                shorten(answer);
            }
        } catch (IOException | RuntimeException _) {
            return null; // whatever arrives from the network may be garbage
        } finally {
            if (large) {
                largeAnswers.release();
            }
        }
        if (answer.getHeader().getID() != query.getHeader().getID() || !answer.getHeader().getFlag(Flags.QR)
                || answer.getHeader().getOpcode() != Opcode.QUERY) {
            return null;
        }
        @Nullable
        Record asked = answer.getQuestion();
        if (asked == null) {
            // RFC 6891 7: a server without EDNS may answer FORMERR with nothing but a header
            return answer.getRcode() == Rcode.FORMERR ? answer : null;
        }
        return asked.equals(query.getQuestion()) ? answer : null;
    }

    /** Leaves of a message what its readers look at. */
    private static void shorten(Message answer) {
        List<Record> kept = KeptRecords.of(answer.getSection(Section.ANSWER));
        answer.removeAllRecords(Section.ANSWER);
        kept.forEach(record -> answer.addRecord(record, Section.ANSWER));
        List<Record> authority = KeptRecords.of(answer.getSection(Section.AUTHORITY));
        answer.removeAllRecords(Section.AUTHORITY);
        authority.forEach(record -> answer.addRecord(record, Section.AUTHORITY));
        OPTRecord options = answer.getOPT();
        answer.removeAllRecords(Section.ADDITIONAL);
        if (options != null) {
            answer.addRecord(options, Section.ADDITIONAL);
        }
    }

    private static int millisUntil(long deadline) throws SocketTimeoutException {
        long left = Duration.ofNanos(deadline - System.nanoTime()).toMillis();
        if (left <= 0) {
            throw new SocketTimeoutException("deadline");
        }
        return (int) Math.min(left, Integer.MAX_VALUE);
    }
}
