package dev.penstock.trace;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.function.Consumer;

/**
 * The lines of a message's header section, out of content that comes in pieces (RFC 5322 2.2). Confined to its session. It
 * ends at the first line that is neither a field nor the continuation of one, so that no line of a body is taken for it.
 */
final class HeaderLines {
    /** Octets kept of a line; RFC 5322 2.1.1 has 998 at most. */
    private static final int MAX_LINE = 998;
    /** Lines of one header section; a hundred fields are many. */
    private static final int MAX_LINES = 500;

    private byte[] line = new byte[0];
    private int length;
    private int lines;
    private boolean open = true;

    /** Another message is to come. */
    void begin() {
        open = true;
        length = 0;
        lines = 0;
    }

    /** Nothing more of this message is. */
    void end() {
        open = false;
        line = new byte[0];
    }

    boolean isOpen() {
        return open;
    }

    void take(byte[] in, int offset, int count, Consumer<String> whole) {
        for (int i = offset; i < offset + count && open; i++) {
            if (in[i] == '\n') {
                endOfLine(whole);
            } else if (length < MAX_LINE) {
                if (length == line.length) {
                    line = Arrays.copyOf(line, Math.max(128, length * 2));
                }
                line[length++] = in[i];
            }
        }
    }

    private void endOfLine(Consumer<String> whole) {
        if (length > 0 && line[length - 1] == '\r') {
            length--;
        }
        if (!isOfHeader() || lines == MAX_LINES) {
            end();
            return;
        }
        lines++;
        whole.accept(new String(line, 0, length, UTF_8));
        length = 0;
    }

    private boolean isOfHeader() {
        if (length > 0 && (line[0] == ' ' || line[0] == '\t')) {
            return lines > 0;
        }
        for (int i = 0; i < length; i++) {
            if (line[i] == ':') {
                return i > 0;
            }
            if (line[i] <= ' ' || line[i] == 0x7f) { // octets beyond ASCII are negative
                return false;
            }
        }
        return false;
    }
}
