package dev.penstock.injection;

import dev.penstock.http.Problem;

/**
 * The account of what all requests that are worked on hold in memory: their bodies, what was read from them, templates,
 * values that are filled in, messages until they are kept. What is charged is more than what is held, so that the limit
 * is one. Thread-safe.
 */
final class RequestMemory {
    /**
     * For each octet of a body: a text of it has up to two octets a character, and is in the parser's buffer once more
     * while it is read.
     */
    static final int BODY = 3;

    private long used;
    private long limit;

    /** @param limit octets */
    RequestMemory(long limit) {
        this.limit = limit;
    }

    /** Another limit, for what is taken from now on. */
    synchronized void limit(long newLimit) {
        limit = newLimit;
    }

    /** Octets that are taken. */
    synchronized long used() {
        return used;
    }

    private synchronized boolean take(long octets) {
        if (octets > limit - used) {
            return false;
        }
        used += octets;
        return true;
    }

    private synchronized void give(long octets) {
        used -= octets;
    }

    private synchronized boolean isMoreThanAll(long octets) {
        return octets > limit;
    }

    /** One that holds nothing yet. */
    Share share() {
        return new Share();
    }

    /** What one request, or one message, holds. Thread-safe. Closed, it holds nothing and gets nothing. */
    final class Share implements AutoCloseable {
        private long own;
        private boolean closed;

        /** @return false when there is no room: nothing was taken then */
        synchronized boolean take(long octets) {
            if (closed || !RequestMemory.this.take(octets)) {
                return false;
            }
            own += octets;
            return true;
        }

        /** @throws Problem 413 when the request alone would hold more than all may, 503 when others hold the rest */
        void need(long octets) {
            if (take(octets)) {
                return;
            }
            if (isMoreThanAll(own() + octets)) {
                throw Problem.of(Problem.Kind.TOO_LARGE,
                        "what the request holds takes more memory than there is for it");
            }
            throw Problem.of(Problem.Kind.UNAVAILABLE, "too many large requests at one time").with("Retry-After", "1");
        }

        private synchronized long own() {
            return own;
        }

        /** Gives back what it has beyond {@code octets}. */
        synchronized void keepOnly(long octets) {
            if (own > octets) {
                give(own - octets);
                own = octets;
            }
        }

        @Override
        public synchronized void close() {
            closed = true;
            keepOnly(0);
        }
    }
}
