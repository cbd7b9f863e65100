package dev.penstock.spool;

import org.jspecify.annotations.Nullable;

/**
 * What operators have ordered for one destination, beside what attempts left of it. Immutable.
 *
 * @param job             the last job that did something to it, so that it isn't done again after a restart; 0 for none
 * @param heldFor         why it is held; empty when it isn't
 * @param heldUntilMillis when the hold ends by itself, milliseconds since 1970; 0 when somebody has to release it
 * @param notBeforeMillis no attempt is made before, milliseconds since 1970; 0 for no such order
 * @param released        it was let go by somebody: nothing that was found at its reception holds it again
 * @param binding         whose mail it is and which way it goes; null when that is as its envelope says
 */
public record Orders(long job, String heldFor, long heldUntilMillis, long notBeforeMillis, boolean released,
        @Nullable Binding binding) {
    public static final Orders NONE = new Orders(0, "", 0, 0, false, null);

    /**
     * In place of what the envelope says.
     *
     * @param tenant        empty for none
     * @param campaign      empty for none
     * @param pool          of sources; empty when the configuration says which
     * @param routingDomain the domain by whose route it goes; empty for the recipients' own
     */
    public record Binding(String tenant, String campaign, String pool, String routingDomain) {}

    /** Whether nothing is ordered. */
    public boolean isNone() {
        return equals(NONE);
    }

    public boolean isHeld() {
        return !heldFor.isEmpty();
    }

    /** @param untilMillis milliseconds since 1970; 0 when somebody has to release it */
    public Orders hold(String why, long untilMillis) {
        return new Orders(job, why, untilMillis, notBeforeMillis, released, binding);
    }

    /** Held no more, by whomever it was. */
    public Orders release() {
        return new Orders(job, "", 0, notBeforeMillis, true, binding);
    }

    /** @param millis since 1970; 0 for no such order */
    public Orders notBefore(long millis) {
        return new Orders(job, heldFor, heldUntilMillis, millis, released, binding);
    }

    public Orders bind(Binding to) {
        return new Orders(job, heldFor, heldUntilMillis, notBeforeMillis, released, to);
    }

    /** @param number of the job; 0 to forget the last one */
    public Orders by(long number) {
        return new Orders(number, heldFor, heldUntilMillis, notBeforeMillis, released, binding);
    }

    /** By whose route its mail goes. */
    public String domain(String recipients) {
        return binding == null || binding.routingDomain.isEmpty() ? recipients : binding.routingDomain;
    }
}
