package dev.penstock.shaping.control;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ControlConfig;
import dev.penstock.shaping.Prospect;
import dev.penstock.units.Durations;

/**
 * How fast one scope may be sent to, as its receiver's answers have it: additive increase, multiplicative decrease, with the
 * rate's way back as CUBIC's (RFC 9438): quick up to near where it was cut, then slow, then quicker again. A state machine,
 * pure of I/O and of clocks, guarded by its owner. Times are {@link System#nanoTime()}'s, rates messages a second.
 *
 * <p>Invariant: it has no limit ⇔ it is {@link Mode#OPEN}; a rate is never below {@code min-rate}, but for probes, of which
 * one goes in each interval; what was sent before the last decrease causes no other; from each state but OPEN mail that
 * goes and is taken leads back to OPEN or to growth, so that nothing stays cut for ever. Of a receiver that had taken
 * nothing lately when it refused, no rate is known: that was an outage, and its mail comes back by a slow start.
 */
final class Controller {
    /** How it stands. */
    enum Mode {
        /** No limit of its own. */
        OPEN,
        /** Back from an outage: each message that is taken adds to the rate, which doubles in a round trip. */
        STARTING,
        /** At a rate. */
        PACED,
        /** Probes, since the receiver takes nothing or defers above the budget: seconds to minutes. */
        PROBING,
        /** Probes, since the receiver has blocked the source: minutes to hours. */
        BLOCKED
    }

    /** Messages a second where nothing is known of what the receiver takes. */
    static final double START_RATE = 1;
    /** Messages taken in a slow start after which nothing says that the receiver has a limit. */
    static final int STARTED = 100;
    /** A slow start counts no round trip as shorter. */
    private static final double SHORTEST_ROUND_TRIP = 0.05;
    /** From probe to probe of an outage, so that its end is found within half of what it took. */
    private static final double OUTAGE_BACK_OFF = 1.5;
    static final int NO_WINDOW = Integer.MAX_VALUE;
    /** Between two looks at how far a rate has come. */
    static final long STEP_NANOS = Duration.ofSeconds(1).toNanos();
    /** Of messages that were taken for one that was deferred, before a rate is back where it was cut: some two percent, and less with those beyond. */
    private static final int DELIVERED_PER_DEFERRAL = 45;
    /** Deferrals of one volley that count, so that a first one of hundreds doesn't stop growth for a day. */
    private static final int MAX_VOLLEY = 12;
    /** Decreases in a row after which nothing that was sent was taken: only probes then. */
    private static final int MAX_FRUITLESS = 2;
    /** Messages taken since the last decrease that say what the receiver takes. */
    private static final int TELLING = 20;
    /**
     * They were fewer than it takes, since most went at less than that; the rate at which it deferred is more. So far back
     * from that one is the target, by the simulation.
     */
    private static final double BACK = 0.4;
    /** What is sent so soon after a decrease was on its way, or found a receiver that hadn't caught its breath. */
    private static final long GRACE_NANOS = Duration.ofMillis(500).toNanos();
    private static final long MAX_GRACE_NANOS = Duration.ofMinutes(1).toNanos();
    private static final double GRACE_MESSAGES = 2;
    /** How fast mail goes is a mean over so long, as {@code queue.Departures} has it. */
    private static final double FLOW_NANOS = Duration.ofMinutes(5).toNanos();
    /** A mean that is so much beside what is to come is of other times. */
    private static final double MOST_PACE = 10;
    /**
     * Times of a dear pause that a rate is held before growth finds the limit: from {@link #HELD} of it back to it, by the
     * curve, of {@link #PAUSES_PER_GROWTH}.
     */
    private static final int PAUSES_PER_SEARCH = 34;
    /** Of a rate must be used that it may grow beyond where it was cut. */
    private static final double USED = 0.7;
    /** No mail for so long: a receiver's short memory has forgotten, whatever it counted. */
    private static final long IDLE_NANOS = Duration.ofMinutes(10).toNanos();
    /** The part of growth that one look adds at most. */
    private static final double MAX_STEP = 0.1;
    private static final long FIRST_PAUSE_NANOS = Duration.ofSeconds(1).toNanos();
    private static final long LONGEST_PAUSE_NANOS = Duration.ofMinutes(5).toNanos();
    /** Messages taken since it had come back, below which a receiver that takes nothing again has not come back. */
    private static final long FEW = 30;
    /** After a pause a rate begins a little below the one that led to it. */
    private static final double AFTER_PAUSE = 0.95;
    /** An excess that a receiver answers with taking nothing for so long is dear: shorter ones are a bucket that fills. */
    private static final long DEAR_NANOS = Duration.ofSeconds(10).toNanos();
    private static final long LONGEST_KNOWN_PAUSE_NANOS = Duration.ofHours(1).toNanos();
    /** Growth beyond a rate that is held takes so many times a dear pause: a rate is searched for with a few percent of it, */
    private static final int PAUSES_PER_GROWTH = 60;
    /** and within a working day. */
    private static final long LONGEST_GROWTH_NANOS = Duration.ofHours(8).toNanos();
    /** So far beyond the rate that was held nothing is left of the limit that was known: growth is as quick as any. */
    private static final double OUTGROWN = 2;
    /** Probes in the time of a dear pause that is known. */
    private static final int PROBES_PER_PAUSE = 4;
    /** Held below the rate at which a slow growth was refused, which is a little above what the receiver takes. */
    private static final double HELD = 0.95;
    /** Held below what it has been seen to take: what was under way when it refused isn't in that. */
    private static final double BELOW_TAKEN = 0.97;
    /** After a block a rate begins at a tenth, */
    private static final double AFTER_BLOCK_DEPTH = 0.9;
    /** and comes back in ten times as long. */
    private static final int AFTER_BLOCK_GROWTH = 10;
    /** Probes that a receiver has to take before it counts as open again. */
    private static final int PROVED = 3;
    /** From probe to probe once one was taken. */
    private static final int QUICKER = 4;
    /** The window grows by one after so long; twice as long after each time that was one too many. */
    private static final long FIRST_TRIAL_NANOS = Duration.ofSeconds(30).toNanos();
    private static final long LAST_TRIAL_NANOS = Duration.ofMinutes(10).toNanos();
    /** Of the answers lately, those of a receiver that is busy: less is by chance, or others' doing. */
    private static final double BUSY_SHARE = 0.1;
    /** Answers that the busy share remembers. */
    private static final double BUSY_MEMORY = 50;
    private static final double NOT_BUSY = 0.001;
    /** The budget is of messages of about so long, */
    private static final double BUDGET_NANOS = Duration.ofMinutes(10).toNanos();
    /** and of so many at least. */
    private static final double BUDGET_SAMPLE = 20;
    /** Without a refusal for so long, what is known is of the past. */
    private static final long FORGET_NANOS = Duration.ofDays(1).toNanos();
    private static final double NANOS = 1e9;
    private static final double PERCENT = 100;
    private static final double SECONDS_PER_MINUTE = 60;

    /**
     * What a change was.
     *
     * @param what {@code decrease}, {@code pause}, {@code probe-refused}, {@code block}, {@code return}, {@code release},
     *             {@code window}
     * @param from what was before, for people
     * @param to   what is now
     * @param ends what ends it
     */
    record Change(String what, String from, String to, String ends) {}

    /**
     * An answer.
     *
     * @param sentNanos when what it answers to was sent
     * @param open      sessions of the scope that are open, the one that was answered among them
     * @param goodput   messages a second that were taken lately; 0 when that isn't known
     * @param ceiling   messages a second that are configured; infinite for no limit
     */
    record Answer(long sentNanos, int open, double goodput, double ceiling, long nowNanos) {}

    /** All that is kept over a restart; times are before the moment it was asked for. */
    record Kept(Mode mode, double target, double progress, double depth, int volley, int window, long pauseNanos,
            long intervalNanos, int proved, long dearNanos, long quietNanos) {}

    private double beta;
    private double minRate;
    private double budgetShare;
    private long growthNanos;
    private long firstProbeNanos;
    private long longestProbeNanos;

    private Mode mode = Mode.OPEN;
    /** Where it was cut, messages a second; the rate itself in a slow start; 0 while none is known. */
    private double target;
    /** From 0 at the cut to 1 at the target, and beyond. */
    private double progress;
    private double depth;
    private int volley;
    private int fruitless;
    private double beforeFruitless;
    private long decreasedNanos;
    private boolean hasDecreased;
    private long refusedNanos;
    private long lookedNanos;
    private long taken;
    /** Since the last decrease. */
    private long takenSinceCut;
    /** The same, moment by moment. */
    private final Takings takings = new Takings();
    private long takenSinceReturn = FEW;
    private long intervalNanos = FIRST_PAUSE_NANOS;
    private int refusedProbes;
    private int proved;
    /** Since when it takes nothing. */
    private long pausedNanos;
    private boolean hasPaused;
    /** For how long it took nothing the last time, */
    private long lastPauseNanos;
    /** whether that was a block, the length of which says nothing of a pause that is none, */
    private boolean lastWasBlock;
    /** and the last two times at least: one alone may have been an outage. */
    private long dearNanos;
    /** Messages taken, and the time that it took, while a rate was used; what is older counts less. */
    private double flowed;
    private double flowedNanos;
    private int window = NO_WINDOW;
    private long windowNanos;
    private boolean windowHasChanged;
    private boolean windowGrew;
    private long pauseNanos = FIRST_TRIAL_NANOS;
    private double busy;
    private double delivered;
    private double deferred;
    private long budgetNanos;

    Controller(ControlConfig config, long nowNanos) {
        reconfigure(config);
        refusedNanos = nowNanos;
        lookedNanos = nowNanos;
        budgetNanos = nowNanos;
        takings.begin(nowNanos);
    }

    Controller(ControlConfig config, Kept kept, long nowNanos) {
        this(config, nowNanos);
        mode = kept.mode;
        target = kept.target == 0 ? 0 : Math.max(minRate, kept.target);
        progress = kept.progress;
        depth = kept.depth;
        volley = kept.volley;
        window = kept.window;
        pauseNanos = kept.pauseNanos;
        intervalNanos = kept.intervalNanos;
        proved = kept.proved;
        dearNanos = kept.dearNanos;
        lastPauseNanos = dearNanos;
        pausedNanos = nowNanos;
        refusedNanos = nowNanos - kept.quietNanos;
        decreasedNanos = nowNanos; // what was under way is over
        hasDecreased = mode != Mode.OPEN;
        windowNanos = nowNanos;
        windowHasChanged = window != NO_WINDOW;
    }

    void reconfigure(ControlConfig config) {
        beta = config.decrease() / PERCENT;
        minRate = config.minRate() / SECONDS_PER_MINUTE;
        budgetShare = config.retryBudget() / PERCENT;
        growthNanos = config.growth().toNanos();
        firstProbeNanos = config.probeInterval().toNanos();
        longestProbeNanos = Math.max(firstProbeNanos, config.maxProbeInterval().toNanos());
        target = target == 0 ? 0 : Math.max(target, minRate);
    }

    Mode mode() {
        return mode;
    }

    /** Messages a second that may be sent; infinite for no limit. */
    double rate() {
        return switch (mode) {
            case OPEN -> Double.POSITIVE_INFINITY;
            case STARTING -> target;
            case PACED -> Math.max(minRate, paced());
            case PROBING, BLOCKED -> NANOS / intervalNanos;
        };
    }

    /** What is to be expected of it. */
    Prospect prospect() {
        return switch (mode) {
            case OPEN -> Prospect.OPEN;
            case STARTING -> Prospect.UNKNOWN;
            // who has paused once will do so again when its rate is searched for
            case PACED -> lastPauseNanos >= DEAR_NANOS && !isDear() && progress < OUTGROWN
                    ? Prospect.UNKNOWN
                    : new Prospect(Prospect.State.FLOWS, 0, pauses(), pace());
            // a second pause is expected to be as long as the first, which nothing is known of until it is over
            case PROBING, BLOCKED -> target == 0 || knownPauseNanos() < DEAR_NANOS
                    ? Prospect.UNKNOWN
                    : new Prospect(Prospect.State.PAUSED, pausedNanos + knownPauseNanos(), pauses(), pace());
        };
    }

    /** For how long it takes nothing after an excess. */
    private long knownPauseNanos() {
        return isDear() || lastWasBlock != (mode == Mode.BLOCKED) ? dearNanos : lastPauseNanos;
    }

    /** Of the time to come, how much will be pauses: each comes when growth has made a rate too high. */
    private double pauses() {
        long pause = probesOnly() ? knownPauseNanos() : dearNanos;
        if (pause < DEAR_NANOS) {
            return 0;
        }
        double flows = Math.min((double) LONGEST_GROWTH_NANOS, (double) PAUSES_PER_SEARCH * pause);
        return pause / (pause + flows);
    }

    private double pace() {
        if (flowedNanos == 0) {
            return 1;
        }
        double expected = mode == Mode.PACED && progress >= 1 ? paced() : target;
        return Math.clamp(expected * flowedNanos / NANOS / Math.max(1, flowed), 1 / MOST_PACE, MOST_PACE);
    }

    private double paced() {
        double missing = progress - 1;
        return target * (1 + (missing < 0 ? depth : 1 - beta) * missing * missing * missing);
    }

    /** Sessions that may be open; {@link #NO_WINDOW} for no limit. */
    int window() {
        return probesOnly() ? 1 : window;
    }

    /** Whether only probes go. */
    boolean probesOnly() {
        return mode == Mode.PROBING || mode == Mode.BLOCKED;
    }

    /** From probe to probe. */
    Duration interval() {
        return Duration.ofNanos(intervalNanos);
    }

    /** Whether there is nothing to remember. */
    boolean isForgettable(long nowNanos) {
        return mode == Mode.OPEN && window == NO_WINDOW
                || (mode == Mode.OPEN || mode == Mode.STARTING || mode == Mode.PACED)
                        && nowNanos - refusedNanos > FORGET_NANOS;
    }

    /** Whether the answers that it gets may change it: an open one without a window learns nothing from deliveries. */
    boolean learnsFromDeliveries() {
        return mode != Mode.OPEN || window != NO_WINDOW || busy > 0;
    }

    /** A message was taken. @return null when nothing changed but the rate, by growth */
    @Nullable
    Change delivered(Answer answer) {
        long now = answer.nowNanos;
        busy = busy < NOT_BUSY ? 0 : busy - busy / BUSY_MEMORY;
        age(now);
        delivered++;
        if (wasSentBefore(answer.sentNanos)) {
            return null;
        }
        fruitless = 0;
        takenSinceReturn++;
        return switch (mode) {
            case OPEN -> trial(now);
            case STARTING -> starts(answer);
            case PROBING -> target == 0 ? begins(answer) : comesBack(now, 1 - beta);
            case BLOCKED -> {
                proved++;
                if (proved >= PROVED) {
                    yield comesBack(now, AFTER_BLOCK_DEPTH);
                }
                String before = per(intervalNanos);
                intervalNanos = Math.max(FIRST_PAUSE_NANOS, intervalNanos / QUICKER);
                yield new Change("probe-taken", before, per(intervalNanos),
                        "when " + (PROVED - proved) + " more are taken");
            }
            case PACED -> {
                grow(answer);
                yield rate() >= answer.ceiling ? release() : trial(now);
            }
        };
    }

    private boolean wasSentBefore(long sentNanos) {
        return hasDecreased && sentNanos - decreasedNanos <= 0;
    }

    private void grow(Answer answer) {
        taken++;
        takenSinceCut++;
        long time = answer.nowNanos - lookedNanos;
        if (time < STEP_NANOS) {
            return;
        }
        lookedNanos = answer.nowNanos;
        takings.sample(answer.nowNanos, takenSinceCut);
        long way = growthNanos;
        if (depth == AFTER_BLOCK_DEPTH) {
            way = growthNanos * AFTER_BLOCK_GROWTH;
        } else if (isDear() && progress < OUTGROWN) {
            way = Math.max(growthNanos, Math.min(LONGEST_GROWTH_NANOS, PAUSES_PER_GROWTH * dearNanos));
        }
        boolean isUsed = (taken + 1) * NANOS >= USED * rate() * time;
        if (isUsed) {
            double kept = Math.exp(-time / FLOW_NANOS);
            flowed = flowed * kept + taken;
            flowedNanos = flowedNanos * kept + time;
        }
        double byTime = (double) time / way;
        double byMail = (double) taken / (DELIVERED_PER_DEFERRAL * Math.max(1, volley));
        double step = Math.min(MAX_STEP, Math.min(byTime, byMail));
        if (progress >= 1 && !isUsed) {
            step = 0; // nobody asks for more
        }
        if (time > IDLE_NANOS && progress < 1) {
            step = Math.min(byTime, 1 - progress);
        }
        progress += step;
        if (progress >= 1) {
            depth = 1 - beta;
        }
        taken = 0;
    }

    private Change release() {
        String before = perSecond(rate());
        mode = Mode.OPEN;
        target = 0;
        return new Change("release", before, "as configured", "the next deferral");
    }

    /** Whether it has answered the last excesses with taking nothing for a while. */
    private boolean isDear() {
        return dearNanos >= DEAR_NANOS;
    }

    /** Whether it says what it takes by refusing: it was back from a pause, and has taken some since the last cut. */
    private boolean isTelling() {
        return lastPauseNanos >= DEAR_NANOS && takenSinceReturn >= FEW && takenSinceCut >= TELLING;
    }

    /**
     * What it takes for long, of a rate that it has refused after so many seconds: the more was of a burst the less time it
     * was, the less of it was used the less it was, and where neither matters it is a little less than that rate.
     */
    private double sustained(double refused, long sinceCutNanos, long now) {
        double seconds = sinceCutNanos / NANOS;
        return Math.min(HELD * refused * seconds / (seconds + Takings.BURST),
                BELOW_TAKEN * takings.sustained(now, takenSinceCut));
    }

    /** An outage is over, as it seems. */
    private Change begins(Answer answer) {
        String before = per(intervalNanos);
        target = Math.max(START_RATE, rate()) + 1 / roundTrip(answer);
        mode = Mode.STARTING;
        countAnew(answer.nowNanos);
        return new Change("return", before, perSecond(rate()), "doubles with each round trip, as mail is taken");
    }

    private @Nullable Change starts(Answer answer) {
        takenSinceCut++;
        target += 1 / roundTrip(answer);
        return takenSinceCut >= STARTED || target >= answer.ceiling ? release() : trial(answer.nowNanos);
    }

    private static double roundTrip(Answer answer) {
        return Math.max(SHORTEST_ROUND_TRIP, (answer.nowNanos - answer.sentNanos) / NANOS);
    }

    private Change comesBack(long now, double newDepth) {
        String before = per(intervalNanos);
        long pause = Math.min(now - pausedNanos, LONGEST_KNOWN_PAUSE_NANOS);
        dearNanos = Math.min(pause, lastPauseNanos);
        lastPauseNanos = pause;
        lastWasBlock = mode == Mode.BLOCKED;
        hasPaused = true;
        boolean isHeld = mode == Mode.PROBING && isDear();
        target = Math.max(target, isHeld ? rate() : rate() / (1 - newDepth)); // so much was taken
        mode = Mode.PACED;
        depth = newDepth;
        progress = isHeld ? 1 : 0;
        countAnew(now);
        return new Change("return", before, perSecond(rate()), "by itself, as mail is taken");
    }

    private void countAnew(long now) {
        proved = 0;
        taken = 0;
        takenSinceCut = 0;
        takings.begin(now);
        decreasedNanos = now; // and what goes from now on is counted
        takenSinceReturn = 0;
        lookedNanos = now;
        delivered = 0;
        deferred = 0;
    }

    /** One session more, after a while. */
    private @Nullable Change trial(long now) {
        if (window == NO_WINDOW || now - windowNanos < pauseNanos) {
            return null;
        }
        if (windowGrew) { // and was not refused
            pauseNanos = Math.max(FIRST_TRIAL_NANOS, pauseNanos / 2);
        }
        windowGrew = true;
        windowNanos = now;
        window++;
        return new Change("window", String.valueOf(window - 1), String.valueOf(window), "the next refusal");
    }

    /** The window is no narrower than what is configured. */
    void mostSessions(int configured) {
        if (window >= configured) {
            window = NO_WINDOW;
            windowGrew = false;
        }
    }

    /** A message or a session was refused. @return null when that changes nothing */
    @Nullable
    Change refused(Signal signal, Answer answer) {
        long now = answer.nowNanos;
        refusedNanos = now;
        return switch (signal) {
            case CONCURRENCY -> narrow(answer);
            case LOAD -> {
                busy += (1 - busy) / BUSY_MEMORY;
                yield busy > BUSY_SHARE ? deferred(answer, true) : null;
            }
            case RATE -> deferred(answer, false);
            case BLOCKED -> block(answer);
        };
    }

    private @Nullable Change narrow(Answer answer) {
        if (windowHasChanged && answer.sentNanos - windowNanos <= 0) {
            return null;
        }
        int before = window;
        pauseNanos = windowGrew ? Math.min(2 * pauseNanos, LAST_TRIAL_NANOS) : pauseNanos;
        windowGrew = false;
        windowHasChanged = true;
        windowNanos = answer.nowNanos;
        window = Math.max(1, Math.min(window, Math.max(1, answer.open)) - 1);
        return new Change("window", before == NO_WINDOW ? "as configured" : String.valueOf(before),
                String.valueOf(window),
                "one more after " + Durations.format(Duration.ofNanos(pauseNanos)));
    }

    private @Nullable Change deferred(Answer answer, boolean isLoad) {
        long now = answer.nowNanos;
        age(now);
        deferred++;
        long grace = mode == Mode.PACED
                ? Math.max(GRACE_NANOS, (long) Math.min((double) MAX_GRACE_NANOS, GRACE_MESSAGES * NANOS / rate()))
                : 0;
        if (hasDecreased && answer.sentNanos - decreasedNanos <= grace) {
            volley = Math.min(volley + 1, MAX_VOLLEY);
            return null;
        }
        double before = rate();
        long sinceCutNanos = now - decreasedNanos;
        double between = sinceCutNanos / NANOS;
        hasDecreased = true;
        decreasedNanos = now;
        if (mode == Mode.PROBING || mode == Mode.BLOCKED) {
            return probeRefused();
        }
        if (fruitless == 0) {
            beforeFruitless = mode == Mode.OPEN ? 0 : target;
            pausedNanos = now;
            if (!hasPaused) { // the last excess cost nothing
                lastPauseNanos /= 2;
                dearNanos /= 2;
            }
            hasPaused = false;
        }
        if (mode == Mode.OPEN && answer.goodput == 0) {
            return outage();
        }
        if (mode == Mode.OPEN) {
            target = Math.min(answer.goodput, answer.ceiling);
            beforeFruitless = target;
        } else if (mode == Mode.STARTING) { // the rate was one that it could have: count what was taken at it
            target = Math.min(before, Math.max(START_RATE, takenSinceCut / Math.max(1, between)));
            beforeFruitless = target;
        } else if (isTelling() && fruitless == 0 && !isLoad) {
            target = sustained(before, sinceCutNanos, now);
            beforeFruitless = target / AFTER_PAUSE; // it is below the one that led to a pause as it is
        } else if (fruitless > 0) {
            target = Math.min(before, target * beta);
        } else if (isLoad) { // what a busy receiver takes at other times is known
            target = Math.min(target, before / beta);
        } else {
            target = takenSinceCut >= TELLING
                    ? before + (Math.min(before, takenSinceCut / between) - before) * BACK
                    : progress < 1 ? before * (1 + beta) / 2 : before;
            beforeFruitless = target;
        }
        target = Math.max(minRate, target);
        fruitless++;
        mode = Mode.PACED;
        depth = 1 - beta;
        progress = 0;
        volley = fruitless > 1 ? Math.min(volley + 1, MAX_VOLLEY) : 1;
        taken = 0;
        takenSinceCut = 0;
        takings.begin(now);
        lookedNanos = now;
        if (fruitless >= MAX_FRUITLESS || isOverBudget() || isDear()) {
            return pause(before);
        }
        return new Change("decrease", perSecond(before), perSecond(rate()), "by itself, as mail is taken");
    }

    /** It has refused all, and nothing says that it would take less. */
    private Change outage() {
        target = 0;
        fruitless = 0;
        refusedProbes = 0;
        volley = 1;
        mode = Mode.PROBING;
        intervalNanos = FIRST_PAUSE_NANOS;
        return new Change("pause", perSecond(Double.POSITIVE_INFINITY), per(intervalNanos), "when one is taken");
    }

    private Change pause(double before) {
        boolean cameBackForNothing = takenSinceReturn < FEW;
        if (fruitless >= MAX_FRUITLESS) {
            target = Math.max(minRate, beforeFruitless * (cameBackForNothing ? beta : AFTER_PAUSE));
        } else if (isDear() && cameBackForNothing) {
            target = Math.max(minRate, Math.min(target, beforeFruitless * beta));
        }
        long slower = (long) (GRACE_MESSAGES * NANOS / Math.min(before, target));
        long least = isDear()
                ? dearNanos / PROBES_PER_PAUSE
                : cameBackForNothing ? 2 * intervalNanos : FIRST_PAUSE_NANOS;
        intervalNanos = Math.clamp(Math.max(slower, least), FIRST_PAUSE_NANOS, LONGEST_PAUSE_NANOS);
        refusedProbes = 0;
        mode = Mode.PROBING;
        return new Change("pause", perSecond(before), per(intervalNanos), "when one is taken");
    }

    private Change probeRefused() {
        String before = per(intervalNanos);
        proved = 0;
        volley = Math.min(volley + 1, MAX_VOLLEY);
        refusedProbes++;
        if (mode == Mode.BLOCKED) {
            intervalNanos = Math.max(firstProbeNanos, Math.min(2 * intervalNanos, longestProbeNanos));
        } else if (target == 0) {
            intervalNanos = Math.min((long) (OUTAGE_BACK_OFF * intervalNanos), LONGEST_PAUSE_NANOS);
        } else if (!isDear() || refusedProbes > PROBES_PER_PAUSE) {
            intervalNanos = Math.min(2 * intervalNanos, LONGEST_PAUSE_NANOS);
        }
        return new Change("probe-refused", before, per(intervalNanos), "when one is taken");
    }

    private @Nullable Change block(Answer answer) {
        if (mode == Mode.BLOCKED) {
            if (answer.sentNanos - decreasedNanos <= GRACE_NANOS) {
                return null;
            }
            decreasedNanos = answer.nowNanos;
            return probeRefused();
        }
        double before = rate();
        if (mode == Mode.OPEN || target == 0) {
            target = Math.min(answer.ceiling, answer.goodput > 0 ? answer.goodput : START_RATE);
        }
        boolean isKnown = mode == Mode.PACED && isTelling();
        target = Math.max(minRate,
                isKnown ? sustained(before, answer.nowNanos - decreasedNanos, answer.nowNanos) : target * beta);
        if (mode != Mode.PROBING) {
            pausedNanos = answer.nowNanos;
        }
        hasDecreased = true;
        decreasedNanos = answer.nowNanos;
        volley = 1;
        proved = 0;
        mode = Mode.BLOCKED;
        intervalNanos = firstProbeNanos;
        return new Change("block", perSecond(before), per(intervalNanos), "when " + PROVED + " are taken");
    }

    private void age(long now) {
        if (now - budgetNanos < STEP_NANOS) {
            return;
        }
        double kept = Math.exp(-Math.max(0, now - budgetNanos) / BUDGET_NANOS);
        budgetNanos = now;
        delivered *= kept;
        deferred *= kept;
    }

    private boolean isOverBudget() {
        return delivered + deferred >= BUDGET_SAMPLE && deferred > budgetShare * (delivered + deferred);
    }

    Kept kept(long nowNanos) {
        return new Kept(mode, target, progress, depth, volley, window, pauseNanos, intervalNanos, proved,
                dearNanos, nowNanos - refusedNanos);
    }

    /** {@code 12.5/s}; {@code as configured} for no limit. */
    static String perSecond(double rate) {
        return Double.isInfinite(rate) ? "as configured" : AdaptiveRate.of(rate).toString();
    }

    private static String per(long nanos) {
        return "1 probe per " + Durations.format(Duration.ofNanos(nanos));
    }
}
