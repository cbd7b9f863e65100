package dev.penstock.metrics;

import java.time.InstantSource;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

import dev.penstock.meters.PartMeters;

/** Whether what was last asked for is in force: changes of the configuration, taken up and refused. Thread-safe. */
public final class ConfigurationState {
    private final InstantSource clock;
    private final LongAdder applied = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private volatile boolean lastRefused;
    private volatile boolean refusedBefore;
    private volatile long inForceMillis;

    /** One is in force from now on. */
    public ConfigurationState(InstantSource clock) {
        this.clock = clock;
        this.inForceMillis = clock.millis();
    }

    /** Another is in force. */
    public void applied() {
        applied.increment();
        inForceMillis = clock.millis();
        lastRefused = false;
    }

    /** A change was asked for and isn't in force; what was before is. */
    public void refused() {
        refused.increment();
        refusedBefore = lastRefused;
        lastRefused = true;
    }

    /** What was refused last isn't asked for any more: the files say again what they said before. */
    public void putBack() {
        lastRefused = refusedBefore;
    }

    public PartMeters<ConfigurationState> meters() {
        String help = "Changes of the configuration that were asked for, by whether they are in force";
        PartMeters<ConfigurationState> part = PartMeters.of("penstock.config.", () -> this);
        part.counter("reloads", help, state -> state.applied.sum(), "outcome", "applied");
        part.counter("reloads", help, state -> state.refused.sum(), "outcome", "refused");
        part.gauge("refused", "1 while the last change isn't in force because it was refused",
                state -> state.lastRefused ? 1 : 0);
        part.gauge("in.force.since.seconds", "When what is in force was taken up, in seconds since 1970",
                state -> TimeUnit.MILLISECONDS.toSeconds(state.inForceMillis));
        return part;
    }
}
