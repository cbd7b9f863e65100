package dev.penstock.top;

/** What is in front of the operator, and takes the keys. Immutable. */
sealed interface Mode {
    /** A screen with its rows. */
    record Rows() implements Mode {}

    /**
     * A filter is being typed.
     *
     * @param text  so far
     * @param wrong why it couldn't be read; empty until somebody tried
     */
    record Prompt(String text, String wrong) implements Mode {}

    /** What the keys do. */
    record Help() implements Mode {}

    /** All that is known of one row. */
    record Detail(Target target, int from) implements Mode {}
}
