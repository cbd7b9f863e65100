package dev.penstock.mime;

import java.io.IOException;

import dev.penstock.mime.MimeWalk.Piece;

/**
 * Lines of text as quoted-printable (RFC 2045 6.7), piece by piece. Confined to its walk. No line that comes of it begins with
 * a dot, and none that begins in the middle of another with a hyphen, so that none is a delimiter.
 */
final class QuotedPrintable {
    private static final int MAX_LINE = 76;
    private static final int ESCAPED = 3;
    private static final byte[] HEX = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'};

    /** Takes an octet that is ready. */
    @FunctionalInterface
    interface Out {
        void write(byte octet) throws IOException;
    }

    private final Out out;
    private int column;
    private boolean broken;

    QuotedPrintable(Out out) {
        this.out = out;
    }

    void encode(Piece piece) throws IOException {
        byte[] bytes = piece.bytes();
        int length = piece.length();
        for (int i = 0; i < length; i++) {
            byte b = bytes[i];
            boolean plain = b > ' ' && b <= '~' && b != '='
                    || (b == ' ' || b == '\t') && i + 1 < length; // none at a line's end, which may be next
            int width = plain ? 1 : ESCAPED;
            if (column + width >= MAX_LINE) { // room for the soft break
                out.write((byte) '=');
                endLine();
                broken = true;
            }
            if (column == 0 && (b == '.' || broken && b == '-')) {
                plain = false;
                width = ESCAPED;
            }
            if (plain) {
                out.write(b);
            } else {
                out.write((byte) '=');
                out.write(HEX[b >> 4 & 15]);
                out.write(HEX[b & 15]);
            }
            column += width;
        }
        if (piece.ends()) {
            endLine();
            broken = false;
        }
    }

    private void endLine() throws IOException {
        out.write((byte) '\r');
        out.write((byte) '\n');
        column = 0;
    }
}
