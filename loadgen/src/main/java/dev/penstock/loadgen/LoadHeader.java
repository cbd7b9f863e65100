package dev.penstock.loadgen;

/**
 * The header field by which the sink recognizes a message of the generator:
 * {@code X-Penstock-Load: run=7f3a09c1 seq=42 n=1 size=4096 crc=1c291ca3 t=1795478400000000}, with {@code w=1} at the
 * end for a message of the warm-up. Confined to its owner's thread; {@link #parse} overwrites the fields.
 *
 * <p>With {@code n} recipients per message, recipient {@code i} of message {@code seq} is delivery
 * {@code seq * n + i}: dense numbers, so a bitmap holds millions of them.
 */
final class LoadHeader {
    private static final byte[] NAME = Ascii.of("X-Penstock-Load:");
    private static final byte[] RUN = Ascii.of("run=");
    private static final byte[] SEQUENCE = Ascii.of("seq=");
    private static final byte[] RECIPIENTS = Ascii.of("n=");
    private static final byte[] SIZE = Ascii.of("size=");
    private static final byte[] SUM = Ascii.of("crc=");
    private static final byte[] TIME = Ascii.of("t=");
    private static final byte[] WARM_UP = Ascii.of("w=1");

    int run;
    long sequence;
    int recipients;
    long size;
    int sum;
    long sentMicros;
    boolean warmUp;

    private byte[] text = {};
    private int at;
    private int end;
    private boolean sound;

    void append(Ascii out) {
        out.add(NAME).add(' ');
        appendValue(out);
        out.crlf();
    }

    /** Without the field's name and CRLF. */
    void appendValue(Ascii out) {
        beforeSum(out);
        out.hex32(sum);
        afterSum(out);
    }

    /** With a template's variable for the checksum, which the gateway fills in. */
    void appendValue(Ascii out, byte[] sumVariable) {
        beforeSum(out);
        out.add(sumVariable);
        afterSum(out);
    }

    private void beforeSum(Ascii out) {
        out.add(RUN).hex32(run).add(' ').add(SEQUENCE).decimal(sequence).add(' ').add(RECIPIENTS).decimal(recipients)
                .add(' ').add(SIZE).decimal(size).add(' ').add(SUM);
    }

    private void afterSum(Ascii out) {
        out.add(' ').add(TIME).decimal(sentMicros);
        if (warmUp) {
            out.add(' ').add(WARM_UP);
        }
    }

    /**
     * Finds the field in a header section and reads it; it may have been folded on the way.
     *
     * @return false when there is none, or it is damaged
     */
    boolean parse(byte[] header, int length) {
        text = header;
        end = length;
        at = find(header, length);
        sound = at >= 0;
        run = (int) value(RUN, 16);
        sequence = value(SEQUENCE, 10);
        recipients = (int) value(RECIPIENTS, 10);
        size = value(SIZE, 10);
        sum = (int) value(SUM, 16);
        sentMicros = value(TIME, 10);
        if (!sound || recipients < 1) {
            return false;
        }
        skipBlanks();
        warmUp = startsWith(WARM_UP, at);
        return true;
    }

    private long value(byte[] name, int radix) {
        if (!sound) {
            return 0;
        }
        skipBlanks();
        if (!startsWith(name, at)) {
            sound = false;
            return 0;
        }
        at += name.length;
        int first = at;
        long value = 0;
        for (int digit; at < end && (digit = Character.digit(text[at], radix)) >= 0; at++) {
            value = value * radix + digit;
        }
        sound = at > first && value >= 0;
        return value;
    }

    private void skipBlanks() {
        while (at < end && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) {
            at++;
        }
    }

    private int find(byte[] header, int length) {
        for (int i = 0; i < length; i++) {
            if (header[i] == 'X' && (i == 0 || header[i - 1] == '\n') && startsWith(NAME, i)) {
                return i + NAME.length;
            }
        }
        return -1;
    }

    private boolean startsWith(byte[] prefix, int from) {
        if (end - from < prefix.length) {
            return false;
        }
        for (int i = 0; i < prefix.length; i++) {
            if (text[from + i] != prefix[i]) {
                return false;
            }
        }
        return true;
    }
}
