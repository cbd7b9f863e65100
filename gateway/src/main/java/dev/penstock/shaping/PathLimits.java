package dev.penstock.shaping;

import java.util.List;

import dev.penstock.config.TrafficLimits;

/**
 * What binds the mail of one path. Immutable.
 *
 * @param own        the path's alone
 * @param shared     what others share with it, in the order of the rules
 * @param probesOnly whether a rate of the shared ones is one of probes, since the receiver takes nothing now
 */
public record PathLimits(TrafficLimits own, List<SharedLimit> shared, boolean probesOnly) {
    public PathLimits {
        shared = List.copyOf(shared);
    }

    /** Of a receiver that takes mail, as far as is known. */
    public PathLimits(TrafficLimits own, List<SharedLimit> shared) {
        this(own, shared, false);
    }
}
