package dev.penstock;

/** Wires the parts of the gateway together and runs them. */
public final class Penstock {
    private Penstock() {}
}
