package dev.penstock.inbound;

import java.time.Duration;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.HostilityConfig;
import dev.penstock.config.InboundConfig;

/**
 * Whether nearly all sessions are in use; then clients that waste them have less time and fewer errors, as Postfix does it
 * (STRESS_README). Thread-safe.
 */
final class Stress {
    private static final Logger log = LoggerFactory.getLogger(Stress.class);

    /** Points of a percent of {@code max-sessions} by which sessions must fall again: no flapping at the edge. */
    private static final int RELEASE = 10;
    private static final int PERCENT = 100;

    private final Counters counters;
    private volatile boolean on;

    Stress(Counters counters) {
        this.counters = counters;
    }

    /** To be called whenever a session begins or ends. @return whether there is stress now */
    boolean update(int sessions, InboundConfig config) {
        boolean before = on;
        boolean now = next(before, sessions, config.maxSessions(), config.hostility().stressAt());
        if (now != before) {
            change(now, sessions, config.maxSessions());
        }
        return now;
    }

    private synchronized void change(boolean now, int sessions, int maxSessions) {
        if (now == on) {
            return;
        }
        on = now;
        counters.stress(now);
        if (now) {
            log.warn("event=smtp-under-stress sessions={} max-sessions={}", sessions, maxSessions);
        } else {
            log.info("event=smtp-stress-over sessions={} max-sessions={}", sessions, maxSessions);
        }
    }

    /** @return whether there is stress when there was or wasn't before */
    static boolean next(boolean before, int sessions, int maxSessions, int stressAt) {
        long used = (long) sessions * PERCENT;
        return before
                ? used >= (long) maxSessions * Math.max(stressAt - RELEASE, 0) && sessions > 0
                : used >= (long) maxSessions * stressAt && sessions > 0;
    }

    boolean isOn() {
        return on;
    }

    /** The longest silence of a client. */
    Duration commandTimeout(InboundConfig config) {
        return commandTimeout(config, on);
    }

    static Duration commandTimeout(InboundConfig config, boolean stress) {
        Duration usual = config.commandTimeout();
        Duration stressed = config.hostility().stressTimeout();
        return stress && stressed.compareTo(usual) < 0 ? stressed : usual;
    }

    int hardErrorLimit(InboundConfig config) {
        return on ? Math.min(config.hostility().stressErrorLimit(), config.hardErrorLimit()) : config.hardErrorLimit();
    }

    int junkCommandLimit(InboundConfig config) {
        return on
                ? Math.min(config.hostility().stressJunkLimit(), config.junkCommandLimit())
                : config.junkCommandLimit();
    }

    /**
     * How long the reply to an error waits: {@code error-delay} for the first beyond {@code soft-error-limit}, and as
     * much more for each further one, up to {@link HostilityConfig#maxErrorDelay}.
     *
     * @param errors of the session, this one included
     * @return nanoseconds
     */
    static long errorDelayNanos(int errors, InboundConfig config) {
        long step = config.errorDelay().toNanos();
        long beyond = Math.max(0, errors - config.softErrorLimit());
        long most = Math.max(step, config.hostility().maxErrorDelay().toNanos());
        return step == 0 || beyond == 0 ? 0 : beyond > most / step ? most : beyond * step;
    }
}
