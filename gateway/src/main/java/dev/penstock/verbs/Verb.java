package dev.penstock.verbs;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What can be done to queued mail, as a job. */
public enum Verb {
    /** Nothing is attempted until it is released, or until a time. */
    HOLD,
    /** What is held, by whomever, is due now. */
    RELEASE,
    /** What waits for its next attempt is due now. */
    RETRY,
    /** No attempt before a time. */
    DELAY,
    /** Given up as if it had been refused for good; its sender is told or not. */
    BOUNCE,
    /** Given up, and nobody is told. */
    DELETE,
    /** Another tenant's, another campaign's, or by another pool or route from now on. */
    REBIND;

    /** As queries, bodies and the command line write it. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether what it has done can't be undone. */
    public boolean isDestructive() {
        return this == BOUNCE || this == DELETE;
    }

    /** @throws IllegalArgumentException with a sentence for people */
    public static Verb of(String word) {
        for (Verb verb : values()) {
            if (verb.word().equals(word)) {
                return verb;
            }
        }
        throw new IllegalArgumentException("verb \"" + word + "\": expected one of "
                + Arrays.stream(values()).map(Verb::word).collect(Collectors.joining(", ")));
    }
}
