package dev.penstock.routing;

/**
 * Counters since the start, and gauges, of {@link DnsRouter}. Immutable.
 *
 * @param hits            routes answered from the cache, stale ones included
 * @param misses          routes that had to wait for a look-up, whoever started it
 * @param staleServed     hits whose time was over while a new answer was fetched
 * @param refreshes       look-ups in the background for answers past their time
 * @param failedRefreshes of these, those that left the stale answer in place
 * @param queries         questions sent to DNS servers
 * @param overTcp         asked again over TCP because the answer was truncated
 * @param mismatched      answers ignored because their id or question wasn't ours, or they couldn't be read
 * @param timeouts        questions a server left unanswered
 * @param serverFailures  SERVFAIL, REFUSED and other refusals, closed ports
 * @param badDomains      routes refused: not a domain name
 * @param noSuchDomain    routes refused: NXDOMAIN
 * @param noMailHost      routes refused: nothing with an address
 * @param nullMx          routes refused: null MX
 * @param loops           routes refused: they lead back to this gateway
 * @param ignored         routes refused: to networks where DNS may not send mail
 * @param trouble         routes deferred for DNS trouble
 * @param unasked         routes deferred unasked, because no DNS server had answered for long
 * @param inFlight        gauge: queries being asked
 * @param waitingQueries  gauge: queries of running look-ups that wait for a place
 * @param running         gauge: look-ups at work
 * @param waiting         gauge: look-ups that haven't started
 * @param longestWait     gauge: how long the first of all these queries has waited, nanoseconds
 * @param silence         gauge: how long no server has answered, nanoseconds; 0 while one does
 * @param domains         gauge: domains and configured routes in the cache
 * @param hosts           gauge: mail hosts in the cache
 */
public record RoutingStats(long hits, long misses, long staleServed, long refreshes, long failedRefreshes, long queries,
        long overTcp, long mismatched, long timeouts, long serverFailures, long badDomains, long noSuchDomain,
        long noMailHost, long nullMx, long loops, long ignored, long trouble, long unasked, int inFlight,
        int waitingQueries,
        int running, int waiting, long longestWait, long silence, long domains, long hosts) {}
