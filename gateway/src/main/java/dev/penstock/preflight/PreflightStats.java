package dev.penstock.preflight;

/**
 * Counters since the start. Immutable.
 *
 * @param passed    messages that were judged and found fit
 * @param tagged    found unfit and let go on
 * @param held      found unfit, and waiting or once waiting
 * @param refused   found unfit and not taken
 * @param uncertain of all these, judged before all of DNS was known
 * @param late      of these, because the deadline came first
 * @param released  held ones that were let go on
 * @param unjudged  that had begun before messages were judged
 */
public record PreflightStats(long passed, long tagged, long held, long refused, long uncertain, long late,
        long released, long unjudged) {}
