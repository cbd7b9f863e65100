package dev.penstock.egress;

import static java.util.stream.Collectors.joining;

import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Set;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.egress.SourceHealth.Suspension;

/**
 * Suspends sources by what is found out about them, and writes the log of it. Thread-safe.
 *
 * <p>One whose address is missing is suspended until it is back. One that fails otherwise, at a bind or behind its proxy, is
 * tried again after {@link #RETRY}: one that is still broken costs a connection each time, and no message is charged.
 */
public final class SourceWarden implements SourceListener {
    private static final Logger log = LoggerFactory.getLogger(SourceWarden.class);
    /** Several looks of {@link AddressWatch}, which knows better what is wrong with an address. */
    static final Duration RETRY = Duration.ofSeconds(5);

    private final SourceHealth health;
    private final InstantSource clock;

    public SourceWarden(SourceHealth health, InstantSource clock) {
        this.health = health;
        this.clock = clock;
        health.listen(new Log());
    }

    private static final class Log implements SourceHealth.Listener {
        @Override
        public void suspended(Suspension now) {
            log.warn("event=source-suspended source={} towards={} cause={} until={} why={}", now.source(),
                    now.scope(), now.cause(), now.untilMillis() == SourceHealth.UNTIL_RESUMED
                            ? "it-is-resumed"
                            : Instant.ofEpochMilli(now.untilMillis()),
                    now.why());
        }

        @Override
        public void resumed(Suspension before, String why) {
            log.info("event=source-resumed source={} towards={} cause={} why={}", before.source(),
                    before.scope(), before.cause(), why);
        }
    }

    @Override
    public void worked(Source source) {
        if (!health.isSound()) {
            health.resume(source.name(), Scope.EVERYWHERE, Cause.PROXY, "a connection came about");
        }
    }

    @Override
    public void failed(Source source, EgressException why) {
        Cause cause = switch (why.kind()) {
            case PORTS -> null; // sessions that end free some: it is no worse than the others of its pool
            case ADDRESS -> Cause.ADDRESS;
            case PROXY_UNREACHABLE, PROXY_LOGIN, PROXY_ADDRESS, PROXY_FAILED -> Cause.PROXY;
        };
        if (cause != null && health.of(source.name()) == null) {
            long now = clock.millis();
            health.suspend(source.name(), Scope.EVERYWHERE, cause, String.valueOf(why.getMessage()),
                    now + RETRY.toMillis(), now);
        }
    }

    @Override
    public void addressesMissing(Source source, Set<InetAddress> addresses) {
        health.suspend(source.name(), Scope.EVERYWHERE, Cause.ADDRESS,
                addresses.stream().map(InetAddress::getHostAddress).sorted().collect(joining(", "))
                        + (addresses.size() == 1 ? " isn't" : " aren't") + " on this machine",
                SourceHealth.UNTIL_RESUMED, clock.millis());
    }

    @Override
    public void addressesBack(String source) {
        health.resume(source, Scope.EVERYWHERE, Cause.ADDRESS, "its addresses are on this machine again");
    }
}
