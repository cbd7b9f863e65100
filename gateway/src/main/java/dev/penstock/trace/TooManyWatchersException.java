package dev.penstock.trace;

/** No more can watch at one time: one of those who do must leave first, or come to its end. */
public final class TooManyWatchersException extends RuntimeException {
    private static final long serialVersionUID = 1;

    TooManyWatchersException(int most) {
        super(most + " watchers trace already, and no more can at one time");
    }
}
