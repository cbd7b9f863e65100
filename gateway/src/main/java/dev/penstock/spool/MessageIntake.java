package dev.penstock.spool;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.spool.SpooledMessage.ExtendedState;

/**
 * Gathers one message. Confined to the thread that calls it. Content up to the inline limit stays in one array, which
 * becomes part of the record and of the cached message; larger content goes to the log piece by piece. What goes before it
 * is never copied together with it: it is written before it in the record, or is a part of its own that is named first.
 */
final class MessageIntake implements Spool.Intake {
    private static final int FIRST_SPARE = 512; // the next chunk of a small message often fits
    private static final byte[] EMPTY = {};
    private static final CompletableFuture<Void> WRITABLE = CompletableFuture.completedFuture(null);

    private final SegmentSpool spool;
    private final @Nullable KeyedMessages holder;
    private byte[] bytes = EMPTY;
    private int length;
    private long size;
    private long streamId;
    private List<Request.Part> parts = List.of();
    private boolean closed;

    /** @param holder for a message that counts only with a key, else null */
    MessageIntake(SegmentSpool spool, @Nullable KeyedMessages holder) {
        this.spool = spool;
        this.holder = holder;
    }

    @Override
    public void write(byte[] source, int offset, int count) {
        if (closed) {
            throw new IllegalStateException("the intake is closed");
        }
        int from = offset;
        int left = count;
        while (left > 0) {
            int limit = spool.pieceLimit();
            if (length >= limit) {
                emit();
            }
            int now = Math.min(left, limit - length);
            ensure(now, limit);
            System.arraycopy(source, from, bytes, length, now);
            length += now;
            from += now;
            left -= now;
        }
        size += count;
    }

    private void ensure(int more, int limit) {
        if (length + more <= bytes.length) {
            return;
        }
        int capacity = bytes.length == 0 ? more + FIRST_SPARE : Math.max(length + more, bytes.length * 2);
        int grown = Math.min(capacity, Math.max(limit, length + more));
        try {
            spool.countIntake(grown - bytes.length);
        } catch (SpoolException e) {
            abort();
            throw e;
        }
        bytes = bytes.length == 0 ? new byte[grown] : Arrays.copyOf(bytes, grown);
    }

    /** Sends what is gathered to the log as a part. */
    private void emit() {
        if (parts.isEmpty()) {
            parts = new ArrayList<>();
            streamId = spool.openStream();
        }
        try {
            if (!parts.isEmpty() && parts.getLast().isCompletedExceptionally()) {
                throw spool.failureOf(parts.getLast());
            }
            parts.add(spool.submitPart(streamId, parts.size(), bytes, length));
        } catch (SpoolException e) {
            abort();
            throw e;
        }
        spool.countIntake(-bytes.length);
        bytes = EMPTY;
        length = 0;
    }

    @Override
    public CompletableFuture<Void> writable() {
        if (parts.isEmpty() || parts.getLast().isDone()) {
            return WRITABLE;
        }
        return parts.getLast().handle((_, _) -> null);
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public CompletableFuture<List<SpoolEntry>> commit(Envelope envelope, byte[] before, boolean hasDotLines,
            boolean hasEightBit) {
        if (closed) {
            throw new IllegalStateException("the intake is closed");
        }
        try {
            Request.Accept accept = request(envelope, before, hasDotLines, hasEightBit);
            CompletableFuture<List<SpoolEntry>> accepted = spool.submitAccept(accept);
            if (holder != null) {
                holder.submitted(accept);
            }
            return accepted;
        } catch (SpoolException e) {
            abort();
            return CompletableFuture.failedFuture(e);
        } finally {
            if (!closed) {
                closed = true;
                spool.countIntake(-bytes.length);
                bytes = EMPTY;
            }
        }
    }

    private Request.Accept request(Envelope envelope, byte[] before, boolean hasDotLines, boolean hasEightBit) {
        long heldFor = holder == null ? 0 : holder.request();
        byte flags = (byte) ((hasDotLines ? Records.HAS_DOT_LINES : 0) | (hasEightBit ? Records.HAS_EIGHT_BIT : 0)
                | (holder == null ? 0 : Records.HELD));
        SpooledMessage message = new SpooledMessage(envelope.id().value());
        boolean inParts = !parts.isEmpty();
        if (inParts) {
            emitRest(before);
        }
        List<SpoolEntry> entries = entries(message, envelope);
        message.open = entries.size();
        @Nullable
        ExtendedState extended = entries.size() > 1 || inParts ? new ExtendedState(entries.size()) : null;
        message.state = extended;
        if (extended != null) {
            extended.streamId = streamId;
        }
        byte[] head = inParts
                ? Metas.envelope(envelope, 0, heldFor)
                : Metas.acceptedInline(spool.salt(), envelope, heldFor, entries.size(), flags, before, bytes, length);
        if (!inParts) {
            spool.cache(message, extended, envelope, before, bytes, length, hasDotLines, hasEightBit);
        }
        return new Request.Accept(spool.nanoTime(), message, entries, head, inParts ? EMPTY : before, bytes, length,
                parts, flags, before.length + size, holder != null, spool.cache());
    }

    /** The last parts; that of {@code before} is written last and named first. */
    private void emitRest(byte[] before) {
        if (length > 0) {
            emit();
        }
        if (before.length > 0) {
            Request.Part first = spool.submitPart(streamId, parts.size(), before, before.length);
            parts.addFirst(first);
        }
    }

    private static List<SpoolEntry> entries(SpooledMessage message, Envelope envelope) {
        if (envelope.recipients().size() == 1) {
            return List.of(new SpoolEntry(message, 0));
        }
        List<SpoolEntry> entries = new ArrayList<>();
        for (Destination destination : envelope.destinations()) {
            entries.add(new SpoolEntry(message, destination.index()));
        }
        if (entries.size() > Records.MAX_DESTINATIONS) {
            throw new IllegalArgumentException("a message can't have " + entries.size() + " destinations");
        }
        return List.copyOf(entries);
    }

    @Override
    public void abort() {
        if (closed) {
            return;
        }
        closed = true;
        spool.countIntake(-bytes.length);
        bytes = EMPTY;
        parts.forEach(Request.Part::abandon);
        spool.closeStream(streamId);
    }
}
