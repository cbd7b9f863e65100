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
        public boolean limits() {
            return false;
        }

        @Override
        public long take(String source, String domain, String site) {
            return TAKEN;
        }

        @Override
        public void giveBack(String source, String domain, String site) {}

        @Override
        public boolean limits() {
            return false;
        }
    };

    /** Whether it may ever answer that a message has to wait; always the same. */
    default boolean limits() {
        return true;
    }

    /**
     * Takes one message of what the source may send now.
     *
     * @param domain the recipients'
     * @param site   that takes it, by its name
     * @return {@link #TAKEN}, else when it is worth asking again, milliseconds since 1970
     */
    long take(String source, String domain, String site);

    /** A message that was taken isn't sent by the source after all: nothing was attempted. */
    void giveBack(String source, String domain, String site);

    /** Whether any source has a limit now: else nobody needs to ask. */
    default boolean limits() {
        return true;
    }
}
