package dev.penstock.mime;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Content;
import dev.penstock.mime.MimeHeader.Field;
import dev.penstock.smtp.DotStuffing;

/**
 * Goes through content line by line and says what each line is of: a header, a part's body, a line with a boundary, or what
 * stands outside of all parts. Confined to the thread that runs {@link #over}. Whatever the content, it holds no more than
 * {@link #HEAP_OCTETS}, and gives it in the order in which it came, with its line ends mended as those that leave are.
 */
final class MimeWalk {
    /** A longer line comes in several pieces, and is none with a boundary. */
    private static final int PIECE = 4 << 10;
    /** Of hostile content only: what people send has some dozens. */
    private static final int MAX_ENTITIES = 10_000;
    /** A line, a field, an octet for each entity in a plan, and the boundaries of what is nested. */
    static final int HEAP_OCTETS = PIECE + 2 * MimeHeader.MAX_FIELD + MAX_ENTITIES
            + MimeHeader.MAX_DEPTH * MimeHeader.MAX_BOUNDARY;

    /** Told of each piece of a line, without its line end. */
    interface Visitor {
        /** @param starts whether the field begins here */
        void header(Entity entity, Field field, boolean starts, Piece piece) throws IOException;

        /** What its body is stands now. An empty line has ended the header, which {@code blank} isn't told of. */
        void endOfHeader(Entity entity) throws IOException;

        /** The content of a part that has none in it. */
        void body(Entity entity, Piece piece) throws IOException;

        /** @param delimited whether the last line's end belongs to the delimiter that follows (RFC 2046 5.1.1) */
        void endOfBody(Entity entity, boolean delimited) throws IOException;

        /** Before the first and behind the last part of a multipart, which nobody reads (RFC 2046 5.1.1). */
        void outside(Entity multipart, Piece piece) throws IOException;

        void delimiter(Piece line) throws IOException;

        /** There are more entities than any message has. */
        void tooManyEntities() throws IOException;
    }

    /** Part of a line, or all of it; valid during the call. */
    static final class Piece {
        private final byte[] bytes;
        private final int length;
        private final boolean begins;
        private final boolean ends;

        private Piece(byte[] bytes, int length, boolean begins, boolean ends) {
            this.bytes = bytes;
            this.length = length;
            this.begins = begins;
            this.ends = ends;
        }

        /** The first {@link #length} are its octets. */
        byte[] bytes() {
            return bytes;
        }

        int length() {
            return length;
        }

        /** Whether the line begins here. */
        boolean begins() {
            return begins;
        }

        /** Whether CRLF follows. */
        boolean ends() {
            return ends;
        }

        boolean hasEightBit() {
            for (int i = 0; i < length; i++) {
                if (bytes[i] < 0) {
                    return true;
                }
            }
            return false;
        }
    }

    private enum State {
        HEADER,
        BODY,
        OUTSIDE
    }

    /** A multipart whose end isn't reached. */
    private static final class Open {
        private final Entity entity;
        private final byte[] boundary;

        private Open(Entity entity, String boundary) {
            this.entity = entity;
            this.boundary = boundary.getBytes(StandardCharsets.US_ASCII);
        }
    }

    private final Visitor visitor;
    private final byte[] line = new byte[PIECE];
    private int count;
    private boolean begins = true;
    private final Deque<Open> open = new ArrayDeque<>();
    private State state = State.HEADER;
    private int entities = 1;
    private Entity entity = new Entity(0, null, true);
    private MimeHeader header = new MimeHeader(entity);

    private MimeWalk(Visitor visitor) {
        this.visitor = visitor;
    }

    /** @throws IOException when the content can't be read, or thrown by {@code visitor} */
    static void over(Content content, Visitor visitor) throws IOException {
        MimeWalk walk = new MimeWalk(visitor);
        DotStuffing mended = new DotStuffing();
        mended.reset(false);
        content.forEachChunk((bytes, offset, length) -> mended.<IOException>encode(bytes, offset, length, walk::take));
        mended.<IOException>endLine(walk::take);
        if (walk.state == State.BODY) {
            visitor.endOfBody(walk.entity, false);
        }
    }

    /** Whole lines but for the first and the last, and never half a line end. */
    private void take(byte[] bytes, int offset, int length) throws IOException {
        int end = offset + length;
        int i = offset;
        while (i < end) {
            if (bytes[i] == '\r') { // none stands alone any more
                give(true);
                i += 2;
                continue;
            }
            if (count == line.length) {
                give(false);
            }
            int most = Math.min(end, i + line.length - count);
            int from = i;
            while (i < most && bytes[i] != '\r') {
                i++;
            }
            System.arraycopy(bytes, from, line, count, i - from);
            count += i - from;
        }
    }

    private void give(boolean ends) throws IOException {
        Piece piece = new Piece(line, count, begins, ends);
        count = 0;
        begins = ends;
        Open hit = piece.begins && ends ? delimited(piece) : null;
        if (hit == null) {
            on(piece);
            return;
        }
        hit.entity.delimited = true;
        if (state == State.BODY) {
            visitor.endOfBody(entity, true);
        }
        while (!open.getLast().equals(hit)) {
            open.removeLast();
        }
        if (isClosing(hit, piece)) {
            open.removeLast();
            state = State.OUTSIDE;
            entity = hit.entity;
        } else {
            begin(hit.entity, false);
        }
        visitor.delimiter(piece);
    }

    /** The innermost multipart that a line is a delimiter of, with the padding that may stand behind (RFC 2046 5.1.1). */
    private @Nullable Open delimited(Piece piece) {
        if (piece.length < 2 || line[0] != '-' || line[1] != '-' || open.isEmpty()) {
            return null;
        }
        int end = piece.length;
        while (end > 2 && (line[end - 1] == ' ' || line[end - 1] == '\t')) {
            end--;
        }
        for (Open each : open.reversed()) {
            if (isOf(each, end) || end > 3 && line[end - 1] == '-' && line[end - 2] == '-' && isOf(each, end - 2)) {
                return each;
            }
        }
        return null;
    }

    private boolean isOf(Open multipart, int end) {
        byte[] boundary = multipart.boundary;
        return end == boundary.length + 2 && Arrays.equals(boundary, 0, boundary.length, line, 2, end);
    }

    /** When a boundary ends in hyphens itself, the delimiter that is no end comes first. */
    private boolean isClosing(Open multipart, Piece piece) {
        int end = piece.length;
        while (end > 2 && (line[end - 1] == ' ' || line[end - 1] == '\t')) {
            end--;
        }
        return !isOf(multipart, end);
    }

    private void begin(@Nullable Entity parent, boolean isMessage) throws IOException {
        if (entities == MAX_ENTITIES) {
            visitor.tooManyEntities();
        }
        entity = new Entity(entities++, parent, isMessage);
        header = new MimeHeader(entity);
        state = State.HEADER;
    }

    private void on(Piece piece) throws IOException {
        switch (state) {
            case HEADER -> onHeader(piece);
            case BODY -> visitor.body(entity, piece);
            case OUTSIDE -> visitor.outside(entity, piece);
        }
    }

    private void onHeader(Piece piece) throws IOException {
        if (!piece.begins) {
            visitor.header(entity, header.more(line, piece.length), false, piece);
            return;
        }
        if (piece.length == 0) {
            endHeader(true);
            return;
        }
        Field field = header.line(line, piece.length);
        if (field == null) { // as others read it: the body has begun
            endHeader(false);
            on(piece);
            return;
        }
        visitor.header(entity, field, line[0] != ' ' && line[0] != '\t', piece);
    }

    private void endHeader(boolean separated) throws IOException {
        header.close(separated);
        if (separated) {
            visitor.endOfHeader(entity);
        }
        switch (entity.body) {
            case Entity.Body.Multipart(String boundary, _) -> {
                open.addLast(new Open(entity, boundary));
                state = State.OUTSIDE;
            }
            case Entity.Body.Message _ -> begin(entity, true);
            case Entity.Body.Text _, Entity.Body.Other _, Entity.Body.Fixed _ -> state = State.BODY;
        }
    }
}
