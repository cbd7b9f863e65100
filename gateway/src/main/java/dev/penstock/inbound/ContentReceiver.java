package dev.penstock.inbound;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ContentRules;
import dev.penstock.config.InboundConfig;
import dev.penstock.message.MessageId;
import dev.penstock.reception.HeaderEdits;
import dev.penstock.reception.IncomingMessage;
import dev.penstock.reception.Reception;
import dev.penstock.reception.SpoolReplies;
import dev.penstock.smtp.DataDecoder;
import dev.penstock.smtp.LineNormaliser;
import dev.penstock.smtp.ReceivedCounter;
import dev.penstock.smtp.Reply;
import dev.penstock.smtp.Sink;
import dev.penstock.spool.SpoolException;

/**
 * Receives the content of a session's message, by DATA or by BDAT, up to its end. Confined to the session's event loop; used
 * for one message after the other.
 *
 * <p>Content goes from the decoder of DATA, or the scanner of BDAT, through the normaliser (when configured) and the
 * {@link HeaderGate} (when the header section decides something) into the {@link IncomingMessage}. Once there is a reason to refuse the
 * message nothing more of it is kept: the rest is read and forgotten up to its end, and then the reason is told.
 */
final class ContentReceiver {
    private final ReceptionMemory memory;
    private final DataDecoder decoder = new DataDecoder();
    private final ReceivedCounter received = new ReceivedCounter();
    private final Sink<RuntimeException> spooled = this::spool;
    private final Sink<RuntimeException> kept = this::keep;
    private final Sink<RuntimeException> decoded = this::decoded;
    private @Nullable LineNormaliser normaliser;
    private boolean normalises;
    private @Nullable HeaderGate gate;
    private @Nullable IncomingMessage message; // null while there is none that may be kept
    private @Nullable MessageId id;
    private @Nullable Reply refusal;
    private InboundConfig config = InboundConfig.DEFAULT;
    private long size;
    private long held;
    private long keptToSign; // of these
    private boolean addedDotLines;
    private boolean addedEightBit;

    ContentReceiver(ReceptionMemory memory) {
        this.memory = memory;
    }

    /**
     * @param gated whether the header section waits for {@link #release}
     * @param ours  whether the client may relay, so that we vouch for what it brings
     * @throws SpoolException when the spool takes nothing; there is nothing to receive then
     */
    void begin(Reception reception, MessageId newId, byte[] traceField, InboundConfig newConfig, boolean chunked,
            boolean gated, boolean ours) {
        id = null; // what is refused from here on isn't the message before
        size = 0;
        received.reset();
        message = reception.begin(newId, traceField, ours);
        id = newId;
        refusal = null;
        config = newConfig;
        addedDotLines = false;
        addedEightBit = false;
        held = traceField.length;
        keptToSign = 0;
        memory.add(held);
        if (chunked) {
            decoder.resetForChunks();
        } else {
            decoder.reset();
        }
        gate = gated ? new HeaderGate() : null;
        ContentRules rules = config.content();
        boolean newlines = rules.bareNewlines() == ContentRules.Handling.NORMALISE;
        boolean nuls = rules.nul() == ContentRules.Handling.NORMALISE;
        normalises = newlines || nuls;
        if (normalises) {
            normaliser = normaliser == null ? new LineNormaliser() : normaliser;
            normaliser.reset(newlines, nuls);
        }
    }

    /**
     * Takes what follows DATA, up to the end of data and no further.
     *
     * @return how many octets were taken
     */
    int take(byte[] in, int offset, int length) {
        int taken = decoder.decode(in, offset, length, decoded);
        if (decoder.finished()) {
            contentEnded();
        }
        judge();
        return taken;
    }

    /** Takes octets of a chunk. */
    void takeChunk(byte[] in, int offset, int length) {
        decoder.decode(in, offset, length, decoded);
        judge();
    }

    /** The last chunk is there. Content that doesn't end in CRLF gets one, as every line has it. */
    void endOfChunks() {
        decoder.endOfChunks();
        LineNormaliser lines = normalises ? normaliser : null;
        if (lines != null) {
            lines.end(kept);
        }
        if (!(lines == null ? decoder.atLineStart() : lines.atLineStart())) {
            byte[] end = {'\r', '\n'};
            keep(end, 0, end.length);
        }
        contentEnded();
        judge();
    }

    private void contentEnded() {
        if (normalises && normaliser != null) {
            normaliser.end(kept);
        }
        if (gate != null) {
            gate.end();
        }
    }

    private void decoded(byte[] bytes, int offset, int length) {
        if (normalises && normaliser != null) {
            normaliser.normalise(bytes, offset, length, kept);
        } else {
            keep(bytes, offset, length);
        }
    }

    private void keep(byte[] bytes, int offset, int length) {
        size += length;
        if (message == null) {
            return;
        }
        if (size > config.maxMessageSize().bytes()) {
            refuse(Replies.TOO_BIG);
            return;
        }
        received.scan(bytes, offset, length);
        held += length;
        memory.add(length);
        if (gate != null && !gate.isOpen()) {
            gate.write(bytes, offset, length);
        } else {
            spool(bytes, offset, length);
        }
    }

    private void spool(byte[] bytes, int offset, int length) {
        IncomingMessage to = message;
        if (to == null) {
            return;
        }
        try {
            to.write(bytes, offset, length);
        } catch (SpoolException e) {
            refuse(SpoolReplies.of(e.reason()));
        }
        countKept(to.keptToSign());
    }

    /** What is kept of the header section for signatures counts as content does: whoever has no room for it waits. */
    private void countKept(long octets) {
        long more = octets - keptToSign;
        if (more != 0) {
            keptToSign = octets;
            held += more;
            memory.add(more);
        }
    }

    private void judge() {
        if (refusal != null) {
            return;
        }
        ContentRules rules = config.content();
        boolean strictLines = rules.bareNewlines() == ContentRules.Handling.REJECT;
        boolean strictNul = rules.nul() == ContentRules.Handling.REJECT;
        long longest = !strictLines && normaliser != null ? normaliser.longestLine() : decoder.longestLine();
        if (decoder.bareLf() && strictLines) {
            refuse(Replies.BARE_LF);
        } else if (decoder.bareCr() && strictLines) {
            refuse(Replies.BARE_CR);
        } else if (decoder.hasNul() && strictNul) {
            refuse(Replies.NUL);
        } else if (longest > config.maxLineLength()) {
            refuse(Replies.LINE_TOO_LONG);
        } else if (received.headerOctets() > rules.maxHeader().bytes()) {
            refuse(Replies.HEADER_TOO_BIG);
        } else if (received.count() > rules.maxHops()) {
            refuse(Replies.LOOP);
        }
    }

    /** From now on the message is read and forgotten. */
    void refuse(Reply reply) {
        if (refusal == null) {
            refusal = reply;
        }
        gate = null;
        IncomingMessage open = message;
        message = null;
        if (open != null) {
            open.abort();
        }
    }

    boolean finished() {
        return decoder.finished();
    }

    /** The header section, when it is whole and waits for {@link #release}; else null. */
    @Nullable
    HeaderGate waitingHeader() {
        return gate != null && gate.isReady() ? gate : null;
    }

    /** Lets the header section go into the spool, as edited. */
    void release(HeaderEdits edits) {
        HeaderGate waiting = gate;
        if (waiting != null) {
            byte[] added = edits.added();
            lookAt(added);
            held += added.length;
            memory.add(added.length);
            waiting.release(edits, spooled);
        }
    }

    /**
     * Counts what is made of the header section, till the message is handed over or forgotten.
     *
     * @return false, and nothing is counted, when there is no room
     */
    boolean count(long octets) {
        if (octets <= 0) {
            return true;
        }
        if (!memory.hasRoom()) {
            return false;
        }
        held += octets;
        memory.add(octets);
        return true;
    }

    private void lookAt(byte[] added) {
        for (int i = 0; i < added.length; i++) {
            addedEightBit |= added[i] < 0;
            addedDotLines |= added[i] == '.' && (i == 0 || added[i - 1] == '\n');
        }
    }

    /** Why the message will not be kept; null while it will. */
    @Nullable
    Reply refusal() {
        return refusal;
    }

    /** Null when the message will not be kept. */
    @Nullable
    IncomingMessage message() {
        return message;
    }

    @Nullable
    MessageId id() {
        return id;
    }

    /** The content's Message-ID field, empty when it has none, or none yet. */
    String messageId() {
        return received.messageId();
    }

    /** Octets of content so far, as given by the client. */
    long size() {
        return size;
    }

    boolean hasDotLines() {
        if (addedDotLines) {
            return true;
        }
        if (normalises && normaliser != null) {
            return normaliser.hasDotLines();
        }
        return decoder.hasDotLines();
    }

    boolean hasEightBit() {
        return addedEightBit || decoder.hasEightBit();
    }

    /** The octets that count against the memory limit; whoever asks releases them. */
    long handOver() {
        long octets = held;
        held = 0;
        message = null;
        gate = null;
        return octets;
    }

    /** Forgets the message. Its memory is free again even when the spool fails at that. */
    void abort(ReceptionMemory.Waiter waiter) {
        IncomingMessage open = message;
        memory.release(waiter, handOver());
        if (open != null) {
            open.abort();
        }
    }
}
