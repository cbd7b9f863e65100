package dev.penstock.spool;

/** Whether the spool takes new mail; {@code detail} says why not, in the operator's words. */
public record SpoolHealth(State state, String detail) {
    /** READY takes mail; FULL takes it again when space returns; FAILED never does until a restart. */
    public enum State {
        READY,
        FULL,
        FAILED,
        CLOSED
    }
}
