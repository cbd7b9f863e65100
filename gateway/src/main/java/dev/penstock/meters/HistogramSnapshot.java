package dev.penstock.meters;

import java.util.ArrayList;
import java.util.List;

/**
 * What a histogram has counted. Immutable.
 *
 * @param buckets ascending; the last one has no upper end
 * @param sum     of all that was counted, seconds
 */
public record HistogramSnapshot(List<Bucket> buckets, double sum) {
    /**
     * What lies above the bucket before.
     *
     * @param upTo  its upper end, inclusive, seconds
     * @param count of this bucket alone
     */
    public record Bucket(double upTo, long count) {}

    public HistogramSnapshot {
        buckets = List.copyOf(buckets);
    }

    /**
     * @param bounds upper ends, seconds
     * @param counts of each bucket for itself, one more than bounds
     */
    public static HistogramSnapshot of(double[] bounds, long[] counts, double sum) {
        List<Bucket> buckets = new ArrayList<>(counts.length);
        for (int i = 0; i < counts.length; i++) {
            buckets.add(new Bucket(i < bounds.length ? bounds[i] : Double.POSITIVE_INFINITY, counts[i]));
        }
        return new HistogramSnapshot(buckets, sum);
    }

    /** Of all buckets. */
    public long count() {
        return buckets.stream().mapToLong(Bucket::count).sum();
    }
}
