package dev.penstock.egress;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.GatewayConfig;
import dev.penstock.config.WarmUpConfig;
import dev.penstock.config.WarmUpSchedule;
import dev.penstock.egress.WarmUpLedger.Day;
import dev.penstock.egress.WarmUpLedger.Lease;

/**
 * Warms sources up: lets each send to each provider as many messages a day as its schedule says for its age, spread over the
 * day. Thread-safe; taking blocks on nothing. What may be taken is leased ahead in a file by a thread of its own
 * ({@link WarmUpLedger} has the rules), so that counts survive a stop exactly, and a kill to the safe side.
 *
 * <p>While the file can't be written, what was leased can be taken and then nothing: mail waits, or goes by other sources.
 */
public final class WarmUp implements Quota, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(WarmUp.class);
    private static final String FILE = "warm-up";
    /** Lines of one call of {@link #tellChanges}: days of many sources begin at one time. */
    private static final int MOST_TOLD = 100;

    private final WarmUpLedger ledger = new WarmUpLedger();
    private final WarmUpJournal journal;
    private final InstantSource clock;
    private volatile Map<String, WarmUpPlan> plans;
    private volatile boolean closed;
    private volatile @Nullable Thread writer;
    private boolean writable = true; // the writer's
    /** By whoever calls {@link #tellChanges}; null before the first call. */
    private @Nullable Map<WarmUpLedger.Key, Told> told;

    /**
     * How far a source is towards a provider.
     *
     * @param provider  empty for domains of no known one
     * @param schedule  the name of the schedule
     * @param day       of the source's life, 1 for the first
     * @param allowance messages today; {@link WarmUpSchedule#UNLIMITED} when it is warm
     * @param sent      messages taken for sending today
     * @param nextMillis when the next may be sent, milliseconds since 1970
     */
    public record Progress(String source, String provider, String schedule, long day, long allowance, long sent,
            long nextMillis) {}

    private WarmUp(Path directory, Map<String, WarmUpPlan> plans, InstantSource clock) {
        this.journal = new WarmUpJournal(directory.resolve(FILE));
        this.plans = plans;
        this.clock = clock;
    }

    /** What was told of a source towards a provider. */
    private record Told(long day, boolean used) {}

    /** Lets nothing be taken before {@link #open}. */
    public static WarmUp of(GatewayConfig config, InstantSource clock) {
        return new WarmUp(config.spool().directory(), WarmUpPlan.of(config), clock);
    }

    static WarmUp of(Path directory, Map<String, WarmUpPlan> plans, InstantSource clock) {
        return new WarmUp(directory, plans, clock);
    }

    /**
     * Takes up what was counted before. The directory has to be there, and nobody else's.
     *
     * @throws IOException when the file can't be read or written
     */
    public WarmUp open() throws IOException {
        if (recover() || limits()) {
            start();
        }
        return this;
    }

    /** Without a thread that writes: the test calls {@link #writeWanted()}. */
    void openUnwatched() throws IOException {
        recover();
        journal.rewrite(ledger.all());
    }

    /** @return whether anything was counted before */
    private boolean recover() throws IOException {
        List<Lease> kept = journal.read();
        kept.forEach(ledger::recover);
        return !kept.isEmpty();
    }

    private void start() throws IOException {
        journal.rewrite(ledger.all());
        writer = Thread.ofPlatform().name("warm-up").daemon().start(this::write);
    }

    /** From now on by these schedules; what was sent today counts. @throws IllegalArgumentException and all is as it was */
    public void reconfigure(GatewayConfig config) {
        prepare(config).run();
    }

    /**
     * Makes ready what {@code config} says; nothing is otherwise before what is returned is run, which can't fail.
     *
     * @throws IllegalArgumentException when it can't be in force
     */
    public Runnable prepare(GatewayConfig config) {
        Map<String, WarmUpPlan> next = WarmUpPlan.of(config);
        if (!next.isEmpty() && writer == null) {
            try {
                start();
            } catch (IOException e) {
                throw new IllegalArgumentException("source.warm-up: " + e.getMessage(), e);
            }
        }
        return () -> plans = next;
    }

    @Override
    public boolean limits() {
        return !plans.isEmpty();
    }

    @Override
    public boolean limits(String source, String provider, long nowMillis) {
        return day(source, provider, nowMillis) != null;
    }

    /** Null when nothing is counted. */
    private @Nullable Day day(String source, String provider, long nowMillis) {
        WarmUpPlan plan = plans.get(source);
        Day day = plan == null ? null : plan.day(provider, nowMillis);
        return day == null || day.allowance() == WarmUpSchedule.UNLIMITED ? null : day;
    }

    @Override
    public long expect(String source, String provider, long nowMillis) {
        Day day = day(source, provider, nowMillis);
        return day == null
                ? UNLIMITED
                : written(ledger.expect(new WarmUpLedger.Key(source, provider), day, nowMillis));
    }

    @Override
    public void expectNot(String source, String provider, long messages) {
        ledger.expectNot(new WarmUpLedger.Key(source, provider), messages);
    }

    @Override
    public long take(String source, String provider, long nowMillis) {
        Day day = day(source, provider, nowMillis);
        return day == null
                ? UNLIMITED
                : written(ledger.take(new WarmUpLedger.Key(source, provider), day, nowMillis));
    }

    private long written(long answer) {
        if (ledger.wantsAny()) {
            LockSupport.unpark(writer);
        }
        return answer;
    }

    @Override
    public void giveBack(String source, String provider, long takenMillis) {
        WarmUpPlan plan = plans.get(source);
        if (plan != null) {
            ledger.giveBack(new WarmUpLedger.Key(source, provider), plan.day(provider, takenMillis).number());
        }
    }

    @Override
    public long nextMillis(String source) {
        return progress(key -> key.source().equals(source)).stream().mapToLong(Progress::nextMillis).min().orElse(0);
    }

    private void write() {
        while (!closed) {
            if (!ledger.wantsAny()) {
                LockSupport.park(this);
            }
            writeWanted();
        }
    }

    /** What is wanted now. One thread at a time. */
    void writeWanted() {
        List<Lease> leases = ledger.wanted();
        if (leases.isEmpty()) {
            return;
        }
        try {
            if (!writable || journal.isLarge()) {
                journal.rewrite(ledger.all());
            }
            journal.append(leases);
            ledger.leased(leases);
            if (!writable) {
                writable = true;
                log.info("event=warm-up-written-again");
            }
        } catch (IOException e) {
            ledger.failed(leases, clock.millis());
            if (writable) {
                writable = false;
                log.error("event=warm-up-not-written why={} effect=\"sources that are warmed up send no more than was "
                        + "leased before\"", e.getMessage());
            }
        }
    }

    /** Of each source that is warmed up, towards each provider that it has sent to, by name. */
    public List<Progress> progress() {
        return progress(_ -> true);
    }

    private List<Progress> progress(Predicate<WarmUpLedger.Key> which) {
        long now = clock.millis();
        List<Progress> all = new ArrayList<>();
        for (WarmUpLedger.Key key : ledger.keys()) {
            WarmUpPlan plan = plans.get(key.source());
            if (plan != null && which.test(key)) {
                Day day = plan.day(key.provider(), now);
                WarmUpLedger.Sent sent = ledger.sent(key, day.number());
                long next = sent.used() >= day.allowance() ? day.endMillis() : sent.nextMillis();
                all.add(new Progress(key.source(), key.provider(), plan.schedule(), plan.age(now), day.allowance(),
                        sent.used(), Math.max(next, now)));
            }
        }
        all.sort(Comparator.comparing(Progress::source).thenComparing(Progress::provider));
        return all;
    }

    /**
     * Writes into the log which days have begun since the last call, and which allowances have been used up since then. One
     * thread, which calls it now and again; the first call tells of nothing that it finds.
     */
    public void tellChanges() {
        Map<WarmUpLedger.Key, Told> earlier = told;
        Map<WarmUpLedger.Key, Told> now = new HashMap<>();
        int lines = 0;
        for (Progress one : progress()) {
            WarmUpLedger.Key key = new WarmUpLedger.Key(one.source(), one.provider());
            Told standing = new Told(one.day(), one.allowance() != WarmUpSchedule.UNLIMITED
                    && one.sent() >= one.allowance());
            now.put(key, standing);
            Told before = earlier == null ? standing : earlier.get(key);
            if (standing.equals(before)) {
                continue;
            }
            if (lines++ < MOST_TOLD) {
                tell(one, before == null || before.day != standing.day, standing.used);
            }
        }
        if (lines > MOST_TOLD) {
            log.info("event=warm-up-changes kept-back={}", lines - MOST_TOLD);
        }
        told = now;
    }

    private static void tell(Progress one, boolean begins, boolean used) {
        String provider = one.provider().isEmpty() ? WarmUpConfig.OTHER : one.provider();
        String allowance = one.allowance() == WarmUpSchedule.UNLIMITED ? "none" : Long.toString(one.allowance());
        if (begins) {
            log.info("event=warm-up-day source={} provider={} schedule={} day={} allowance={}", one.source(), provider,
                    one.schedule(), one.day(), allowance);
        }
        if (used) {
            log.info("event=warm-up-allowance-used source={} provider={} day={} allowance={} next={}", one.source(),
                    provider, one.day(), allowance, Instant.ofEpochMilli(one.nextMillis()));
        }
    }

    /** Nothing is taken any more; what was is kept exactly. */
    @Override
    public void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        List<Lease> exact = ledger.close();
        Thread thread = writer;
        if (thread != null) {
            LockSupport.unpark(thread);
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted; what was leased counts as sent", e);
            }
        }
        if (journal.isOpen()) {
            journal.rewrite(exact);
        }
        journal.close();
    }
}
