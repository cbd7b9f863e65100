package dev.penstock.spool;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.meters.DurationHistogram;

/** Health and counters that the parts of a spool share. Thread-safe. */
final class SpoolState {
    private static final Logger log = LoggerFactory.getLogger(SpoolState.class);
    private static final String NO_MAIL_OUT = "no mail is handed out, since what becomes of it can't be recorded";
    private static final SpoolHealth READY = new SpoolHealth(SpoolHealth.State.READY, "");

    /** Written under this object's lock. */
    private volatile SpoolHealth health = READY;
    /** ATTEMPT or DONE wait for room. Written by the committer. */
    private volatile boolean outcomesWait;
    /** The last deletion that was refused, for people to look at. */
    private volatile @Nullable String refusedDeletion;
    private final List<Runnable> onRecording = new CopyOnWriteArrayList<>();
    /** Octets submitted and not yet written. */
    final AtomicLong waitingBytes = new AtomicLong();
    /** Octets of messages being taken in. */
    final AtomicLong intakeBytes = new AtomicLong();
    final AtomicLong waiting = new AtomicLong();
    final AtomicLong messages = new AtomicLong();
    final LongAdder cacheHits = new LongAdder();
    final LongAdder cacheMisses = new LongAdder();
    final LongAdder commits = new LongAdder();
    final LongAdder syncs = new LongAdder();
    final LongAdder syncNanos = new LongAdder();
    /** From flash with power-loss protection to a disk that is worn out or far away. */
    final DurationHistogram syncTimes = DurationHistogram.of(Duration.ofNanos(100_000), Duration.ofNanos(250_000),
            Duration.ofNanos(500_000), Duration.ofMillis(1), Duration.ofNanos(2_500_000), Duration.ofMillis(5),
            Duration.ofMillis(10), Duration.ofMillis(25), Duration.ofMillis(50), Duration.ofMillis(100),
            Duration.ofMillis(250), Duration.ofMillis(500), Duration.ofSeconds(1), Duration.ofSeconds(5));
    final LongAdder records = new LongAdder();
    final LongAdder bytes = new LongAdder();
    final LongAdder reclaimed = new LongAdder();
    final LongAdder deletionsRefused = new LongAdder();
    final LongAdder moved = new LongAdder();
    final LongAdder quarantined = new LongAdder();

    SpoolHealth health() {
        SpoolHealth now = health;
        String refused = refusedDeletion;
        return switch (now.state()) {
            case READY -> refused == null ? now : new SpoolHealth(SpoolHealth.State.READY, refused);
            case FULL -> outcomesWait
                    ? new SpoolHealth(SpoolHealth.State.FULL, now.detail() + "; outcomes wait for room, " + NO_MAIL_OUT)
                    : now;
            case FAILED -> new SpoolHealth(SpoolHealth.State.FAILED, now.detail() + "; until a restart " + NO_MAIL_OUT);
            case CLOSED -> now;
        };
    }

    /** A segment was to be deleted of which something is needed: there is a fault in what counts that. */
    void refusedDeletion(String why) {
        deletionsRefused.increment();
        refusedDeletion = why;
        log.error("event=spool-deletion-refused why={}", why);
    }

    boolean isReady() {
        return health.state() == SpoolHealth.State.READY;
    }

    /** Whether mail that was submitted isn't to be written. */
    boolean refusesMail() {
        SpoolHealth.State now = health.state();
        return now == SpoolHealth.State.FULL || now == SpoolHealth.State.FAILED;
    }

    boolean isFailed() {
        return health.state() == SpoolHealth.State.FAILED;
    }

    boolean canRecord() {
        return !outcomesWait && !isFailed();
    }

    void onRecording(Runnable changed) {
        onRecording.add(changed);
    }

    private void recordingChanged() {
        for (Runnable changed : onRecording) {
            try {
                changed.run();
            } catch (RuntimeException e) {
                log.error("event=spool-recording-listener", e);
            }
        }
    }

    /** Said by the committer after each batch: whether some outcome is kept back because there is no room for it. */
    void outcomesWait(boolean now) {
        if (now != outcomesWait) {
            outcomesWait = now;
            log.warn("event=spool-recording possible={}", !now);
            recordingChanged();
        }
    }

    /** Something that can't be undone went wrong. */
    void failed(String what, Throwable cause) {
        synchronized (this) {
            if (isFailed()) {
                return;
            }
            health = new SpoolHealth(SpoolHealth.State.FAILED, what + ": " + cause.getMessage());
        }
        log.error("event=spool-failed what={}", what, cause);
        recordingChanged();
    }

    void full(String detail) {
        change(SpoolHealth.State.READY, new SpoolHealth(SpoolHealth.State.FULL, detail));
    }

    void roomAgain() {
        change(SpoolHealth.State.FULL, READY);
    }

    /** Failed stays failed: it is the more important news. */
    synchronized void closed() {
        if (health.state() != SpoolHealth.State.FAILED) {
            health = new SpoolHealth(SpoolHealth.State.CLOSED, "the spool is closed");
        }
    }

    private synchronized void change(SpoolHealth.State from, SpoolHealth to) {
        if (health.state() == from) {
            health = to;
            log.warn("event=spool-health state={} detail={}", to.state(), to.detail());
        }
    }

    /** What whoever asks for something now is told. */
    SpoolException refusal() {
        SpoolHealth now = health;
        return new SpoolException(switch (now.state()) {
            case FULL -> SpoolException.Reason.FULL;
            case FAILED -> SpoolException.Reason.FAILED;
            case CLOSED -> SpoolException.Reason.CLOSED;
            case READY -> SpoolException.Reason.OVERLOADED;
        }, now.detail(), null);
    }
}
