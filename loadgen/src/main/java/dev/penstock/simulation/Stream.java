package dev.penstock.simulation;

import java.time.Duration;
import java.util.List;

/**
 * Mail that comes evenly over some time. Immutable.
 *
 * @param twin     who takes it: the name of a twin, or a file
 * @param domains  of its recipients, in turns; empty for the twin's own
 * @param messages in all
 * @param from     after the start the first comes
 * @param over     from then on until the last comes; zero for all at once
 * @param tenants  who send it, in turns; empty for one without a name
 * @param campaign empty for none
 * @param size     octets of each
 */
public record Stream(String twin, List<String> domains, long messages, Duration from, Duration over,
        List<String> tenants, String campaign, long size) {
    public Stream {
        domains = List.copyOf(domains);
        tenants = List.copyOf(tenants);
    }
}
