package dev.penstock.queue;

/**
 * Curfews as they stand.
 *
 * @param inForce   how many are
 * @param waiting   destinations that wait for the end of one
 * @param outlasted messages taken since start that wait for one until they are older than mail may be
 */
public record CurfewStats(long inForce, long waiting, long outlasted) {}
