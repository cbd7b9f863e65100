package dev.penstock.delivery;

import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.ReplyCounts;
import dev.penstock.meters.DurationHistogram;
import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.units.MailClass;

/** What delivery has done since its start. Thread-safe; counting costs next to nothing. */
public final class DeliveryStats {
    final LongAdder sessionsTried = new LongAdder();
    final LongAdder sessionsOpened = new LongAdder();
    final LongAdder connectFailures = new LongAdder();
    final LongAdder sessionsBroken = new LongAdder();
    final LongAdder tlsFallbacks = new LongAdder();
    final LongAdder tlsResumed = new LongAdder();
    final LongAdder stsSessions = new LongAdder();
    final LongAdder daneSessions = new LongAdder();
    final LongAdder tlsRefusals = new LongAdder();
    final LongAdder sessionsRefused = new LongAdder();
    final LongAdder suspensions = new LongAdder();
    final LongAdder transactions = new LongAdder();
    private final ConcurrentHashMap<String, OutcomeCounts> bySource = new ConcurrentHashMap<>();
    final LongAdder delivered = new LongAdder();
    final LongAdder deferred = new LongAdder();
    final LongAdder bounced = new LongAdder();
    final LongAdder expired = new LongAdder();
    final LongAdder requeued = new LongAdder();
    final LongAdder octets = new LongAdder();
    final LongAdder lostAfterEndOfData = new LongAdder();
    final LongAdder reports = new LongAdder();
    final LongAdder reportsFailed = new LongAdder();
    /** Recipients that operators have bounced or deleted. */
    final LongAdder removed = new LongAdder();
    final LongAdder reportsImpossible = new LongAdder();
    final LongAdder reportsUnwanted = new LongAdder();
    final LongAdder reportsBeyondRate = new LongAdder();
    final LongAdder postponed = new LongAdder();
    final LongAdder memoryRefused = new LongAdder();
    final LongAdder unreadable = new LongAdder();
    final LongAdder spoolFailures = new LongAdder();
    final ReplyCounts replies = new ReplyCounts();
    /** From a queue that is empty to one that waited for its receiver for days. */
    private static final Duration[] MESSAGE_TIMES = {Duration.ofMillis(10), Duration.ofMillis(25),
        Duration.ofMillis(50), Duration.ofMillis(100), Duration.ofMillis(250), Duration.ofMillis(500),
        Duration.ofSeconds(1), Duration.ofMillis(2500), Duration.ofSeconds(5), Duration.ofSeconds(10),
        Duration.ofSeconds(30), Duration.ofMinutes(1), Duration.ofMinutes(5), Duration.ofMinutes(15),
        Duration.ofHours(1), Duration.ofHours(4), Duration.ofHours(12), Duration.ofDays(1), Duration.ofDays(2),
        Duration.ofDays(5)};
    /** From a host on the same machine to one that makes clients wait. */
    private static final Duration[] SESSION_TIMES = {Duration.ofMillis(1), Duration.ofMillis(5), Duration.ofMillis(10),
        Duration.ofMillis(25), Duration.ofMillis(50), Duration.ofMillis(100), Duration.ofMillis(250),
        Duration.ofMillis(500), Duration.ofSeconds(1), Duration.ofMillis(2500), Duration.ofSeconds(5),
        Duration.ofSeconds(10), Duration.ofSeconds(30), Duration.ofMinutes(1), Duration.ofMinutes(5)};
    /** From the first connection tried to the answer to EHLO, under TLS where that is spoken. */
    final DurationHistogram sessionSetUps = DurationHistogram.of(SESSION_TIMES);
    private final Map<MailClass, DurationHistogram> firstAttempts = messageTimes();
    private final Map<MailClass, DurationHistogram> transits = messageTimes();
    final ProviderStats providers = new ProviderStats(System::nanoTime);
    final SenderStats senders = new SenderStats(System::nanoTime);
    private static final int FIRST_REFUSAL = 400;
    private final EnumMap<Phase, LongAdder> failuresByPhase = new EnumMap<>(Phase.class);

    DeliveryStats() {
        for (Phase phase : Phase.values()) {
            failuresByPhase.put(phase, new LongAdder());
        }
    }

    private static Map<MailClass, DurationHistogram> messageTimes() {
        Map<MailClass, DurationHistogram> all = new EnumMap<>(MailClass.class);
        for (MailClass each : MailClass.values()) {
            all.put(each, DurationHistogram.of(MESSAGE_TIMES));
        }
        return all;
    }

    private static void record(@Nullable DurationHistogram histogram, long nanos, long times) {
        if (histogram != null) { // there is one of each class
            histogram.record(nanos, times);
        }
    }

    private static Map<List<String>, HistogramSnapshot> byClass(Map<MailClass, DurationHistogram> histograms) {
        Map<List<String>, HistogramSnapshot> all = new LinkedHashMap<>();
        histograms.forEach((mailClass, histogram) -> all.put(List.of(mailClass.word()), histogram.snapshot()));
        return all;
    }

    /** The first attempt at a destination began so long after its message was accepted, or its hold ended. */
    void firstAttempt(MailClass mailClass, ProviderStats.Figures provider, long nanos) {
        record(firstAttempts.get(mailClass), nanos, 1);
        provider.firstAttempt(mailClass, nanos);
    }

    /** So many recipients were delivered to, so long after the same moment. */
    void transit(MailClass mailClass, ProviderStats.Figures provider, long nanos, long recipients) {
        record(transits.get(mailClass), nanos, recipients);
        provider.delivered(mailClass, nanos, recipients);
    }

    void failed(Phase phase, long recipients) {
        LongAdder adder = failuresByPhase.get(phase);
        if (adder != null) {
            adder.add(recipients);
        }
    }

    void report(Reports.Made made) {
        LongAdder adder = switch (made) {
            case QUEUED -> reports;
            case IMPOSSIBLE -> reportsImpossible;
            case UNWANTED -> reportsUnwanted;
            case BEYOND_RATE -> reportsBeyondRate;
        };
        adder.increment();
    }

    /**
     * A receiver refused.
     *
     * @param provider empty when it isn't known
     */
    void replied(String provider, String site, Reason reason) {
        if (reason.remote() && reason.code() >= FIRST_REFUSAL) {
            replies.count(provider.isEmpty() ? site : provider, reason.code(), reason.enhanced(), reason.text(),
                    reason.meaning());
        }
    }

    /**
     * The counters at one moment.
     *
     * @param sessionsTried      delivery sessions sent
     * @param sessionsOpened     that came as far as an answer to EHLO
     * @param connectFailures    hosts that couldn't be connected to or didn't let us in
     * @param sessionsBroken     ended by a failure, not by us
     * @param transactions       answered for
     * @param delivered          recipients, as the next three
     * @param requeued           items taken and put back untried
     * @param octets             of content delivered
     * @param lostAfterEndOfData messages of which it isn't known whether the host took them: possible duplicates
     * @param reports            reports to senders queued
     * @param reportsFailed      that couldn't be kept, so that the bounce or the report of success waits
     * @param reportsImpossible  that nobody could be sent, because the sender's address is none
     * @param reportsLeftOut     that weren't made
     * @param unreadable         items dropped from the queue because the spool couldn't read them
     * @param spoolFailures      outcomes the spool couldn't record: possible duplicates after a restart
     * @param tlsFallbacks       connections made anew in clear because the handshake had failed
     * @param sessionsRefused    sessions that failed while others with the same receiver stood
     * @param suspensions        of ready queues, each failed try counted
     * @param memoryRefused      times that something of a delivery didn't fit into {@code delivery.memory-limit}
     * @param postponed          of these, messages with many recipients that wait for a later time
     * @param tls                sessions under TLS
     * @param failuresByPhase    recipients deferred, bounced or expired, by where it was decided
     */
    public record Snapshot(long sessionsTried, long sessionsOpened, long connectFailures, long sessionsBroken,
            long transactions,
            long delivered, long deferred, long bounced, long expired, long requeued, long octets,
            long lostAfterEndOfData, long reports, long reportsFailed, long reportsImpossible,
            ReportsLeftOut reportsLeftOut, long unreadable,
            long spoolFailures,
            long tlsFallbacks, long sessionsRefused, long suspensions, long memoryRefused, long postponed,
            Map<Phase, Long> failuresByPhase, TlsSessions tls) {}

    /**
     * Reports that weren't made.
     *
     * @param unwanted   because their tenant has them off
     * @param beyondRate because their sender had as many as it may
     */
    public record ReportsLeftOut(long unwanted, long beyondRate) {}

    /**
     * Of sessions under TLS.
     *
     * @param resumed those that resumed an earlier one
     * @param byMtaSts those that an enforced policy demanded
     * @param byDane  those that TLSA records demanded
     * @param refused hosts that no session was opened to, because of what the receiver demands
     */
    public record TlsSessions(long resumed, long byMtaSts, long byDane, long refused) {}

    /** From acceptance, or from the end of a hold, to the beginning of the first attempt; counted when that is over. */
    public Map<List<String>, HistogramSnapshot> firstAttempts() {
        return byClass(firstAttempts);
    }

    /** From acceptance, or from the end of a hold, to the delivery, for each recipient. */
    public Map<List<String>, HistogramSnapshot> transits() {
        return byClass(transits);
    }

    /** From the first connection tried to the answer to EHLO. */
    public HistogramSnapshot sessionSetUps() {
        return sessionSetUps.snapshot();
    }

    /** Outcomes per tenant and pool. */
    public SenderStats senders() {
        return senders;
    }

    /** Recipients that operators have bounced or deleted; they count as nothing else. */
    public long removed() {
        return removed.sum();
    }

    /** Outcomes per provider. */
    public ProviderStats providers() {
        return providers;
    }

    /** The recipients of an attempt. */
    void count(OutcomeCounts.AttemptCounts of) {
        add(delivered, of.delivered);
        add(deferred, of.deferred);
        add(bounced, of.bounced);
        add(expired, of.expired);
    }

    private static void add(LongAdder adder, int more) {
        if (more > 0) {
            adder.add(more);
        }
    }

    /** Never blocks. */
    OutcomeCounts from(String source) {
        OutcomeCounts known = bySource.get(source);
        return known != null ? known : bySource.computeIfAbsent(source, _ -> new OutcomeCounts());
    }

    /** What became of recipients whose mail went by the source, by the outcome's name; empty for none yet. */
    public Map<String, Long> ofSource(String source) {
        OutcomeCounts counts = bySource.get(source);
        return counts == null ? Map.of() : counts.byOutcome();
    }

    public Snapshot snapshot() {
        EnumMap<Phase, Long> phases = new EnumMap<>(Phase.class);
        failuresByPhase.forEach((phase, adder) -> phases.put(phase, adder.sum()));
        return new Snapshot(sessionsTried.sum(), sessionsOpened.sum(), connectFailures.sum(), sessionsBroken.sum(),
                transactions.sum(),
                delivered.sum(), deferred.sum(), bounced.sum(), expired.sum(), requeued.sum(), octets.sum(),
                lostAfterEndOfData.sum(), reports.sum(), reportsFailed.sum(),
                reportsImpossible.sum(), new ReportsLeftOut(reportsUnwanted.sum(), reportsBeyondRate.sum()),
                unreadable.sum(), spoolFailures.sum(),
                tlsFallbacks.sum(), sessionsRefused.sum(), suspensions.sum(),
                memoryRefused.sum(), postponed.sum(), Map.copyOf(phases),
                new TlsSessions(tlsResumed.sum(), stsSessions.sum(), daneSessions.sum(), tlsRefusals.sum()));
    }
}
