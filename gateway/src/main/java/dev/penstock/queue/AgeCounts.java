package dev.penstock.queue;

import java.util.Arrays;

/**
 * How many messages there are of which age, of one sender's mail for one domain. Guarded by the lock of the ready queue it is
 * in.
 *
 * <p>Counted by the minute in which they were accepted, or in which their hold ends, in spans of minutes that lie apart and
 * in order; a span covers each minute that was ever counted in it, so that what is taken out is found where it was put in.
 * When there is no room for another span, neighbours become one that are together no longer than an eighth of their age: an
 * age is told to a sixteenth, and there are about 16 × ln(age / 8 min) + 8 spans at most, 12 octets each: 1.7 KB for a week,
 * and never more than one for each message.
 */
final class AgeCounts {
    private static final int[] NONE = {};
    /** First minute, last minute, messages. */
    private static final int FIELDS = 3;
    private static final int FIRST = 0;
    private static final int LAST = 1;
    private static final int COUNT = 2;
    private static final int FEWEST = 2;
    /** Room that stays when nothing is counted: more may come soon. */
    private static final int KEPT = 8;
    /** So much longer is the age of two spans that become one than they are. */
    private static final int PRECISION = 8;

    private int[] spans = NONE;
    private int size;

    /** @param minute since 1970 */
    void add(int minute) {
        int at = find(minute);
        if (at >= 0 && minute <= spans[at * FIELDS + LAST]) {
            spans[at * FIELDS + COUNT]++;
            return;
        }
        if ((size + 1) * FIELDS > spans.length) {
            merge(Math.max(minute, size == 0 ? minute : spans[(size - 1) * FIELDS + LAST]));
            if ((size + 1) * FIELDS > spans.length) {
                spans = Arrays.copyOf(spans, Math.max(FEWEST, size + (size + 1) / 2) * FIELDS);
            }
            at = find(minute);
            if (at >= 0 && minute <= spans[at * FIELDS + LAST]) {
                spans[at * FIELDS + COUNT]++;
                return;
            }
        }
        int place = (at + 1) * FIELDS;
        System.arraycopy(spans, place, spans, place + FIELDS, size * FIELDS - place);
        spans[place + FIRST] = minute;
        spans[place + LAST] = minute;
        spans[place + COUNT] = 1;
        size++;
    }

    /** What {@link #add} was told. */
    void remove(int minute) {
        int at = find(minute);
        if (at < 0 || minute > spans[at * FIELDS + LAST]) {
            throw new IllegalStateException("nothing was counted in minute " + minute);
        }
        int place = at * FIELDS;
        if (--spans[place + COUNT] == 0) {
            System.arraycopy(spans, place + FIELDS, spans, place, (size - at - 1) * FIELDS);
            size--;
            if (size == 0 && spans.length > KEPT * FIELDS) {
                spans = NONE;
            }
        }
    }

    /** @return the last span that begins no later; -1 for none */
    private int find(int minute) {
        if (size > 0 && spans[(size - 1) * FIELDS + FIRST] <= minute) { // as it is with mail that comes
            return size - 1;
        }
        int low = 0;
        int high = size - 1;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (spans[middle * FIELDS + FIRST] <= minute) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low - 1;
    }

    private void merge(int now) {
        int kept = 0;
        for (int i = 1; i < size; i++) {
            int into = kept * FIELDS;
            int from = i * FIELDS;
            int length = spans[from + LAST] - spans[into + FIRST] + 1;
            if (length <= (now - spans[from + LAST]) / PRECISION) {
                spans[into + LAST] = spans[from + LAST];
                spans[into + COUNT] += spans[from + COUNT];
            } else {
                kept++;
                System.arraycopy(spans, from, spans, kept * FIELDS, FIELDS);
            }
        }
        size = size == 0 ? 0 : kept + 1;
    }

    /** Octets of heap, roughly. */
    int octets() {
        return spans.length * Integer.BYTES;
    }

    /** Of the first span; {@link Integer#MAX_VALUE} for none. */
    int oldestMinute() {
        return size == 0 ? Integer.MAX_VALUE : spans[FIRST];
    }

    /** Adds to {@code into} how many are in each of {@link QueueCounts#AGE_BOUNDS}, and in the last those that are older. */
    void addTo(long[] into, int nowMinute) {
        for (int i = 0; i < size; i++) {
            int place = i * FIELDS;
            int age = nowMinute - (spans[place + FIRST] + (spans[place + LAST] - spans[place + FIRST]) / 2);
            into[QueueCounts.ageBucket(age)] += spans[place + COUNT];
        }
    }
}
