package dev.penstock.loadgen;

import java.util.Locale;

import tools.jackson.core.JsonGenerator;

/**
 * What happened in one stretch of a run, about a second long. Immutable.
 *
 * @param endSeconds  since the run began
 * @param seconds     how long it was
 * @param counted     whether it lies in the counted part; the warm-up and the wait for its replies don't
 * @param attempted   deliveries
 * @param accepted    deliveries
 * @param refused     deliveries
 * @param unanswered  deliveries that became unknown or were aborted
 * @param accept      of the counted messages that were accepted in it
 */
public record Interval(double endSeconds, double seconds, boolean counted, long attempted, long accepted, long refused,
        long unanswered, Latency accept) {
    /** Accepted deliveries per second. */
    double rate() {
        return seconds > 0 ? accepted / seconds : 0;
    }

    void write(JsonGenerator json) {
        json.writeStartObject();
        json.writeNumberProperty("end_seconds", millis(endSeconds));
        json.writeNumberProperty("seconds", millis(seconds));
        json.writeBooleanProperty("counted", counted);
        json.writeNumberProperty("attempted", attempted);
        json.writeNumberProperty("accepted", accepted);
        json.writeNumberProperty("refused", refused);
        json.writeNumberProperty("unanswered", unanswered);
        accept.write("accept_micros", json);
        json.writeEndObject();
    }

    private static double millis(double seconds) {
        return Math.round(seconds * 1e3) / 1e3;
    }

    /**
     * A line of progress.
     *
     * @param total deliveries accepted since the run began
     */
    String line(long total) {
        return String.format(Locale.ROOT, "%6.1f s  %s %.0f/s  (%d in all)  refused %d  unanswered %d  accept p50 %.2f "
                + "p99 %.2f ms", endSeconds, counted ? "accepted" : "warm-up ", rate(), total, refused, unanswered,
                accept.p50() / 1000.0, accept.p99() / 1000.0);
    }
}
