package dev.penstock.shaping;

import java.util.List;

/**
 * Which limits bind which mail: by the rules in force, and by what control has decided. Thread-safe; answers at once, from
 * what is in memory. What binds a path is asked for with no lock held, what binds a sender under that of a ready queue. Who changes a book tells the {@link Shaper}, which asks again.
 */
public interface LimitBook {
    /**
     * What binds all mail of a path, whoever sends it.
     *
     * @param provider whose hosts it goes to; empty for nobody known
     */
    PathLimits of(EgressPath path, String provider);

    /** What is to be expected of mail of the path. Asked under the lock of a ready queue, too. */
    default Prospect prospect(EgressPath path, String provider) {
        return Prospect.OPEN;
    }

    /** Whether any limit is told apart by who sends. Where none is, {@link #of(EgressPath, String, Sender)} isn't asked. */
    boolean limitsSenders();

    /** What binds this sender's mail on the path beside {@link #of(EgressPath, String)}; empty for nothing. */
    List<SharedLimit> of(EgressPath path, String provider, Sender sender);

    /**
     * Whose mail it is, and where to.
     *
     * @param tenant   empty when unknown
     * @param campaign empty when unknown
     * @param pool     the pool of sources it goes by
     * @param domain   of the recipients, lower case
     * @param isUrgent whether somebody waits for it, and not bulk mail
     */
    record Sender(String tenant, String campaign, String pool, String domain, boolean isUrgent) {
        /** Of bulk mail. */
        public Sender(String tenant, String campaign, String pool, String domain) {
            this(tenant, campaign, pool, domain, false);
        }
    }
}
