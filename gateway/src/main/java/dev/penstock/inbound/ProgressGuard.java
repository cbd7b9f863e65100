package dev.penstock.inbound;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.HostilityConfig;
import dev.penstock.config.InboundConfig;

/**
 * Whether a client still makes progress: five deadlines as one figure, so that a session needs one timer. Confined to the
 * session's event loop.
 *
 * <p>The clock is the client's: it stands still between {@link #pause} and {@link #resume}, while the server is what is
 * waited for. Times are {@link System#nanoTime()}'s, and every one is at or after that of the call before.
 */
final class ProgressGuard {
    private static final long NONE = Long.MAX_VALUE;
    private static final long SECOND = 1_000_000_000; // ns

    private final long startNanos; // all on the client's clock
    private long activityNanos; // of the last input
    private long lineNanos; // of the first octet of a command line that isn't whole
    private long messageNanos; // of 354
    private long stoppedNanos; // for how long the clock has stood still in all
    private long pausedAt; // while paused
    private long messageOctets;
    private boolean inLine;
    private boolean inMessage;
    private boolean paused;
    private boolean accepted;

    ProgressGuard(long nowNanos) {
        startNanos = nowNanos;
        activityNanos = nowNanos;
    }

    /** Something was read. */
    void input(long nowNanos, int octets) {
        activityNanos = clock(nowNanos);
        if (inMessage) {
            messageOctets += octets;
        }
    }

    /** Input ends within a command line; again for each read until {@link #lineEnded}. */
    void lineUnfinished(long nowNanos) {
        if (!inLine) {
            inLine = true;
            lineNanos = clock(nowNanos);
        }
    }

    void lineEnded() {
        inLine = false;
    }

    /** 354 is said, or the first BDAT of a message begun. */
    void messageBegun(long nowNanos) {
        inMessage = true;
        messageNanos = clock(nowNanos);
        activityNanos = messageNanos;
        messageOctets = 0;
    }

    /** At the end of data, the end of the last BDAT, or when the transaction is given up. */
    void messageEnded() {
        inMessage = false;
    }

    /** Octets read since {@link #messageBegun}. */
    long messageOctets() {
        return messageOctets;
    }

    /** A message is accepted: the session is worth its time. */
    void accepted() {
        accepted = true;
    }

    /** The server is what is waited for from now on. Idempotent. */
    void pause(long nowNanos) {
        if (!paused) {
            pausedAt = nowNanos;
            paused = true;
        }
    }

    /** It is the client's turn again, and its silence begins anew. Idempotent. */
    void resume(long nowNanos) {
        if (paused) {
            stoppedNanos += nowNanos - pausedAt;
            paused = false;
            activityNanos = clock(nowNanos);
        }
    }

    /** For how long the client has waited for the server in all, nanoseconds. */
    long stoppedNanos(long nowNanos) {
        return stoppedNanos + (paused ? nowNanos - pausedAt : 0);
    }

    private long clock(long nowNanos) {
        return (paused ? pausedAt : nowNanos) - stoppedNanos;
    }

    /** @return nanoseconds until the first deadline; zero or less when it is over */
    long nanosLeft(long nowNanos, InboundConfig config, boolean stress) {
        long now = clock(nowNanos);
        long left = silenceLeft(now, config, stress);
        left = Math.min(left, commandLeft(now, config));
        left = Math.min(left, dataLeft(now, config));
        left = Math.min(left, rateLeft(now, config));
        return Math.min(left, sessionLeft(now, config));
    }

    /** @return which deadline is over, null while none is; the most telling of several */
    @Nullable
    Slowness slowness(long nowNanos, InboundConfig config, boolean stress) {
        long now = clock(nowNanos);
        if (silenceLeft(now, config, stress) <= 0) {
            return Slowness.SILENT;
        }
        if (commandLeft(now, config) <= 0) {
            return Slowness.COMMAND;
        }
        if (rateLeft(now, config) <= 0) {
            return Slowness.DATA_RATE;
        }
        if (dataLeft(now, config) <= 0) {
            return Slowness.DATA;
        }
        return sessionLeft(now, config) <= 0 ? Slowness.SESSION : null;
    }

    /**
     * How long a timer may run at most: deadlines come nearer with what the client does and with stress, and a timer that
     * runs isn't told.
     */
    static long periodNanos(InboundConfig config) {
        HostilityConfig hostility = config.hostility();
        Duration least = config.commandTimeout();
        for (Duration deadline : new Duration[]{config.dataTimeout(), hostility.dataGrace(),
            hostility.commandDeadline(), hostility.stressTimeout()}) {
            least = deadline.isPositive() && deadline.compareTo(least) < 0 ? deadline : least;
        }
        return least.toNanos();
    }

    private long silenceLeft(long now, InboundConfig config, boolean stress) {
        return activityNanos + Stress.commandTimeout(config, stress).toNanos() - now;
    }

    private long commandLeft(long now, InboundConfig config) {
        return inLine ? lineNanos + config.hostility().commandDeadline().toNanos() - now : NONE;
    }

    private long dataLeft(long now, InboundConfig config) {
        return inMessage ? messageNanos + config.dataTimeout().toNanos() - now : NONE;
    }

    /** What came by now is enough until octets ÷ rate have passed since 354. */
    private long rateLeft(long now, InboundConfig config) {
        long rate = config.hostility().minDataRate().bytes();
        if (!inMessage || rate == 0) {
            return NONE;
        }
        long paidFor = (long) ((double) messageOctets / rate * SECOND);
        return Math.max(config.hostility().dataGrace().toNanos(), paidFor) - (now - messageNanos);
    }

    private long sessionLeft(long now, InboundConfig config) {
        return accepted ? NONE : startNanos + config.hostility().sessionDeadline().toNanos() - now;
    }
}
