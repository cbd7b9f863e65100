package dev.penstock.history;

import org.jspecify.annotations.Nullable;

/** The snapshot that is searched now. Thread-safe: replaced by the thread that indexes, held by those who search. */
final class Shown {
    private volatile @Nullable Snapshot now;
    private volatile boolean closed;

    /** Takes over what is held already. */
    Shown(@Nullable Snapshot held) {
        now = held;
    }

    /** Shows another one from now on. Whoever searches in the last one keeps it until he lets go of it. */
    void replace(Snapshot next) {
        if (!next.hold()) {
            throw new IllegalStateException("a partition's reader was closed");
        }
        Snapshot last = now;
        now = next;
        if (last != null) {
            last.letGo();
        }
    }

    /**
     * To be let go of by the caller.
     *
     * @throws HistoryException when there is none yet, or none any more
     */
    Snapshot hold() {
        while (true) {
            Snapshot found = now;
            if (closed) {
                throw new HistoryException("the index of the delivery log is closed", null);
            }
            if (found == null) {
                throw new HistoryException("the index of the delivery log isn't open yet", null);
            }
            if (found.hold()) {
                return found;
            }
            Thread.onSpinWait(); // it was replaced between the two lines
        }
    }

    /** Nothing is shown any more. */
    void close() {
        closed = true;
        Snapshot last = now;
        now = null;
        if (last != null) {
            last.letGo();
        }
    }
}
