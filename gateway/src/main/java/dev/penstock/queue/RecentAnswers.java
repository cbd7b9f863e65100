package dev.penstock.queue;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

/**
 * What was worked out lately, for who asks for the same. Many who ask cost what one does, and each question takes a
 * {@value #COST_TIMES}th of a core at most, however long its answer takes. Thread-safe: who comes while an answer is worked
 * out waits for it, who asks for something else doesn't.
 */
final class RecentAnswers<K, V> {
    /** An answer is given again for so long at least, */
    static final Duration FRESH = Duration.ofMillis(500);
    /** and for so many times as it took. */
    static final int COST_TIMES = 20;
    /** Answers that are kept. */
    static final int MOST = 16;

    private final LongSupplier nanoTime;
    private final LinkedHashMap<K, Kept<V>> kept = new LinkedHashMap<>(); // guarded by itself; who was asked for last, last

    /** Guarded by itself; the time is read by others too. */
    private static final class Kept<V> {
        private @Nullable V answer;
        private volatile long untilNanos;

        Kept(long nowNanos) {
            untilNanos = nowNanos;
        }
    }

    RecentAnswers(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** The answer of lately, or one that is worked out now; what that throws is thrown, and nothing kept. */
    V get(K question, Supplier<V> work) {
        Kept<V> known = kept(question);
        synchronized (known) {
            V answer = known.answer;
            long now = nanoTime.getAsLong();
            if (answer == null || now - known.untilNanos >= 0) {
                answer = work.get();
                long took = nanoTime.getAsLong() - now;
                known.answer = answer;
                known.untilNanos = now + took + Math.max(FRESH.toNanos(), COST_TIMES * took);
            }
            return answer;
        }
    }

    private Kept<V> kept(K question) {
        synchronized (kept) {
            Kept<V> known = kept.remove(question);
            if (known == null) {
                known = new Kept<>(nanoTime.getAsLong());
            }
            kept.put(question, known);
            if (kept.size() > MOST) {
                kept.pollFirstEntry();
            }
            return known;
        }
    }

    /** Drops what isn't given again. Waits for no answer that is being worked out. */
    void forgetOld() {
        synchronized (kept) {
            long now = nanoTime.getAsLong();
            kept.values().removeIf(each -> now - each.untilNanos >= 0);
        }
    }

    /** Answers that are kept. */
    int size() {
        synchronized (kept) {
            return kept.size();
        }
    }
}
