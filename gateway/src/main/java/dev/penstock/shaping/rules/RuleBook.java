package dev.penstock.shaping.rules;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.ShapingConfig;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.rules.SiteFinder.Answer;

/**
 * The rules in force: those of the file that was read last, with the sites that its domains have now. Thread-safe;
 * nobody waits for the DNS. One thread asks for sites, at the start and again as time goes, and puts the answers in
 * force together.
 */
public final class RuleBook implements LimitBook, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(RuleBook.class);
    /** Answers that come within so long take effect together: each time every path is asked for anew. */
    private static final long TOGETHER_NANOS = 20_000_000;
    /** How often the thread looks for domains that are due. */
    private static final long LOOK_NANOS = 1_000_000_000;

    private final Rollups rollups = new Rollups();
    private final @Nullable SiteFinder finder;
    private final LongSupplier nanoTime;
    private final AtomicBoolean isStale = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final AtomicBoolean isUntold = new AtomicBoolean(true);
    /** Only the thread's. */
    private final Set<String> told = new HashSet<>();
    private volatile Rules rules;
    private volatile Runnable changed = () -> {};
    private volatile @Nullable Thread thread;

    /** Which asks for no sites. */
    public RuleBook(ShapingConfig config) {
        this(config, null, System::nanoTime);
    }

    /** @param finder null to ask for no sites */
    public RuleBook(ShapingConfig config, @Nullable SiteFinder finder, LongSupplier nanoTime) {
        this.finder = finder;
        this.nanoTime = nanoTime;
        this.rules = new Rules(config);
        rollups.reconfigure(Rules.domains(config), nanoTime.getAsLong());
    }

    /**
     * Begins to ask.
     *
     * @param whenChanged run after domains have come to other sites, on the thread that asks
     */
    public void start(Runnable whenChanged) {
        changed = whenChanged;
        thread = Thread.ofPlatform().name("shaping-rollups").daemon().start(this::run);
    }

    @Override
    public void close() {
        closed.set(true);
        LockSupport.unpark(thread); // of no thread it does nothing
    }

    private void run() {
        while (!closed.get()) {
            try {
                look();
                publish();
                tell();
            } catch (RuntimeException e) {
                log.error("event=shaping-rollups-failed", e);
            }
            LockSupport.parkNanos(LOOK_NANOS);
            if (isStale.get() && !closed.get()) {
                LockSupport.parkNanos(TOGETHER_NANOS);
            }
        }
    }

    /** Asks for the domains that are due. */
    void look() {
        SiteFinder ask = finder;
        if (ask == null) {
            return;
        }
        for (String domain : rollups.take(nanoTime.getAsLong())) {
            CompletableFuture<Answer> asked = ask.find(domain);
            var _ = asked.whenComplete((answer, failure) -> answered(domain,
                    failure == null ? answer : new Answer.Unknown(failure.toString())));
        }
    }

    private void answered(String domain, Answer answer) {
        if (rollups.answered(domain, answer, nanoTime.getAsLong())) {
            isStale.set(true);
        }
        LockSupport.unpark(thread); // it may ask for another, too
    }

    /** Puts in force what has been answered. @return whether that changed anything */
    boolean publish() {
        if (!isStale.getAndSet(false)) {
            return false;
        }
        synchronized (this) {
            rules = new Rules(rules.config(), rollups.sites());
        }
        isUntold.set(true);
        changed.run();
        return true;
    }

    /** Each doubt once, when all domains have been answered for. */
    private void tell() {
        if (rollups.isComplete() && isUntold.getAndSet(false)) {
            doubts().stream().filter(told::add).forEach(doubt -> log.info("event=shaping-doubt what={}", doubt));
        }
    }

    /** For tools: asks until each domain has been answered for, or so long. Blocks. @return whether each has been */
    public boolean awaitSites(Duration patience) {
        long end = nanoTime.getAsLong() + patience.toNanos();
        while (!rollups.isComplete() && nanoTime.getAsLong() - end < 0) {
            look();
            LockSupport.parkNanos(TOGETHER_NANOS);
        }
        publish();
        return rollups.isComplete();
    }

    /** From now on by this file; what is known of domains that it has, too, still holds. */
    public synchronized void reconfigure(ShapingConfig config) {
        rollups.reconfigure(Rules.domains(config), nanoTime.getAsLong());
        rules = new Rules(config, rollups.sites());
        isUntold.set(true);
        LockSupport.unpark(thread);
    }

    /** As they are now. */
    public Rules rules() {
        return rules;
    }

    public ShapingConfig config() {
        return rules.config();
    }

    /** What is doubtful about the file, as far as sites are known. */
    public List<String> doubts() {
        return rules.doubts(rollups.troubles());
    }

    /** The shaping key for mail to {@code domain}, which is taken at {@code site}. */
    public Site key(String domain, Site site) {
        Rules now = rules;
        if (finder != null && now.disagrees(domain, site) && rollups.seen(domain, site, nanoTime.getAsLong())) {
            LockSupport.unpark(thread);
        }
        return now.key(domain, site);
    }

    /** Whose limits mail to {@code domain} has; empty for nobody known. */
    public String provider(String domain, Site site) {
        return rules.provider(domain, site);
    }

    @Override
    public PathLimits of(EgressPath path, String provider) {
        return rules.of(path, provider);
    }

    @Override
    public boolean limitsSenders() {
        return rules.limitsSenders();
    }

    @Override
    public List<SharedLimit> of(EgressPath path, String provider, Sender sender) {
        return rules.of(path, provider, sender);
    }
}
