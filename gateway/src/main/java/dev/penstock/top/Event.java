package dev.penstock.top;

/** What the owner of the screen waits for. Immutable. */
sealed interface Event {
    record Pressed(Key key) implements Event {}

    record Answered(Answers answers) implements Event {}

    /** The gateway hasn't answered, or with a problem. */
    record Lost(Answers.Question question, String why) implements Event {}

    /** A fault of ours, of a thread that works for the screen. */
    record Failed(Throwable fault) implements Event {}

    /** The terminal has another size. */
    record Resized() implements Event {}

    /** We were stopped, and the terminal was another's meanwhile. */
    record Continued() implements Event {}

    /** Enough: a signal, or the terminal has gone. */
    record Ended() implements Event {}
}
