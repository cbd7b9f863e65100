package dev.penstock.proxy;

import java.util.concurrent.atomic.LongAdder;

/** What the proxy counts. Thread-safe. */
final class Counters {
    final LongAdder notAllowed = new LongAdder();
    final LongAdder wrongLogins = new LongAdder();
    final LongAdder malformed = new LongAdder();
    final LongAdder late = new LongAdder();
    final LongAdder connected = new LongAdder();
    final LongAdder notPlumbed = new LongAdder();
    final LongAdder connectFailures = new LongAdder();
    final LongAdder idle = new LongAdder();
    final LongAdder octetsOut = new LongAdder();
    final LongAdder octetsIn = new LongAdder();

    ProxyStats snapshot(long open, long refused) {
        return new ProxyStats(open, refused, notAllowed.sum(), wrongLogins.sum(), malformed.sum(), late.sum(),
                connected.sum(), notPlumbed.sum(), connectFailures.sum(), idle.sum(), octetsOut.sum(),
                octetsIn.sum());
    }
}
