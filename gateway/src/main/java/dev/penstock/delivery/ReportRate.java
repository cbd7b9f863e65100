package dev.penstock.delivery;

import java.util.Locale;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executor;

import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * How many reports each sender has had: no more than the rate's count in a window as long as its period, which begins with
 * the first report. Thread-safe: a sender's {@link Window} is immutable, and each step from one to the next is one atomic
 * change of the sender's entry.
 *
 * <p>Invariant: in a window a sender has had, or is about to have, {@code made <= count} reports, and one of its turns alone
 * is {@link Turn#FIRST_BEYOND}. Of {@value #MAX_SENDERS} senders it is known; whom it is forgotten of begins anew.
 */
final class ReportRate {
    /** About 6 MB with addresses of usual length. */
    static final int MAX_SENDERS = 20_000;

    private static final Executor AT_ONCE = Runnable::run;

    private final ConcurrentMap<String, Window> senders = Caffeine.newBuilder().maximumSize(MAX_SENDERS)
            .executor(AT_ONCE).<String, Window>build().asMap();
    private volatile @Nullable Rate rate;

    /** What is to become of a report. */
    enum Turn {
        /** It may be made. */
        MADE,
        /** It may not, and is the first of its window. */
        FIRST_BEYOND,
        /** It may not. */
        BEYOND
    }

    /**
     * Of one sender.
     *
     * @param startNanos when it began
     * @param made       reports made or about to be
     * @param told       whether one was left out
     * @param last       what became of the one that was asked about last
     */
    record Window(long startNanos, long made, boolean told, Turn last) {
        /** After one more report was asked about. */
        static Window asked(@Nullable Window before, long nowNanos, Rate rate) {
            if (before == null || nowNanos - before.startNanos >= rate.period().toNanos()) {
                return new Window(nowNanos, 1, false, Turn.MADE);
            }
            return before.made < rate.count()
                    ? new Window(before.startNanos, before.made + 1, before.told, Turn.MADE)
                    : new Window(before.startNanos, before.made, true, before.told ? Turn.BEYOND : Turn.FIRST_BEYOND);
        }

        /** After one of the window that began then might be made and wasn't. */
        Window givenBack(long ofNanos) {
            return startNanos == ofNanos ? new Window(startNanos, made - 1, told, last) : this;
        }
    }

    /**
     * From now on; what senders have had stays counted.
     *
     * @param changed null for no bound
     */
    void reconfigure(@Nullable Rate changed) {
        rate = changed;
        if (changed == null) {
            senders.clear();
        }
    }

    /** The rate in force, null for none. */
    @Nullable
    Rate rate() {
        return rate;
    }

    /**
     * Asks for a report's place, and takes it where there is one.
     *
     * @param nowNanos {@link System#nanoTime()}, or a test's
     * @return the sender's window after that, whose {@code last} is the answer
     */
    Window take(String sender, long nowNanos) {
        Rate now = rate;
        return now == null
                ? new Window(nowNanos, 1, false, Turn.MADE)
                : senders.compute(key(sender), (_, before) -> Window.asked(before, nowNanos, now));
    }

    /**
     * A report that might be made couldn't be kept: its place is another's of the same window.
     *
     * @param taken what {@link #take} returned
     */
    void giveBack(String sender, Window taken) {
        senders.computeIfPresent(key(sender), (_, window) -> window.givenBack(taken.startNanos));
    }

    private static String key(String sender) {
        return sender.toLowerCase(Locale.ROOT);
    }
}
