package dev.penstock.routing;

import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;

import dev.penstock.meters.DurationHistogram;

/** Thread-safe. What look-ups and answers add up to since the start; read by {@link DnsRouter#stats()}. */
final class DnsCounters {
    final LongAdder hits = new LongAdder();
    final LongAdder misses = new LongAdder();
    final LongAdder staleServed = new LongAdder();
    final LongAdder refreshes = new LongAdder();
    final LongAdder failedRefreshes = new LongAdder();

    /** From an answer of the neighbour's cache to the deadline of several questions one after another. */
    final DurationHistogram lookUpTimes = DurationHistogram.of(Duration.ofMillis(1), Duration.ofMillis(5),
            Duration.ofMillis(10), Duration.ofMillis(25), Duration.ofMillis(50), Duration.ofMillis(100),
            Duration.ofMillis(250), Duration.ofMillis(500), Duration.ofSeconds(1), Duration.ofMillis(2500),
            Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(30), Duration.ofMinutes(1));

    final LongAdder queries = new LongAdder();
    final LongAdder overTcp = new LongAdder();
    final LongAdder mismatched = new LongAdder();
    final LongAdder timeouts = new LongAdder();
    final LongAdder serverFailures = new LongAdder();

    final LongAdder badDomains = new LongAdder();
    final LongAdder noSuchDomain = new LongAdder();
    final LongAdder noMailHost = new LongAdder();
    final LongAdder nullMx = new LongAdder();
    final LongAdder loops = new LongAdder();
    final LongAdder ignored = new LongAdder();
    final LongAdder trouble = new LongAdder();
    final LongAdder unasked = new LongAdder();
}
