package dev.penstock.proxy;

/**
 * What the proxy has done since its start.
 *
 * @param open            connections of clients now
 * @param refused         beyond a limit, closed at once
 * @param notAllowed      from outside of the clients' networks
 * @param wrongLogins     and missing ones
 * @param malformed       what came was no request
 * @param late            nothing was asked for in time
 * @param connected       hosts that were reached
 * @param notPlumbed      addresses asked for that aren't on this machine
 * @param connectFailures hosts that weren't reached
 * @param idle            closed for want of octets
 * @param octetsOut       to hosts
 * @param octetsIn        from hosts
 */
public record ProxyStats(long open, long refused, long notAllowed, long wrongLogins, long malformed, long late,
        long connected, long notPlumbed, long connectFailures, long idle, long octetsOut, long octetsIn) {}
