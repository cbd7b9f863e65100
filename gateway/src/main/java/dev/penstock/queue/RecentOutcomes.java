package dev.penstock.queue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * What became of the last attempts of one ready queue, and what its receiver said that wasn't yes. Thread-safe: behind its
 * monitor, which is held for nanoseconds. 50 octets, and up to 3 KB where replies differ.
 */
final class RecentOutcomes {
    /** What a person looks at. */
    static final int REPLIES = 10;
    static final int STRIP = 50;
    /** What is beyond it is in the delivery log. */
    static final int LONGEST_TEXT = 200;
    private static final int BITS = 2;
    private static final int MASK = 3;
    /** By the code of an outcome. */
    private static final String LETTERS = "dtb";
    private static final int PER_WORD = Long.SIZE / BITS;

    /** What became of a recipient. */
    enum Outcome {
        DELIVERED(0),
        DEFERRED(1),
        BOUNCED(2);

        private final int code;

        Outcome(int code) {
            this.code = code;
        }
    }

    /** A reply without its text, and its place. */
    private static final int REPLY_OCTETS = 120;

    private final IntConsumer keeps;
    private final Deque<RecentReply> replies = new ArrayDeque<>(0);
    /** Two bits each, the last one lowest. */
    private long late;
    private long early;
    private int known;

    /** @param keeps is told how many octets more, or fewer, replies take */
    RecentOutcomes(IntConsumer keeps) {
        this.keeps = keeps;
    }

    synchronized void add(Outcome outcome, int recipients) {
        for (int i = Math.min(recipients, STRIP); i > 0; i--) {
            early = early << BITS | late >>> Long.SIZE - BITS;
            late = late << BITS | outcome.code;
            known = Math.min(known + 1, STRIP);
        }
    }

    synchronized void add(RecentReply reply) {
        RecentReply last = replies.peekLast();
        String text = cut(reply.text());
        RecentReply kept = reply.saying(last != null && last.text().equals(text) ? last.text() : text);
        replies.addLast(kept);
        int more = octets(kept);
        if (replies.size() > REPLIES) {
            more -= octets(replies.removeFirst());
        }
        keeps.accept(more);
    }

    private static int octets(RecentReply reply) {
        return REPLY_OCTETS + reply.text().length() + reply.enhanced().length();
    }

    /** Forgets what was said. */
    synchronized void clear() {
        replies.forEach(reply -> keeps.accept(-octets(reply)));
        replies.clear();
    }

    private static String cut(String text) {
        return text.length() <= LONGEST_TEXT ? text : text.substring(0, LONGEST_TEXT);
    }

    /** The latest first. */
    synchronized List<RecentReply> replies() {
        return new ArrayList<>(replies).reversed();
    }

    /** A letter for each of the last recipients, the latest last: {@code d} delivered, {@code t} tried again, {@code b} bounced. */
    synchronized String strip() {
        StringBuilder text = new StringBuilder(known);
        for (int i = known - 1; i >= 0; i--) {
            long word = i < PER_WORD ? late : early;
            int outcome = (int) (word >>> i % PER_WORD * BITS) & MASK;
            text.append(LETTERS.charAt(outcome));
        }
        return text.toString();
    }
}
