package dev.penstock.metrics;

import java.util.List;

/** What the readiness endpoint asks. Called on the HTTP event loop: must be thread-safe and never block. */
@FunctionalInterface
public interface Health {
    List<Check> checks();

    /**
     * One part's state.
     *
     * @param name   of the part: spool, listener, delivery-log …
     * @param ready  whether mail can be taken as far as this part goes
     * @param detail why not, or what is worth knowing, in the operator's words; may be empty
     */
    record Check(String name, boolean ready, String detail) {}
}
