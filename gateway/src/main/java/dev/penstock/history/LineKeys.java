package dev.penstock.history;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.Arrays;

/**
 * Reads the keys of a block of lines of the delivery log, without making objects: this is done for each event there is.
 * Confined to whoever indexes.
 *
 * <p>It knows of JSON (RFC 8259) what it takes to find the end of each value; that a line is whole in every respect is for
 * those to see who read it for somebody.
 */
final class LineKeys {
    private static final int TIME_LENGTH = 24; // 2026-11-24T00:22:05.495Z
    private static final int DATE_LENGTH = 10;
    private static final long MILLIS_PER_DAY = 24 * 60 * 60 * 1_000L;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long ONES = 0x0101010101010101L;
    private static final long QUOTES = ONES * '"';
    private static final long BACKSLASHES = ONES * '\\';
    private static final long NEWLINES = ONES * '\n';
    private static final byte[] NO_DATE = new byte[DATE_LENGTH];

    private int[] keys = new int[256];
    private int count;
    private long min = Long.MAX_VALUE;
    private long max = Long.MIN_VALUE;
    private long last;
    private int lines;

    // of the line being read
    private byte[] text = new byte[0];
    private int at;
    private int end;
    private int start; // of the text value read last, and where it ends
    private int stop;
    private boolean escaped;
    private byte[] value = new byte[0]; // where they point into, when it is read
    private final byte[] date = NO_DATE.clone();
    private long dateMillis;

    /** Begins the next block. */
    void clear() {
        count = 0;
        lines = 0;
        min = Long.MAX_VALUE;
        max = Long.MIN_VALUE;
    }

    int lines() {
        return lines;
    }

    /** The time of the block's first event by time, milliseconds since 1970. */
    long min() {
        return min;
    }

    long max() {
        return max;
    }

    /** The time of the event that was read last. */
    long last() {
        return last;
    }

    /** The block's keys, each once, in order. */
    int[] keys() {
        Arrays.sort(keys, 0, count);
        int distinct = 0;
        for (int i = 0; i < count; i++) {
            if (i == 0 || keys[i] != keys[i - 1]) {
                keys[distinct++] = keys[i];
            }
        }
        count = distinct;
        return Arrays.copyOf(keys, distinct);
    }

    /** Where the line ends that begins there; it must end. */
    static int end(byte[] octets, int from) {
        int i = from;
        while (i + Long.BYTES <= octets.length) {
            long newlines = zeros((long) LONG.get(octets, i) ^ NEWLINES);
            if (newlines != 0) {
                return i + Long.numberOfTrailingZeros(newlines) / Byte.SIZE;
            }
            i += Long.BYTES;
        }
        while (octets[i] != '\n') {
            i++;
        }
        return i;
    }

    /** @return false when it is no line of ours; then it has given no key */
    boolean add(byte[] line, int from, int to) {
        text = line;
        at = from;
        end = to;
        int before = count;
        long time = read();
        if (time == Long.MIN_VALUE) {
            count = before;
            return false;
        }
        min = Math.min(min, time);
        max = Math.max(max, time);
        last = time;
        lines++;
        return true;
    }

    /** @return the event's time; {@link Long#MIN_VALUE} when the line isn't one */
    private long read() {
        if (at >= end || text[at++] != '{') {
            return Long.MIN_VALUE;
        }
        long time = Long.MIN_VALUE;
        boolean typed = false;
        while (at < end && text[at] == '"') {
            int name = at + 1;
            if (!string()) {
                return Long.MIN_VALUE;
            }
            int length = stop - name;
            if (at >= end || text[at++] != ':' || at >= end) {
                return Long.MIN_VALUE;
            }
            boolean isText = text[at] == '"';
            if (text[at] == '[' && is(name, length, "recipient")) {
                if (!recipients()) {
                    return Long.MIN_VALUE;
                }
            } else if (isText ? !string() : !skip()) {
                return Long.MIN_VALUE;
            } else if (isText) {
                switch (length) {
                    case 2 -> {
                        if (is(name, length, "id")) {
                            key(Key.ID);
                        }
                    }
                    case 4 -> {
                        if (is(name, length, "type")) {
                            typed = true;
                            key(Key.TYPE);
                        }
                    }
                    case 6 -> {
                        if (is(name, length, "sender")) {
                            key(Key.SENDER);
                        } else if (is(name, length, "tenant")) {
                            key(Key.TENANT);
                        } else if (is(name, length, "domain")) {
                            key(Key.DOMAIN);
                        }
                    }
                    case 8 -> {
                        if (is(name, length, "campaign")) {
                            key(Key.CAMPAIGN);
                        }
                    }
                    case 9 -> {
                        if (is(name, length, "recipient")) {
                            recipient();
                        }
                    }
                    case 10 -> {
                        if (is(name, length, "event_time")) {
                            time = time();
                        } else if (is(name, length, "message_id")) {
                            key(Key.MESSAGE_ID);
                        }
                    }
                    default -> {
                        // nothing that is searched for
                    }
                }
            }
            if (at < end && text[at] == ',') {
                at++;
            } else {
                break;
            }
        }
        return typed && at < end && text[at] == '}' ? time : Long.MIN_VALUE;
    }

    private boolean recipients() {
        at++;
        while (at < end && text[at] == '"') {
            if (!string()) {
                return false;
            }
            recipient();
            if (at < end && text[at] == ',') {
                at++;
            }
        }
        return at < end && text[at++] == ']';
    }

    private void recipient() {
        unescape();
        put(Key.RECIPIENT.of(value, start, stop));
        int sign = stop - 1;
        while (sign >= start && value[sign] != '@') {
            sign--;
        }
        if (sign >= start && sign + 1 < stop) {
            put(Key.DOMAIN.of(value, sign + 1, stop));
        }
    }

    private void key(Key kind) {
        if (stop > start) {
            unescape();
            put(kind.of(value, start, stop));
        }
    }

    private void put(int key) {
        if (count == keys.length) {
            keys = Arrays.copyOf(keys, keys.length * 2);
        }
        keys[count++] = key;
    }

    private boolean is(int name, int length, String expected) {
        if (length != expected.length()) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (text[name + i] != expected.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** Steps over a text; {@link #start} and {@link #stop} are its bounds. */
    private boolean string() {
        byte[] octets = text;
        escaped = false;
        int i = at + 1;
        start = i;
        while (i + Long.BYTES <= end) {
            long special = zeros((long) LONG.get(octets, i) ^ QUOTES) | zeros((long) LONG.get(octets, i) ^ BACKSLASHES);
            if (special != 0) {
                i += Long.numberOfTrailingZeros(special) / Byte.SIZE;
                if (octets[i] == '"') {
                    stop = i;
                    at = i + 1;
                    return true;
                }
                escaped = true;
                i += 2;
            } else {
                i += Long.BYTES;
            }
        }
        while (i < end) {
            byte octet = octets[i];
            if (octet == '"') {
                stop = i;
                at = i + 1;
                return true;
            }
            if (octet == '\\') {
                escaped = true;
                i++;
            }
            i++;
        }
        return false;
    }

    /** The lowest bit that is set is the high one of the first octet that is zero; none when there is none. */
    private static long zeros(long octets) {
        return octets - ONES & ~octets & ONES << Byte.SIZE - 1;
    }

    /** Steps over a number, a literal, an object or an array. */
    private boolean skip() {
        int depth = 0;
        while (at < end) {
            switch (text[at]) {
                case '"' -> {
                    if (!string()) {
                        return false;
                    }
                    continue;
                }
                case '{', '[' -> depth++;
                case '}', ']' -> {
                    if (depth == 0) {
                        return true;
                    }
                    depth--;
                    if (depth == 0) {
                        at++;
                        return true;
                    }
                }
                case ',' -> {
                    if (depth == 0) {
                        return true;
                    }
                }
                default -> {
                    // part of a number, a literal or a name
                }
            }
            at++;
        }
        return false;
    }

    /** What is written with backslashes as it is without. */
    private void unescape() {
        if (!escaped) {
            value = text;
            return;
        }
        escaped = false;
        StringBuilder clear = new StringBuilder(stop - start);
        String raw = new String(text, start, stop - start, StandardCharsets.UTF_8);
        for (int i = 0; i < raw.length(); i++) {
            char c = raw.charAt(i);
            if (c != '\\' || i + 1 == raw.length()) {
                clear.append(c);
                continue;
            }
            char kind = raw.charAt(++i);
            switch (kind) {
                case 'b' -> clear.append('\b');
                case 'f' -> clear.append('\f');
                case 'n' -> clear.append('\n');
                case 'r' -> clear.append('\r');
                case 't' -> clear.append('\t');
                case 'u' -> {
                    if (i + 4 < raw.length()) {
                        clear.append((char) hex(raw, i + 1));
                    }
                    i += 4;
                }
                default -> clear.append(kind);
            }
        }
        value = clear.toString().getBytes(StandardCharsets.UTF_8);
        start = 0;
        stop = value.length;
    }

    private static int hex(String text, int from) {
        int value = 0;
        for (int i = from; i < from + 4; i++) {
            value = value << 4 | Math.max(0, Character.digit(text.charAt(i), 16));
        }
        return value;
    }

    /** Of {@code 2026-11-24T00:22:05.495Z}, as {@code event_time} is written. */
    private long time() {
        if (stop - start != TIME_LENGTH) {
            return Long.MIN_VALUE;
        }
        if (!Arrays.equals(text, start, start + DATE_LENGTH, date, 0, DATE_LENGTH)) {
            int year = digits(start, 4);
            int month = digits(start + 5, 2);
            int day = digits(start + 8, 2);
            if (year < 0 || month < 1 || month > 12 || day < 1 || day > LocalDate.of(year, month, 1).lengthOfMonth()) {
                return Long.MIN_VALUE;
            }
            dateMillis = LocalDate.of(year, month, day).toEpochDay() * MILLIS_PER_DAY;
            System.arraycopy(text, start, date, 0, DATE_LENGTH);
        }
        int hour = digits(start + 11, 2);
        int minute = digits(start + 14, 2);
        int second = digits(start + 17, 2);
        int milli = digits(start + 20, 3);
        return (hour | minute | second | milli) < 0
                ? Long.MIN_VALUE
                : dateMillis + ((hour * 60L + minute) * 60 + second) * 1_000 + milli;
    }

    /** Less than nothing when one isn't a digit. */
    private int digits(int from, int length) {
        int value = 0;
        for (int i = from; i < from + length; i++) {
            int digit = text[i] - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            value = value * 10 + digit;
        }
        return value;
    }
}
