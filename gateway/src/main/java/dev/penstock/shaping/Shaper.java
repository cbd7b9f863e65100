package dev.penstock.shaping;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;

/**
 * How fast each site and domain may be sent to. Thread-safe; nothing blocks.
 *
 * <p>A shaping key is a site, or the stand-in for a domain that has a section of its own ({@link Site#ofDomain}); one
 * lane is one key. A key's state lives as long as it matters: it is forgotten when it has been idle for some minutes, has no
 * session and no slot ahead.
 */
public final class Shaper {
    /** A key unused for so long is forgotten. */
    static final Duration IDLE = Duration.ofMinutes(10);
    /** But the failures of one that can't be reached are remembered over its longest usual retry wait (4 h). */
    static final Duration IDLE_FAILING = Duration.ofHours(5);

    private final ConcurrentHashMap<Site, Throttle> throttles = new ConcurrentHashMap<>();
    private final LongSupplier nanoTime;
    private final AtomicLong lastReapNanos;
    private volatile ShapingConfig config;

    public Shaper(ShapingConfig config, LongSupplier nanoTime) {
        this.config = config;
        this.nanoTime = nanoTime;
        this.lastReapNanos = new AtomicLong(nanoTime.getAsLong());
    }

    /** From now on with these limits, also for sessions already open; what is over a lowered limit ends by itself. */
    public void reconfigure(ShapingConfig next) {
        config = next;
        long now = nanoTime.getAsLong();
        for (Site key : throttles.keySet()) {
            throttles.computeIfPresent(key, (_, throttle) -> {
                throttle.reconfigure(limits(next, key), now);
                return throttle;
            });
        }
    }

    /** Whether {@code domain} is shaped by itself instead of with the other domains of its site. */
    public boolean hasOwnSection(String domain) {
        return config.sections().containsKey(domain);
    }

    /** The shaping key for mail to {@code domain}, which is taken at {@code site}. */
    public Site key(String domain, Site site) {
        return hasOwnSection(domain) ? Site.ofDomain(domain) : site;
    }

    /** What is configured for {@code key} now. */
    public TrafficLimits limits(Site key) {
        return limits(config, key);
    }

    private static TrafficLimits limits(ShapingConfig config, Site key) {
        return config.sections().getOrDefault(key.section(), config.defaults());
    }

    /** Asks for one more session. */
    public Opening tryOpen(Site key) {
        long now = nanoTime.getAsLong();
        reapSometimes(now);
        Throttle known = throttles.get(key);
        if (known != null) {
            Refusal full = known.full();
            if (full != null) {
                return full;
            }
        }
        Opening[] answer = new Opening[1];
        // Inside compute, so that a key can't be forgotten between being found and being counted.
        throttles.compute(key, (_, present) -> {
            Throttle throttle = present == null ? new Throttle(key, limits(key), now) : present;
            throttle.reconfigure(limits(key), now); // it may have been made while the configuration changed
            Refusal refusal = throttle.tryOpen(now);
            answer[0] = refusal == null ? new Permit(throttle, this) : refusal;
            return throttle;
        });
        return answer[0];
    }

    /** What holds mail of {@code key} back now, null when nothing does. */
    public @Nullable Refusal waitingFor(Site key) {
        Throttle throttle = throttles.get(key);
        return throttle == null ? null : throttle.waitingFor(nanoTime.getAsLong());
    }

    /** Sessions open under {@code key}. */
    public int openSessions(Site key) {
        Throttle throttle = throttles.get(key);
        return throttle == null ? 0 : throttle.sessions().open();
    }

    /** Every key that has state, in no order. */
    public List<ThrottleSnapshot> snapshot() {
        long now = nanoTime.getAsLong();
        return throttles.values().stream()
                .map(
                        throttle -> new ThrottleSnapshot(throttle.key(), throttle.limits(), throttle.sessions().open(),
                                throttle.failures(), throttle.waitingFor(now)))
                .toList();
    }

    private void reapSometimes(long now) {
        long last = lastReapNanos.get();
        if (now - last > IDLE.toNanos() / 2 && lastReapNanos.compareAndSet(last, now)) {
            for (Site key : throttles.keySet()) {
                throttles.computeIfPresent(
                        key,
                        (_, throttle) -> throttle.isIdle(now, IDLE.toNanos(), IDLE_FAILING.toNanos())
                                ? null
                                : throttle);
            }
        }
    }

    long nanoTime() {
        return nanoTime.getAsLong();
    }
}
