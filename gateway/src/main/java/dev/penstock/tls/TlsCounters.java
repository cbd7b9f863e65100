package dev.penstock.tls;

import java.util.concurrent.atomic.LongAdder;

/** What {@link TlsStats} tells, of one listener or of all together. Thread-safe. */
final class TlsCounters {
    final LongAdder handshakes = new LongAdder();
    final LongAdder failedHandshakes = new LongAdder();
    final LongAdder reloads = new LongAdder();
    final LongAdder failedReloads = new LongAdder();
    final LongAdder floods = new LongAdder();

    TlsStats snapshot() {
        return new TlsStats(handshakes.sum(), failedHandshakes.sum(), reloads.sum(), failedReloads.sum(),
                floods.sum());
    }
}
