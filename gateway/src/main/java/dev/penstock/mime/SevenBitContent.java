package dev.penstock.mime;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;

import dev.penstock.message.Content;
import dev.penstock.mime.MimeHeader.Field;
import dev.penstock.mime.MimeWalk.Piece;
import dev.penstock.mime.Survey.Change;

/** Content in which parts are encoded as a plan has it, while it is read. Immutable. */
final class SevenBitContent implements Content {
    private static final byte[] CRLF = {'\r', '\n'};
    private static final byte[] QUOTED_PRINTABLE = ascii("Content-Transfer-Encoding: quoted-printable\r\n");
    private static final byte[] BASE64 = ascii("Content-Transfer-Encoding: base64\r\n");
    private static final byte[] SEVEN_BIT = ascii("Content-Transfer-Encoding: 7bit\r\n");
    private static final byte[] VERSION = ascii("MIME-Version: 1.0\r\n");
    /** RFC 1428 3: text of a charset that nobody has named. */
    private static final byte[] UNKNOWN_TEXT = ascii("Content-Type: text/plain; charset=unknown-8bit\r\n");
    /** A host gets it in pieces of this size. */
    private static final int OUT = 8 << 10;
    static final int HEAP_OCTETS = OUT;

    private final Content original;
    private final byte[] plan;
    private final long size;

    private SevenBitContent(Content original, byte[] plan, long size) {
        this.original = original;
        this.plan = plan;
        this.size = size;
    }

    /** @throws IOException when the content can't be read */
    static SevenBitContent of(Content original, byte[] plan) throws IOException {
        long[] octets = new long[1];
        encode(original, plan, (_, _, length) -> octets[0] += length);
        return new SevenBitContent(original, plan, octets[0]);
    }

    @Override
    public long size() {
        return size;
    }

    /** What is encoded has none. */
    @Override
    public boolean hasDotLines() {
        return original.hasDotLines();
    }

    @Override
    public boolean hasEightBit() {
        return false;
    }

    @Override
    public void forEachChunk(ChunkSink sink) throws IOException {
        encode(original, plan, sink);
    }

    private static void encode(Content original, byte[] plan, ChunkSink sink) throws IOException {
        Encoder encoder = new Encoder(plan, sink);
        MimeWalk.over(original, encoder);
        encoder.flush();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** Writes what the walk finds. Confined to its walk. */
    private static final class Encoder implements MimeWalk.Visitor {
        private final byte[] plan;
        private final ChunkSink sink;
        private final byte[] out = new byte[OUT];
        private int count;
        private final QuotedPrintable quoted = new QuotedPrintable(this::write);
        /** RFC 2045 6.8: 76 characters are 57 octets. */
        private final byte[] group = new byte[57];
        private int grouped;
        /** A line's end that is part of the content only if more of it follows. */
        private boolean lineEnded;
        private boolean replaced;

        Encoder(byte[] plan, ChunkSink sink) {
            this.plan = plan;
            this.sink = sink;
        }

        private Change change(Entity entity) {
            return Change.of(plan, entity.index);
        }

        @Override
        public void header(Entity entity, Field field, boolean starts, Piece piece) throws IOException {
            if (field != Field.ENCODING || change(entity) == Change.NONE) {
                line(piece);
            } else if (starts && piece.begins() && !replaced) {
                write(encoding(change(entity)));
                replaced = true;
            }
        }

        private static byte[] encoding(Change change) {
            return switch (change) {
                case NONE, OF_PARTS -> SEVEN_BIT;
                case QUOTED_PRINTABLE -> SevenBitContent.QUOTED_PRINTABLE;
                case BASE64 -> SevenBitContent.BASE64;
            };
        }

        @Override
        public void endOfHeader(Entity entity) throws IOException {
            Change change = change(entity);
            if (change != Change.NONE && entity.isMessage && !entity.hasVersion) {
                write(VERSION);
                if (!entity.hasType) {
                    write(UNKNOWN_TEXT);
                }
            }
            if (!entity.hasEncoding && (change == Change.QUOTED_PRINTABLE || change == Change.BASE64)) {
                write(encoding(change));
            }
            write(CRLF);
            replaced = false;
        }

        @Override
        public void body(Entity entity, Piece piece) throws IOException {
            switch (change(entity)) {
                case NONE, OF_PARTS -> line(piece);
                case QUOTED_PRINTABLE -> quoted.encode(piece);
                case BASE64 -> {
                    if (lineEnded) {
                        group(CRLF, CRLF.length);
                    }
                    group(piece.bytes(), piece.length());
                    lineEnded = piece.ends();
                }
            }
        }

        @Override
        public void endOfBody(Entity entity, boolean delimited) throws IOException {
            if (lineEnded && !delimited) {
                group(CRLF, CRLF.length);
            }
            lineEnded = false;
            if (grouped > 0) {
                writeGroup();
            }
        }

        private void group(byte[] bytes, int length) throws IOException {
            for (int i = 0; i < length;) {
                int n = Math.min(length - i, group.length - grouped);
                System.arraycopy(bytes, i, group, grouped, n);
                grouped += n;
                i += n;
                if (grouped == group.length) {
                    writeGroup();
                }
            }
        }

        private void writeGroup() throws IOException {
            byte[] octets = grouped == group.length ? group : Arrays.copyOf(group, grouped);
            write(Base64.getEncoder().encode(octets));
            write(CRLF);
            grouped = 0;
        }

        /** Nobody reads it (RFC 2046 5.1.1), and no encoding can be named for it. */
        @Override
        public void outside(Entity multipart, Piece piece) throws IOException {
            for (int i = 0; i < piece.length(); i++) {
                write(piece.bytes()[i] < 0 ? (byte) '?' : piece.bytes()[i]);
            }
            if (piece.ends()) {
                write(CRLF);
            }
        }

        @Override
        public void delimiter(Piece line) throws IOException {
            replaced = false;
            line(line);
        }

        @Override
        public void tooManyEntities() {
            throw new IllegalStateException("surveyed before");
        }

        private void line(Piece piece) throws IOException {
            write(piece.bytes(), piece.length());
            if (piece.ends()) {
                write(CRLF);
            }
        }

        private void write(byte[] bytes) throws IOException {
            write(bytes, bytes.length);
        }

        private void write(byte[] bytes, int length) throws IOException {
            for (int i = 0; i < length;) {
                if (count == out.length) {
                    flush();
                }
                int n = Math.min(length - i, out.length - count);
                System.arraycopy(bytes, i, out, count, n);
                count += n;
                i += n;
            }
        }

        private void write(byte octet) throws IOException {
            if (count == out.length) {
                flush();
            }
            out[count++] = octet;
        }

        void flush() throws IOException {
            if (count > 0) {
                sink.accept(out, 0, count);
                count = 0;
            }
        }
    }
}
