package dev.penstock.shaping;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ProviderConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.rules.RuleBook;

/**
 * How fast each site and domain may be sent to. Thread-safe; nothing blocks.
 *
 * <p>A shaping key is a site, or the stand-in for a domain that has a section of its own ({@link Site#ofDomain}). Each
 * source has limits of its own towards each key, as if there were no other; a ready queue has one source and one key, which
 * others may share. A key's state lives as long as it matters: it is forgotten when no
 * ready queue has used it for some minutes, or just now when there are very many, and it has no session and no slot ahead.
 */
public final class Shaper {
    /** A key unused for so long is forgotten. */
    static final Duration IDLE = Duration.ofMinutes(10);
    /** With more keys than this, some 60 MB, an unused one is forgotten as soon as it has no slot ahead. */
    static final int MANY = 100_000;
    private static final Duration REAP_OF_MANY = Duration.ofSeconds(10); // a look at each key

    private final ConcurrentHashMap<EgressPath, Throttle> throttles = new ConcurrentHashMap<>();
    private final LongSupplier nanoTime;
    private final AtomicLong lastReapNanos;
    private final RuleBook rules;

    /** By the file alone: no section is for a whole site. */
    public Shaper(ShapingConfig config, LongSupplier nanoTime) {
        this(new RuleBook(config), nanoTime);
    }

    public Shaper(RuleBook rules, LongSupplier nanoTime) {
        this.rules = rules;
        this.nanoTime = nanoTime;
        this.lastReapNanos = new AtomicLong(nanoTime.getAsLong());
    }

    /** From now on with these limits, also for sessions already open; what is over a lowered limit ends by itself. */
    public void reconfigure(ShapingConfig next) {
        rules.reconfigure(next);
        changed();
    }

    /** The rules say something else now, though their file is the same. */
    public void changed() {
        long now = nanoTime.getAsLong();
        for (EgressPath path : throttles.keySet()) {
            throttles.computeIfPresent(path, (_, throttle) -> {
                throttle.reconfigure(rules.of(path, "").own(), now);
                return throttle;
            });
        }
    }

    /** The shaping key for mail to {@code domain}, which is taken at {@code site}. */
    public Site key(String domain, Site site) {
        return rules.key(domain, site);
    }

    /** Who runs the hosts of which domains. */
    public List<ProviderConfig> providers() {
        return rules.config().providers();
    }

    /** What is configured for {@code key} now, where there is one source and nobody's provider. */
    public TrafficLimits limits(Site key) {
        return limits(EgressPath.DEFAULT_SOURCE, key, "");
    }

    /** What is configured for mail of that source to {@code key}, which is of {@code provider}; empty for nobody known. */
    public TrafficLimits limits(String source, Site key, String provider) {
        return rules.of(new EgressPath(source, key), provider).own();
    }

    /** What {@code key} is shaped by where there is one source. */
    public Throttle use(Site key) {
        return use(EgressPath.DEFAULT_SOURCE, key);
    }

    /** What mail of that source to {@code key} is shaped by; it is kept until {@link #letGo}. For one ready queue. */
    public Throttle use(String source, Site key) {
        long now = nanoTime.getAsLong();
        reapSometimes(now);
        // Inside compute, so that a key can't be forgotten between being found and being counted.
        return throttles.compute(new EgressPath(source, key), (path, present) -> {
            TrafficLimits limits = rules.of(path, "").own();
            Throttle throttle = present == null ? new Throttle(path, limits, LimitSource.LOCAL, now) : present;
            throttle.reconfigure(limits, now); // it may have been made while the configuration changed
            throttle.used(now);
            throttle.users++;
            return throttle;
        });
    }

    /** The ready queue is gone. */
    public void letGo(Throttle throttle) {
        throttles.computeIfPresent(throttle.key(), (_, present) -> {
            present.users--;
            present.used(nanoTime.getAsLong());
            return present;
        });
    }

    /** What holds mail of the default source to {@code key} back now, null when nothing does. */
    public @Nullable LimitReached waitingFor(Site key) {
        Throttle throttle = throttles.get(new EgressPath(EgressPath.DEFAULT_SOURCE, key));
        return throttle == null ? null : throttle.waitingFor(nanoTime.getAsLong());
    }

    /** Sessions open to {@code key}, of all sources. */
    public int openSessions(Site key) {
        int open = 0;
        for (Throttle throttle : throttles.values()) {
            open += throttle.key().site().equals(key) ? throttle.sessions().sessions() : 0;
        }
        return open;
    }

    /** Keys whose receivers have been found to take fewer sessions than are configured. */
    public int narrowed() {
        int narrowed = 0;
        for (Throttle throttle : throttles.values()) {
            narrowed += throttle.sessions().isLearned() ? 1 : 0;
        }
        return narrowed;
    }

    /** Every key that has state, in no order. */
    public List<ThrottleSnapshot> snapshot() {
        long now = nanoTime.getAsLong();
        return throttles.values().stream()
                .map(
                        throttle -> new ThrottleSnapshot(throttle.key().source(), throttle.key().site(),
                                throttle.limits(),
                                throttle.sessions().sessions(),
                                throttle.sessions().size(), throttle.waitingFor(now)))
                .toList();
    }

    private void reapSometimes(long now) {
        long last = lastReapNanos.get();
        boolean many = throttles.size() > MANY;
        long idle = many ? 0 : IDLE.toNanos();
        if (now - last > (many ? REAP_OF_MANY.toNanos() : idle / 2) && lastReapNanos.compareAndSet(last, now)) {
            for (EgressPath path : throttles.keySet()) {
                throttles.computeIfPresent(
                        path,
                        (_, throttle) -> throttle.isIdle(now, idle)
                                ? null
                                : throttle);
            }
        }
    }
}
