package dev.penstock.loadgen;

/**
 * A deterministic choice per (seed, sequence number, index), so that a run can be repeated and no random generator is
 * shared. Pure functions.
 */
final class Mix {
    private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L; // 2^64 / golden ratio, as in SplittableRandom

    private Mix() {}

    /** Sixty-four well mixed bits (the finalizer of SplitMix64). */
    static long bits(long seed, long sequence, int index) {
        long z = seed + sequence * GOLDEN_GAMMA + index * 0xd1342543de82ef95L;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    /** Evenly distributed in [0, bound). */
    static int below(long bits, int bound) {
        return (int) ((bits >>> 32) * bound >>> 32);
    }

    /** Evenly distributed in [0, 1). */
    static double fraction(long bits) {
        return (bits >>> 11) * 0x1p-53;
    }
}
