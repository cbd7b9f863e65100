package dev.penstock.inbound;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.InboundConfig;
import dev.penstock.message.MessageId;
import dev.penstock.smtp.DataDecoder;
import dev.penstock.smtp.ReceivedCounter;
import dev.penstock.smtp.Reply;
import dev.penstock.smtp.Sink;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolException;

/**
 * The message that a session is receiving, from 354 to the end of data. Confined to the session's event loop; used for
 * one message after the other.
 *
 * <p>Once there is a reason to refuse the message nothing more of it is kept: the rest is read and forgotten up to the
 * end of data, and then the reason is told.
 */
final class Reception implements Sink<RuntimeException> {
    private static final int MAX_RECEIVED = 50; // hopcount_limit of Postfix; RFC 5321 6.3 wants 100 or so, at least

    private final ReceptionMemory memory;
    private final DataDecoder decoder = new DataDecoder();
    private final ReceivedCounter received = new ReceivedCounter();
    private Spool.@Nullable Intake intake;
    private @Nullable MessageId id;
    private @Nullable Reply refusal;
    private long maxSize;
    private int maxLineLength;
    private long size;
    private long held;

    Reception(ReceptionMemory memory) {
        this.memory = memory;
    }

    /** @throws SpoolException when the spool takes nothing; there is nothing to receive then */
    void begin(Spool spool, MessageId newId, byte[] traceHeader, InboundConfig config) {
        Spool.Intake begun = spool.intake();
        begun.write(traceHeader, 0, traceHeader.length);
        intake = begun;
        id = newId;
        refusal = null;
        size = 0;
        held = traceHeader.length;
        memory.add(held);
        maxSize = config.maxMessageSize().bytes();
        maxLineLength = config.maxLineLength();
        decoder.reset();
        received.reset();
    }

    /** Takes input up to the end of data and no further. @return how many octets were taken */
    int take(byte[] in, int offset, int length) {
        int taken = decoder.decode(in, offset, length, this);
        if (refusal == null) {
            judge();
        }
        return taken;
    }

    /** Content from the decoder. */
    @Override
    public void write(byte[] bytes, int offset, int length) {
        size += length;
        Spool.Intake to = intake;
        if (to == null) {
            return;
        }
        if (size > maxSize) {
            refuse(Replies.TOO_BIG);
            return;
        }
        received.scan(bytes, offset, length);
        try {
            to.write(bytes, offset, length);
        } catch (SpoolException e) {
            refuse(Replies.of(e.reason()));
            return;
        }
        held += length;
        memory.add(length);
    }

    private void judge() {
        if (decoder.bareLf()) {
            refuse(Replies.BARE_LF);
        } else if (decoder.bareCr()) {
            refuse(Replies.BARE_CR);
        } else if (decoder.hasNul()) {
            refuse(Replies.NUL);
        } else if (decoder.longestLine() > maxLineLength) {
            refuse(Replies.LINE_TOO_LONG);
        } else if (received.count() > MAX_RECEIVED) {
            refuse(Replies.LOOP);
        }
    }

    private void refuse(Reply reply) {
        refusal = reply;
        if (intake != null) {
            intake.abort();
            intake = null;
        }
    }

    boolean finished() {
        return decoder.finished();
    }

    /** Why the message will not be kept; null while it will. */
    @Nullable
    Reply refusal() {
        return refusal;
    }

    /** Null when the message will not be kept. */
    Spool.@Nullable Intake intake() {
        return intake;
    }

    @Nullable
    MessageId id() {
        return id;
    }

    boolean hasDotLines() {
        return decoder.hasDotLines();
    }

    boolean hasEightBit() {
        return decoder.hasEightBit();
    }

    /** The octets that count against the memory limit; whoever asks releases them. */
    long handOver() {
        long octets = held;
        held = 0;
        intake = null;
        return octets;
    }

    /** Forgets the message. */
    void abort(ReceptionMemory.Waiter waiter) {
        if (intake != null) {
            intake.abort();
        }
        memory.release(waiter, handOver());
    }
}
