package dev.penstock.meters;

import java.util.Arrays;

/**
 * What a histogram has counted. Immutable by agreement: nobody writes to the arrays.
 *
 * @param bounds upper ends of the buckets, inclusive, in seconds, ascending; one more bucket has none
 * @param counts of each bucket for itself, one more than bounds
 * @param sum    of all that was counted, seconds
 */
public record HistogramSnapshot(double[] bounds, long[] counts, double sum) {
    /** Of all buckets. */
    public long count() {
        return Arrays.stream(counts).sum();
    }
}
