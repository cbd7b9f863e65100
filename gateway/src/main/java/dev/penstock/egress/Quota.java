package dev.penstock.egress;

/**
 * How many messages a source may send to whom. It is asked twice: when a message is about to come to wait at a source, so
 * that what is beyond goes to the others of its pool, and when a session takes it, which is when it counts. Thread-safe;
 * called under a ready queue's lock, and must answer at once. Times are milliseconds since 1970.
 */
public interface Quota {
    /** What {@link #take} answers when the message is counted, and {@link #expect} when it may come. */
    long GRANTED = 0;
    /** What both answer when nothing is counted. */
    long UNLIMITED = -1;

    /** Each may send as much as it likes. */
    Quota NONE = new Quota() {
        @Override
        public long expect(String source, String provider, long nowMillis) {
            return UNLIMITED;
        }

        @Override
        public void expectNot(String source, String provider, long messages) {}

        @Override
        public long take(String source, String provider, long nowMillis) {
            return UNLIMITED;
        }

        @Override
        public void giveBack(String source, String provider, long takenMillis) {}

        @Override
        public boolean limits() {
            return false;
        }

        @Override
        public boolean limits(String source, String provider, long nowMillis) {
            return false;
        }
    };

    /**
     * Whether one message more is to come to wait at the source: as many may as it may send now. Nothing is counted by it.
     *
     * @param provider who runs the hosts that take it; empty for nobody known
     * @return {@link #GRANTED}, {@link #UNLIMITED}, else when it is worth asking again
     */
    long expect(String source, String provider, long nowMillis);

    /** So many messages that waited at the source have gone elsewhere; some may not have been expected. */
    void expectNot(String source, String provider, long messages);

    /**
     * Counts one message that the source is about to send.
     *
     * @return {@link #GRANTED}, {@link #UNLIMITED}, else when it is worth asking again
     */
    long take(String source, String provider, long nowMillis);

    /** Nothing was sent of a message that {@link #take} had granted at that time. */
    void giveBack(String source, String provider, long takenMillis);

    /** When the source may send to whoever is first; 0 when nobody knows. For people. */
    default long nextMillis(String source) {
        return 0;
    }

    /** Whether any source has a limit now: else nobody needs to ask. */
    default boolean limits() {
        return true;
    }

    /** Whether that source has one towards that provider now. */
    boolean limits(String source, String provider, long nowMillis);
}
