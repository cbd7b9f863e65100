package dev.penstock.egress;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.egress.SourceHealth.Suspension;

/**
 * Suspends sources by what is found out about them, and writes the log of it. Thread-safe.
 *
 * <p>One whose address is missing is suspended until it is back. One that fails otherwise, at a bind or behind its proxy, is
 * probed every {@link #RETRY}, and used again when a probe came as far as the host that it had failed for: one that is still
 * broken costs a connection each time, and moves no mail.
 */
public final class SourceWarden implements SourceListener, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(SourceWarden.class);
    /** Several looks of {@link AddressWatch}, which knows better what is wrong with an address. */
    static final Duration RETRY = Duration.ofSeconds(5);

    /** Connects from a source to a host, and closes the connection. Blocks. */
    @FunctionalInterface
    public interface Probe {
        /** @throws IOException an {@link EgressException} when that lies with the source, else it works */
        void connect(Source source, InetSocketAddress host) throws IOException;
    }

    /** What a source failed for. */
    private record Broken(InetSocketAddress host, Cause cause) {}

    private final Sources sources;
    private final SourceHealth health;
    private final InstantSource clock;
    /** By source, what is probed. */
    private final Map<String, Broken> broken = new ConcurrentHashMap<>();
    /** Sources with a probe under way. */
    private final Set<String> probed = ConcurrentHashMap.newKeySet();
    private volatile @Nullable Thread thread;
    private volatile boolean closed;

    public SourceWarden(Sources sources, SourceHealth health, InstantSource clock) {
        this.sources = sources;
        this.health = health;
        this.clock = clock;
        health.listen(new Log());
    }

    /** From now on what is broken is probed. */
    public void start(Probe probe) {
        thread = Thread.ofPlatform().name("source-probes").daemon().start(() -> {
            while (!closed) {
                LockSupport.parkNanos(this, RETRY.toNanos());
                begin(probe); // one that takes its time keeps no other waiting
            }
        });
    }

    /** Probes all that are broken and aren't being probed, each in a thread of its own. */
    List<Thread> begin(Probe probe) {
        List<Thread> probes = new ArrayList<>();
        broken.forEach((name, what) -> {
            if (probed.add(name)) {
                probes.add(Thread.ofVirtual().name("source-probe-" + name).start(() -> {
                    try {
                        probe(probe, name, what);
                    } finally {
                        probed.remove(name);
                    }
                }));
            }
        });
        return probes;
    }

    private void probe(Probe probe, String name, Broken what) {
        Source source = sources.find(name);
        if (source == null) {
            broken.remove(name);
            return;
        }
        if (!what.equals(broken.computeIfPresent(name, // asked in there: who fails meanwhile comes after
                (_, now) -> health.isSuspended(name, Scope.EVERYWHERE, now.cause) ? now : null))) {
            return;
        }
        try {
            probe.connect(source, what.host);
        } catch (EgressException _) {
            return; // still broken
        } catch (IOException _) {
            // the host can't be spoken to, which the source had to do with no more
        } catch (RuntimeException | Error e) {
            log.error("event=source-not-probed source={}", name, e);
            return;
        }
        if (broken.remove(name, what)) {
            health.resume(name, Scope.EVERYWHERE, what.cause, "a probe came through");
        }
    }

    @Override
    public void close() {
        closed = true;
        Thread probes = thread;
        if (probes != null) {
            probes.interrupt();
        }
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
    public void failed(Source source, InetSocketAddress host, EgressException why) {
        Cause cause = switch (why.kind()) {
            case PORTS -> null; // sessions that end free some: it is no worse than the others of its pool
            case ADDRESS -> Cause.ADDRESS;
            case PROXY_UNREACHABLE, PROXY_LOGIN, PROXY_ADDRESS, PROXY_FAILED -> Cause.PROXY;
        };
        if (cause != null && health.of(source.name()) == null) {
            health.suspend(source.name(), Scope.EVERYWHERE, cause, String.valueOf(why.getMessage()),
                    SourceHealth.UNTIL_RESUMED, clock.millis());
            broken.put(source.name(), new Broken(host, cause)); // now that a probe finds it suspended
        }
    }

    @Override
    public void addressesMissing(Source source, Set<InetAddress> addresses) {
        broken.remove(source.name()); // whoever looks at addresses says when it is back
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
