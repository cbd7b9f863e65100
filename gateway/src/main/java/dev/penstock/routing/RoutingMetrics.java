package dev.penstock.routing;

import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.meters.PartMeters;

/** Routing and DNS, as metrics name it. Stateless. */
public final class RoutingMetrics {
    private static final double NANOS_PER_SECOND = 1e9;

    private RoutingMetrics() {}

    public static PartMeters<RoutingStats> of(Supplier<RoutingStats> source, Supplier<HistogramSnapshot> lookUpTimes) {
        PartMeters<RoutingStats> part = PartMeters.of("penstock.routing.", source);
        part.counter("routes", "Routes given, by where from", RoutingStats::hits, "from", "cache");
        part.counter("routes", "Routes given, by where from", RoutingStats::misses, "from", "lookup");
        part.counter("stale", "Routes given past their time while being refreshed", RoutingStats::staleServed);
        part.counter("refreshes", "Look-ups in the background", RoutingStats::refreshes);
        part.counter("refreshes.failed", "Of these, those that failed", RoutingStats::failedRefreshes);
        part.counter("queries", "Questions sent to DNS servers", RoutingStats::queries);
        part.counter("queries.tcp", "Asked again over TCP", RoutingStats::overTcp);
        part.counter("answers.mismatched", "Answers that weren't ours or unreadable", RoutingStats::mismatched);
        part.counter("timeouts", "Questions left unanswered", RoutingStats::timeouts);
        part.counter("server.failures", "SERVFAIL, REFUSED, closed ports", RoutingStats::serverFailures);
        failed(part, "bad-domain", RoutingStats::badDomains);
        failed(part, "no-such-domain", RoutingStats::noSuchDomain);
        failed(part, "no-mail-host", RoutingStats::noMailHost);
        failed(part, "null-mx", RoutingStats::nullMx);
        failed(part, "loop", RoutingStats::loops);
        failed(part, "ignored-network", RoutingStats::ignored);
        failed(part, "dns-trouble", RoutingStats::trouble);
        failed(part, "dns-silent", RoutingStats::unasked);
        part.gauge("queries.running", "Queries being asked", RoutingStats::inFlight);
        part.gauge("queries.waiting", "Queries that wait for a place", RoutingStats::waitingQueries);
        part.gauge("lookups.running", "Look-ups at work", RoutingStats::running);
        part.gauge("lookups.waiting", "Look-ups not started yet", RoutingStats::waiting);
        part.gauge("wait.longest.seconds", "For how long the first of those that wait has waited",
                stats -> stats.longestWait() / NANOS_PER_SECOND);
        part.gauge("silence.seconds", "For how long no DNS server has answered; 0 while one does",
                stats -> stats.silence() / NANOS_PER_SECOND);
        part.gauge("cached.domains", "Domains in the cache", RoutingStats::domains);
        part.gauge("cached.hosts", "Mail hosts in the cache", RoutingStats::hosts);
        part.histogram("lookup.duration.seconds", "How long look-ups took that asked DNS, waits for a place included",
                lookUpTimes);
        return part;
    }

    private static void failed(PartMeters<RoutingStats> part, String reason, ToDoubleFunction<RoutingStats> value) {
        part.counter("failures", "Routes refused or deferred", value, "reason", reason);
    }
}
