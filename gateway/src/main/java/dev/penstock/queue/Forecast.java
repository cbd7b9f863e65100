package dev.penstock.queue;

import java.util.Collection;

/**
 * When a message that is ready will probably go, and how far off what was said before has been. Guarded by its queue's
 * lock; pure of clocks.
 *
 * <p>Tenants that take weighted turns are taken as fluids that flow side by side (generalized processor sharing, Parekh
 * and Gallager 1993): before a message goes its own tenant's messages before it, and of each other tenant as many as its
 * weight allows in that time, or all it has. That is what deficit round robin comes to, but for a turn of each.
 *
 * <p>One message at a time is a probe: what was said of it when it came is held against what became of it.
 */
@SuppressWarnings("ReferenceEquality") // a message is itself alone
final class Forecast {
    /** Upper ends of the classes that errors are counted by, in parts of the wait. */
    private static final double[] ERRORS = {0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, Double.MAX_VALUE};
    /** After so many probes older ones count half. */
    private static final int REMEMBERED = 64;
    /** Of waits that are shorter nobody asks. */
    private static final long SHORT_NANOS = 10_000_000_000L;

    private final double[] counts = new double[ERRORS.length];
    private double total;
    private Object probe = this; // itself for none
    private long saidNanos;
    private long expectedNanos;

    /** Another tenant's mail. */
    record Other(long ready, double weight) {}

    /**
     * Messages that go before one.
     *
     * @param mine   of its own tenant before it, or as many as it takes
     * @param weight of its tenant, above 0
     */
    static double before(double mine, double weight, Collection<Other> others) {
        double turns = (mine + 1) / weight;
        double before = mine;
        for (Other other : others) {
            before += Math.min((double) other.ready, turns * other.weight);
        }
        return before;
    }

    boolean hasProbe() {
        return probe != this;
    }

    boolean isProbe(Object message) {
        return probe == message;
    }

    /** The message that is held against what becomes of it; something else when there is none. */
    Object probe() {
        return probe;
    }

    /** The message comes now and is expected to go then. Only where there {@linkplain #hasProbe is none}. */
    void probe(Object message, long nowNanos, long goesNanos) {
        if (!hasProbe() && goesNanos - nowNanos >= SHORT_NANOS) {
            probe = message;
            saidNanos = nowNanos;
            expectedNanos = goesNanos;
        }
    }

    /** The message goes now. */
    void went(Object message, long nowNanos) {
        if (probe == message) {
            probe = this;
            double wait = Math.max(1, nowNanos - saidNanos);
            double error = Math.abs(nowNanos - expectedNanos) / wait;
            int place = 0;
            while (error > ERRORS[place]) {
                place++;
            }
            counts[place]++;
            total++;
            if (total > REMEMBERED) {
                total = 0;
                for (int i = 0; i < counts.length; i++) {
                    counts[i] /= 2;
                    total += counts[i];
                }
            }
        }
    }

    /** The message won't go, or not from here. */
    void forget(Object message) {
        if (probe == message) {
            probe = this;
        }
    }

    /** Probes that tell the error, the older ones less. */
    double probes() {
        return total;
    }

    /** Nine of ten waits were told with an error of at most this part of them; negative when no probe has gone yet. */
    double errorOfNineInTen() {
        if (total == 0) {
            return -1;
        }
        double seen = 0;
        for (int i = 0; i < counts.length; i++) {
            seen += counts[i];
            if (seen >= 0.9 * total) {
                return ERRORS[i];
            }
        }
        return Double.MAX_VALUE;
    }
}
