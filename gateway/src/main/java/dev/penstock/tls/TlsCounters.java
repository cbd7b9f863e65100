package dev.penstock.tls;

import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;

import dev.penstock.meters.DurationHistogram;

/** What {@link TlsStats} tells, of one listener or of all together. Thread-safe. */
final class TlsCounters {
    final LongAdder handshakes = new LongAdder();
    final LongAdder failedHandshakes = new LongAdder();
    final LongAdder reloads = new LongAdder();
    final LongAdder failedReloads = new LongAdder();
    final LongAdder floods = new LongAdder();
    /** From a client's first octets to the end of its handshake: round trips, the wait for a core, the arithmetic. */
    final DurationHistogram times = DurationHistogram.of(Duration.ofMillis(1), Duration.ofMillis(2),
            Duration.ofMillis(5), Duration.ofMillis(10), Duration.ofMillis(25), Duration.ofMillis(50),
            Duration.ofMillis(100), Duration.ofMillis(250), Duration.ofMillis(500), Duration.ofSeconds(1),
            Duration.ofMillis(2500), Duration.ofSeconds(5), Duration.ofSeconds(10));

    TlsStats snapshot() {
        return new TlsStats(handshakes.sum(), failedHandshakes.sum(), reloads.sum(), failedReloads.sum(),
                floods.sum());
    }
}
