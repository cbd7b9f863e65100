package dev.penstock.queue;

/**
 * What has become of recipients lately. Immutable.
 *
 * @param deliveredMinute taken by receivers in the last minute
 * @param deferredMinute  to be tried again
 * @param bouncedMinute   returned, those that were too old too
 * @param deliveredHour   in the last hour
 * @param deferredHour    likewise
 * @param bouncedHour     likewise
 */
public record Rates(long deliveredMinute, long deferredMinute, long bouncedMinute, long deliveredHour,
        long deferredHour, long bouncedHour) {
    public static final Rates NONE = new Rates(0, 0, 0, 0, 0, 0);

    /** Deferrals of all that was answered in the last hour, from 0 to 1; 0 when nothing was. */
    public double deferralShare() {
        return share(deferredHour);
    }

    /** Likewise of what was returned. */
    public double bounceShare() {
        return share(bouncedHour);
    }

    private double share(long part) {
        long all = deliveredHour + deferredHour + bouncedHour;
        return all == 0 ? 0 : (double) part / all;
    }
}
