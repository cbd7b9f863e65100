package dev.penstock.preflight;

import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.PreflightConfig;
import dev.penstock.config.PreflightConfig.Kind;
import dev.penstock.config.PreflightConfig.Mode;
import dev.penstock.config.PreflightConfig.Receivers;

/**
 * Judges messages by what their receivers demand, as configured. Thread-safe; never blocks. Of what DNS hasn't said within
 * the deadline nothing is known, and nothing follows from it.
 */
public final class Preflight {
    private final Evidence evidence;
    private final LongAdder passed = new LongAdder();
    private final LongAdder tagged = new LongAdder();
    private final LongAdder held = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final LongAdder uncertain = new LongAdder();
    private final LongAdder late = new LongAdder();
    private final LongAdder released = new LongAdder();
    private final LongAdder unjudged = new LongAdder();
    private volatile PreflightConfig config;

    /**
     * @param executor for SPF, a virtual thread per task
     * @param ticker   nanoseconds, that of the records' times; {@link System#nanoTime}
     */
    public Preflight(PreflightConfig config, Records records, Executor executor, LongSupplier ticker) {
        this.config = config;
        this.evidence = new Evidence(records, executor, ticker);
    }

    /** From the next message on, and the next look at what is held. */
    public void reconfigure(PreflightConfig changed) {
        config = changed;
        evidence.forget(); // other name servers may say other things
    }

    /** Whether no message is judged. */
    public boolean isOff() {
        return config.isOff();
    }

    public PreflightConfig config() {
        return config;
    }

    /** Whose demands count for a message; nobody's, and it needs no judging, when none of its recipients is at one. */
    public Set<Provider> providers(Collection<String> recipientDomains) {
        if (config.receivers() == Receivers.ALL) {
            return EnumSet.allOf(Provider.class);
        }
        EnumSet<Provider> found = EnumSet.noneOf(Provider.class);
        for (String domain : recipientDomains) {
            @Nullable
            Provider provider = Provider.of(domain);
            if (provider != null) {
                found.add(provider);
            }
        }
        return found;
    }

    /**
     * Judges a message of that tenant within the configured deadline.
     *
     * @return complete at once when DNS is known; never fails
     */
    public CompletableFuture<Verdict> judge(Facts facts, String tenant, Set<Provider> providers) {
        PreflightConfig now = config;
        return judge(facts, now.kind(tenant), now.addresses(), providers, now.deadline().toNanos());
    }

    /**
     * Judges a message of that kind.
     *
     * @param addresses of ours, that receivers see
     * @param nanos     how long DNS has
     */
    public CompletableFuture<Verdict> judge(Facts facts, Kind kind, List<String> addresses, Set<Provider> providers,
            long nanos) {
        if (providers.isEmpty()) {
            return CompletableFuture.completedFuture(Verdict.PASS);
        }
        Evidence.Gathering wanted = evidence.gather(facts, addresses);
        if (wanted.isComplete()) {
            return CompletableFuture.completedFuture(Judge.judge(facts, wanted.soFar(), kind, providers));
        }
        return wanted.within(nanos).thenApply(dns -> {
            if (!wanted.isComplete()) {
                late.increment();
            }
            return Judge.judge(facts, dns, kind, providers);
        });
    }

    /** Counts what has become of a message, once for each. */
    public void count(Verdict verdict, Mode mode) {
        if (verdict.isUncertain()) {
            uncertain.increment();
        }
        if (!verdict.fails()) {
            passed.increment();
            return;
        }
        switch (mode) {
            case OFF -> passed.increment();
            case TAG -> tagged.increment();
            case HOLD -> held.increment();
            case REFUSE -> refused.increment();
        }
    }

    /** Counts a destination that is held no more. */
    public void countRelease() {
        released.increment();
    }

    /** Counts a message that had begun before anybody wanted its header section: it goes on. */
    public void countUnjudged() {
        unjudged.increment();
    }

    public PreflightStats stats() {
        return new PreflightStats(passed.sum(), tagged.sum(), held.sum(), refused.sum(), uncertain.sum(), late.sum(),
                released.sum(), unjudged.sum());
    }
}
