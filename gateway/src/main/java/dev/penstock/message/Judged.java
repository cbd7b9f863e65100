package dev.penstock.message;

/**
 * What was found of a message at its reception that its receivers would mind. Immutable.
 *
 * @param hold whether it waits until that is mended; a message that doesn't wait is only told of
 * @param text for people, one line of printable ASCII
 */
public record Judged(boolean hold, String text) {}
