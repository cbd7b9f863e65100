package dev.penstock.egress;

/**
 * How many messages a source may send to whom: asked when a message is about to wait for its turn at that source, so that
 * what is beyond goes to the others of its pool. Thread-safe; called with no lock held, and must answer at once.
 */
public interface Quota {
    /** What {@link #take} answers when the message is counted. */
    long TAKEN = 0;

    /** Each may send as much as it likes. */
    Quota NONE = new Quota() {
        @Override
        public long take(String source, String provider) {
            return TAKEN;
        }

        @Override
        public void giveBack(String source, String provider) {}

        @Override
        public boolean limits() {
            return false;
        }
    };

    /**
     * Takes one message of what the source may send now.
     *
     * @param provider who runs the hosts that take it; empty for nobody known
     * @return {@link #TAKEN}, else when it is worth asking again, milliseconds since 1970
     */
    long take(String source, String provider);

    /** A message that was taken isn't sent by the source after all: nothing was attempted. */
    void giveBack(String source, String provider);

    /** When the source may send to whoever is first, milliseconds since 1970; 0 when nobody knows. For people. */
    default long nextMillis(String source) {
        return 0;
    }

    /** Whether any source has a limit now: else nobody needs to ask. */
    default boolean limits() {
        return true;
    }
}
