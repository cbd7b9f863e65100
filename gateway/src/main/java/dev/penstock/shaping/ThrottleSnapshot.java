package dev.penstock.shaping;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;

/**
 * One shaping key as it stands. Immutable.
 *
 * @param source             whose sessions they are, by its name
 * @param key                a site, or the stand-in for a domain with a section of its own
 * @param limits             what is configured
 * @param shared             what it shares with others, in the order of the rules
 * @param openSessions       counted against the connection limit
 * @param window             sessions that may be open now: the connection limit, or what the receiver was found to take
 * @param waitingFor         the limiter that holds its mail back, null when none does
 */
public record ThrottleSnapshot(String source, Site key, TrafficLimits limits, List<SharedLimit> shared,
        int openSessions, int window, @Nullable LimitReached waitingFor) {}
