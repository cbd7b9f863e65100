package dev.penstock.shaping;

import java.util.List;

import dev.penstock.config.TrafficLimits;

/**
 * What binds the mail of one path. Immutable.
 *
 * @param own    the path's alone
 * @param shared what others share with it, in the order of the rules
 */
public record PathLimits(TrafficLimits own, List<SharedLimit> shared) {
    public PathLimits {
        shared = List.copyOf(shared);
    }
}
