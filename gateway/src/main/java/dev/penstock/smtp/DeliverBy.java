package dev.penstock.smtp;

/**
 * BY of MAIL (RFC 2852 4). Immutable.
 *
 * @param seconds from the command on; negative only with {@link Mode#NOTIFY}
 * @param mode    what happens when the time is over
 * @param trace   every relay reports
 */
public record DeliverBy(long seconds, Mode mode, boolean trace) {
    public enum Mode {
        /** The message is returned. */
        RETURN,
        /** A delay is reported and delivery goes on. */
        NOTIFY
    }
}
